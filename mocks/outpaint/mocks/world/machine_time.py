"""The time beside a world's clock: the machine's, which nothing holds, and the test's, which freezegun may hold."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

_FREEZEGUN: Final = "freezegun.api"
_TIME_MACHINE: Final = "time_machine"
_MINUTE_S: Final = 60


def real_function(name: str) -> Any:
    """A function of the module `time` as it is without freezegun, which may be at work while this is imported."""
    return getattr(sys.modules.get(_FREEZEGUN), f"real_{name}", getattr(time, name))


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
    factories = getattr(sys.modules.get(_FREEZEGUN), "freeze_factories", None)
    if factories:
        return HeldTime(lambda seconds: factories[-1].tick(timedelta(seconds=seconds)), moves_monotonic=True)
    time_machine = sys.modules.get(_TIME_MACHINE)
    # Its name up to version 2 was coordinates_stack.
    travellers = getattr(time_machine, "traveller_stack", None) or getattr(time_machine, "coordinates_stack", None)
    if travellers:
        return HeldTime(lambda seconds: travellers[-1].shift(timedelta(seconds=seconds)), moves_monotonic=False)
    return None


def time_of_test() -> float:
    """Where a frozen clock begins that is given no start, in seconds since the epoch.

    That is the second which the test's clock shows where freezegun or time-machine holds it, else the beginning of the
    present minute: windows of the rate limit (60 seconds, or a divisor of that) then begin with the world, so that a
    run repeats whenever it is made.
    """
    now = time.time()
    return float(math.floor(now) if held_time() is not None else math.floor(now / _MINUTE_S) * _MINUTE_S)
