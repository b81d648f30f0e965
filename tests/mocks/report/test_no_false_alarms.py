"""What looks like a fault in a journal and is none, move by move."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from outpaint.contracts.profiles import WireProfile
from outpaint.functions.service.service import ServiceSettings
from outpaint.mocks.report.client_checks import judge
from outpaint.mocks.report.findings import CheckOutcome, CheckResult, ReportVerdict
from outpaint.mocks.transports.httpx_transport import OutpaintTransport
from outpaint.mocks.transports.tcp_server import ServedWorld, thread_server
from outpaint.mocks.world.calls import CannotTellError
from outpaint.mocks.world.virtual_clock import VirtualClock
from outpaint.mocks.world.world import World

ADDRESS = "https://pictures.example/a.png"


def wrong(client: Any) -> list[str]:
    return [f"{check.code}: {finding.text}" for check in client.report().failures for finding in check.findings]


def test_a_repeat_by_address_asks_for_the_same(client: Any) -> None:
    client.scenario("polls(1); reset(after, on=submit)")
    client.submit(idem="k", image_url=ADDRESS)
    client.sleep(1)
    answer = client.submit(idem="k", image_url=ADDRESS)
    assert answer.header("Idempotent-Replayed") == "true"
    inference_id = json.loads(answer.body)["inference_id"]
    for _ in range(2):
        client.sleep(2)
        client.poll(inference_id)
    assert wrong(client) == []
    assert client.says("same_key_on_retry").judged == client.says("one_key_one_request").judged == 1
    client.submit(idem="k", image_url=f"{ADDRESS}?other")
    assert client.says("one_key_one_request").outcome is CheckOutcome.FAILED


def test_a_poll_after_a_replay_is_no_poll_after_the_end(client: Any) -> None:
    """Another process takes up the order: it has its key, and not what the first one was told."""
    inference_id, url = client.done(idem="k")
    client.fetch(url)
    client.sleep(3600)
    assert client.submit(idem="k").status == 200
    client.sleep(2)
    client.poll(inference_id)
    assert wrong(client) == []
    client.sleep(2)
    client.poll(inference_id)
    assert client.says("stops_at_end").outcome is CheckOutcome.FAILED


def test_a_replay_may_be_the_look_that_ends_a_job(client: Any) -> None:
    client.job(idem="k")
    client.sleep(2)
    assert client.submit(idem="k").status == 200
    assert wrong(client) == []
    assert client.says("job_left").judged == 1


def test_a_failed_job_that_a_replay_tells_of_takes_a_new_key(client: Any) -> None:
    client.scenario("fail(painting_failed); reset(after, on=submit)")
    client.submit(idem="k", mode="sync")
    client.sleep(1)
    assert client.submit(idem="k", mode="sync").status == 500
    client.sleep(1)
    client.submit(idem="another", mode="sync")
    assert wrong(client) == []
    assert client.says("new_key_after_failure").outcome is CheckOutcome.PASSED


def test_after_a_mismatch_the_same_is_sent_under_a_key_of_its_own(client: Any) -> None:
    client.done(idem="k")
    assert client.submit("another", idem="k").status == 422
    client.sleep(1)
    client.submit("another", idem="l")
    assert client.says("blind_repeat").outcome is CheckOutcome.PASSED


def test_what_was_set_right_in_as_many_bytes_is_another_request(client: Any) -> None:
    assert client.submit(count="11").status == 422
    client.sleep(1)
    assert client.submit(count="99").status == 422
    assert client.says("blind_repeat").outcome is CheckOutcome.PASSED
    client.sleep(1)
    client.submit(count="11")
    assert client.says("blind_repeat").outcome is CheckOutcome.FAILED


def test_what_lies_at_an_address_may_have_been_set_right(client: Any) -> None:
    for picture in (b"no picture", None):
        client.world.sources.register(ADDRESS, picture)
        client.submit(idem="k", image_url=ADDRESS)
        client.sleep(1)
    assert client.says("blind_repeat").outcome is CheckOutcome.NOT_APPLICABLE


def test_a_result_that_another_job_goes_on_with_need_not_be_fetched(client: Any) -> None:
    inference_id, _ = client.done()
    picture = json.loads(client.poll(inference_id).body)["data"][0]["id"]
    client.submit("wider still", image_id=picture)
    client.sleep(25 * 3600)
    assert client.says("fetched_in_time").findings == ()


def test_who_gives_up_after_many_failures_has_not_left_its_job(client: Any) -> None:
    inference_id = client.job()
    client.scenario("error(internal)", on="poll", times=4)
    for pause in (2, 1, 2, 4):
        client.sleep(pause)
        client.poll(inference_id)
    assert wrong(client) == []
    assert client.says("job_left").outcome is CheckOutcome.NOT_APPLICABLE


@pytest.mark.parametrize("how", ["wrong_shape", "reset(during)", "cut(20, on=poll)"])
def test_an_end_that_could_not_be_read_is_none(client: Any, how: str) -> None:
    inference_id = client.job()
    client.scenario(how, on="poll")
    for _ in range(2):
        client.sleep(2)
        client.poll(inference_id)
    assert wrong(client) == []


def test_drawn_pauses_need_not_grow_each_time(client: Any) -> None:
    client.scenario("gateway(502)", on="balance", times=3)
    for pause in (0.8, 0.3, 1.1):
        client.balance()
        client.sleep(pause)
    client.balance()
    assert client.says("back_off").outcome is CheckOutcome.PASSED


def test_calls_that_were_sent_side_by_side_wait_for_nothing(make_client: Callable[..., Any]) -> None:
    client = make_client(World(clock=VirtualClock.ticking(1_800_000_000.0)))
    client.scenario("error(unavailable, retry_after=7); latency(3)", on="balance")
    client.balance()
    client.world.clock.restore((client.world.clock.now() - 2, 1.0))
    client.balance()
    assert wrong(client) == []


def until(holds: Callable[[], bool]) -> None:
    """What another thread is about to do is done."""
    for _ in range(2000):
        if holds():
            return
        threading.Event().wait(0.005)
    raise AssertionError("it never came to be")


class TestPatience:
    """`latency(100)` on polls, which a client with a timeout never hears of, and one without waits for."""

    @staticmethod
    def judged(world: World, timeout: float | None, base_url: str, **how: Any) -> dict[str, CheckResult]:
        world.scenarios.always("polls(1)")
        world.scenarios.always("latency(100)", on="poll")
        headers = {"X-Picsart-API-Key": "anyone"}
        with httpx.Client(base_url=base_url, headers=headers, timeout=30, trust_env=False, **how) as api:
            form = {"image_url": ADDRESS, "prompt": "a lake", "mode": "async", "count": "1"}
            answer = api.post("/painting/outpaint", data=form, headers={"Idempotency-Key": "k"})
            path, pause = f"/painting/{answer.json()['inference_id']}", 2.0
            for _ in range(4):
                world.clock.advance(pause)
                try:
                    answer = api.get(path, timeout=timeout)
                except httpx.TimeoutException:
                    pause *= 2
                    if pause == 16:
                        world.scenarios.clear()
                        timeout = None
                    continue
                if answer.status_code == 200:
                    break
        assert answer.status_code == 200
        report = judge(world)
        assert [f"{check.code}: {check.findings}" for check in report.failures] == []
        return {check.code: check for check in report.checks}

    @pytest.mark.parametrize("ticks", [False, True])
    @pytest.mark.parametrize("timeout", [0.01, None])
    def test_in_process(self, timeout: float | None, ticks: bool) -> None:
        world = World(clock=VirtualClock.ticking(1_800_000_000.0, scale=5000) if ticks else VirtualClock.frozen())
        checks = self.judged(world, timeout, "http://mock.test/v1", transport=OutpaintTransport(world))
        polls = world.calls.polls
        assert [call.abandoned for call in polls] == ([False, False] if timeout is None else [True, True, True, False])
        if timeout is not None:
            assert {call.status for call in polls[:3]} == {None}
            assert checks["back_off"].judged == 1

    def test_over_tcp(self, served: ServedWorld) -> None:
        self.judged(served.world, 0.05, served.base_url)
        until(lambda: [call.abandoned for call in served.world.calls.polls] == [True, True, True, False])

    def test_of_a_client_that_breaks_off_its_own_request(self, served: ServedWorld) -> None:
        where = urlsplit(served.base_url)
        head = (
            f"POST {where.path}/painting/outpaint HTTP/1.1\r\nHost: {where.netloc}\r\nX-Picsart-API-Key: anyone\r\n"
            "Idempotency-Key: k\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 5000\r\n\r\n--b\r\n"
        )
        for place in range(2):
            with socket.create_connection((where.hostname or "", where.port or 0)) as connection:
                connection.sendall(head.encode())
                until(lambda place=place: len(served.world.calls) > place)
            until(lambda: served.world.calls.last.abandoned)
            served.world.clock.advance(1)
        calls = served.world.calls
        assert [(call.status, call.abandoned) for call in calls] == [(None, True)] * 2
        assert judge(served.world).failures == ()

    @pytest.fixture
    def served(self) -> Iterator[ServedWorld]:
        world = World("patience", clock=VirtualClock.ticking(1_800_000_000.0))
        with thread_server() as server, server.serving(world) as served:
            yield served


def test_a_client_that_ends_its_wait_repeats_under_its_key() -> None:
    world = World(settings=ServiceSettings(sync_wait=60))
    world.scenarios.next("time(30)")
    headers = {"X-Picsart-API-Key": "anyone", "Idempotency-Key": "k"}
    with httpx.Client(transport=OutpaintTransport(world), headers=headers, timeout=5) as api:
        form = {"image_url": ADDRESS, "prompt": "a lake", "count": "1"}
        with pytest.raises(httpx.ReadTimeout):
            api.post("http://mock.test/v1/painting/outpaint", data=form)
        world.clock.advance(1)
        answer = api.post("http://mock.test/v1/painting/outpaint", data=form)
    assert (answer.status_code, answer.headers["Idempotent-Replayed"]) == (200, "true")
    report = judge(world)
    assert report.failures == ()
    assert report.of("same_key_on_retry").judged == 1


def test_a_report_on_a_part_of_the_calls_cannot_tell(make_client: Callable[..., Any]) -> None:
    client = make_client(World(max_calls=3))
    for _ in range(4):
        client.balance()
    report = client.report()
    assert (report.verdict, report.dropped, report.passes()) == (ReportVerdict.CANNOT_TELL, 1, False)
    with pytest.raises(CannotTellError, match="cannot tell, 1 calls dropped: those that are kept break no rule"):
        report.assert_passed()
    client.submit(query="api_key=secret")
    with pytest.raises(AssertionError, match="error key_in_header"):
        client.report().assert_passed()
    assert client.report().verdict is ReportVerdict.FAILED


def test_results_whose_fetches_may_be_dropped_are_not_missed(make_client: Callable[..., Any]) -> None:
    client = make_client(World(max_calls=3, settings=ServiceSettings(url_lifetime=60)))
    inference_id, url = client.done()
    client.fetch(url)
    client.sleep(61)
    client.poll(inference_id)
    assert client.says("fetched_in_time").outcome is CheckOutcome.PASSED
    for _ in range(2):
        client.balance()
    client.sleep(25 * 3600)
    assert client.says("fetched_in_time").outcome is CheckOutcome.NOT_APPLICABLE


def test_a_client_of_the_vendor_that_lost_a_202_sends_again(make_client: Callable[..., Any]) -> None:
    client = make_client(World(profile=WireProfile.VENDOR))
    client.scenario("reset(during)", on="submit")
    client.submit(idem=None)
    client.sleep(1)
    client.done(idem=None)
    assert wrong(client) == []
