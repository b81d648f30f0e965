"""What a provider or a network can do wrong while it is recorded: a plain sentence, and the exchange marked."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from wire_kit.consumer import png, post

from outpaint.conformance.drift.recorded_bodies import body_of
from outpaint.conformance.drift.recorder import RecordingHost
from outpaint.conformance.drift.recording_file import Json, Trouble, pictures_asked_for
from outpaint.conformance.drift.upstream import NoUpstreamAnswer, Upstream, UpstreamRequest
from outpaint.functions.embedded.server import serving

from .conftest import PROXY, Provider, Sit, at_the_mock

FORM = {"prompt": "a wide beach", "count": "2"}


def answering(answer: httpx.Response | Exception) -> httpx.MockTransport:
    def handle(_: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return httpx.MockTransport(handle)


def untrusted() -> httpx.ConnectError:
    error = httpx.ConnectError("certificate")
    cause = ssl.SSLCertVerificationError(1, "certificate verify failed")
    cause.verify_message = "self-signed certificate"
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("answer", "status", "trouble", "says"),
    [
        (httpx.ConnectError("refused"), 502, Trouble.UNREACHABLE, "nothing can be reached at https://provider.test"),
        (untrusted(), 502, Trouble.UNREACHABLE, "its certificate fails: self-signed certificate"),
        (httpx.RemoteProtocolError("cut"), 502, Trouble.UNREACHABLE, "does not speak HTTP as it should, or broke off"),
        (httpx.ReadTimeout("slow"), 504, Trouble.TIMED_OUT, "does not answer within 5 seconds"),
        (
            httpx.Response(301, headers={"Location": "https://elsewhere.test/v1"}),
            502,
            Trouble.REDIRECT,
            "redirects to https://elsewhere.test/v1",
        ),
    ],
)
def test_no_answer_is_told_and_marked(answer: Any, status: int, trouble: Trouble, says: str, sit: Sit) -> None:
    sitting = sit(answering(answer))
    told = sitting.api.get("/balance")
    assert told.status_code == status
    assert told.json()["code"] == status
    assert says in told.json()["detail"]
    assert told.json()["detail"].count("\n") == 0
    recording = sitting.recording()
    (exchange,) = recording.exchanges
    assert exchange.mark is not None
    assert (exchange.mark.trouble, exchange.answer) == (trouble, None)
    found = at_the_mock(recording)
    assert list(found.not_replayed) == [1]
    assert not found.replayed


def test_a_web_page_is_handed_on_and_marked(sit: Sit) -> None:
    sitting = sit(answering(httpx.Response(200, html="<h1>Welcome</h1>")))
    assert "Welcome" in sitting.api.get("/balance").text
    (exchange,) = sitting.recording().exchanges
    assert exchange.mark is not None
    assert exchange.mark.trouble is Trouble.HTML
    assert not at_the_mock(sitting.recording()).is_none


def test_a_result_may_redirect_but_not_out_of_tls() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/a":
            return httpx.Response(302, headers={"Location": "https://cdn.test/b"})
        if request.url.path == "/c":
            return httpx.Response(302, headers={"Location": "http://cdn.test/b"})
        if request.url.path == "/loop":
            return httpx.Response(302, headers={"Location": "/loop"})
        return httpx.Response(200, content=b"here")

    upstream = Upstream("https://provider.test", timeout=5, transport=httpx.MockTransport(handle))
    assert upstream.fetch("GET", "https://store.test/a", [], b"").body == b"here"
    for path in ("c", "loop"):
        with pytest.raises(NoUpstreamAnswer, match="a result redirects"):
            upstream.fetch("GET", f"https://store.test/{path}", [], b"")
    upstream.close()


def test_a_key_does_not_follow_a_result_to_another_host(sit: Sit) -> None:
    sent: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        if request.url.host == "store.test":
            return httpx.Response(200, content=png(), headers={"Content-Type": "image/png"})
        return httpx.Response(200, json={"data": [{"id": "a.png", "url": "https://store.test/a.png?sig=1"}]})

    sitting = sit(httpx.MockTransport(handle))
    told = post(sitting.api, data=FORM).json()["data"][0]["url"]
    assert told.startswith(f"{PROXY}/_url/")
    sitting.api.get(told)
    assert [str(request.url) for request in sent][-1] == "https://store.test/a.png?sig=1"
    assert "x-picsart-api-key" not in sent[-1].headers


# The budget


@pytest.fixture
def counted() -> tuple[list[str], Callable[[httpx.Request, httpx.Response], httpx.Response]]:
    seen: list[str] = []

    def change(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        seen.append(f"{request.method} {request.url.path}")
        return answer

    return seen, change


def test_what_may_cost_more_than_is_left_is_refused_before_it_goes_on(counted: Any, sit: Sit) -> None:
    seen, change = counted
    sitting = sit(Provider(change), limit=5)
    statuses = [post(sitting.api, files={"image": png()}, data=FORM).status_code for _ in range(3)]
    assert statuses == [200, 200, 402]
    assert len(seen) == 2
    refused = post(sitting.api, files={"image": png()}, data=FORM)
    assert refused.headers["X-Outpaint-Recorder"] == "over_budget"
    assert "may spend 1 more credits and this request may cost 2" in refused.json()["detail"]
    assert post(sitting.api, files={"image": png()}, data=FORM | {"count": "1"}).status_code == 200
    assert sitting.recording().credits_reckoned == 5
    assert sitting.api.get("/balance").status_code == 200
    assert at_the_mock(sitting.recording()).is_none


def test_what_was_refused_there_costs_nothing(sit: Sit) -> None:
    sitting = sit(limit=2)
    assert post(sitting.api, files={"image": b"no picture"}, data=FORM).status_code == 415
    again = {"Idempotency-Key": "order-7"}
    assert post(sitting.api, files={"image": png()}, data=FORM, headers=again).status_code == 200
    assert sitting.recording().credits_reckoned == 2


def test_a_price_counts_for_each_picture(sit: Sit) -> None:
    sitting = sit(limit=10, price=4)
    statuses = [post(sitting.api, files={"image": png()}, data=FORM).status_code for _ in range(2)]
    assert statuses == [200, 402]
    assert sitting.recording().credits_reckoned == 8


@pytest.mark.parametrize(
    ("body", "kind", "query", "count"),
    [
        (b"prompt=x", "application/x-www-form-urlencoded", {}, 2),
        (b"count=7&count=3", "application/x-www-form-urlencoded", {}, 7),
        (b'{"count": 4}', "application/json", {}, 4),
        (b'{"count": "9"}', "application/json", {}, 9),
        (b'{"count": "many"}', "application/json", {}, 10),
        (b'{"count": 4', "application/json", {}, 10),
        (b"count=1", "application/x-www-form-urlencoded", {"count": "8"}, 8),
        (b"anything", "text/plain", {}, 10),
        (b"count=-5", "application/x-www-form-urlencoded", {}, 0),
    ],
)
def test_how_many_pictures_are_reckoned(body: bytes, kind: str, query: dict[str, str], count: int) -> None:
    assert pictures_asked_for(body_of(body, kind), query) == count


# URLs through the proxy


def test_results_of_results_find_their_way_back(sit: Sit) -> None:
    sitting = sit()
    first = post(sitting.api, files={"image": png()}, data=FORM | {"format": "PNG"}).json()["data"][0]
    assert sitting.api.get(first["url"]).status_code == 200
    second = post(sitting.api, json={"image_url": first["url"], "prompt": "more", "count": 1})
    recording = sitting.recording()
    assert recording.exchanges[1].request.target == "{{1/data/0/url}}"
    body = recording.exchanges[2].request.body
    assert isinstance(body, Json)
    assert body.value["image_url"] == "{{1/data/0/url}}"
    found = at_the_mock(recording)
    assert found.is_none, (second.text, found.differences)


def test_results_can_be_followed_instead(sit: Sit) -> None:
    sitting = sit(follow=True)
    told = post(sitting.api, files={"image": png()}, data=FORM).json()
    assert not any(one["url"].startswith(PROXY) for one in told["data"])
    recording = sitting.recording()
    assert [one.request.target for one in recording.exchanges[1:]] == ["{{1/data/0/url}}", "{{1/data/1/url}}"]
    assert all(one.answer is not None and one.answer.status == 200 for one in recording.exchanges)
    assert at_the_mock(recording).is_none


def test_a_body_that_is_too_large_is_refused_and_marked(sit: Sit) -> None:
    sitting = sit()
    told = sitting.recorder.handle(UpstreamRequest("POST", "/v1/painting/outpaint", [], too_large=True))
    assert told.status == 413
    (exchange,) = sitting.recording().exchanges
    assert exchange.mark is not None
    assert exchange.mark.says == "a request may be 128 MiB to be recorded"


def test_labels_and_headers_that_are_not_ascii_go_through_and_come_again(sit: Sit) -> None:
    sitting = sit()
    headers = {"X-Note": "caf\u00e9".encode("latin-1"), "X-Picsart-API-Key": b"pk-\xe9-not-ascii-at-all"}
    form = {"prompt": "\u6d77 \u0441\u043d\u0435\u0433", "count": "1"}
    answer = post(sitting.api, files={"image": ("f\u00f6to.png", png())}, data=form, headers=headers)
    recording = sitting.recording()
    assert recording.exchanges[0].answer is not None
    assert recording.exchanges[0].answer.status == answer.status_code
    assert "not-ascii-at-all" not in recording.text()
    found = at_the_mock(recording)
    assert found.is_none, found.differences


def test_clients_side_by_side_are_all_recorded(sit: Sit) -> None:
    sitting = sit()
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: sitting.api.get("/balance").status_code, range(40)))
    assert statuses == [200] * 40
    recording = sitting.recording()
    assert [one.number for one in recording.exchanges] == list(range(1, 41))
    assert at_the_mock(recording).is_none


@pytest.mark.parametrize(
    ("headers", "own_key", "status"),
    [
        ({}, "the-recorders-own-key", 200),
        ({"Origin": "http://localhost:3000"}, "the-recorders-own-key", 403),
        ({"Host": "rebound.example"}, "the-recorders-own-key", 403),
        ({"Origin": "http://localhost:3000"}, None, 200),
    ],
)
def test_a_page_cannot_spend_the_key_that_the_proxy_adds(
    sit: Sit, headers: dict[str, str], own_key: str | None, status: int
) -> None:
    asked: list[str | None] = []

    def balance(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("X-Picsart-API-Key"))
        return httpx.Response(200, json={"credits": 1})

    sitting = sit(httpx.MockTransport(balance))
    sitting.recorder.key = own_key
    host = RecordingHost(sitting.recorder)
    try:
        with serving(host) as url:
            answer = httpx.get(f"{url}/v1/balance", headers={"X-Picsart-API-Key": "any", **headers}, trust_env=False)
    finally:
        host.close()
    assert answer.status_code == status
    assert asked == ([] if status == 403 else [own_key or "any"])
    assert len(sitting.recorder.recording().exchanges) == len(asked)
