"""A drift as JSON, for programs."""

from __future__ import annotations

import json
from typing import Any, Final

from outpaint_mocks.drift.drift_table import name_of, sentence
from outpaint_mocks.drift.replay import Drift

FORMAT: Final = 1
"""Goes up when a member changes its meaning or goes away."""


def as_json(drift: Drift) -> str:
    """One object: the verdict, every difference, and what was not replayed."""
    return json.dumps(as_object(drift), indent=2, ensure_ascii=False) + "\n"


def as_object(drift: Drift) -> dict[str, Any]:
    """The same as plain values."""
    names = {exchange.number: name_of(exchange) for exchange in drift.recording.exchanges}
    return {
        "format": FORMAT,
        "upstream": drift.recording.upstream,
        "recorded_at": drift.recording.recorded_at,
        "target": drift.target,
        "baseline": drift.baseline.value,
        "drift": not drift.is_none,
        "breaking": drift.breaks,
        "sentence": sentence(drift),
        "seconds": round(drift.seconds, 3),
        "replayed": list(drift.replayed),
        "ignored": drift.ignored,
        "not_replayed": [
            {"exchange": number, "request": names[number], "why": why} for number, why in drift.not_replayed.items()
        ],
        "differences": [
            {
                "exchange": one.exchange,
                "request": names[one.exchange],
                "kind": one.kind.value,
                "where": one.where,
                "name": one.name,
                "recorded": one.recorded,
                "replayed": one.replayed,
                "breaking": one.breaking,
            }
            for one in drift.differences
        ],
    }
