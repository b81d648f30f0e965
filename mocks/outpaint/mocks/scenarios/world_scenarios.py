"""The scenarios of one world, and which of them apply to a call.

From the widest scope to the nearest: the world's, a magic key's, a magic prompt's, the job's, the next calls', the
header's. Of two effects that decide the same thing, the nearer scope's applies.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self, TypeVar

from outpaint.mocks.restorable import Restorable
from outpaint.mocks.scenarios.effect import TROUBLE, CallEffect, Effect, On, Slot
from outpaint.mocks.scenarios.grammar import ScenarioError
from outpaint.mocks.scenarios.job_effects import ExpiredUrl
from outpaint.mocks.scenarios.scenario import Scenario, ScenarioLike, checked_on

HEADER: Final = "X-Mock-Scenario"
"""The request header that carries a scenario for this call and the job it makes."""
_LATER: Final = (On.POLL, On.FILE)
_V = TypeVar("_V")


@dataclass(frozen=True, slots=True)
class LastingScenario:
    """A scenario of the whole world, until it is removed."""

    id: int
    scenario: Scenario


@dataclass(frozen=True, slots=True)
class QueuedScenario:
    """A scenario for the next `left` calls of these kinds."""

    id: int
    scenario: Scenario
    routes: frozenset[On]
    left: int
    used: int = 0


@dataclass(frozen=True, slots=True)
class Attached:
    """The effects on a job's later calls: by the POST that made it, or set for this job by a test."""

    calls: Mapping[On, Mapping[Slot, CallEffect]] = field(default_factory=dict)
    urls: ExpiredUrl | None = None


@dataclass(frozen=True, slots=True)
class ScenarioEffects:
    """The effects that apply to one call.

    `call` and `account` map a slot to the scope that an effect came from and the effect, whose `times` is counted for
    that scope. `job` is for the job that a submit makes, `later` for that job's polls and files. `layers` are the
    scenarios that these effects come from, widest scope first: scope (`world <n>`, `key`, `prompt`, `next <n>`,
    `header`) and scenario. Effects attached to a job have the scope `job`, and are not among the layers.
    """

    call: Mapping[Slot, tuple[str, CallEffect]] = field(default_factory=dict)
    job: Mapping[Slot, Effect] = field(default_factory=dict)
    account: Mapping[Slot, tuple[str, Effect]] = field(default_factory=dict)
    later: Mapping[On, Mapping[Slot, CallEffect]] = field(default_factory=dict)
    layers: tuple[tuple[str, Scenario], ...] = ()

    @classmethod
    def of(cls, kind: On, layers: Iterable[tuple[str, Scenario]]) -> Self:
        """The effects of these scopes, widest first, on a call of this kind."""
        effects = cls()
        for scope, scenario in layers:
            effects = effects.with_layer(kind, scope, scenario)
        return effects

    def with_layer(self, kind: On, scope: str, scenario: Scenario) -> Self:
        """These effects and those of a nearer scope."""
        gone: frozenset[Slot] = TROUBLE if scenario.forgives else frozenset()
        job, later = _without(self.job, gone), {on: _without(slots, gone) for on, slots in self.later.items()}
        if kind is On.SUBMIT:
            job |= scenario.job
            # The world's scenarios are read again when those calls come. An effect that touches this call does not
            # touch later ones too: latency of a POST is not latency of its polls.
            for on in () if scope.startswith("world") else _LATER:
                slots = scenario.calls.get(on, {})
                kept = {slot: effect for slot, effect in slots.items() if On.SUBMIT not in effect.routes}
                later[on] = later.get(on, {}) | kept
        return type(self)(
            call=_without(self.call, gone) | {slot: (scope, e) for slot, e in scenario.calls.get(kind, {}).items()},
            job=job,
            account=_without(self.account, gone) | {slot: (scope, e) for slot, e in scenario.account.items()},
            later={on: slots for on, slots in later.items() if slots},
            layers=(*self.layers, (scope, scenario)),
        )

    def with_prompt(self, preset: Scenario) -> Self:
        """These effects and those of a submit's magic prompt, whose scope is between the key's and the nearer ones."""
        wide = [layer for layer in self.layers if not layer[0].startswith(("next", "header"))]
        return self.of(On.SUBMIT, (*wide, ("prompt", preset), *self.layers[len(wide) :]))


def _without(slots: Mapping[Slot, _V], gone: frozenset[Slot]) -> dict[Slot, _V]:
    return {slot: value for slot, value in slots.items() if slot not in gone}


class Handle:
    """A scenario that was set, to remove it again; a `with` block removes it at its end."""

    def __init__(self, scenarios: Scenarios, number: int) -> None:
        self._scenarios = scenarios
        self._number = number

    def remove(self) -> None:
        """Take the scenario back; nothing happens where it is gone."""
        self._scenarios.remove(self._number)

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


