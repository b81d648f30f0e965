"""What holds on every transport: answers, pictures, faults as the client's own errors, and time."""

from __future__ import annotations

import threading
import time
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

if TYPE_CHECKING:
    from conftest import Transport  # type: ignore[import-not-found]


def test_a_picture_goes_in_and_comes_out(transport: Transport) -> None:
    answer = transport.submit("hills", fields={"count": "2"})
    assert answer.status_code == 200
    for item in answer.json()["data"]:
        file = transport.call("GET", item["url"])
        assert file.headers["content-type"] == "image/png"
        assert Image.open(BytesIO(file.content)).size == (96, 64)
    call = transport.world.calls.submits.last
    assert call.request is not None
    assert call.request.wish.prompt == "hills"
    assert call.image.size == (96, 64)
    assert call.keep_map.getextrema() == (0, 255)
    assert transport.balance().json() == {"credits": 998}


def test_jobs_go_their_own_way(transport: Transport) -> None:
    jobs = [
        transport.submit(headers={"X-Mock-Scenario": "polls(2)", "Prefer": "respond-async"}).json() for _ in range(2)
    ]
    statuses = [transport.poll(job["inference_id"]).status_code for _ in range(3) for job in jobs]
    assert statuses == [202, 202, 202, 202, 200, 200]


def test_a_call_before_its_body_is_refused_with_the_contracts_error(transport: Transport) -> None:
    answer = transport.call("POST", "/painting/outpaint", content=b"x", headers={"content-type": "text/plain"})
    assert answer.status_code == 415
    assert answer.json()["error_code"] == "unsupported_content_type"


def test_a_whole_url_with_a_query_and_percent_signs_arrives(transport: Transport) -> None:
    answer = transport.call("GET", "/painting/a%20b%2Fc?x=1%202")
    assert answer.status_code == 404
    assert transport.world.calls.last.path == "/v1/painting/a b%2Fc"
    assert transport.world.calls.last.request_head.query == "x=1%202"


# Faults


def _reset(transport: Transport) -> tuple[type[Exception], ...]:
    """What a reset looks like; over TCP it may reach a client that is still sending, and shows in many ways."""
    library = transport.library
    errors = (library.ReadError, library.WriteError, library.RemoteProtocolError)
    return errors if transport.name == "tcp" else errors[:1]


def test_a_refused_connection(transport: Transport) -> None:
    # A connection that TCP has accepted can only be reset: the address that is really closed is `refused_url`.
    expected = _reset(transport) if transport.name == "tcp" else transport.library.ConnectError
    with transport.world.scenarios.always("refuse"), pytest.raises(expected):
        transport.submit()
    assert transport.balance().json() == {"credits": 1000}


@pytest.mark.parametrize(("when", "left"), [("before", 1000), ("after", 999)])
def test_a_reset_around_the_request(transport: Transport, when: str, left: int) -> None:
    transport.world.scenarios.next(f"reset({when}, on=submit)")
    with pytest.raises(_reset(transport)):
        transport.submit()
    assert transport.balance().json() == {"credits": left}


def test_a_reset_in_the_middle_of_a_picture(transport: Transport) -> None:
    url = transport.result()
    transport.world.scenarios.next("reset(during, on=file)")
    with pytest.raises(transport.library.ReadError):
        transport.call("GET", url)
    assert transport.call("GET", url).status_code == 200


def test_a_picture_cut_short_with_a_lying_length(transport: Transport) -> None:
    url = transport.result()
    transport.world.scenarios.next("cut(1000, lying)")
    with pytest.raises(transport.library.RemoteProtocolError, match=r"received 1000 bytes, expected \d{4,}"):
        transport.call("GET", url)


def test_a_picture_cut_short_with_an_honest_length(transport: Transport) -> None:
    url = transport.result()
    transport.world.scenarios.next("cut(1000)")
    answer = transport.call("GET", url)
    assert answer.headers["content-length"] == "1000"
    assert len(answer.content) == 1000
    with pytest.raises(OSError, match="truncated"):
        Image.open(BytesIO(answer.content)).load()


def test_a_wrong_label_a_wrong_shape_and_a_gateways_page(transport: Transport) -> None:
    url = transport.result()
    transport.world.scenarios.next('content_type("text/html")')
    assert transport.call("GET", url).headers["content-type"] == "text/html"
    transport.world.scenarios.next("wrong_shape", on="balance")
    assert "credits" not in transport.balance().json()
    transport.world.scenarios.next("gateway(502)", on="balance")
    page = transport.balance()
    assert page.status_code == 502
    assert page.headers["content-type"] == "text/html"


