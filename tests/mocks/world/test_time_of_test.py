"""Where a world's time begins, and what freezegun and time-machine do to it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import freezegun
import httpx
import pytest
import time_machine

from outpaint.mocks.transports.httpx_transport import OutpaintTransport
from outpaint.mocks.world.machine_time import MachineTime, held_time
from outpaint.mocks.world.virtual_clock import ClockError, VirtualClock
from outpaint.mocks.world.world import World
from outpaint.mocks.world.world_options import WorldOptions

NOON = datetime(2031, 3, 1, 12, 0, 30, tzinfo=UTC)

HOLDS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "freezegun": lambda: freezegun.freeze_time(NOON),
    "freezegun that ticks": lambda: freezegun.freeze_time(NOON, tick=True),
    "time-machine": lambda: time_machine.travel(NOON, tick=False),
    "time-machine that ticks": lambda: time_machine.travel(NOON),
}


@pytest.fixture(params=HOLDS)
def held(request: pytest.FixtureRequest) -> Callable[[], AbstractContextManager[Any]]:
    return HOLDS[request.param]


def test_a_frozen_clock_begins_at_the_minute_that_it_is_first_read_in() -> None:
    before = time.time()
    now = VirtualClock.frozen().now()
    assert now % 60 == 0
    assert before - 60 < now <= time.time()


def test_a_result_of_a_frozen_world_is_good_for_nearly_a_day(api: Any) -> None:
    item = json.loads(api.submit(mode="sync").body)["data"][0]
    assert datetime.fromisoformat(item["expires_at"]).timestamp() > time.time() + 23 * 3600


def test_a_frozen_clock_begins_where_a_tool_holds_the_tests(held: Callable[[], AbstractContextManager[Any]]) -> None:
    world = World()  # as a fixture makes it, before the test holds its time
    assert held_time() is None
    with held():
        assert world.clock.time == NOON
    assert world.clock.time == NOON
    world.reset()
    assert world.clock.now() < NOON.timestamp()


@pytest.mark.parametrize("tool", ["freezegun", "time-machine"])
def test_a_frozen_clock_goes_on_as_far_as_the_test_moves_its_own(tool: str) -> None:
    world, fixed = World(), World(clock=VirtualClock(1e9))
    with HOLDS[tool]() as held:
        move = held.tick if tool == "freezegun" else held.shift
        assert (world.clock.time, fixed.clock.now()) == (NOON, 1e9)
        move(timedelta(seconds=30))
        assert world.clock.time == NOON + timedelta(seconds=30)
        world.clock.advance(3600)
        move(timedelta(seconds=5))
        assert world.clock.time == NOON + timedelta(seconds=3635)
        held.move_to(NOON - timedelta(days=1))
        assert world.clock.time == NOON + timedelta(seconds=3635)
        held.move_to(NOON)
        assert world.clock.time == NOON + timedelta(seconds=3635, days=1)
        assert fixed.clock.now() == 1e9
        with HOLDS[tool]() as other:
            assert world.clock.time == NOON + timedelta(seconds=3635, days=1)
            (other.tick if tool == "freezegun" else other.shift)(timedelta(seconds=1))
            assert world.clock.time == NOON + timedelta(seconds=3636, days=1)
        assert world.clock.time == NOON + timedelta(seconds=3636, days=1)
    assert world.clock.time == NOON + timedelta(seconds=3636, days=1)


def test_a_job_ends_when_the_tests_time_says_so(api: Any, world: World) -> None:
    with HOLDS["freezegun"]() as held:
        inference_id = api.job(headers=(("x-mock-scenario", "time(30)"),))
        assert api.words(inference_id, 3) == ["processing"] * 3
        held.tick(30)
        assert api.words(inference_id, 1) == ["success"]


@pytest.mark.parametrize("tool", ["freezegun that ticks", "time-machine that ticks"])
def test_a_frozen_clock_stands_though_the_tests_time_ticks(tool: str) -> None:
    with HOLDS[tool]():
        clock = VirtualClock.frozen()
        seen = {clock.now() for _ in range(1000)}
    assert len(seen) == 1


def test_threads_that_read_while_the_tests_time_moves_count_each_move_once() -> None:
    clock = VirtualClock.frozen()
    with HOLDS["freezegun"]() as held:
        began, stop = clock.now(), threading.Event()

        def read() -> None:
            while not stop.is_set():
                clock.now()

        threads = [threading.Thread(target=read) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(200):
            held.tick(1)
        stop.set()
        for thread in threads:
            thread.join()
        assert clock.now() - began == 200


def test_a_start_counts_whatever_holds_the_time(held: Callable[[], AbstractContextManager[Any]]) -> None:
    start = datetime(2026, 1, 1)  # noqa: DTZ001 - no zone counts as UTC
    with held():
        assert WorldOptions(start=start).world("w").clock.time == start.replace(tzinfo=UTC)


def test_a_time_that_no_clock_can_show_is_refused() -> None:
    with freezegun.freeze_time("1969-07-20"), pytest.raises(ClockError):
        VirtualClock.frozen().now()


def test_threads_that_read_first_at_once_agree() -> None:
    clock, gate, seen = VirtualClock.frozen(), threading.Barrier(8), set()

    def look() -> None:
        gate.wait()
        seen.add(clock.now())

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 1


def test_a_clock_that_was_never_read_goes_back_to_that() -> None:
    clock = VirtualClock.frozen()
    unread = clock.snapshot()
    with freezegun.freeze_time(NOON):
        assert clock.advance(5).timestamp() == NOON.timestamp() + 5
        clock.restore(unread)
        assert clock.time == NOON


def test_ids_seeds_and_pictures_depend_on_no_start(caller: Callable[..., Any]) -> None:
    def run(start: datetime) -> list[object]:
        api = caller(WorldOptions(start=start, seed=7).world("w"))
        answer = json.loads(api.submit(mode="sync", count="2").body)
        files = [api.get(item["url"], key="").body for item in answer["data"]]
        return [answer["inference_id"], [(item["id"], item["seed"]) for item in answer["data"]], files]

    assert run(datetime(2026, 1, 1, tzinfo=UTC)) == run(NOON)


def test_windows_of_the_rate_limit_begin_with_a_frozen_world(caller: Callable[..., Any]) -> None:
    api = caller(World())
    limited = {"headers": (("x-mock-scenario", "rate_limit(1, 60)"),)}
    assert [api.get("/v1/balance", **limited).status for _ in range(2)] == [200, 429]
    assert api.get("/v1/balance", **limited).header("Retry-After") == "60"


def test_a_ticking_clock_goes_on_where_the_tests_time_stands(held: Callable[[], AbstractContextManager[Any]]) -> None:
    with held():
        clock = VirtualClock.ticking(scale=1000)
        began, seen = MachineTime.seconds(), clock.now()
        while clock.now() - seen < 1:
            threading.Event().wait(0.001)
            assert MachineTime.seconds() - began < 10


def test_a_wait_on_a_ticking_clock_ends_though_the_tests_time_stands(
    held: Callable[[], AbstractContextManager[Any]],
) -> None:
    with held():
        world = World(clock=VirtualClock.ticking(scale=1000))
        world.scenarios.always("latency(5)")
        with httpx.Client(transport=OutpaintTransport(world), headers={"X-Picsart-API-Key": "any"}) as client:
            assert client.get("https://api.test/v1/balance").status_code == 200


def test_the_mock_may_be_imported_while_freezegun_holds_the_time() -> None:
    code = """
