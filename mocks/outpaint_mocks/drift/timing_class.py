"""How long an answer took, as clients feel it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

_WAITS_S: Final = 3.0
_LONG_S: Final = 70.0
"""Beyond the minute that a sync request waits, and what a network adds to it."""
_SLACK: Final = 1.5


class TimingClass(StrEnum):
    """At once; as long as a request may wait; longer than clients usually have patience for."""

    IMMEDIATE = "immediate"
    WAITS = "waits"
    LONG = "long"

    @classmethod
    def of(cls, seconds: float) -> TimingClass:
        """The class of so many seconds."""
        if seconds < _WAITS_S:
            return cls.IMMEDIATE
        return cls.WAITS if seconds < _LONG_S else cls.LONG


def differ(recorded: float, replayed: float) -> bool:
    """Whether two durations are of different classes, and not just on both sides of an edge."""
    low, high = sorted((recorded, replayed))
    return TimingClass.of(low) is not TimingClass.of(high) and high > low * _SLACK
