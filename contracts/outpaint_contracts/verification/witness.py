"""Sees every exchange of a verification: judges what every answer must have, and notes what was seen at all."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from outpaint_contracts.proving.always import Check, broken
from outpaint_contracts.proving.exchange import Exchange
from outpaint_contracts.verification.coverage import Seen
from outpaint_contracts.verification.outcome import CaseResult, Outcome, Subject
from outpaint_contracts.verification.redaction import Redaction


@dataclass(slots=True)
class _Record:
    """How a promise about every answer fared: kept, broken, and the first answer that broke it."""

    judged: int = 0
    broken: int = 0
    said: str = ""
    exchange: Exchange | None = None


class Witness:
    """One for a whole verification; safe for many threads."""

    def __init__(self, checks: Iterable[Check], redaction: Redaction, seen: Seen | None = None) -> None:
        self.seen = seen or Seen()
        self._redaction = redaction
        self._lock = threading.Lock()
        self._records = {check.id: (check, _Record()) for check in checks}

    def watch(self, exchange: Exchange) -> list[tuple[Check, str]]:
        """Judge and note an exchange; gives the promises that it was the FIRST to break, with what was seen."""
        self.seen.note(exchange)
        found = {check.id: said for check, said in broken(exchange)}
        first = []
        with self._lock:
            for check, record in self._records.values():
                if not check.applies(exchange):
                    continue
                record.judged += 1
                if check.id in found:
                    if record.exchange is None:
                        record.said = self._redaction.text(found[check.id])
                        record.exchange = self._redaction.exchange(exchange)
                        first.append((check, record.said))
                    record.broken += 1
        return first

    def results(self) -> tuple[CaseResult, ...]:
        """Each promise as a case: kept, broken, or never put to the test."""
        with self._lock:
            return tuple(_result(check, record) for check, record in self._records.values())


def _result(check: Check, record: _Record) -> CaseResult:
    subject = Subject.of(check)
    if not record.judged:
        return CaseResult(subject, Outcome.NOT_OFFERED, "no answer was one that this is asked of")
    if record.exchange is None:
        return CaseResult(subject, Outcome.PASSED)
    said = f"broken by {record.broken} of {record.judged} answers, first so: {record.said}"
    return CaseResult(subject, Outcome.FAILED, said, (record.exchange,))
