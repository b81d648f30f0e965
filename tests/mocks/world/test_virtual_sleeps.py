"""A client's sleeps, which take no time and move the world's clock."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from time import monotonic as now_by_name
from time import sleep as sleep_by_name
from typing import Any

import anyio
import backoff
import freezegun
import pytest
import tenacity
import time_machine
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from outpaint.mocks.world.virtual_clock import ClockError, VirtualClock
from outpaint.mocks.world.virtual_sleeps import VirtualSleeps

START = 1_900_000_000.0
LONG = 3600.0


class BusyError(Exception):
    """Comes three times, then no more."""


@pytest.fixture
def sleeps() -> Iterator[VirtualSleeps]:
    before = time.perf_counter()
    with VirtualSleeps(VirtualClock(START)) as active:
        yield active
    assert time.perf_counter() - before < 60, "somebody slept"


def passed(sleeps: VirtualSleeps) -> float:
    return sleeps.clock.now() - START


async def asyncio_by_name(seconds: float) -> None:
    await sleep_in_task_by_name(seconds)


sleep_in_task_by_name = asyncio.sleep
WAYS: dict[str, Callable[[float], Any]] = {
    "time.sleep": lambda seconds: time.sleep(seconds),
    "by a name of its own": lambda seconds: sleep_by_name(seconds),
    "asyncio.sleep": lambda seconds: asyncio.run(asyncio.sleep(seconds)),
    "asyncio's by a name of its own": lambda seconds: asyncio.run(asyncio_by_name(seconds)),
    "anyio.sleep": lambda seconds: anyio.run(anyio.sleep, seconds),
    "on uvloop": lambda seconds: uvloop.run(asyncio_by_name(seconds)),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_sleep_moves_the_clock_and_takes_no_time(sleeps: VirtualSleeps, way: str) -> None:
    WAYS[way](LONG)
    assert passed(sleeps) == LONG
    assert sleeps.seconds == (LONG,)


def flaky() -> Callable[[], int]:
    left = iter((1, 2, 3))

    def call() -> int:
        if next(left, None) is not None:
            raise BusyError
        return 200

    return call


def tenacity_sync(call: Callable[[], int]) -> int:
    return tenacity.Retrying(wait=tenacity.wait_exponential(), stop=tenacity.stop_after_attempt(9))(call)


def tenacity_async(call: Callable[[], int]) -> int:
    async def called() -> int:
        return call()

    return asyncio.run(tenacity.AsyncRetrying(wait=tenacity.wait_exponential())(called))


def backoff_sync(call: Callable[[], int]) -> int:
    return int(backoff.on_exception(backoff.expo, BusyError, jitter=None)(call)())


def backoff_async(call: Callable[[], int]) -> int:
    @backoff.on_exception(backoff.expo, BusyError, jitter=None)
    async def called() -> int:
        return call()

    return asyncio.run(called())


@pytest.mark.parametrize("retry", [tenacity_sync, tenacity_async, backoff_sync, backoff_async])
def test_the_pauses_of_a_library_for_retries_are_sleeps(
    sleeps: VirtualSleeps, retry: Callable[[Callable[[], int]], int]
) -> None:
    assert retry(flaky()) == 200
    assert sleeps.seconds == (1, 2, 4)
    assert passed(sleeps) == 7


def test_a_client_that_gives_up_by_the_monotonic_clock_gives_up(sleeps: VirtualSleeps) -> None:
    retrying = tenacity.Retrying(wait=tenacity.wait_fixed(10), stop=tenacity.stop_after_delay(60))
    with pytest.raises(tenacity.RetryError):
        retrying(lambda: 1 / 0)
    assert passed(sleeps) == 60
    give_up, rounds = now_by_name() + 30, 0
    while now_by_name() < give_up:
        time.sleep(1)
        rounds += 1
    assert rounds == 30


@settings(max_examples=40)
@given(st.lists(st.floats(0.001, 1e5), min_size=1, max_size=12))
def test_tasks_that_sleep_side_by_side_wake_in_order_and_together(times: list[float]) -> None:
    async def all_of_them(sleeps: VirtualSleeps) -> list[tuple[float, float]]:
        woken = []

        async def one(seconds: float) -> None:
            await asyncio.sleep(seconds)
            woken.append((seconds, passed(sleeps)))

        await asyncio.gather(*map(one, times))
        return woken

    with VirtualSleeps(VirtualClock(START)) as sleeps:
        woken = asyncio.run(all_of_them(sleeps))
    assert [seconds for seconds, _ in woken] == sorted(times)
    assert [at for _, at in woken] == pytest.approx(sorted(times), abs=1e-5)


def test_tasks_that_sleep_again_and_again_share_the_time(sleeps: VirtualSleeps) -> None:
    async def polls(pause: float, count: int) -> float:
        for _ in range(count):
            await asyncio.sleep(pause)
        return passed(sleeps)

    async def both() -> list[float]:
        return await asyncio.gather(polls(2, 10), polls(3, 4))

    assert asyncio.run(both()) == pytest.approx([20, 12])


@pytest.mark.parametrize("deadline", ["wait_for", "timeout", "anyio"])
def test_a_deadline_comes_while_its_task_sleeps(sleeps: VirtualSleeps, deadline: str) -> None:
    async def poll_for_ever() -> None:
        while True:
            await asyncio.sleep(7)

    async def give_up() -> None:
        if deadline == "wait_for":
            await asyncio.wait_for(poll_for_ever(), 60)
        elif deadline == "timeout":
            async with asyncio.timeout(60):
                await poll_for_ever()
        else:
            with anyio.fail_after(60):
                await poll_for_ever()

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())
    assert passed(sleeps) == pytest.approx(60, abs=0.5)


def test_a_sleep_that_ends_before_its_deadline_is_no_timeout(sleeps: VirtualSleeps) -> None:
    assert asyncio.run(asyncio.wait_for(asyncio.sleep(59, "done"), 60)) == "done"
    assert passed(sleeps) == pytest.approx(59)


def test_what_freezegun_holds_goes_along() -> None:
    with (
        freezegun.freeze_time("2031-03-01") as frozen,
        VirtualSleeps(VirtualClock.frozen()) as sleeps,
    ):
        began, mono = datetime.now(UTC), time.monotonic()
        time.sleep(90)
        assert datetime.now(UTC) - began == timedelta(seconds=90)
        assert time.monotonic() - mono == pytest.approx(90)
        assert sleeps.clock.time == datetime.now(UTC)
        frozen.tick(5)
        time.sleep(5)
        assert sleeps.clock.time == datetime.now(UTC)


@pytest.mark.parametrize("tick", [True, False])
def test_what_time_machine_holds_goes_along(tick: bool) -> None:
    with time_machine.travel(datetime(2031, 3, 1, tzinfo=UTC), tick=tick), VirtualSleeps(VirtualClock.frozen()):
        began, mono = time.time(), time.monotonic()
        time.sleep(900)
        assert 900 <= time.time() - began < 960
        assert 900 <= time.monotonic() - mono < 960


def test_sleeps_that_are_no_clients_stay_real(sleeps: VirtualSleeps) -> None:
    # subprocess looks again and again whether the process has ended, and sleeps in between.
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.05)
        process.communicate(b"\n")
    assert passed(sleeps) == 0


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan"), "1", None])
def test_what_is_no_time_to_sleep_is_left_to_the_real_one(sleeps: VirtualSleeps, seconds: Any) -> None:
    if seconds == 0:
        time.sleep(0)
        asyncio.run(asyncio.sleep(0))
    else:
        with pytest.raises((ValueError, TypeError, OverflowError)):
            time.sleep(seconds)
    assert passed(sleeps) == 0
    assert sleeps.seconds == ()


def test_time_beyond_what_a_clock_shows_is_told(sleeps: VirtualSleeps) -> None:
    with pytest.raises(ClockError):
        time.sleep(1e12)


def test_everything_is_as_it_was_afterwards() -> None:
    real = (time.sleep, time.monotonic, asyncio.sleep, sleep_by_name, now_by_name)
    with VirtualSleeps(VirtualClock(START)):
        assert time.sleep is not real[0]
        kept, kept_monotonic = time.sleep, time.monotonic  # as a module has them that is imported now
        time.sleep(LONG)
        ahead = time.monotonic()
    assert (time.sleep, time.monotonic, asyncio.sleep, sleep_by_name, now_by_name) == real
    assert kept_monotonic() < ahead
    clock = VirtualClock(START)
    with VirtualSleeps(clock):
        kept(5)
        assert clock.now() == START + 5
    began = time.perf_counter()
    kept(0.01)
    assert time.perf_counter() - began >= 0.01
    assert clock.now() == START + 5


def test_the_latest_counts_where_several_are_active(sleeps: VirtualSleeps) -> None:
    other = VirtualClock(START)
    with VirtualSleeps(other):
        time.sleep(3)
    time.sleep(4)
    assert (passed(sleeps), other.now() - START) == (4, 3)


def test_threads_have_monotonic_clocks_of_their_own(sleeps: VirtualSleeps) -> None:
    seen: list[float] = []

    def client() -> None:
        began = time.monotonic()
        time.sleep(50)
        seen.append(time.monotonic() - began)

    before = time.monotonic()
    thread = threading.Thread(target=client)
    thread.start()
    thread.join()
    assert seen[0] == pytest.approx(50, abs=5)
    assert time.monotonic() - before < 40
    assert passed(sleeps) == 50
