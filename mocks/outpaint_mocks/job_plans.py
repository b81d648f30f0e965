"""How one job goes on: pending until when, and how it ends."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from outpaint_mocks.effects import (
    DuplicateCompletion,
    Effect,
    Fail,
    FailAfterPolls,
    Immediate,
    LostCompletion,
    Manual,
    Polls,
    Sequence,
    Slot,
    Succeed,
    Time,
)


@dataclass(frozen=True, slots=True)
class JobPlan:
    """The plan of one job; immutable, a poll makes the next one.

    `since` is when it began to count (seconds since the epoch), `polls` how many polls it has seen. Jobs share no
    plan, so whatever is done to one leaves every other as it was.
    """

    progress: Effect
    outcome: Succeed | Fail
    since: float
    polls: int = 0
    duplicate: bool = False
    lost: bool = False

    @classmethod
    def of(cls, effects: Mapping[Slot, Effect], since: float) -> Self:
        """The plan that a scenario's effects on a job make; without any it is done at once and succeeds."""
        progress = effects.get(Slot.PROGRESS, _IMMEDIATE)
        outcome = effects.get(Slot.OUTCOME, _SUCCEED)
        if isinstance(outcome, FailAfterPolls):
            outcome = Fail(code=outcome.code)
        elif isinstance(outcome, Sequence):
            outcome = outcome.steps[-1]
        completion = effects.get(Slot.COMPLETION)
        assert isinstance(outcome, Succeed | Fail)
        return cls(
            progress,
            outcome,
            since,
            duplicate=isinstance(completion, DuplicateCompletion),
            lost=isinstance(completion, LostCompletion),
        )

    @property
    def ends_at(self) -> float:
        """When it ends by itself; infinite for one that waits for polls, for a test or for ever."""
        if self.lost:
            return math.inf
        if isinstance(self.progress, Time):
            return self.since + self.progress.seconds
        return self.since if isinstance(self.progress, Immediate) else math.inf

    @property
    def waits_for_polls(self) -> bool:
        """Whether nothing but polls moves it on, so that no wait can see its end."""
        return isinstance(self.progress, Polls | FailAfterPolls | Sequence)

    @property
    def is_manual(self) -> bool:
        """Whether a test ends it."""
        return isinstance(self.progress, Manual)

    def polled(self) -> tuple[Self, Effect | None, bool]:
        """One poll: the plan after it, the trouble this poll meets, and whether it finds the job ended."""
        # `dataclasses.replace` looks through all fields, which every poll would pay for.
        after = type(self)(self.progress, self.outcome, self.since, self.polls + 1, self.duplicate, self.lost)
        progress = self.progress
        if isinstance(progress, Sequence):
            step = progress.steps[min(self.polls, len(progress.steps) - 1)]
            ends = isinstance(step, Succeed | Fail)
            return after, None if ends else step, ends and not self.lost
        if isinstance(progress, Polls | FailAfterPolls):
            return after, None, self.polls >= progress.n and not self.lost
        return after, None, False


_IMMEDIATE = Immediate()
_SUCCEED = Succeed()
