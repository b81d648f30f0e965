"""The effects a scenario is made of: one small model each, and the one table that knows them all.

The parser, the documentation, the admin API's schema and the switches of the page are all made from `EFFECTS`.
"""

from __future__ import annotations

from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Final, Literal, Self, get_args

from outpaint_contracts.errors import ERROR_KINDS, ErrorCode
from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, ValidationError, model_validator
from pydantic.fields import FieldInfo

from outpaint_mocks.grammar import Repeated, ScenarioError, Term, Text, Value, nearest


class On(StrEnum):
    """Which calls an effect touches."""

    SUBMIT = "submit"
    POLL = "poll"
    BALANCE = "balance"
    FILE = "file"
    UPLOAD = "upload"
    ANY = "any"


class Slot(StrEnum):
    """What an effect decides; of two that decide the same thing, the one from the nearer scope counts."""

    PROGRESS = "progress"
    OUTCOME = "outcome"
    COMPLETION = "completion"
    URLS = "urls"
    ANSWER = "answer"
    MEDIA_TYPE = "media_type"
    WIRE = "wire"
    LATENCY = "latency"
    LIMIT = "limit"
    CREDITS = "credits"


TROUBLE: Final = frozenset(
    {Slot.OUTCOME, Slot.COMPLETION, Slot.URLS, Slot.ANSWER, Slot.MEDIA_TYPE, Slot.WIRE, Slot.LIMIT}
)
"""What `succeed` takes back of wider scopes."""

SUBMIT: Final = frozenset({On.SUBMIT})
POLL: Final = frozenset({On.POLL})
FILE: Final = frozenset({On.FILE})
API: Final = frozenset({On.SUBMIT, On.POLL, On.BALANCE, On.UPLOAD})
ALL: Final = API | FILE

Count = Annotated[int, Field(ge=1, le=1_000_000)]
Seconds = Annotated[float, Field(ge=0, le=31_536_000, allow_inf_nan=False)]


class Effect(BaseModel):
    """One thing that a scenario does; immutable, and equal to any other that does the same."""

    # Built when they are first used, for a server's start has no use for most of them.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: ClassVar[str] = ""
    slots: ClassVar[frozenset[Slot]] = frozenset()
    positional: ClassVar[tuple[str, ...]] = ()
    """The fields that may be given without their name, in order."""

    @classmethod
    def summary(cls) -> str:
        """What it does, as the documentation's table has it."""
        return " ".join((cls.__doc__ or "").split())

    @classmethod
    def signature(cls) -> str:
        """Its name and parameters with their defaults, as a person would write them."""
        shown = []
        for name, field in cls.in_order().items():
            if field.is_required():
                shown.append(name)
            elif field.default is not None:
                shown.append(f"{name}={_shown(field.default)}")
            else:
                shown.append(f"[{name}]")
        return f"{cls.name}({', '.join(shown)})" if shown else cls.name

    @classmethod
    def in_order(cls) -> dict[str, FieldInfo]:
        """Its fields as a person would write them: those without a name first, what every effect has last."""
        fields = cls.model_fields
        own = [name for name in fields if name not in cls.positional and name not in CallEffect.model_fields]
        common = [name for name in fields if name not in cls.positional and name in CallEffect.model_fields]
        return {name: fields[name] for name in (*cls.positional, *own, *common)}

    @classmethod
    def from_term(cls, term: Term) -> Self:
        """The effect that a term of the language asks for; raises `ScenarioError`."""
        return cls.from_values(_bound(cls, term))

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Self:
        """The effect with these fields; raises `ScenarioError` where one is missing, unknown or out of range."""
        for name in values:
            if name not in cls.model_fields:
                fields = nearest(name, cls.model_fields) if cls.model_fields else "it takes no arguments"
                raise ScenarioError(f"{cls.name} has no argument {name}: {fields}")
        try:
            return cls(**values)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = str(first["loc"][0]) if first["loc"] else ""
            reason = first["msg"].removeprefix("Value error, ")
            if first["type"] in ("enum", "literal_error"):
                choices = _choices(cls, place)
                words = isinstance(first["input"], str) and not choices[0].isdigit()
                reason = nearest(first["input"], choices) if words else f"use {' or '.join(sorted(choices))}"
            if first["type"] == "missing":
                raise ScenarioError(f"{cls.name} needs {place}: write {cls.signature()}") from None
            shown = f" {first['input']!r} as {place}" if place else ""
            raise ScenarioError(f"{cls.name} cannot take{shown}: {reason[:1].lower() + reason[1:]}") from None

    def __str__(self) -> str:
        shown = []
        by_position = True
        for name, field in self.in_order().items():
            value = getattr(self, name)
            # What an effect is mostly about is said even where it goes without saying: fail(painting_failed).
            told = value is not None and (name,) == self.positional[:1]
            if not told and not field.is_required() and value == field.default:
                by_position = False
                continue
            by_position = by_position and name in self.positional
            shown.append(_shown(value) if by_position else f"{name}={_shown(value)}")
        return f"{self.name}({', '.join(shown)})" if shown else self.name


