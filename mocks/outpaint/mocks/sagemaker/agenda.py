"""Planned actions: each runs on one thread once the mock's clock has reached its time."""

from __future__ import annotations

import heapq
import logging
import math
import threading
from collections.abc import Callable
from itertools import count
from typing import Final

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.mocks.world.virtual_clock import VirtualClock

Action = Callable[[float], None]
"""What happens at a time. It gets the time it was due, which is earlier than now if the clock made a large step."""

PATIENCE_S: Final = 30.0
"""Real seconds that `settle` waits before it raises."""

_LOG: Final = logging.getLogger("outpaint.sagemaker")


class Agenda:
    """Runs each action once the clock has reached its time; equal times in the order they were entered.

    An action that plans another counts from the time that it was due itself, so that one step of ten minutes gives
    the same times, in the same order, as six hundred steps of a second. May be used from several threads.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self.clock: Final = clock
        self._due: list[tuple[float, int, Action]] = []
        self._numbers = count()
        self._change = threading.Condition()
        self._at_work = 0
        self._closed = False
        self._failures: list[Exception] = []
        self._unsubscribe = clock.on_change(self._look_again)
        self._thread = threading.Thread(target=self._run, name="sagemaker-agenda", daemon=True)
        self._thread.start()

    def at(self, due: float, action: Action) -> None:
        """Have `action` run at a time, seconds since the epoch; at once if that is past."""
        with self._change:
            heapq.heappush(self._due, (due, next(self._numbers), action))
            self._change.notify_all()

    def begin_elsewhere(self) -> None:
        """Count work on another thread as not settled, until `end_elsewhere`."""
        with self._change:
            self._at_work += 1

    def end_elsewhere(self) -> None:
        """Work on another thread has ended, and what follows from it is planned."""
        with self._change:
            self._at_work -= 1
            self._change.notify_all()

    def settle(self, patience: float = PATIENCE_S) -> None:
        """Wait until nothing is due and no work is under way; this does not move time.

        Raises what an action raised since the last call, `OutpaintError` TIMED_OUT after `patience` real seconds.
        """
        if threading.current_thread() is self._thread:
            raise OutpaintError(ErrorCode.INTERNAL, "a model's script cannot wait for the mock that is running it")
        with self._change:
            if not self._change.wait_for(self._is_settled, patience):
                raise OutpaintError(
                    ErrorCode.TIMED_OUT, f"the mock still had work after {patience:g} s: see its journal for what"
                )
            if self._failures:
                failure, self._failures = self._failures[0], []
                raise failure

    def run_until(self, done: threading.Event) -> None:
        """Wait for an event that an action sets; a frozen clock is moved from one due time to the next meanwhile."""
        while not done.is_set():
            with self._change:
                if not self.clock.is_frozen or not self._is_settled():
                    self._change.wait(0.05)
                    continue
                following = self._due[0][0] if self._due else None
            if following is None:
                return
            self.clock.reach(following)

    def close(self) -> None:
        """End the thread; actions that are not yet due never run."""
        self._unsubscribe()
        with self._change:
            self._closed = True
            self._change.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _is_settled(self) -> bool:
        return self._closed or (self._at_work == 0 and not (self._due and self._due[0][0] <= self.clock.now()))

    def _look_again(self) -> None:
        with self._change:
            self._change.notify_all()

    def _next(self) -> tuple[float, Action] | None:
        """The next due action, waited for; None at the end."""
        with self._change:
            while not self._closed:
                wait = math.inf
                if self._due:
                    due, _, action = self._due[0]
                    wait = self.clock.real_seconds(due - self.clock.now())
                    if wait <= 0:
                        heapq.heappop(self._due)
                        self._at_work += 1
                        return due, action
                self._change.notify_all()
                self._change.wait(None if math.isinf(wait) else min(wait, threading.TIMEOUT_MAX))
            self._change.notify_all()
            return None

    def _run(self) -> None:
        while (planned := self._next()) is not None:
            due, action = planned
            try:
                action(due)
            except Exception as error:  # noqa: BLE001 - the other actions still have to run; `settle` raises it
                _LOG.exception("an action of the SageMaker mock failed")
                with self._change:
                    self._failures.append(error)
            finally:
                self.end_elsewhere()
