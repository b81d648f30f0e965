"""The API as a case sees it: what goes out, and what is told to whoever observes."""

from __future__ import annotations

from typing import Any

import httpx

from outpaint.conformance.proving import answer_promises
from outpaint.conformance.proving.api import Api, once
from outpaint.conformance.proving.observed_exchange import ObservedExchange


def api_of(sent: list[httpx.Request], seen: list[ObservedExchange], *, key: str | None = "k", **answer: Any) -> Api:
    def respond(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(**({"status_code": 200} | answer))

    client = httpx.Client(transport=httpx.MockTransport(respond), base_url="http://core.test")
    return Api(None, client, key, seen.append)  # type: ignore[arg-type]


def test_a_header_may_stand_on_several_lines() -> None:
    sent: list[httpx.Request] = []
    api_of(sent, []).get("/v1/balance", headers=[("Prefer", "wait=30"), ("Prefer", "respond-async")])
    assert sent[0].headers.get_list("Prefer") == ["wait=30", "respond-async"]
    assert sent[0].headers["X-Picsart-API-Key"] == "k"


def test_a_key_that_the_case_wrote_itself_stands_alone_in_any_spelling() -> None:
    sent: list[httpx.Request] = []
    api_of(sent, []).get("/v1/balance", headers={"x-picsart-api-key": "another"})
    assert sent[0].headers.get_list("X-Picsart-API-Key") == ["another"]


def test_a_request_sent_as_it_is_has_no_header_of_the_client_and_is_observed() -> None:
    sent: list[httpx.Request] = []
    seen: list[ObservedExchange] = []
    api_of(sent, seen).send(httpx.Request("GET", "http://core.test/v1/nothing"))
    assert list(sent[0].headers) == ["host"]
    assert [exchange.path for exchange in seen] == ["/v1/nothing"]


def test_files_are_fetched_without_the_key_and_observed_where_the_api_serves_them() -> None:
    sent: list[httpx.Request] = []
    seen: list[ObservedExchange] = []
    api = api_of(sent, seen)
    api.fetch("http://core.test/v1/files/a.png", method="HEAD")
    api.fetch("https://files.test/a.png")
    api.fetch("http://core.test:9000/a.png")
    assert [request.method for request in sent] == ["HEAD", "GET", "GET"]
    assert all("X-Picsart-API-Key" not in request.headers for request in sent)
    assert [exchange.method for exchange in seen] == ["HEAD"]


def test_no_two_idempotency_keys_are_the_same() -> None:
    assert once() != once()


def exchange(method: str = "GET", status: int = 200, body: bytes = b"", **headers: str) -> ObservedExchange:
    told = tuple((name.replace("_", "-").lower(), value) for name, value in headers.items())
    return ObservedExchange(method, "http://core.test/x", "/x", (), b"", status, told, body, 0.0)


def broken(seen: ObservedExchange) -> set[str]:
    return {check.id for check, _ in answer_promises.broken(seen)}


def test_401_must_say_how_to_authenticate() -> None:
    assert "always.www-authenticate-on-401" in broken(exchange(status=401))
    assert "always.www-authenticate-on-401" not in broken(exchange(status=401, www_authenticate="ApiKey"))
    assert "always.www-authenticate-on-401" not in broken(exchange(status=403))


def test_what_has_no_body_may_be_labelled() -> None:
    assert "always.json-is-json" in broken(exchange(status=200, content_type="application/json"))
    assert "always.json-is-json" not in broken(exchange(status=204, content_type="application/json"))


def test_an_answer_to_head_must_have_no_body() -> None:
    assert "always.head-has-no-body" in broken(exchange("HEAD", body=b"x"))
    assert "always.head-has-no-body" not in broken(exchange("HEAD", content_length="1"))


def test_an_answer_must_be_as_long_as_it_declares() -> None:
    wrong = "always.length-is-the-declared-one"
    assert wrong in broken(exchange(body=b"xy", content_length="1"))
    assert wrong not in broken(exchange(body=b"xy", content_length="2"))
    assert wrong not in broken(exchange(body=b"xy"))
    assert wrong not in broken(exchange("HEAD", content_length="7"))
    assert wrong not in broken(exchange(body=b"unpacked", content_length="3", content_encoding="gzip"))
