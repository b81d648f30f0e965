"""How a job goes on, and how it ends."""

from __future__ import annotations

from typing import Annotated, Final, Self

from outpaint_contracts.errors import ERROR_KINDS, ErrorCode
from pydantic import Field, model_validator

from outpaint_mocks.effects.effect import Effect
from outpaint_mocks.effects.slots import Count, Seconds, Slot


class Succeed(Effect):
    """The job succeeds; trouble asked for in a wider scope is taken back."""

    name = "succeed"
    slots = frozenset({Slot.OUTCOME})


_FAILURES: Final = frozenset(
    code
    for code, kind in ERROR_KINDS.items()
    if kind.status.value >= 500 or (kind.status.value == 422 and code is not ErrorCode.IDEMPOTENCY_MISMATCH)
)
"""The codes that a job can end with: what a painter may meet, not what a request is refused for."""


_FailureCode = Annotated[ErrorCode, Field(json_schema_extra={"enum": sorted(_FAILURES)})]


def _failure(code: ErrorCode) -> None:
    if code not in _FAILURES:
        raise ValueError(
            f"a job cannot end with {code.value}, which refuses a request: use error({code.value}), or end it with one "
            f"of {', '.join(sorted(_FAILURES))}"
        )


class Fail(Effect):
    """The job ends without pictures, its credits are given back."""

    name = "fail"
    slots = frozenset({Slot.OUTCOME})
    positional = ("code",)

    code: _FailureCode = ErrorCode.PAINTING_FAILED
    detail: Annotated[str | None, Field(min_length=1, max_length=500)] = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        _failure(self.code)
        return self


class FailAfterPolls(Effect):
    """The job is pending for n polls, then ends without pictures."""

    name = "fail_after_polls"
    slots = frozenset({Slot.OUTCOME, Slot.PROGRESS})
    positional = ("n", "code")

    n: Annotated[int, Field(ge=0, le=1_000_000)]
    code: _FailureCode = ErrorCode.PAINTING_FAILED

    @model_validator(mode="after")
    def _possible(self) -> Self:
        _failure(self.code)
        return self


class Immediate(Effect):
    """The job is done at once: a sync request gets its pictures, an async one its 202 and then a first poll's 200."""

    name = "immediate"
    slots = frozenset({Slot.PROGRESS})


class Time(Effect):
    """The job ends after so many seconds of virtual time."""

    name = "time"
    slots = frozenset({Slot.PROGRESS})
    positional = ("seconds",)

    seconds: Seconds


class Polls(Effect):
    """The job is pending for n polls; the one after them finds it done. A sync request is answered 202 at once."""

    name = "polls"
    slots = frozenset({Slot.PROGRESS})
    positional = ("n",)

    n: Annotated[int, Field(ge=0, le=1_000_000)]


class Manual(Effect):
    """The job is pending until the test releases it, or its deadline passes."""

    name = "manual"
    slots = frozenset({Slot.PROGRESS})


class Processing(Effect):
    """A step of a sequence: this poll finds the job pending."""

    name = "processing"


class DuplicateCompletion(Effect):
    """The job's end is reported twice, as a queue may do; it must count once."""

    name = "duplicate_completion"
    slots = frozenset({Slot.COMPLETION})


class LostCompletion(Effect):
    """The job's end is never reported: it stays pending and expires at its deadline, credits given back."""

    name = "lost_completion"
    slots = frozenset({Slot.COMPLETION})


class ExpiredUrl(Effect):
    """The result's URLs have expired when the client gets them; with times=n in the first n results only."""

    name = "expired_url"
    slots = frozenset({Slot.URLS})

    times: Count | None = None
