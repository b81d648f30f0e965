"""Which scenario counts for a call: the world's, a magic key's or prompt's, a job's, the next calls', a header's."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self, TypeVar

from outpaint.mocks.scenarios.effect import TROUBLE, CallEffect, Effect, On, Slot
from outpaint.mocks.scenarios.grammar import ScenarioError
from outpaint.mocks.scenarios.job_effects import ExpiredUrl
from outpaint.mocks.scenarios.scenario import Scenario, ScenarioLike, checked_on

HEADER: Final = "X-Mock-Scenario"
"""The request header that carries a scenario for this call and the job it makes."""
_LATER: Final = (On.POLL, On.FILE)
_V = TypeVar("_V")


@dataclass(frozen=True, slots=True)
class Standing:
    """A scenario of the whole world, until it is removed."""

    id: int
    scenario: Scenario


@dataclass(frozen=True, slots=True)
class Queued:
    """A scenario for the next `left` calls of these kinds."""

    id: int
    scenario: Scenario
    routes: frozenset[On]
    left: int
    used: int = 0


@dataclass(frozen=True, slots=True)
class Attached:
    """What the POST that made a job, or a test, said of that job's later calls."""

    calls: Mapping[On, Mapping[Slot, CallEffect]] = field(default_factory=dict)
    urls: ExpiredUrl | None = None


@dataclass(frozen=True, slots=True)
class ScenarioEffects:
    """What scenarios say of one call.

    `call` and `account` give by slot the name of a scope and its effect, whose `times` counts there. `later` is what
    stays with the job for its polls and files. `layers` is where it came from, widest scope first: `world <n>`, `key`,
    `prompt`, `next <n>` or `header`, and that scope's scenario. What a job's maker said of this call is scope `job`,
    which is no layer.
    """

    call: Mapping[Slot, tuple[str, CallEffect]] = field(default_factory=dict)
    job: Mapping[Slot, Effect] = field(default_factory=dict)
    account: Mapping[Slot, tuple[str, Effect]] = field(default_factory=dict)
    later: Mapping[On, Mapping[Slot, CallEffect]] = field(default_factory=dict)
    layers: tuple[tuple[str, Scenario], ...] = ()

    @classmethod
    def of(cls, kind: On, layers: Iterable[tuple[str, Scenario]]) -> Self:
        """What these scopes, widest first, say of a call of this kind."""
        effects = cls()
        for scope, scenario in layers:
            effects = effects.with_layer(kind, scope, scenario)
        return effects

    def with_layer(self, kind: On, scope: str, scenario: Scenario) -> Self:
        """With what a nearer scope says."""
        gone: frozenset[Slot] = TROUBLE if scenario.forgives else frozenset()
        job, later = _without(self.job, gone), {on: _without(slots, gone) for on, slots in self.later.items()}
        if kind is On.SUBMIT:
            job |= scenario.job
            # The world is asked again when those calls come. What touches this call already is spent on it: latency
            # of a POST is not latency of its polls.
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
        """With what a magic prompt of a submit says, in its place: after the key, before the nearer scopes."""
        wide = [layer for layer in self.layers if not layer[0].startswith(("next", "header"))]
        return self.of(On.SUBMIT, (*wide, ("prompt", preset), *self.layers[len(wide) :]))


def _without(slots: Mapping[Slot, _V], gone: frozenset[Slot]) -> dict[Slot, _V]:
    return {slot: value for slot, value in slots.items() if slot not in gone}


class Handle:
    """A scenario that was set; removes it again, by itself at the end of a `with` block."""

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


class Scenarios:
    """The scenarios of one world. A text that cannot be raises `ScenarioError` and changes nothing.

    `change` gives one job, named by its id, another scenario.
    """

    def __init__(self, change: Callable[[str, Scenario], None]) -> None:
        self._change = change
        self._lock = threading.RLock()
        self._numbers = 0
        self._always: tuple[Standing, ...] = ()
        self._of_kind: dict[On, ScenarioEffects] = {}
        """What `_always` comes to, by the kind of call."""
        self._next: tuple[Queued, ...] = ()
        self._consumed: tuple[Queued, ...] = ()
        self._counts: Counter[tuple[str, str]] = Counter()

    # Set by tests

    def always(self, scenario: ScenarioLike, *, on: On | str | None = None) -> Handle:
        """Let a scenario stand for the whole world until it is removed or cleared; a later one wins."""
        meant = Scenario.of(scenario, on=on)
        with self._lock:
            number = self._number()
            self._stand((*self._always, Standing(number, meant)))
        return Handle(self, number)

    def next(self, scenario: ScenarioLike, *, times: int = 1, on: On | str | None = None) -> Handle:
        """Let a scenario stand for the next `times` calls that it has to do with.

        `on` says which calls count; without it those which its effects touch, a submit for what concerns jobs.
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
            self._next += (Queued(number, meant, routes, times),)
        return Handle(self, number)

    def job(self, inference_id: str, scenario: ScenarioLike) -> None:
        """Change how one job that has not ended goes on, and what its later polls and files meet.

        Raises `ScenarioError` for an unknown job, and for a job's end where it has ended.
        """
        self._change(inference_id, Scenario.of(scenario))

    def clear(self) -> None:
        """Forget the scenarios of the world and of the next calls; jobs keep their own."""
        with self._lock:
            self._stand(())
            self._next = self._consumed = ()
            self._counts.clear()

    def remove(self, number: int) -> None:
        """Take back what `always` or `next` set under a number."""
        with self._lock:
            self._stand(tuple(standing for standing in self._always if standing.id != number))
            self._next = tuple(queued for queued in self._next if queued.id != number)

    @property
    def standing(self) -> tuple[Standing, ...]:
        """What `always` set, oldest first."""
        return self._always

    @property
    def waiting(self) -> tuple[Queued, ...]:
        """What `next` set and calls have not used up, oldest first."""
        return self._next

    @property
    def consumed(self) -> tuple[Queued, ...]:
        """What `next` set and calls have used up."""
        return self._consumed

    # Asked by the world

    def resolve(
        self, kind: On, *, preset: Scenario | None, own: Scenario | None, attached: Attached | None
    ) -> ScenarioEffects:
        """What counts for a call; takes it from the queue of the next calls.

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
        """What the world's own scenarios come to: most calls meet just that."""
        with self._lock:
            found = self._of_kind.get(kind)
            if found is None:
                layers = ((f"world {standing.id}", standing.scenario) for standing in self._always)
                found = self._of_kind[kind] = ScenarioEffects.of(kind, layers)
        return found

    def spend(self, effect: CallEffect | ExpiredUrl, who: str, scope: str) -> bool:
        """Whether an effect still touches a call of `who` (an account's or job's id); counts it where it is counted."""
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

    # Going back

    def snapshot(self) -> tuple[Any, ...]:
        """All of it, for `restore`."""
        with self._lock:
            return self._numbers, self._always, self._next, self._consumed, Counter(self._counts)

    def restore(self, state: tuple[Any, ...]) -> None:
        """Stand as at a snapshot."""
        with self._lock:
            self._numbers, always, self._next, self._consumed, counts = state
            self._stand(always)
            self._counts = Counter(counts)

    def _stand(self, always: tuple[Standing, ...]) -> None:
        self._always = always
        self._of_kind = {}

    def _take(self, route: On) -> Queued | None:
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

    def __iter__(self) -> Iterator[Scenario]:
        return iter((*(standing.scenario for standing in self._always), *(queued.scenario for queued in self._next)))
