"""What came of a case: how it ended, what was said, and what went over the wire."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from outpaint.conformance.proving.answer_promises import AnswerCheck
from outpaint.conformance.proving.case import Case, Severity
from outpaint.conformance.proving.clauses import Clause
from outpaint.conformance.proving.observed_exchange import ObservedExchange

AFTER_ANY_REQUEST = "any request was made"
"""The `when` of a promise about every answer."""


class Outcome(StrEnum):
    """How a case ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_OFFERED = "not offered"
    """The provider cannot do what the case needs: it says nothing about the provider."""
    NOT_RUN = "not run"
    """It was not begun: the budget was used up, or somebody interrupted."""


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
        """A case or check as a report names it."""
        if isinstance(what, Case):
            return cls(what.id, what.guards, what.given, what.when, what.then, what.severity)
        return cls(what.id, what.guards, "", AFTER_ANY_REQUEST, what.then, what.severity)

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


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How a subject fared. Nothing in it holds a credential: it was redacted when it was made.

    `said` is what was seen instead, or why it was not offered or not run. `exchanges` are the last ones of a failed
    case, oldest first, and none of any other.
    """

    subject: Subject
    outcome: Outcome
    said: str = ""
    exchanges: tuple[ObservedExchange, ...] = ()
    seconds: float = 0.0
    credits: int = 0
    """What it may have cost, as declared; 0 where it was not begun."""
