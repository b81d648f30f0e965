"""What a client sees of a world's time: dates, how long answers take, and polls while the clock stands."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import freezegun
import httpx
import httpx2
import pytest
import time_machine

from outpaint.contracts.errors import OutpaintError
from outpaint.mocks.report.client_checks import judge
from outpaint.mocks.report.findings import CheckOutcome
from outpaint.mocks.transports.delivery import FrozenClockError
from outpaint.mocks.transports.httpx2_patch import OutpaintPatch
from outpaint.mocks.transports.httpx_transport import OutpaintTransport
from outpaint.mocks.transports.in_process import VENDOR_BASE_URL
from outpaint.mocks.transports.respx_router import OutpaintRouter
from outpaint.mocks.transports.tcp_server import ThreadServer
from outpaint.mocks.world.world import World
from outpaint.mocks.world.world_options import WorldOptions

if TYPE_CHECKING:
    from conftest import Transport  # type: ignore[import-not-found]

KEY = {"X-Picsart-API-Key": "anyone"}


# Dates


def test_an_answer_is_dated_by_its_worlds_clock(transport: Transport) -> None:
    world = transport.world
    world.clock.set(datetime(2031, 3, 1, 12, tzinfo=UTC))
    answers = [transport.balance(), transport.submit(), transport.call("GET", "/nothing")]
    answers.append(transport.call("GET", answers[1].json()["data"][0]["url"]))
    world.scenarios.next("drip(5)", on="balance")
    answers.append(transport.balance())
    assert {answer.headers["date"] for answer in answers} == {"Sat, 01 Mar 2031 12:00:00 GMT"}
    world.clock.advance(hours=25)
    dates = transport.balance().headers.get_list("date")
    assert [parsedate_to_datetime(date).timestamp() for date in dates] == [pytest.approx(world.clock.now(), abs=1)]


def test_the_admin_api_is_dated_by_the_machines(far: Transport) -> None:
    far.world.clock.advance(days=4000)
    answer = far.call("GET", far.base_url.replace("/v1", "/_mock/clock"))
    assert abs(parsedate_to_datetime(answer.headers["date"]) - datetime.now(UTC)) < timedelta(minutes=1)


# How long an answer takes


def test_a_response_tells_how_long_it_took_by_the_worlds_clock(near: Transport) -> None:
    assert near.balance().elapsed == timedelta(0)
    near.world.scenarios.next("latency(3)", on="balance")
    assert near.balance().elapsed == timedelta(seconds=3)
    near.world.scenarios.next("drip(4)", on="balance")
    assert near.balance().elapsed == timedelta(seconds=len('{"credits":1000}') / 4)


def test_a_response_over_tcp_tells_it_as_its_library_does(far: Transport) -> None:
    assert far.balance().elapsed > timedelta(0)


def test_a_streamed_response_tells_it_once_it_is_closed(near: Transport) -> None:
    if near.name.endswith("-async"):
        pytest.skip("the sync transports show it")
    own: dict[str, Any] = {"transport": OutpaintTransport(near.world)} if near.name == "httpx-transport" else {}
    near.world.scenarios.next("latency(3)", on="balance")
    url, key = f"{near.base_url}/balance", {"X-Picsart-API-Key": "any"}
    with near.library.Client(**own) as client, client.stream("GET", url, headers=key) as answer:
        with pytest.raises(RuntimeError, match="elapsed"):
            _ = answer.elapsed
        near.world.clock.advance(2)
    assert answer.elapsed == timedelta(seconds=5)


# Polls while the clock stands


class Poller:
    """One client of a world, kept open: making one costs more than many polls."""

    def __init__(self, client: httpx.Client, base_url: str) -> None:
        self._client = client
        self._base_url = base_url

    def job(self, scenario: str) -> str:
        form = {"image_url": "https://pictures.test/a.png", "prompt": "hills", "mode": "async"}
        answer = self._client.post(
            f"{self._base_url}/painting/outpaint", data=form, headers={"X-Mock-Scenario": scenario}
        )
        assert answer.status_code == 202
        return str(answer.json()["inference_id"])

    def poll(self, inference_id: str, times: int = 1) -> list[int]:
        url = f"{self._base_url}/painting/{inference_id}"
        return [self._client.get(url).status_code for _ in range(times)]


@contextmanager
def poller(world: World) -> Iterator[Poller]:
    with httpx.Client(transport=OutpaintTransport(world), headers=KEY) as client:
        yield Poller(client, VENDOR_BASE_URL)


@pytest.fixture
def client(world: World) -> Iterator[Poller]:
    with poller(world) as opened:
        yield opened


@pytest.mark.parametrize("scenario", ["time(30)", "manual", "lost_completion", "polls(1); lost_completion"])
def test_polling_on_and_on_while_the_clock_stands_fails_and_says_what_to_do(
    client: Poller, world: World, scenario: str
) -> None:
    inference_id = client.job(scenario)
    assert client.poll(inference_id, 99) == [202] * 99
    for _ in range(2):
        with pytest.raises(FrozenClockError, match=r"frozen clock.*outpaint_sleeps.*VirtualSleeps.*advance.*release"):
            client.poll(inference_id)
    assert [call.stalled for call in world.calls.polls[-3:]] == [0, 100, 101]
    world.clock.advance(1)
    assert client.poll(inference_id) == [202]


@pytest.mark.parametrize("patch", [OutpaintRouter, OutpaintPatch])
def test_it_fails_so_by_the_patches_too_sync_and_async(patch: Any) -> None:
    world = WorldOptions(scenario="time(30)", stalled_polls=2).world(uuid4().hex)
    library = httpx if patch is OutpaintRouter else httpx2

    async def poll_by_async(url: str) -> None:
        async with library.AsyncClient(headers=KEY) as client:
            await client.get(url)

    with patch(world), library.Client(headers=KEY) as client:
        inference_id = Poller(client, VENDOR_BASE_URL).job("time(30)")  # type: ignore[arg-type]
        url = f"{VENDOR_BASE_URL}/painting/{inference_id}"
        assert client.get(url).status_code == 202
        with pytest.raises(FrozenClockError):
            client.get(url)
        with pytest.raises(FrozenClockError):
            asyncio.run(poll_by_async(url))


def test_polls_that_end_a_job_by_themselves_may_be_many(client: Poller, world: World) -> None:
    assert client.poll(client.job("polls(120)"), 121) == [202] * 120 + [200]
    assert client.poll(client.job("sequence(processing*110, success)"), 111) == [202] * 110 + [200]
    assert not any(call.stalled for call in world.calls)


@pytest.mark.parametrize(("setting", "fail_at"), [(3, 3), (1, 1), (0, None)])
def test_a_world_says_how_many_are_too_many(setting: int, fail_at: int | None) -> None:
    world = WorldOptions(scenario="time(30)", stalled_polls=setting).world(uuid4().hex)
    with poller(world) as client:
        inference_id = client.job("time(30)")
        assert client.poll(inference_id, 150 if fail_at is None else fail_at - 1) is not None
        if fail_at is not None:
            with pytest.raises(FrozenClockError):
                client.poll(inference_id)


@pytest.mark.parametrize("setting", [-1, 1.5, "many", True])
def test_a_number_of_polls_that_is_none_is_refused(setting: Any) -> None:
    with pytest.raises(OutpaintError, match="whole number of polls"):
        WorldOptions(stalled_polls=setting).checked()


def test_over_tcp_the_answer_stays_and_journal_and_report_tell(far: Transport) -> None:
    with httpx.Client(headers=KEY, trust_env=False) as http:
        client = Poller(http, far.base_url)
        inference_id = client.job("time(30)")
        assert client.poll(inference_id, 102) == [202] * 102
        journal = http.get(far.base_url.replace("/v1", "/_mock/journal?route=poll&limit=102")).json()["calls"]
        assert [call["stalled"] for call in journal] == [0] * 99 + [100, 101, 102]
        check = judge(far.world).of("frozen_clock")
        assert check.outcome is CheckOutcome.FAILED
        assert "outpaint_sleeps" in check.findings[0].text
        assert check.findings[0].calls == (far.world.calls.polls.last.number,)
        far.world.clock.advance(30)
        assert client.poll(inference_id) == [200]


# Time that a test's tool holds


@pytest.mark.parametrize("hold", [freezegun.freeze_time, partial(time_machine.travel, tick=False)])
def test_a_latency_over_tcp_passes_though_the_tests_time_stands(going: World, server: ThreadServer, hold: Any) -> None:
    going.scenarios.always("latency(20)")  # a fifth of a second
    with hold(datetime(2031, 3, 1, tzinfo=UTC)), server.serving(going) as served:
        assert httpx.get(f"{served.base_url}/balance", headers=KEY, trust_env=False).status_code == 200
