"""The journal of a world: the calls that it was sent, as many as it may keep."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from outpaint.mocks.restorable import Restorable
from outpaint.mocks.scenarios.effect import On
from outpaint.mocks.world.calls import Calls
from outpaint.mocks.world.recorded_call import Call

MAX_CALLS: Final = 10_000
BODY_BYTES: Final = 32 * 1024 * 1024
LARGEST_BODY: Final = 16 * 1024 * 1024
"""Bytes of a body that is kept at all: one that is kept takes memory twice while it is read."""


class Journal(Restorable):
    """The latest calls, at most `max_calls`, with at most `body_bytes` of their bodies (0 keeps none).

    The oldest are dropped first, and counted by their kind; sizes and SHA-256 are kept as long as their call. Probes of
    the server's health and loads of its pages are no calls of the API, and are not in it. May be used from several
    threads.
    """

    _state = ("_numbers", "_dropped", "_last_dropped", "_calls", "_bodied", "_held")

    def __init__(self, max_calls: int = MAX_CALLS, body_bytes: int = BODY_BYTES) -> None:
        self._lock = threading.Lock()
        self._calls: deque[Call] = deque()
        self._max_calls = max_calls
        self._dropped: Counter[On | None] = Counter()
        self._last_dropped = 0
        self._body_bytes = body_bytes
        self._bodied: deque[Call] = deque()
        self._held = 0
        self._numbers = 0
        self._listeners: list[Callable[[Call], None]] = []

    @property
    def calls(self) -> Calls:
        """Every call that is kept, in the order they came."""
        return self.since(0)

    @property
    def total(self) -> int:
        """How many calls came since the last reset, kept or not."""
        return self._numbers

    @property
    def dropped(self) -> int:
        """How many calls were dropped because there were too many, since it was last cleared."""
        with self._lock:
            return self._dropped.total()

    @property
    def keeps_bodies(self) -> bool:
        """Whether bodies are kept at all."""
        return self._body_bytes > 0

    def keeps(self, size: int) -> bool:
        """Whether a body of so many bytes is kept, if only until another comes."""
        return size <= min(self._body_bytes, LARGEST_BODY)

    def find(self, number: int) -> Call | None:
        """The call with this number, if it is kept."""
        with self._lock:
            return next((call for call in self._calls if call.number == number), None)

    def since(self, number: int) -> Calls:
        """The calls after this number."""
        with self._lock:
            dropped = Counter(self._dropped) if self._last_dropped > number else None
            return Calls([call for call in self._calls if call.number > number], dropped=dropped)

    def on_call(self, listener: Callable[[Call], None]) -> Callable[[], None]:
        """Have `listener` called with each call when it comes and when it is answered; returns what ends that."""
        self._listeners = [*self._listeners, listener]

        def unsubscribe() -> None:
            self._listeners = [other for other in self._listeners if other is not listener]

        return unsubscribe

    def number(self) -> int:
        """The number of the next call."""
        with self._lock:
            self._numbers += 1
            return self._numbers

    def add(self, call: Call) -> None:
        """A call has come."""
        with self._lock:
            self._calls.append(call)
            while len(self._calls) > self._max_calls:
                oldest = self._calls.popleft()
                self._dropped[oldest.route] += 1
                self._last_dropped = oldest.number
        for listener in self._listeners:
            listener(call)

    def answered(self, call: Call) -> None:
        """A call has its answer: nothing of it changes any more, but its bytes may be dropped."""
        size = _held_by(call)
        with self._lock:
            self._bodied.append(call)
            self._held += size
            while self._bodied and (self._held > self._body_bytes or len(self._bodied) > self._max_calls):
                oldest = self._bodied.popleft()
                self._held -= _held_by(oldest)
                oldest.strip()
        for listener in self._listeners:
            listener(call)

    def clear(self) -> None:
        """Forget every call; numbers go on, so that `since` misses no call."""
        with self._lock:
            self._calls.clear()
            self._bodied.clear()
            self._held = 0
            self._dropped = Counter()
            self._last_dropped = 0


def _held_by(call: Call) -> int:
    """Bytes that a call holds; its pictures are those of its body, where that is kept."""
    return max(len(call.body or b""), call.picture_bytes) + (0 if call.response is None else len(call.response.body))
