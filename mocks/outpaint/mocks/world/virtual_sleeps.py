"""A client's own sleeps as steps of a world's clock: `time.sleep`, `asyncio.sleep`, and what rests on them."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from numbers import Real
from types import FrameType
from typing import Any, ClassVar, Final, Self
from weakref import WeakKeyDictionary

from outpaint.mocks.world.machine_time import held_time, real_function
from outpaint.mocks.world.virtual_clock import VirtualClock

_SLEEP_REALLY: Final = sys.stdlib_module_names | {
    "execnet",
    "hypothesis",
    "outpaint",
    "playwright",
    "pluggy",
    "pytest",
    "_pytest",
    "uvicorn",
    "uvloop",
    "xdist",
}
"""Top-level packages whose sleeps are no client's: they wait for processes and sockets, which take real time."""
_TURNS: Final = 3
"""How often the event loop goes round before a sleep moves time: other tasks may begin sleeps that end earlier."""


class _Slept(threading.local):
    """How many seconds a thread has slept in virtual time."""

    seconds = 0.0


class VirtualSleeps:
    """While it is active, a client's sleeps take no time and move `clock` on instead: a context manager.

    Those are `time.sleep` and `asyncio.sleep`, under whatever name a module has them, and so the pauses of tenacity,
    backoff, urllib3 and anyio on asyncio; sleeps of the standard library, of pytest and of the mock stay real. Tasks
    that sleep at the same time wake in the order of their times, and the clock goes as far as the latest of them, not
    as far as their sum. Where it goes, `time.monotonic` goes along in the thread that slept, so that deadlines of the
    client and of `asyncio.timeout` and `asyncio.wait_for` come; what freezegun or time-machine holds goes along too.

    Several may be active: the latest counts. May be used from several threads, whose sleeps add up.
    """

    _active: ClassVar[tuple[VirtualSleeps, ...]] = ()
    _lock: ClassVar[threading.Lock] = threading.Lock()
    _replaced: ClassVar[list[tuple[Any, str, Any]]] = []
    _slept: ClassVar[_Slept] = _Slept()

    def __init__(self, clock: VirtualClock) -> None:
        self.clock: Final = clock
        self._asked: list[float] = []
        self._number = itertools.count()
        self._sleepers: WeakKeyDictionary[asyncio.AbstractEventLoop, list[tuple[float, int]]] = WeakKeyDictionary()

    @property
    def seconds(self) -> tuple[float, ...]:
        """How long each sleep was to be, in the order they began."""
        return tuple(self._asked)

    def start(self) -> None:
        """Take the client's sleeps over."""
        with self._lock:
            if not self._active:
                self._replaced.extend(_replace())
            VirtualSleeps._active = (*self._active, self)

    def stop(self) -> None:
        """Leave them alone again."""
        with self._lock:
            VirtualSleeps._active = tuple(other for other in self._active if other is not self)
            if not self._active:
                _put_back(self._replaced)
                VirtualSleeps._slept = _Slept()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @classmethod
    def of_caller(cls, frame: FrameType, seconds: object) -> VirtualSleeps | None:
        """What takes over a sleep of that many seconds in code of this frame; None where it is real."""
        if not cls._active or not isinstance(seconds, Real) or not 0 < float(seconds) < math.inf:
            return None
        module = str(frame.f_globals.get("__name__", ""))
        return None if _sleeps_really(module) else cls._active[-1]

    def sleep(self, seconds: float) -> None:
        """Sleep on this thread, in virtual time."""
        self._asked.append(seconds)
        self._move(self.clock.now() + seconds)

    async def sleep_in_task(self, seconds: float, result: Any = None) -> Any:
        """Sleep in a task of asyncio, in virtual time; others go on meanwhile."""
        self._asked.append(seconds)
        loop = asyncio.get_running_loop()
        sleepers = self._sleepers.setdefault(loop, [])
        mine = (self.clock.now() + seconds, next(self._number))
        heapq.heappush(sleepers, mine)
        try:
            while True:
                for _ in range(_TURNS):
                    await _Real.sleep_in_task(0)
                now = self.clock.now()
                if now >= mine[0]:
                    return result
                if sleepers[0] == mine:
                    # No further than to the loop's next timer: it may be the deadline of whoever sleeps.
                    timer = _next_timer(loop)
                    self._move(mine[0] if now + timer >= mine[0] else now + timer)
        finally:
            sleepers.remove(mine)
            heapq.heapify(sleepers)

    def _move(self, until: float) -> None:
        step = until - self.clock.now()
        if step <= 0:
            return
        held = held_time()
        if held is not None:
            held.move(step)  # the clock may follow
        self.clock.reach(until)
        if held is None or not held.moves_monotonic:
            self._slept.seconds += step


class _Real:
    """The functions as they are without any of this."""

    sleep: Callable[[float], None] = staticmethod(time.sleep)
    sleep_in_task: Callable[..., Awaitable[Any]] = staticmethod(asyncio.sleep)
    monotonic: Callable[[], float] = staticmethod(real_function("monotonic"))


def _sleep(seconds: float, /) -> None:
    sleeps = VirtualSleeps.of_caller(sys._getframe(1), seconds)
    if sleeps is None:
        _Real.sleep(seconds)
    else:
        sleeps.sleep(seconds)


def _sleep_in_task(delay: float, result: Any = None) -> Awaitable[Any]:
    # No coroutine function itself: by the time that one runs, its caller may be the event loop.
    sleeps = VirtualSleeps.of_caller(sys._getframe(1), delay)
    return _Real.sleep_in_task(delay, result) if sleeps is None else sleeps.sleep_in_task(delay, result)


def _monotonic() -> float:
    return _Real.monotonic() + (VirtualSleeps._slept.seconds if VirtualSleeps._active else 0.0)


_OURS: Final = (
    (_Real.sleep, _sleep),
    (_Real.sleep_in_task, _sleep_in_task),
    (_Real.monotonic, _monotonic),
)
_HOMES: Final = frozenset({"time", "asyncio", "asyncio.tasks"})


def _sleeps_really(module: str) -> bool:
    return module.partition(".")[0] in _SLEEP_REALLY


def _replace() -> Iterator[tuple[Any, str, Any]]:
    """Put our functions in the place of the real ones wherever a client's code may have them by name.

    A module that is imported while they stand there keeps them: with no `VirtualSleeps` active they are the real ones.
    """
    ours = {id(real): (real, own) for real, own in _OURS}
    for name, module in list(sys.modules.items()):
        if name not in _HOMES and _sleeps_really(name):
            continue
        names = getattr(module, "__dict__", None)
        if not isinstance(names, dict):
            continue
        for attribute, value in list(names.items()):
            found = ours.get(id(value))
            if found is not None and found[0] is value:
                names[attribute] = found[1]
                yield names, attribute, value


def _put_back(replaced: list[tuple[Any, str, Any]]) -> None:
    own = {id(function) for _, function in _OURS}
    while replaced:
        names, attribute, value = replaced.pop()
        if id(names.get(attribute)) in own:  # else another tool has put something else there
            names[attribute] = value


def _next_timer(loop: asyncio.AbstractEventLoop) -> float:
    """Seconds until the loop's next timer; infinite where there is none, or the loop does not show them, as uvloop."""
    timers = getattr(loop, "_scheduled", ())
    due = min((timer.when() for timer in timers if not timer.cancelled()), default=math.inf)
    return max(0.0, due - loop.time())
