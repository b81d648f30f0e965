"""What a process of the service has from its surroundings, under a test's control: a clock, ids, and its sudden end."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from uuid import UUID

START = 1_900_000_000.0


@dataclass
class ManualClock:
    """Everybody's clock; `now` of another host may be ahead or behind by `skew` seconds."""

    time: float = START

    def now(self) -> float:
        return self.time

    def skewed(self, seconds: float) -> SkewedClock:
        return SkewedClock(self, seconds)


@dataclass
class SkewedClock:
    clock: ManualClock
    skew: float

    def now(self) -> float:
        return self.clock.now() + self.skew


class CountedIds:
    """Ids in the order they are asked for, from any thread."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def uuid(self) -> str:
        return str(UUID(int=next(self._numbers)))

    def seed(self) -> int:
        return next(self._numbers)


class Crash(BaseException):
    """The process is gone: nothing after this line runs, no `except Exception` sees it."""