import sys
import freezegun
import pydantic
import outpaint.conformance, outpaint.contracts, outpaint.functions, outpaint.mocks, outpaint.painting

before = set(sys.modules)
with freezegun.freeze_time("2031-03-01"):
    # freezegun looks at every name of every module, and must not have them imported.
    assert not [name for name in set(sys.modules) - before if name.startswith("outpaint.")]
    from outpaint.mocks import OutpaintTransport, World, thread_server
    import outpaint.mocks.admin.admin_application
    import httpx

    key = {"X-Picsart-API-Key": "any"}
    form = {"image_url": "https://pictures.test/a.png", "prompt": "hills"}
    with httpx.Client(transport=OutpaintTransport(World()), headers=key) as client:
        answer = client.post("https://api.test/v1/painting/outpaint", data=form)
        assert answer.json()["data"][0]["expires_at"].startswith("2031-03-02T00:00:00"), answer.json()
    with thread_server() as server, server.serving(World("one")) as served, httpx.Client(trust_env=False) as client:
        assert client.get(f"{served.url}/_mock/clock").json()["time"] == "2031-03-01T00:00:00Z"
        assert client.post(f"{served.url}/_mock/clock/set", json={"time": "2031-03-02T00:00:00Z"}).status_code == 200
assert outpaint.mocks.World is World
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