class CallEffect(Effect):
    """An effect on calls rather than on a job."""

    on: Annotated[On | None, Field(description="Which calls it touches, if not the usual ones.")] = None
    times: Annotated[Count | None, Field(description="How many calls of an account it touches; later ones pass.")] = (
        None
    )

    usual: ClassVar[frozenset[On]] = ALL

    @property
    def routes(self) -> frozenset[On]:
        """The calls it touches."""
        if self.on is None:
            return self.usual_here
        return ALL if self.on is On.ANY else frozenset({self.on})

    @property
    def usual_here(self) -> frozenset[On]:
        """The calls it touches where the scenario does not say."""
        return self.usual


# How a job goes on


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


# How a call is answered

_ANYWHERE: Final = frozenset(
    {
        ErrorCode.MISSING_KEY,
        ErrorCode.UNKNOWN_KEY,
        ErrorCode.FORBIDDEN,
        ErrorCode.UNKNOWN_ROUTE,
        ErrorCode.METHOD_NOT_ALLOWED,
        ErrorCode.NOT_ACCEPTABLE,
        ErrorCode.RATE_LIMITED,
        ErrorCode.HEADERS_TOO_LARGE,
        ErrorCode.INTERNAL,
        ErrorCode.UNAVAILABLE,
    }
)
_FILES: Final = frozenset({ErrorCode.UNKNOWN_FILE, ErrorCode.URL_EXPIRED, ErrorCode.URL_NOT_SIGNED})


class Error(CallEffect):
    """The call is answered with this error, and nothing else happens."""

    name = "error"
    slots = frozenset({Slot.ANSWER})
    positional = ("code",)

    code: ErrorCode = ErrorCode.INTERNAL
    retry_after: Annotated[
        int | None, Field(ge=0, le=86400, description="Seconds in Retry-After and the rate limit's reset time.")
    ] = None
    detail: Annotated[str | None, Field(min_length=1, max_length=500)] = None

    @property
    def usual_here(self) -> frozenset[On]:
        """API calls for what any of them can meet, else the one kind of call that can."""
        if self.code in _ANYWHERE:
            return API
        if self.code in _FILES:
            return FILE
        return POLL if self.code is ErrorCode.UNKNOWN_INFERENCE else SUBMIT


class Gateway(CallEffect):
    """A gateway before the service answers with a page of HTML."""

    name = "gateway"
    slots = frozenset({Slot.ANSWER})
    positional = ("status",)
    usual = API

    status: Literal[502, 503, 504] = 502


class WrongShape(CallEffect):
    """The body is valid JSON of a shape that no contract knows; the job behind it is real."""

    name = "wrong_shape"
    slots = frozenset({Slot.ANSWER})
    usual = API


class ContentType(CallEffect):
    """The answer's Content-Type says something else."""

    name = "content_type"
    slots = frozenset({Slot.MEDIA_TYPE})
    positional = ("value",)
    usual = FILE

    value: Annotated[str, Field(pattern=r"^[\x21-\x7e]([\x20-\x7e]{0,98}[\x21-\x7e])?$")]


class Latency(CallEffect):
    """The answer takes so long, in virtual time: fixed, uniform(low, high), lognormal or exponential(median)."""

    name = "latency"
    slots = frozenset({Slot.LATENCY})
    positional = ("seconds",)

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


# What goes wrong on the wire


class Refuse(CallEffect):
    """The connection is refused."""

    name = "refuse"
    slots = frozenset({Slot.WIRE})


class Reset(CallEffect):
    """The connection is reset: before the request's body is read (nothing happened), during the answer's body,
    or after the request was taken and acted upon, with no answer."""

    name = "reset"
    slots = frozenset({Slot.WIRE})
    positional = ("when",)

    when: Literal["before", "during", "after"] = "before"


