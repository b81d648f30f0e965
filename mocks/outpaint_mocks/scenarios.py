"""Which scenario counts for a call: the world's, a magic key's or prompt's, a job's, the next calls', a header's."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from outpaint_mocks.effects import TROUBLE, CallEffect, Effect, ExpiredUrl, On, Slot
from outpaint_mocks.grammar import ScenarioError
from outpaint_mocks.scenario import Scenario, ScenarioLike, checked_on

if TYPE_CHECKING:
    from outpaint_mocks.scripted_dispatch import ScriptedDispatch

HEADER: Final = "X-Mock-Scenario"
"""The request header that carries a scenario for this call and the job it makes."""
_ATTACHED: Final = (On.POLL, On.FILE)


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

    calls: dict[On, dict[Slot, CallEffect]] = field(default_factory=dict)
    urls: ExpiredUrl | None = None


@dataclass(slots=True)
class Resolved:
    """What counts for one call: by slot for the call itself, by slot for the job it makes, and what stays with it."""

    call: dict[Slot, tuple[str, CallEffect]] = field(default_factory=dict)
    """By slot for the call: the name of the scope that its `times` counts in, and the effect."""
    job: dict[Slot, Effect] = field(default_factory=dict)
    account: dict[Slot, tuple[str, Effect]] = field(default_factory=dict)
    """By slot for the account: the name of the scope it lasts for, and the effect."""
    attached: dict[On, dict[Slot, CallEffect]] = field(default_factory=dict)
    scenarios: list[tuple[str, Scenario]] = field(default_factory=list)
    """Where it came from, widest scope first: the scope's name and its scenario."""

    def add(self, scope: str, scenario: Scenario, route: On) -> None:
        """Let a nearer scope speak: `world <n>`, `key`, `prompt`, `next <n>` or `header`."""
        self.scenarios.append((scope, scenario))
        if scenario.forgives:
            for slot in TROUBLE:
                for kept in self.attached.values():
                    kept.pop(slot, None)
                self.call.pop(slot, None)
                self.job.pop(slot, None)
                self.account.pop(slot, None)
        self.account.update({slot: (scope, effect) for slot, effect in scenario.account.items()})
        self.call.update({slot: (scope, effect) for slot, effect in scenario.calls.get(route, {}).items()})
        if route is not On.SUBMIT:
            return
        self.job.update(scenario.job)
        if scope.startswith("world"):
            return  # it is asked again when those calls come
        for later in _ATTACHED:
            slots = scenario.calls.get(later, {})
            # What touches this call already is spent on it: latency of a POST is not latency of its polls.
            kept = {slot: effect for slot, effect in slots.items() if On.SUBMIT not in effect.routes}
            if kept:
                self.attached.setdefault(later, {}).update(kept)


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
    """The scenarios of one world. A text that cannot be raises `ScenarioError` and changes nothing."""

    def __init__(self, dispatch: ScriptedDispatch) -> None:
        self._dispatch = dispatch
        self._lock = threading.RLock()
        self._numbers = 0
        self._always: tuple[Standing, ...] = ()
        self._alone: dict[On, Resolved] = {}
        """What `_always` comes to where nothing else speaks, by the kind of call: most calls meet just that."""
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
        self._dispatch.change(inference_id, Scenario.of(scenario))

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
        self, route: On, *, preset: Scenario | None, own: Scenario | None, attached: Attached | None
    ) -> Resolved | None:
        """What counts for a call, None for nothing; takes it from the queue of the next calls.

        `preset` is the magic key's, `own` the header's, `attached` the job's.
        """
        if not (self._next or attached or preset or own):
            return self._of_world(route) if self._always else None
        found = Resolved()
        with self._lock:
            for standing in self._always:
                found.add(f"world {standing.id}", standing.scenario, route)
            if preset is not None:
                found.add("key", preset, route)
            if attached is not None:
                found.call.update({slot: ("job", effect) for slot, effect in attached.calls.get(route, {}).items()})
            queued = self._take(route)
        if queued is not None:
            found.add(f"next {queued.id}", queued.scenario, route)
        if own is not None:
            found.add("header", own, route)
        return found

    def _of_world(self, route: On) -> Resolved:
        """What the world's own scenarios come to; nobody changes what `resolve` returned, so calls can share it."""
        with self._lock:
            found = self._alone.get(route)
            if found is None:
                found = self._alone[route] = Resolved()
                for standing in self._always:
                    found.add(f"world {standing.id}", standing.scenario, route)
        return found

    def with_prompt(self, found: Resolved | None, preset: Scenario) -> Resolved:
        """`found` with what a magic prompt says, in its place: after the key, before the nearer scopes."""
        layers = [] if found is None else found.scenarios
        again = Resolved()
        near = [layer for layer in layers if layer[0].startswith(("next", "header"))]
        wide = [layer for layer in layers if layer not in near]
        for scope, scenario in (*wide, ("prompt", preset), *near):
            again.add(scope, scenario, On.SUBMIT)
        return again

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
        self._alone = {}

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
