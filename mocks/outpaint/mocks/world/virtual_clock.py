"""A clock that a test controls: frozen, ticking or scaled, and moved on at will."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.mocks.world.machine_time import FREEZEGUN, TIME_MACHINE, MachineTime, still_time, time_of_test

_LAST: Final = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


class ClockError(OutpaintError):
    """A move that a clock cannot make; nothing has changed."""

    def __init__(self, detail: str) -> None:
        super().__init__(ErrorCode.INVALID_PARAMETER, detail, field="clock")


class VirtualClock:
    """The Clock port of a mock. `scale` is virtual seconds for each real one: 0 frozen, 1 ticking.

    Without a `start` (seconds since the epoch) a ticking clock begins at the machine's time when it is made, and a
    frozen one at the test's time when it is first read: a test may set its own time up after it was given its world.
    Where freezegun or time-machine holds that so that it stands, such a clock goes on as far as the test moves it.
    Time goes forward only. May be used from several threads.
    """

    def __init__(self, start: float | None = None, *, scale: float = 0.0) -> None:
        # Reentrant: whoever moves the clock reads it, which may begin it.
        self._lock = threading.RLock()
        self._listeners: tuple[Callable[[], None], ...] = ()
        self._first_scale = _checked_scale(scale)
        if start is None and scale:
            start = time.time()
        self._start = None if start is None else _checked_time(start)
        self._first = MachineTime.seconds()
        # A virtual time, the machine's monotonic time at that moment, and the scale since then: replaced as a whole
        # under the lock, so that reading the time needs no lock. None until a frozen clock without a start is read.
        self._state = self._beginning()
        # What holds the test's time still, and the time that it showed when this clock was last read.
        self._seen: tuple[object, float] | None = None

    @classmethod
    def frozen(cls, start: float | None = None) -> VirtualClock:
        """A clock that does not move until a test, or a wait, moves it."""
        return cls(start)

    @classmethod
    def ticking(cls, start: float | None = None, *, scale: float = 1.0) -> VirtualClock:
        """A clock that moves by itself, from the machine's time where no start is given."""
        return cls(start, scale=scale)

    @property
    def scale(self) -> float:
        """Virtual seconds that pass in a real one; 0 while frozen."""
        state = self._state
        return self._first_scale if state is None else state[2]

    @property
    def is_frozen(self) -> bool:
        """Whether time passes only by moves."""
        state = self._state
        return (self._first_scale if state is None else state[2]) == 0.0

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        base, since, scale = self._state or self._begun()
        if scale:
            return base + (MachineTime.seconds() - since) * scale
        # Every call reads the time often, and few tests have such a tool.
        modules = sys.modules
        if self._start is None and (FREEZEGUN in modules or TIME_MACHINE in modules) and still_time() is not None:
            return self._followed()
        return base

    @property
    def time(self) -> datetime:
        """Now, as a date with its time, UTC."""
        return datetime.fromtimestamp(self.now(), UTC)

    def advance(self, seconds: float = 0.0, *, minutes: float = 0.0, hours: float = 0.0, days: float = 0.0) -> datetime:
        """Move on by that much, at once; the new time. Raises `ClockError` for a step back or no number."""
        step = seconds + 60.0 * minutes + 3600.0 * hours + 86400.0 * days
        if not math.isfinite(step) or min(seconds, minutes, hours, days) < 0:
            raise ClockError(f"a clock goes forward only: {step} seconds is no step that it can take")
        with self._lock:
            self._move_to(_checked_time(self.now() + step))
        self._notify()
        return self.time

    def set(self, to: datetime | float) -> datetime:
        """Move on to a time (a date without a zone counts as UTC). Raises `ClockError` for one that is past."""
        if isinstance(to, datetime):
            to = (to if to.tzinfo else to.replace(tzinfo=UTC)).timestamp()
        to = _checked_time(to)
        with self._lock:
            now = self.now()
            if to < now:
                raise ClockError(
                    f"a clock goes forward only: it shows {_shown(now)}, and {_shown(to)} is past; reset the world"
                )
            self._move_to(to)
        self._notify()
        return self.time

    def reach(self, until: float) -> None:
        """Move on to `until` unless it is past already; for waits, several of which may end at one time."""
        with self._lock:
            if until <= self.now():
                return
            self._move_to(_checked_time(until))
        self._notify()

    def freeze(self) -> None:
        """Stop time."""
        self.tick(0.0)

    def tick(self, scale: float = 1.0) -> None:
        """Let time pass by itself, `scale` virtual seconds for each real one; 0 freezes."""
        scale = _checked_scale(scale)
        with self._lock:
            self._state = (self.now(), MachineTime.seconds(), scale)
        self._notify()

    def real_seconds(self, seconds: float) -> float:
        """How long that much virtual time takes in real seconds; infinite while frozen."""
        if seconds <= 0:
            return 0.0
        scale = self.scale
        return math.inf if scale == 0.0 else seconds / scale

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Have `listener` called whenever time was moved, frozen or let pass; returns a function that ends that.

        It is called on the thread that moved the clock, so that whatever waits reads the time again.
        """
        with self._lock:
            self._listeners = (*self._listeners, listener)

        def unsubscribe() -> None:
            with self._lock:
                self._listeners = tuple(other for other in self._listeners if other is not listener)

        return unsubscribe

    def snapshot(self) -> tuple[float, float] | None:
        """Time and scale, for `restore`; None where it has not begun."""
        with self._lock:
            return None if self._state is None else (self.now(), self.scale)

    def restore(self, state: tuple[float, float] | None) -> None:
        """Go back to a snapshot, with the whole world: nothing else moves time back."""
        with self._lock:
            self._state = None if state is None else (state[0], MachineTime.seconds(), state[1])
            self._seen = None
        self._notify()

    def begin_again(self) -> None:
        """Go back to its start if it was made frozen, else to the time that it would show if it had been left alone.

        One that was made frozen without a start begins at the test's time when it is next read.
        """
        with self._lock:
            self._state = self._beginning()
            self._seen = None
        self._notify()

    def _beginning(self) -> tuple[float, float, float] | None:
        if self._start is None:
            return None
        now = MachineTime.seconds()
        return self._start + (now - self._first) * self._first_scale, now, self._first_scale

    def _begun(self) -> tuple[float, float, float]:
        with self._lock:
            state = self._state
            if state is None:
                state = self._state = (_checked_time(time_of_test()), MachineTime.seconds(), self._first_scale)
            return state

    def _followed(self) -> float:
        """The time after it has gone on as far as the test's time has since it was last read."""
        with self._lock:
            seen, self._seen = self._seen, still_time()
            still = self._seen
            base, _, scale = self._state or self._begun()
            if scale or still is None or seen is None or seen[0] is not still[0] or still[1] <= seen[1]:
                return base
            base = _checked_time(base + still[1] - seen[1])
            self._move_to(base)
        self._notify()
        return base

    def _move_to(self, to: float) -> None:
        self._state = (to, MachineTime.seconds(), self.scale)

    def _notify(self) -> None:
        for listener in self._listeners:
            listener()


def _checked_time(seconds: float) -> float:
    if not (math.isfinite(seconds) and 0 <= seconds < _LAST):
        raise ClockError(f"{seconds} seconds since the epoch is no time that a clock can show: use 1970 to 9998")
    return float(seconds)


def _checked_scale(scale: float) -> float:
    if not (math.isfinite(scale) and 0 <= scale <= 1e6):
        raise ClockError(f"a clock cannot run {scale} times as fast as time: use 0 (frozen) to 1,000,000")
    return float(scale)


def _shown(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