class Scenarios(Restorable):
    """The scenarios of one world; every method may be called from several threads.

    A scenario that cannot be raises `ScenarioError` and changes nothing.

    `change` gives one job, named by its id, another scenario.
    """

    _state = ("_numbers", "_always", "_next", "_consumed", "_counts")

    def __init__(self, change: Callable[[str, Scenario], None]) -> None:
        self._change = change
        self._lock = threading.RLock()
        self._numbers = 0
        self._always: tuple[LastingScenario, ...] = ()
        self._of_kind: dict[On, ScenarioEffects] = {}
        """The effects of `_always`, by the kind of call."""
        self._next: tuple[QueuedScenario, ...] = ()
        self._consumed: tuple[QueuedScenario, ...] = ()
        self._counts: Counter[tuple[str, str]] = Counter()

    # Set by tests

    def always(self, scenario: ScenarioLike, *, on: On | str | None = None) -> Handle:
        """Apply a scenario to the whole world until it is removed or cleared; a later one wins."""
        meant = Scenario.of(scenario, on=on)
        with self._lock:
            number = self._number()
            self._set_always((*self._always, LastingScenario(number, meant)))
        return Handle(self, number)

    def next(self, scenario: ScenarioLike, *, times: int = 1, on: On | str | None = None) -> Handle:
        """Apply a scenario to the next `times` calls that it concerns.

        `on` says which calls count; without it, those which its effects touch, and submits for effects on jobs.
        """
        meant = Scenario.of(scenario, on=on)
        if isinstance(times, bool) or not isinstance(times, int) or not 1 <= times <= 1_000_000:
            raise ScenarioError(f"times is {times!r}: use a whole number, 1 to 1,000,000", field="times")
        target = None if on is None else checked_on(on)
        routes = meant.routes if target is None else frozenset(On) if target is On.ANY else frozenset({target})
        if meant.job and On.SUBMIT not in routes:
            raise ScenarioError(f"{meant} concerns jobs, which {target} calls do not make: use on=submit", field="on")
        with self._lock:
            number = self._number()
            self._next += (QueuedScenario(number, meant, routes, times),)
        return Handle(self, number)

    def job(self, inference_id: str, scenario: ScenarioLike) -> None:
        """Change how one job that has not ended goes on, and which effects touch its later polls and files.

        Raises `ScenarioError` for an unknown job, and for a job's end where it has ended.
        """
        self._change(inference_id, Scenario.of(scenario))

    def clear(self) -> None:
        """Forget the scenarios of the world and of the next calls; jobs keep their own."""
        with self._lock:
            self._set_always(())
            self._next = self._consumed = ()
            self._counts.clear()

    def remove(self, number: int) -> None:
        """Take back what `always` or `next` set under a number."""
        with self._lock:
            self._set_always(tuple(lasting for lasting in self._always if lasting.id != number))
            self._next = tuple(queued for queued in self._next if queued.id != number)

    @property
    def lasting(self) -> tuple[LastingScenario, ...]:
        """What `always` set, oldest first."""
        return self._always

    @property
    def waiting(self) -> tuple[QueuedScenario, ...]:
        """What `next` set and calls have not used up, oldest first."""
        return self._next

    @property
    def consumed(self) -> tuple[QueuedScenario, ...]:
        """What `next` set and calls have used up."""
        return self._consumed

    # For calls

    def resolve(
        self, kind: On, *, preset: Scenario | None, own: Scenario | None, attached: Attached | None
    ) -> ScenarioEffects:
        """The effects on a call; it uses up one of the calls that a queued scenario is for.

        `preset` is the magic key's, `own` the header's, `attached` the job's.
        """
        effects = self._of_world(kind)
        if not (self._next or attached or preset or own):
            return effects
        if preset is not None:
            effects = effects.with_layer(kind, "key", preset)
        if attached is not None:
            of_job = {slot: ("job", effect) for slot, effect in attached.calls.get(kind, {}).items()}
            effects = replace(effects, call={**effects.call, **of_job})
        with self._lock:
            queued = self._take(kind)
        if queued is not None:
            effects = effects.with_layer(kind, f"next {queued.id}", queued.scenario)
        return effects if own is None else effects.with_layer(kind, "header", own)

    def _of_world(self, kind: On) -> ScenarioEffects:
        """The effects of the world's own scenarios, which is all that most calls have."""
        with self._lock:
            found = self._of_kind.get(kind)
            if found is None:
                layers = ((f"world {lasting.id}", lasting.scenario) for lasting in self._always)
                found = self._of_kind[kind] = ScenarioEffects.of(kind, layers)
        return found

    def spend(self, effect: CallEffect | ExpiredUrl, who: str, scope: str) -> bool:
        """Whether an effect still touches a call of `who` (an account's or job's id); one with `times` is counted."""
        if effect.times is None:
            return True
        key = (who, f"{scope}: {effect}")
        with self._lock:
            if self._counts[key] >= effect.times:
                return False
            self._counts[key] += 1
        return True

    def first_time(self, what: str, who: str) -> bool:
        """Whether this is the first time that a lasting scenario's `what` reaches `who`."""
        with self._lock:
            self._counts[who, what] += 1
            return self._counts[who, what] == 1

    def restore(self, state: tuple[Any, ...]) -> None:
        """Go back to a snapshot; it stays good for more."""
        super().restore(state)
        self._of_kind = {}

    def _set_always(self, always: tuple[LastingScenario, ...]) -> None:
        self._always = always
        self._of_kind = {}

    def _take(self, route: On) -> QueuedScenario | None:
        for place, queued in enumerate(self._next):
            if route in queued.routes:
                used = replace(queued, left=queued.left - 1, used=queued.used + 1)
                rest = self._next[place + 1 :]
                self._next = (*self._next[:place], *((used,) if used.left else ()), *rest)
                if not used.left:
                    self._consumed += (used,)
                return used
        return None

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers
