"""The effects a scenario is made of: one small model each, and the one table that knows them all.

The parser, the documentation, the admin API's schema and the switches of the page are all made from `EFFECTS`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from outpaint.mocks.scenarios.call_effects import (
    ContentType,
    Credits,
    Cut,
    Drip,
    Error,
    Gateway,
    Latency,
    RateLimit,
    Refuse,
    Reset,
    WrongShape,
)
from outpaint.mocks.scenarios.effect import (
    ALL,
    API,
    FILE,
    POLL,
    SUBMIT,
    TROUBLE,
    AccountEffect,
    CallEffect,
    Effect,
    On,
    Slot,
)
from outpaint.mocks.scenarios.grammar import ScenarioError, Term, nearest
from outpaint.mocks.scenarios.job_effects import (
    STEP_NAMES,
    DuplicateCompletion,
    ExpiredUrl,
    Fail,
    FailAfterPolls,
    Immediate,
    LostCompletion,
    Manual,
    Polls,
    Processing,
    Sequence,
    Succeed,
    Time,
)

__all__ = [
    "ALL",
    "API",
    "EFFECTS",
    "FILE",
    "POLL",
    "STEP_NAMES",
    "SUBMIT",
    "TROUBLE",
    "AccountEffect",
    "CallEffect",
    "ContentType",
    "Credits",
    "Cut",
    "Drip",
    "DuplicateCompletion",
    "Effect",
    "Error",
    "ExpiredUrl",
    "Fail",
    "FailAfterPolls",
    "Gateway",
    "Immediate",
    "Latency",
    "LostCompletion",
    "Manual",
    "On",
    "Polls",
    "Processing",
    "RateLimit",
    "Refuse",
    "Reset",
    "Sequence",
    "Slot",
    "Succeed",
    "Time",
    "WrongShape",
    "effect_of",
]

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