def test_what_was_seen_before_a_break_can_be_streamed(near: Transport) -> None:
    if near.name.endswith("-async"):
        pytest.skip("the sync transports show it")
    url = near.result()
    near.world.scenarios.next("cut(1000, lying)")
    seen = b""
    with near.library.Client(**_transport(near)) as client, client.stream("GET", url) as answer:
        assert answer.status_code == 200
        chunks = answer.iter_raw()
        while len(seen) < 1000:
            seen += next(chunks)
        with pytest.raises(near.library.RemoteProtocolError):
            next(chunks)
    assert len(seen) == 1000


def _transport(transport: Transport) -> dict[str, Any]:
    from outpaint.mocks.transports.httpx_transport import OutpaintTransport

    return {"transport": OutpaintTransport(transport.world)} if transport.name == "httpx-transport" else {}


# Time


def test_latency_passes_on_a_frozen_clock_without_a_wait(transport: Transport) -> None:
    before = transport.world.clock.now()
    transport.world.scenarios.next("latency(3)", on="balance")
    assert transport.balance().status_code == 200
    assert transport.world.clock.now() - before == pytest.approx(3)


def test_latency_beyond_the_clients_patience_is_its_timeout(near: Transport) -> None:
    before = near.world.clock.now()
    near.world.scenarios.next("latency(30)", on="balance")
    with pytest.raises(near.library.ReadTimeout):
        near.balance(timeout=10)
    assert near.world.clock.now() - before == pytest.approx(10)
    assert near.balance().status_code == 200


def test_a_client_without_a_timeout_waits(near: Transport) -> None:
    near.world.scenarios.next("latency(3000)", on="balance")
    assert near.balance(timeout=None).status_code == 200


def test_a_wait_for_a_job_beyond_the_clients_patience_is_its_timeout(near: Transport) -> None:
    with pytest.raises(near.library.ReadTimeout):
        near.submit(headers={"X-Mock-Scenario": "time(20)"}, timeout=5)
    # The job was made and goes on: a client that sends again without an idempotency key pays twice.
    assert near.balance().json() == {"credits": 999}


def test_a_slow_body_takes_its_time(transport: Transport) -> None:
    before = transport.world.clock.now()
    transport.world.scenarios.next("drip(5)", on="balance")
    assert transport.balance().json() == {"credits": 1000}
    assert transport.world.clock.now() - before == pytest.approx(len('{"credits":1000}') / 5)


def test_a_body_that_stalls_beyond_the_clients_patience_is_its_timeout(near: Transport) -> None:
    near.world.scenarios.next("drip(0.1, on=balance)")
    with pytest.raises(near.library.ReadTimeout):
        near.balance(timeout=4)


def test_waiting_on_a_clock_that_goes(lively: Transport) -> None:
    began = time.monotonic()
    answer = lively.submit(headers={"X-Mock-Scenario": "time(20)"})
    took = time.monotonic() - began
    assert answer.status_code == 200
    assert 0.15 <= took < 5


def test_real_latency_beyond_real_patience(lively: Transport) -> None:
    lively.world.scenarios.next("latency(1000)", on="balance")
    with pytest.raises(lively.library.ReadTimeout):
        lively.balance(timeout=0.2)


def test_moving_the_clock_ends_a_wait(lively: Transport) -> None:
    world = lively.world
    answers: list[Any] = []
    waiting = threading.Thread(
        target=lambda: answers.append(lively.submit(headers={"X-Mock-Scenario": "time(5000)", "Prefer": "wait=600"}))
    )
    waiting.start()
    give_up = time.monotonic() + 10
    while not world.pending and time.monotonic() < give_up:
        threading.Event().wait(0.005)
    world.clock.advance(minutes=11)
    waiting.join(10)
    assert [answer.status_code for answer in answers] == [202]


def test_releasing_a_job_ends_a_wait(lively: Transport) -> None:
    world = lively.world
    answers: list[Any] = []
    waiting = threading.Thread(
        target=lambda: answers.append(lively.submit(headers={"X-Mock-Scenario": "manual", "Prefer": "wait=600"}))
    )
    waiting.start()
    give_up = time.monotonic() + 10
    while not world.pending and time.monotonic() < give_up:
        threading.Event().wait(0.005)
    world.release()
    waiting.join(10)
    assert [answer.status_code for answer in answers] == [200]
