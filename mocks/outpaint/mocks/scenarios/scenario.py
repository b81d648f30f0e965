"""Scenarios, the table of all effects, and the presets that magic keys and prompts name.

The parser, the documentation, the admin API's schema and the page's switches are all made from `EFFECTS`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Final, TypeVar

from outpaint.contracts.errors import ERROR_KINDS, JOB_ERRORS, ErrorCode
from outpaint.mocks.scenarios import call_effects, job_effects
from outpaint.mocks.scenarios.effect import API, AccountEffect, CallEffect, Effect, On, Slot
from outpaint.mocks.scenarios.grammar import ScenarioError, nearest, read

EFFECTS: Final = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            job_effects.Succeed, job_effects.Fail, job_effects.FailAfterPolls, job_effects.Immediate, job_effects.Time,
            job_effects.Polls, job_effects.Manual, job_effects.Sequence, job_effects.DuplicateCompletion,
            job_effects.LostCompletion, job_effects.ExpiredUrl, call_effects.Error, call_effects.Gateway,
            call_effects.WrongShape, call_effects.ContentType, call_effects.Latency, call_effects.Refuse,
            call_effects.Reset, call_effects.Cut, call_effects.Drip, call_effects.RateLimit, call_effects.Credits,
            call_effects.Profile, call_effects.AcceptedWord,
        )
    }
)  # fmt: skip
"""Every effect by its name."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Effects of which no two decide the same thing; `str()` gives the text that parses as the same scenario.

    Raises `ScenarioError` for effects that contradict each other.
    """

    effects: tuple[Effect, ...] = ()
    job: dict[Slot, Effect] = field(init=False, compare=False, repr=False, hash=False)
    """Its effects on a job, by slot."""
    account: dict[Slot, Effect] = field(init=False, compare=False, repr=False, hash=False)
    """Its effects on the calling account, by slot."""
    calls: dict[On, dict[Slot, CallEffect]] = field(init=False, compare=False, repr=False, hash=False)
    """Its effects on each kind of call, by slot."""
    forgives: bool = field(init=False, compare=False, repr=False, hash=False)
    """Whether it takes back the trouble of wider scopes."""

    def __post_init__(self) -> None:
        job: dict[Slot, Effect] = {}
        account: dict[Slot, Effect] = {}
        calls: dict[On, dict[Slot, CallEffect]] = {}
        for effect in self.effects:
            if isinstance(effect, CallEffect):
                for route in effect.routes:
                    _claim(calls.setdefault(route, {}), effect, f" of {route} calls")
            else:
                _claim(account if isinstance(effect, AccountEffect) else job, effect, "")
        object.__setattr__(self, "job", job)
        object.__setattr__(self, "account", account)
        object.__setattr__(self, "calls", calls)
        object.__setattr__(self, "forgives", any(isinstance(effect, job_effects.Succeed) for effect in self.effects))

    @classmethod
    def of(cls, what: ScenarioLike, *, on: On | str | None = None) -> Scenario:
        """The scenario of a text, an effect or several; `on` is which calls its effects touch, but for those with `on`.

        Raises `ScenarioError` for unknown names, arguments out of range and effects that contradict each other.
        """
        target = None if on is None else checked_on(on)
        if isinstance(what, Scenario):
            scenario = what
        elif isinstance(what, str):
            scenario = _parsed(what)
        elif isinstance(what, Effect):
            scenario = cls((what,))
        else:
            scenario = cls(tuple(what))
        if not scenario.effects:
            raise ScenarioError("a scenario names at least one effect, such as succeed")
        if target is None:
            return scenario
        return cls(
            tuple(
                effect.model_copy(update={"on": target})
                if isinstance(effect, CallEffect) and effect.on is None
                else effect
                for effect in scenario.effects
            )
        )

    @property
    def routes(self) -> frozenset[On]:
        """The calls that it concerns; effects on jobs concern submits, which make them."""
        own = frozenset(self.calls)
        if self.job:
            own |= {On.SUBMIT}
        return own | API if self.account and not own else own

    def __str__(self) -> str:
        return "; ".join(map(str, self.effects))


ScenarioLike = str | Effect | Iterable[Effect] | Scenario
"""The forms in which a scenario can be given."""


def checked_on(on: On | str) -> On:
    """The kind of call that a word names; raises `ScenarioError`."""
    try:
        return On(on)
    except ValueError:
        raise ScenarioError(f"{on!r} is no kind of call: use {', '.join(On)}", field="on") from None


@lru_cache(maxsize=512)
def _parsed(text: str) -> Scenario:
    effects = []
    for term in read(text):
        kind = EFFECTS.get(term.name)
        if kind is None:
            raise ScenarioError(f"there is no effect {term.name}: {nearest(term.name, EFFECTS)}")
        effects.append(kind.from_term(term))
    return Scenario(tuple(effects))


_E = TypeVar("_E", bound=Effect)


def _claim(taken: dict[Slot, _E], effect: _E, where: str) -> None:
    for slot in effect.slots:
        other = taken.get(slot)
        if other is not None:
            raise ScenarioError(f"{other} and {effect} contradict each other: both decide the {slot}{where}; keep one")
        taken[slot] = effect


MAGIC: Final = "mock_"

PRESETS: Final = MappingProxyType(
    {
        "success": "succeed; immediate",
        "polls_1": "polls(1)",
        "polls_3": "polls(3)",
        "time_5": "time(5)",
        "time_30": "time(30)",
        "manual": "manual",
        "never": "lost_completion",
        "flaky": "error(unavailable, times=2)",
        "flaky_poll": "sequence(processing, error(internal), processing, success)",
        "fail_after_2": "fail_after_polls(2, painting_failed)",
        "duplicate": "duplicate_completion",
        "no_credits": "credits(0)",
        "low_credits": "credits(3)",
        "limit_2_in_10": "rate_limit(2, 10)",
        "slow": "latency(3)",
        "jittery": "latency(lognormal, median=0.2, sigma=0.8)",
        "expired_url": "expired_url",
        "expired_once": "expired_url(times=1)",
        "refuse": "refuse",
        "reset_before": "reset(before)",
        "reset_during": "reset(during)",
        "reset_after": "reset(after, on=submit, times=1)",
        "cut": "cut(1000)",
        "cut_lying": "cut(1000, lying)",
        "drip": "drip(2000)",
        "wrong_type": 'content_type("text/html")',
        "wrong_shape": "wrong_shape",
        "gateway": "gateway(502)",
        **{code.value: f"fail({code.value})" if code in JOB_ERRORS else f"error({code.value})" for code in ErrorCode},
    }
)
"""Name to scenario text; each error code is among the names."""


def preset_of(word: str) -> Scenario | None:
    """The scenario of a magic word, None for a word without the prefix `mock_`.

    Raises `ScenarioError` naming the nearest preset for a word that is none.
    """
    if not word.startswith(MAGIC):
        return None
    text = PRESETS.get(word.removeprefix(MAGIC))
    if text is None:
        raise ScenarioError(f"{word[:60]} is no preset: {nearest(word[:60], [MAGIC + name for name in PRESETS])}")
    return Scenario.of(text)


def asked_for(code: ErrorCode, result: str = "") -> str:
    """The detail of an error that a scenario asks for; `result` says what else it leads to."""
    kind = ERROR_KINDS[code]
    title = f"{kind.title[:1].lower()}{kind.title[1:]}"
    return f"{title}, as a mock scenario asked for{result}: {kind.remedy}"
