"""The base classes of effects: what an effect decides, which calls it touches, how it is written and read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum, StrEnum
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_snake
from pydantic.fields import FieldInfo

from outpaint.mocks.scenarios.grammar import Repeated, ScenarioError, Term, Text, Value, nearest


class On(StrEnum):
    """Which calls an effect touches."""

    SUBMIT = "submit"
    POLL = "poll"
    BALANCE = "balance"
    FILE = "file"
    UPLOAD = "upload"
    ANY = "any"


class Slot(StrEnum):
    """What an effect decides; of two that decide the same thing, the one of the nearer scope applies."""

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
    PROFILE = "profile"
    WORD = "word"


TROUBLE: Final = frozenset(
    {Slot.OUTCOME, Slot.COMPLETION, Slot.URLS, Slot.ANSWER, Slot.MEDIA_TYPE, Slot.WIRE, Slot.LIMIT}
)
"""What `succeed` takes back of the effects of wider scopes."""

SUBMIT: Final = frozenset({On.SUBMIT})
POLL: Final = frozenset({On.POLL})
FILE: Final = frozenset({On.FILE})
API: Final = frozenset({On.SUBMIT, On.POLL, On.BALANCE, On.UPLOAD})
ALL: Final = API | FILE

Count = Annotated[int, Field(ge=1, le=1_000_000)]
Seconds = Annotated[float, Field(ge=0, le=31_536_000, allow_inf_nan=False)]


class Effect(BaseModel):
    """One thing that a scenario does; immutable, and equal to any other that does the same."""

    # Validators are built on first use, because a server's start needs few of them.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: ClassVar[str]
    """Its class's name in snake case."""
    slots: ClassVar[frozenset[Slot]]
    positional: ClassVar[tuple[str, ...]]
    """The fields that may be given without their name, in order."""

    def __init_subclass__(cls, decides: Iterable[Slot] = (), positional: tuple[str, ...] = (), **rest: Any) -> None:
        """Set what `class Polls(Effect, decides={...}, positional=(...))` says."""
        super().__init_subclass__(**rest)
        cls.name, cls.slots, cls.positional = to_snake(cls.__name__), frozenset(decides), positional

    @classmethod
    def summary(cls) -> str:
        """What it does, as the documentation's table has it."""
        return " ".join((cls.__doc__ or "").split())

    @classmethod
    def signature(cls) -> str:
        """Its name and parameters with their defaults, as they are written."""
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
        """Its fields in the order they are written: positional ones first, those of every effect on calls last."""
        fields = cls.model_fields
        own = [name for name in fields if name not in cls.positional and name not in CallEffect.model_fields]
        common = [name for name in fields if name not in cls.positional and name in CallEffect.model_fields]
        return {name: fields[name] for name in (*cls.positional, *own, *common)}

    @classmethod
    def from_term(cls, term: Term) -> Self:
        """The effect that a term names; raises `ScenarioError` for arguments that it cannot take."""
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
                choices = re.split(", | or ", first["ctx"]["expected"].replace("'", ""))
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
            # Its first argument is written even where it is the default: fail(painting_failed).
            shown_always = value is not None and (name,) == self.positional[:1]
            if not shown_always and not field.is_required() and value == field.default:
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

    usual: ClassVar[frozenset[On]]

    def __init_subclass__(cls, usual: frozenset[On] = ALL, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        cls.usual = usual

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


class AccountEffect(Effect):
    """An effect on the account that calls."""


def _bound(kind: type[Effect], term: Term) -> dict[str, Any]:
    if len(term.positional) > len(kind.positional):
        raise ScenarioError(f"{kind.name} got too many arguments: write {kind.signature()}")
    values = {name: plain_value(value) for name, value in zip(kind.positional, term.positional, strict=False)}
    for name, value in term.named:
        if name in values:
            raise ScenarioError(f"{kind.name} got {name} twice: write {kind.signature()}")
        values[name] = plain_value(value)
    return values


def plain_value(value: Value) -> Any:
    """An argument as a plain value; raises `ScenarioError` for a term with arguments of its own."""
    if isinstance(value, Text):
        return value.value
    if isinstance(value, Term):
        if value.called:
            raise ScenarioError(f"{value.name}(...) cannot stand inside another effect; only a sequence has steps")
        return value.name
    if isinstance(value, Repeated):
        raise ScenarioError("'*' repeats a step of a sequence and nothing else")
    return value


def _shown(value: object) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, str) and not value.isidentifier():
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)