class Cut(CallEffect):
    """The body ends at byte k: honest with a Content-Length of k, lying with that of the whole."""

    name = "cut"
    slots = frozenset({Slot.WIRE})
    positional = ("at", "length")
    usual = FILE

    at: Annotated[int, Field(ge=0, le=1_000_000_000)]
    length: Literal["honest", "lying"] = "honest"


class Drip(CallEffect):
    """The body trickles in."""

    name = "drip"
    slots = frozenset({Slot.WIRE})
    positional = ("bytes_per_second",)
    usual = FILE

    bytes_per_second: Annotated[float, Field(gt=0, le=1e12, allow_inf_nan=False)]


# What an account may do


class AccountEffect(Effect):
    """An effect on the account that calls."""


class RateLimit(AccountEffect):
    """So many requests an account and window of seconds, counted as the service counts them."""

    name = "rate_limit"
    slots = frozenset({Slot.LIMIT})
    positional = ("limit", "window")

    limit: Annotated[int, Field(ge=1, le=1_000_000_000)]
    window: Annotated[int, Field(ge=1, le=86400)] = 60


class Credits(AccountEffect):
    """The account stands at n credits when this first reaches it."""

    name = "credits"
    slots = frozenset({Slot.CREDITS})
    positional = ("n",)

    n: Annotated[int, Field(ge=0, le=2**53)]


# What one job's polls are answered, in turn

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


class Sequence(Effect):
    """What successive polls of the job are answered: processing, success, fail(code), or trouble such as
    error(code), gateway, wrong_shape, refuse, reset(when), latency(s). It ends with success or a fail."""

    name = "sequence"
    slots = frozenset({Slot.PROGRESS, Slot.OUTCOME})

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
                raise ScenarioError(f"{_plain(inner)!r} is no step of a sequence: {_steps_hint('')}")
            kind = STEP_NAMES.get(inner.name)
            if kind is None:
                raise ScenarioError(f"{inner.name} is no step of a sequence: {_steps_hint(inner.name)}")
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

EFFECTS: Final = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Succeed,
            Fail,
            FailAfterPolls,
            Immediate,
            Time,
            Polls,
            Manual,
            Sequence,
            DuplicateCompletion,
            LostCompletion,
            ExpiredUrl,
            Error,
            Gateway,
            WrongShape,
            ContentType,
            Latency,
            Refuse,
            Reset,
            Cut,
            Drip,
            RateLimit,
            Credits,
        )
    }
)
"""Every effect by its name."""


def effect_of(term: Term) -> Effect:
    """The effect that a term asks for; raises `ScenarioError` naming the nearest name for one that is none."""
    kind = EFFECTS.get(term.name)
    if kind is None:
        raise ScenarioError(f"there is no effect {term.name}: {nearest(term.name, EFFECTS)}")
    return kind.from_term(term)


def _bound(kind: type[Effect], term: Term) -> dict[str, Any]:
    if len(term.positional) > len(kind.positional):
        raise ScenarioError(f"{kind.name} got too many arguments: write {kind.signature()}")
    values = {name: _plain(value) for name, value in zip(kind.positional, term.positional, strict=False)}
    for name, value in term.named:
        if name in values:
            raise ScenarioError(f"{kind.name} got {name} twice: write {kind.signature()}")
        values[name] = _plain(value)
    return values


def _plain(value: Value) -> Any:
    if isinstance(value, Text):
        return value.value
    if isinstance(value, Term):
        if value.called:
            raise ScenarioError(f"{value.name}(...) cannot stand inside another effect; only a sequence has steps")
        return value.name
    if isinstance(value, Repeated):
        raise ScenarioError("'*' repeats a step of a sequence and nothing else")
    return value


def _steps_hint(name: str) -> str:
    return nearest(name, STEP_NAMES)


def _step_text(step: Effect) -> str:
    return "success" if isinstance(step, Succeed) else str(step)


def _shown(value: object) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, str) and not value.isidentifier():
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)


def _choices(kind: type[Effect], field: str) -> list[str]:
    """The words that a field takes."""
    words: list[str] = []
    pending: list[Any] = [kind.model_fields[field].annotation]
    while pending:
        part = pending.pop()
        if isinstance(part, type) and issubclass(part, Enum):
            words += [str(member.value) for member in part]
        elif get_args(part):
            pending += get_args(part)
        elif isinstance(part, str | int) and not isinstance(part, bool):
            words.append(str(part))
    return words
