"""The effects on jobs, among them sequences, which say what each poll is answered."""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, SerializeAsAny, model_validator

from outpaint.contracts.errors import ERROR_KINDS, ErrorCode
from outpaint.mocks.scenarios.call_effects import Error, Gateway, Latency, Refuse, Reset, WrongShape
from outpaint.mocks.scenarios.effect import CallEffect, Count, Effect, Seconds, Slot, plain_value
from outpaint.mocks.scenarios.grammar import Repeated, ScenarioError, Term, nearest


class Succeed(Effect, decides={Slot.OUTCOME}):
    """The job succeeds; trouble asked for in a wider scope is taken back."""


_FAILURES: Final = frozenset(
    code
    for code, kind in ERROR_KINDS.items()
    if kind.status.value >= 500 or (kind.status.value == 422 and code is not ErrorCode.IDEMPOTENCY_MISMATCH)
)
"""The codes that a job can end with: a painter may come to them, and no request is refused with them alone."""


def _checked_failure(code: ErrorCode) -> ErrorCode:
    if code not in _FAILURES:
        raise ValueError(
            f"a job cannot end with {code.value}, which refuses a request: use error({code.value}), or end it with one "
            f"of {', '.join(sorted(_FAILURES))}"
        )
    return code


_FailureCode = Annotated[
    ErrorCode, AfterValidator(_checked_failure), Field(json_schema_extra={"enum": sorted(_FAILURES)})
]


class Fail(Effect, decides={Slot.OUTCOME}, positional=("code",)):
    """The job ends without pictures, its credits are given back."""

    code: _FailureCode = ErrorCode.PAINTING_FAILED
    detail: Annotated[str | None, Field(min_length=1, max_length=500)] = None


class FailAfterPolls(Effect, decides={Slot.OUTCOME, Slot.PROGRESS}, positional=("n", "code")):
    """The job is pending for n polls, then ends without pictures."""

    n: Annotated[int, Field(ge=0, le=1_000_000)]
    code: _FailureCode = ErrorCode.PAINTING_FAILED


class Immediate(Effect, decides={Slot.PROGRESS}):
    """The job is done at once: a sync request gets its pictures, an async one its 202 and then a first poll's 200."""


class Time(Effect, decides={Slot.PROGRESS}, positional=("seconds",)):
    """The job ends after so many seconds of virtual time."""

    seconds: Seconds


class Polls(Effect, decides={Slot.PROGRESS}, positional=("n",)):
    """The job is pending for n polls; the one after them finds it done. A sync request is answered 202 at once."""

    n: Annotated[int, Field(ge=0, le=1_000_000)]


class Manual(Effect, decides={Slot.PROGRESS}):
    """The job is pending until the test releases it, or its deadline passes."""


class Processing(Effect):
    """A step of a sequence: this poll finds the job pending."""


class DuplicateCompletion(Effect, decides={Slot.COMPLETION}):
    """The job's end is reported twice, as a queue may do; it must count once."""


class LostCompletion(Effect, decides={Slot.COMPLETION}):
    """The job's end is never reported: it stays pending and expires at its deadline, credits given back."""


class ExpiredUrl(Effect, decides={Slot.URLS}):
    """The result's URLs have expired when the client gets them; with times=n in the first n results only."""

    times: Count | None = None


_STEPS: Final[tuple[type[Effect], ...]] = (
    Processing,
    Error,
    Gateway,
    WrongShape,
    Refuse,
    Reset,
    Latency,
    Succeed,
    Fail,
)


class Sequence(Effect, decides={Slot.PROGRESS, Slot.OUTCOME}):
    """What successive polls of the job are answered: processing, success, fail(code), or trouble such as
    error(code), gateway, wrong_shape, refuse, reset(when), latency(s). It ends with success or a fail."""

    steps: Annotated[tuple[SerializeAsAny[Effect], ...], Field(min_length=1, max_length=1000)]

    @classmethod
    def from_term(cls, term: Term) -> Self:
        """The sequence that a term asks for: each argument is a step, `*n` repeats it."""
        if term.named:
            raise ScenarioError(f"sequence takes steps only, not {term.named[0][0]}=...")
        if not term.positional:
            raise ScenarioError("a sequence has steps, such as sequence(processing*2, error, success)")
        steps: list[Effect] = []
        for value in term.positional:
            times = value.times if isinstance(value, Repeated) else 1
            inner = value.value if isinstance(value, Repeated) else value
            if not isinstance(inner, Term):
                raise ScenarioError(f"{plain_value(inner)!r} is no step of a sequence: {nearest('', STEP_NAMES)}")
            kind = STEP_NAMES.get(inner.name)
            if kind is None:
                raise ScenarioError(f"{inner.name} is no step of a sequence: {nearest(inner.name, STEP_NAMES)}")
            if len(steps) + times > 1000:
                raise ScenarioError("a sequence has at most 1000 steps")
            steps += [kind.from_term(inner)] * times
        return cls.from_values({"steps": tuple(steps)})

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for number, step in enumerate(self.steps, 1):
            last = number == len(self.steps)
            ends = isinstance(step, Succeed | Fail)
            if not isinstance(step, _STEPS):
                raise ValueError(f"{step} is no step of a sequence")
            if isinstance(step, CallEffect) and (step.on is not None or step.times is not None):
                raise ValueError(f"step {number} is one poll already: leave out on= and times=")
            if ends and not last:
                raise ValueError(f"nothing can follow {_step_text(step)}, for it ends the job; it is step {number}")
            if last and not ends:
                raise ValueError(f"a sequence ends with success or fail(code), not with {_step_text(step)}")
        return self

    def __str__(self) -> str:
        parts: list[tuple[str, int]] = []
        for step in self.steps:
            text = _step_text(step)
            if parts and parts[-1][0] == text:
                parts[-1] = (text, parts[-1][1] + 1)
            else:
                parts.append((text, 1))
        shown = ", ".join(text if times == 1 else f"{text}*{times}" for text, times in parts)
        return f"sequence({shown})"


STEP_NAMES: Final[dict[str, type[Effect]]] = {kind.name: kind for kind in _STEPS} | {"success": Succeed}
"""What a step of a sequence may be, by its name there."""


def _step_text(step: Effect) -> str:
    return "success" if isinstance(step, Succeed) else str(step)
