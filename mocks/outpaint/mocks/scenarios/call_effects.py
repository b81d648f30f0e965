"""The effects on calls, on how their answers reach the client, and on the calling account."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from outpaint.contracts.errors import ERROR_KINDS, ErrorCode, Operations
from outpaint.contracts.profiles import WireProfile
from outpaint.mocks.scenarios.effect import API, FILE, POLL, SUBMIT, AccountEffect, CallEffect, On, Seconds, Slot
from outpaint.mocks.scenarios.grammar import Term


class RateLimit(AccountEffect, decides={Slot.LIMIT}, positional=("limit", "window")):
    """So many requests an account and window of seconds, counted as the service counts them."""

    limit: Annotated[int, Field(ge=1, le=1_000_000_000)]
    window: Annotated[int, Field(ge=1, le=86400)] = 60


class Credits(AccountEffect, decides={Slot.CREDITS}, positional=("n",)):
    """The account has n credits from the first call on that this touches."""

    n: Annotated[int, Field(ge=0, le=2**53)]


class Error(CallEffect, decides={Slot.ANSWER}, positional=("code",)):
    """The call is answered with this error, and nothing else happens."""

    code: ErrorCode = ErrorCode.INTERNAL
    retry_after: Annotated[
        int | None, Field(ge=0, le=86400, description="Seconds in Retry-After and the rate limit's reset time.")
    ] = None
    detail: Annotated[str | None, Field(min_length=1, max_length=500)] = None

    @property
    def usual_here(self) -> frozenset[On]:
        """All API calls for an error that any of them can have, else the one kind of call that can."""
        operations = ERROR_KINDS[self.code].operations
        if operations is Operations.NONE or Operations.KEYED in operations:
            return API
        if Operations.FILE in operations:
            return FILE
        return POLL if Operations.INFERENCE in operations else SUBMIT


class Gateway(CallEffect, decides={Slot.ANSWER}, positional=("status",), usual=API):
    """A gateway before the service answers with a page of HTML."""

    status: Literal[502, 503, 504] = 502


class Profile(CallEffect, decides={Slot.PROFILE}, positional=("profile",)):
    """The call is read and answered as in this profile: vendor does nothing that the vendor's API does not do."""

    profile: WireProfile


class AcceptedWord(CallEffect, decides={Slot.WORD}, positional=("word",), usual=SUBMIT):
    """The status word of the 202 to an async POST; success is the vendor's of 2025."""

    word: Literal["processing", "success"]


class WrongShape(CallEffect, decides={Slot.ANSWER}, usual=API):
    """The body is valid JSON of a shape that no contract knows; the job behind it is real."""


class ContentType(CallEffect, decides={Slot.MEDIA_TYPE}, positional=("value",), usual=FILE):
    """The answer's Content-Type says something else."""

    value: Annotated[str, Field(pattern=r"^[\x21-\x7e]([\x20-\x7e]{0,98}[\x21-\x7e])?$")]


class Latency(CallEffect, decides={Slot.LATENCY}, positional=("seconds",)):
    """The answer takes so long, in virtual time: fixed, uniform(low, high), lognormal or exponential(median)."""

    seconds: Seconds | None = None
    distribution: Literal["fixed", "uniform", "lognormal", "exponential"] = "fixed"
    low: Seconds | None = None
    high: Seconds | None = None
    median: Annotated[float | None, Field(gt=0, le=3600)] = None
    sigma: Annotated[float | None, Field(gt=0, le=5)] = None

    @classmethod
    def from_term(cls, term: Term) -> Self:
        """As for any effect, but its first argument may be the name of a distribution."""
        first = term.positional[0] if term.positional else None
        if isinstance(first, Term) and not first.called:
            named = (("distribution", first), *term.named)
            return super().from_term(Term(term.name, term.positional[1:], named, term.called))
        return super().from_term(term)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        wanted = {
            "fixed": {"seconds"},
            "uniform": {"low", "high"},
            "lognormal": {"median", "sigma"},
            "exponential": {"median"},
        }[self.distribution]
        given = {name for name in ("seconds", "low", "high", "median", "sigma") if getattr(self, name) is not None}
        if given != wanted:
            raise ValueError(f"a {self.distribution} latency is given by {' and '.join(sorted(wanted))} alone")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError("low is above high")
        return self

    def __str__(self) -> str:
        text = super().__str__()
        return text.replace(f"distribution={self.distribution}", self.distribution)


class Refuse(CallEffect, decides={Slot.WIRE}):
    """The connection is refused."""


class Reset(CallEffect, decides={Slot.WIRE}, positional=("when",)):
    """The connection is reset: before the request's body is read (nothing happened), during the answer's body,
    or after the request was taken and acted upon, with no answer."""

    when: Literal["before", "during", "after"] = "before"


class Cut(CallEffect, decides={Slot.WIRE}, positional=("at", "length"), usual=FILE):
    """The body ends at byte k: honest with a Content-Length of k, lying with that of the whole."""

    at: Annotated[int, Field(ge=0, le=1_000_000_000)]
    length: Literal["honest", "lying"] = "honest"


class Drip(CallEffect, decides={Slot.WIRE}, positional=("bytes_per_second",), usual=FILE):
    """The body trickles in."""

    bytes_per_second: Annotated[float, Field(gt=0, le=1e12, allow_inf_nan=False)]
