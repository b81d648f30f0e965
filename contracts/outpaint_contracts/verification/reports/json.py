"""A verification as JSON, for programs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

from outpaint_contracts.proving.exchange import Exchange
from outpaint_contracts.verification.outcome import CaseResult, Outcome
from outpaint_contracts.verification.reports.curl import as_curl
from outpaint_contracts.verification.verdict import Verification

FORMAT: Final = 1
"""Goes up when a member changes its meaning or goes away."""
_LONGEST_BODY: Final = 4000


def as_json(verification: Verification) -> str:
    """One object: the verdict, the counts, every case, and what was seen and missed of the contract."""
    return json.dumps(as_object(verification), indent=2, ensure_ascii=False) + "\n"


def as_object(verification: Verification) -> dict[str, Any]:
    """The same as plain values."""
    return {
        "format": FORMAT,
        "provider": verification.provider,
        "profile": verification.profile.value,
        "seed": verification.seed,
        "began_at": datetime.fromtimestamp(verification.began_at, UTC).isoformat(timespec="seconds"),
        "seconds": round(verification.seconds, 3),
        "verdict": verification.exit_code.name.lower(),
        "exit_code": verification.exit_code.value,
        "sentence": verification.sentence,
        "too_little": list(verification.too_little),
        "counts": {outcome.value: verification.counts[outcome] for outcome in Outcome},
        "coverage": {
            aspect.name: {"seen": list(aspect.seen), "missed": list(aspect.missed)} for aspect in verification.coverage
        },
        "cases": [_case(result) for result in verification.results],
    }


def _case(result: CaseResult) -> dict[str, Any]:
    subject = result.subject
    told: dict[str, Any] = {
        "id": subject.id,
        "area": subject.area,
        "outcome": result.outcome.value,
        "severity": subject.severity.value,
        "sentence": subject.sentence,
        "clause": {"id": subject.guards.id, "says": subject.guards.says, "origin": subject.guards.origin.value},
        "seconds": round(result.seconds, 4),
        "credits": result.credits,
    }
    if result.said:
        told["said"] = result.said
    if result.exchanges:
        told["exchanges"] = [_exchange(exchange) for exchange in result.exchanges]
    return told


def _exchange(exchange: Exchange) -> dict[str, Any]:
    return {
        "request": as_curl(exchange),
        "status": exchange.status,
        "headers": [list(header) for header in exchange.headers],
        "body": exchange.body[:_LONGEST_BODY].decode("utf-8", "replace"),
        "body_size": len(exchange.body),
        "seconds": round(exchange.seconds, 4),
    }
