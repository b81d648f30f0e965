"""The result of one case: how it ended, what was seen instead, and the requests and answers of a failure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from outpaint.conformance.proving.answer_promises import AnswerCheck
from outpaint.conformance.proving.case import Case, Severity
from outpaint.conformance.proving.clauses import Clause
from outpaint.conformance.proving.observed_exchange import ObservedExchange

_AFTER_ANY_REQUEST: Final = "any request was made"
"""The `when` of a promise about every answer."""


class Outcome(StrEnum):
    """How a case ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_OFFERED = "not offered"
    """The provider cannot do what the case needs: it says nothing about the provider."""
    NOT_RUN = "not run"
    """It was not begun: the budget was used up, or the run was interrupted."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What was to be proven: a case, or a promise about every answer."""

    id: str
    guards: Clause
    given: str
    when: str
    then: str
    severity: Severity

    @classmethod
    def of(cls, what: Case | AnswerCheck) -> Subject:
        if isinstance(what, Case):
            return cls(what.id, what.guards, what.given, what.when, what.then, what.severity)
        return cls(what.id, what.guards, "", _AFTER_ANY_REQUEST, what.then, what.severity)

    @property
    def area(self) -> str:
        """The part of the contract that it belongs to."""
        return self.id.partition(".")[0]

    @property
    def sentence(self) -> str:
        """Given, when and then as one sentence."""
        given = f"given {self.given}, " if self.given else ""
        text = f"{given}when {self.when}, then {self.then}"
        return f"{text[:1].upper()}{text[1:]}."

    def as_object(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "area": self.area,
            "sentence": self.sentence,
            "severity": self.severity.value,
            "clause": asdict(self.guards),
        }


@dataclass(frozen=True, slots=True)
class CaseResult:
    """The result of a case, or of a promise about every answer; credentials were redacted when it was made.

    `said` is what was seen instead, or why it was not offered or not run; empty where it passed. `exchanges` are the
    last ones of a failed case, oldest first; no other has any.
    """

    subject: Subject
    outcome: Outcome
    said: str = ""
    exchanges: tuple[ObservedExchange, ...] = ()
    seconds: float = 0.0
    credits: int = 0
    """The most that it may have cost, as the case declares; 0 where it was not begun."""
