"""The time beside a world's clock: the machine's, which nothing holds, and the test's, which freezegun may hold."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any, Final

FREEZEGUN: Final = "freezegun.api"
"""A module that can hold a test's time; unless this or the other is imported, nothing does."""
TIME_MACHINE: Final = "time_machine"
"""The other."""
_NOTHING: Final[list[Any]] = []
_MINUTE_S: Final = 60


def real_function(name: str) -> Any:
    """A function of the module `time` as it is without freezegun, which may be at work while this is imported."""
    return getattr(sys.modules.get(FREEZEGUN), f"real_{name}", getattr(time, name))


class MachineTime:
    """Seconds that really pass, counted from any moment: to measure with, whatever tools do to the module `time`.

    freezegun replaces what modules hold under a name, which an attribute of a class is not. time-machine up to 2 holds
    `time.monotonic` too, but not this counter.
    """

    seconds: Callable[[], float] = staticmethod(real_function("perf_counter"))


@dataclass(frozen=True, slots=True)
class HeldTime:
    """A tool that holds the test's clock: `move` moves that on by so many seconds.

    `moves_monotonic` is whether `time.monotonic` goes along.
    """

    move: Callable[[float], None]
    moves_monotonic: bool


def held_time() -> HeldTime | None:
    """What holds the test's clock now, freezegun or time-machine; None where nothing does."""
    freezers = _freezers()
    if freezers:
        return HeldTime(lambda seconds: freezers[-1].tick(timedelta(seconds=seconds)), moves_monotonic=True)
    travellers = _travellers()
    if travellers:
        return HeldTime(lambda seconds: travellers[-1].shift(timedelta(seconds=seconds)), moves_monotonic=False)
    return None


def still_time() -> tuple[object, float] | None:
    """What holds the test's clock so that it stands, and the time that it shows, in seconds since the epoch.

    None where nothing holds it, and where the tool lets it go on by itself.
    """
    freezers = _freezers()
    if freezers:
        latest = freezers[-1]
        # Not `time.time`, which freezegun answers with real time for threads and others on its list.
        stands = type(latest).__name__ == "FrozenDateTimeFactory"
        return (latest, latest().replace(tzinfo=UTC).timestamp()) if stands else None
    travellers = _travellers()
    return (travellers[-1], time.time()) if travellers and not travellers[-1]._tick else None


def _freezers() -> list[Any]:
    """By what freezegun holds the time, the latest last."""
    found: list[Any] = getattr(sys.modules.get(FREEZEGUN), "freeze_factories", _NOTHING)
    return found


def _travellers() -> list[Any]:
    """By what time-machine holds the time, the latest last; the name is that of version 3, and that of those before."""
    module = sys.modules.get(TIME_MACHINE)
    if module is None:
        return _NOTHING
    found: list[Any] = getattr(module, "traveller_stack", None) or getattr(module, "coordinates_stack", _NOTHING)
    return found


def time_of_test() -> float:
    """Where a frozen clock begins that is given no start, in seconds since the epoch.

    That is the second which the test's clock shows where freezegun or time-machine holds it, else the beginning of the
    present minute: windows of the rate limit (60 seconds, or a divisor of that) then begin with the world, so that a
    run repeats whenever it is made.
    """
    still = still_time()
    now = time.time() if still is None else still[1]
    return float(math.floor(now) if held_time() is not None else math.floor(now / _MINUTE_S) * _MINUTE_S)
