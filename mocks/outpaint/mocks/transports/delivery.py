"""The step that every transport in process shares: from a request to its answer, waiting by the world's clock."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Final, TypeVar

from outpaint.functions.http.messages import RequestHead, Response, Waiting
from outpaint.mocks.exchange.call_under_way import CallUnderWay
from outpaint.mocks.exchange.mock_application import MockApplication, RefusedHead
from outpaint.mocks.world.mock_answers import Break, MockResponse
from outpaint.mocks.world.virtual_clock import VirtualClock
from outpaint.mocks.world.world import World

_T = TypeVar("_T")
_LONGEST_S: Final = 3600.0


class Failure(Enum):
    """Why a client gets no answer, or not all of it; the value is the text of its error."""

    REFUSED = "[Errno 111] Connection refused"
    RESET = "[Errno 104] Connection reset by peer"
    TIMED_OUT = "The read operation timed out"
    BROKEN_OFF = "peer closed connection without sending complete message body"


class Undelivered(Exception):  # noqa: N818 - an outcome; each transport raises its client's own error for it
    """The answer breaks off, or never begins."""

    def __init__(self, failure: Failure, text: str | None = None) -> None:
        super().__init__(text or failure.value)
        self.failure: Final = failure


@dataclass(frozen=True, slots=True)
class Pause:
    """Real time to let pass: `seconds`, or until `over` is set, whichever is first."""

    over: threading.Event
    seconds: float

    def wait(self) -> None:
        """Let it pass on this thread."""
        self.over.wait(self.seconds)

    async def wait_async(self) -> None:
        """Let it pass without holding up the event loop, asyncio's or trio's."""
        from anyio.to_thread import run_sync

        try:
            await run_sync(self.wait, abandon_on_cancel=True)
        finally:
            self.over.set()  # ends the thread when its task is cancelled


Steps = Generator[Pause, None, _T]
"""Work that yields where it has to wait; its driver decides how."""


def drive(steps: Steps[_T]) -> _T:
    """Do the work on this thread."""
    while True:
        try:
            pause = next(steps)
        except StopIteration as end:
            result: _T = end.value
            return result
        pause.wait()


async def drive_async(steps: Steps[_T]) -> _T:
    """Do the work in a task."""
    try:
        while True:
            try:
                pause = next(steps)
            except StopIteration as end:
                result: _T = end.value
                return result
            await pause.wait_async()
    finally:
        steps.close()


def deliver(
    mock: MockApplication, head: RequestHead, body: bytes, patience: float | None = None
) -> Steps[MockResponse]:
    """The answer to a request after its wait and latency; its body may still have to trickle or to break off.

    `patience` is how many seconds the client waits for the first byte, None for ever: virtual seconds while the clock
    is frozen, real ones while it ticks. Raises `Undelivered` where no answer begins.
    """
    left = math.inf if patience is None else patience
    call = mock.open(head)
    try:
        return (yield from _delivered(call, body, left))
    except Undelivered as reason:
        if reason.failure is Failure.TIMED_OUT:
            call.left()
        raise
    except GeneratorExit:  # its task was cancelled
        call.left()
        raise


def _delivered(call: CallUnderWay | RefusedHead, body: bytes, left: float) -> Steps[MockResponse]:
    world = call.world
    began = world.clock.now()
    # A GET's body, which servers leave unread, is none of the call's.
    outcome: Response | Waiting = call.respond(body if call.body_limit else b"")
    if isinstance(outcome, Waiting):
        left = yield from _wait(world, outcome, left)
        outcome = outcome.resume()
    elif world.clock.is_frozen:
        left -= world.clock.now() - began  # a frozen clock has passed the wait by itself
        if left < 0:
            raise Undelivered(Failure.TIMED_OUT)
    assert isinstance(outcome, MockResponse)
    yield from pass_time(world.clock, outcome.latency, left)
    breaks = None if outcome.fault is None else outcome.fault.breaks
    if breaks is Break.REFUSED:
        raise Undelivered(Failure.REFUSED)
    if breaks in (Break.BEFORE, Break.AFTER):
        raise Undelivered(Failure.RESET)
    return outcome


def pass_time(clock: VirtualClock, seconds: float, patience: float = math.inf) -> Steps[float]:
    """Let virtual time pass, and return the patience that is left; raises `Undelivered` once there is none."""
    if seconds <= 0:
        return patience
    return (yield from _pass_until(clock, clock.now() + seconds, threading.Event(), lambda: False, patience))


def _wait(world: World, waiting: Waiting, patience: float) -> Steps[float]:
    """Wait for a job's end, or for the end of the wait."""
    woken = threading.Event()
    unsubscribe = world.endings.subscribe(waiting.inference_id, woken.set)
    try:
        over = partial(world.has_ended, waiting.inference_id)
        return (yield from _pass_until(world.clock, waiting.until, woken, over, patience))
    except BaseException:
        waiting.abandon()
        raise
    finally:
        unsubscribe()


def _pass_until(
    clock: VirtualClock, until: float, woken: threading.Event, over: Callable[[], bool], patience: float
) -> Steps[float]:
    """Let time pass until the clock shows `until`, or until `over()`, asked whenever `woken` is set."""
    unsubscribe = clock.on_change(woken.set)
    try:
        while True:
            woken.clear()
            ahead = until - clock.now()
            if ahead <= 0 or over():
                return patience
            if clock.is_frozen:
                clock.advance(min(ahead, patience))
                if ahead > patience:
                    raise Undelivered(Failure.TIMED_OUT)
                return patience - ahead
            began = time.monotonic()
            yield Pause(woken, min(clock.real_seconds(ahead), patience, _LONGEST_S))
            patience -= time.monotonic() - began
            if patience <= 0:
                raise Undelivered(Failure.TIMED_OUT)
    finally:
        unsubscribe()
