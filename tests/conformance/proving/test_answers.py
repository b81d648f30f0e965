"""How cases read answers: the vendor's members alone, raw bytes, and pictures beside pictures."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from outpaint.conformance.proving import answer_promises, drawn_pictures
from outpaint.conformance.proving.answer_reading import (
    Item,
    finished,
    kept_closely,
    kept_exactly,
    model_of,
    painted,
)
from outpaint.conformance.proving.expectations import Unmet
from outpaint.conformance.proving.observed_exchange import ObservedExchange
from outpaint.conformance.proving.raw_requests import answers_in, ends_connection, send_raw, status_of
from outpaint.contracts import paths_and_headers
from outpaint.contracts.responses import Balance


def test_a_finished_answer_is_read_by_the_vendors_members_alone() -> None:
    document = {"status": "success", "data": [{"id": "a.png", "url": "https://x/a"}], "more": 1}
    assert finished(httpx.Response(200, json=document)) == [Item("a.png", "https://x/a")]


@pytest.mark.parametrize(
    ("status", "document"),
    [
        (202, {"status": "success", "data": []}),
        (200, {"status": "processing", "data": []}),
        (200, {"status": "success"}),
        (200, {"data": []}),
        (200, {"status": "success", "data": [{"id": "a"}]}),
        (200, {"status": "success", "data": [{"id": "a", "url": ""}]}),
        (200, {"status": "success", "data": [{"id": 3, "url": "u"}]}),
        (200, []),
    ],
)
def test_what_is_no_finished_answer_is_unmet(status: int, document: object) -> None:
    with pytest.raises(Unmet):
        finished(httpx.Response(status, json=document))
    with pytest.raises(Unmet):
        finished(httpx.Response(200, text="<html>"))


@contextmanager
def answering(data: bytes, *, reset: bool = False) -> Iterator[tuple[str, int]]:
    """A server that reads once, answers these bytes and closes, by a reset if so asked."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            if reset:
                # Closing with bytes unread makes the kernel send a reset.
                connection.sendall(data)
                return
            connection.recv(65536)
            connection.sendall(data)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()
        thread.join()


def test_bytes_on_a_socket_are_answered_by_bytes() -> None:
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as address:
        answer = send_raw(address, b"nonsense", then_close_writing=True)
    assert status_of(answer) == 400


def test_a_reset_connection_has_said_all() -> None:
    with answering(b"HTTP/1.1 200 OK\r\n\r\n", reset=True) as address:
        assert send_raw(address, b"x" * 100) in (b"", b"HTTP/1.1 200 OK\r\n\r\n")


def test_nobody_there_is_unmet() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    with pytest.raises(Unmet, match="connection"):
        send_raw(address, b"x")


@pytest.mark.parametrize("answer", [b"", b"<html>", b"HTTP/2 200", b"HTTP/1.1 abc x"])
def test_what_has_no_status_line_is_unmet(answer: bytes) -> None:
    with pytest.raises(Unmet, match="status line"):
        status_of(answer)


def test_kept_and_painted_are_told_apart() -> None:
    sent = drawn_pictures.noisy_photo()
    other = drawn_pictures.encode(drawn_pictures.noisy_scene(seed=2))
    one_off = drawn_pictures.noisy_scene()
    one_off.putpixel((47, 35), tuple(255 - value for value in one_off.getpixel((47, 35))))
    kept_exactly(sent, sent)
    kept_closely(sent, sent)
    painted(sent, other)
    with pytest.raises(Unmet, match="expected 0, got 1"):
        kept_exactly(sent, drawn_pictures.encode(one_off))
    with pytest.raises(Unmet):
        kept_closely(sent, other)
    with pytest.raises(Unmet):
        painted(sent, sent)


@pytest.mark.parametrize(
    ("path", "content_type", "body", "codes"),
    [
        ("/v1/balance", "application/json", b'{"credits": 1}', set()),
        ("/v1/balance", "application/json; charset=utf-8", b"{", {"always.json-is-json"}),
        ("/v1/balance", "text/html", b"<html>", {"always.api-answers-json"}),
        ("/v1/painting/x", "text/plain", b"", {"always.api-answers-json"}),
        ("/v1/files/x", "image/png", b"", set()),
        ("/docs", "text/html", b"<html>", set()),
    ],
)
def test_answers_are_json_where_they_must_be(path: str, content_type: str, body: bytes, codes: set[str]) -> None:
    request = httpx.Request("GET", f"https://x{path}")
    answer = httpx.Response(200, headers={"Content-Type": content_type}, content=body, request=request)
    about_json = {"always.json-is-json", "always.api-answers-json"}
    found = {check.id for check, _ in answer_promises.broken(ObservedExchange.of(answer, 0.0))}
    assert found & about_json == codes


def exchange_of(
    path: str = "/v1/balance",
    body: bytes = b"{}",
    *,
    status: int = 200,
    method: str = "GET",
    sent: tuple[tuple[str, str], ...] = (),
    **headers: str,
) -> ObservedExchange:
    told = {"content-type": "application/json", "cache-control": "no-store"}
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = tuple((name, value) for name, value in told.items() if value)
    return ObservedExchange(method, f"https://x{path}", path, sent, b"", status, lines, body, 0.0)


def kept(exchange: ObservedExchange, promise: str) -> bool:
    asked = next(check for check in answer_promises.checks() if check.id == f"always.{promise}")
    assert asked.applies(exchange)
    return promise not in {check.id.removeprefix("always.") for check, _ in answer_promises.broken(exchange)}


@pytest.mark.parametrize(
    ("body", "content_type", "is_kept"),
    [
        (b'{"a":{"a":1},"b":"\xc3\xbc"}', "application/json", True),
        (b'{"a":1}', 'application/json; charset="UTF-8"', True),
        (b'{"a":1}', "application/json; charset=utf-8; profile=x", True),
        (b'{"a":1}', "application/json;charset=iso-8859-1", False),
        (b'{"a":1}', "application/problem+json; profile=x; Charset=US-ASCII", False),
        ('{"a":1}'.encode("utf-16"), "application/json", False),
        (b'\xef\xbb\xbf{"a":1}', "application/json", False),
        (b'{"a":"\xfc"}', "application/json", False),
        (b'{"b":[{"a":1,"a":1}]}', "application/json", False),
        (b'{"a":NaN}', "application/json", False),
        (b'{"a":-Infinity}', "application/json", False),
        (b'{"a":', "application/json", True),  # json-is-json says so
    ],
)
def test_json_is_read_alike_by_every_reader(body: bytes, content_type: str, is_kept: bool) -> None:
    assert kept(exchange_of(body=body, content_type=content_type), "json-is-interoperable") is is_kept


@pytest.mark.parametrize(
    ("path", "cache_control", "is_kept"),
    [
        ("/v1/balance", "no-store", True),
        ("/below/v1/painting/x", "private, No-Store", True),
        ("/v1/uploads", "no-store", True),
        ("/v1/balance", "", False),
        ("/v1/painting/x", "private, max-age=9", False),
        ("/v1/painting/x", "no-store, public", False),
        ("/v1/uploads", "no-cache", False),
        ("/v1/files/x.png", "private, max-age=60, immutable", True),
        ("/v1/files/x.png", "max-age=60", False),
        ("/v1/files/x.png", "private, s-maxage=60", False),
    ],
)
def test_no_cache_may_keep_what_is_private(path: str, cache_control: str, is_kept: bool) -> None:
    assert kept(exchange_of(path, cache_control=cache_control), "private-answers-are-not-kept") is is_kept


@pytest.mark.parametrize(
    ("location", "is_kept"),
    [
        ("https://x/v1/painting/a-1", True),
        ("/below/v1/painting/a%2D1", True),
        ("https://x/v1/painting/a-2", False),
        ("https://x/?/v1/painting/a-1", False),
        ("", False),
    ],
)
def test_a_202_leads_to_its_job(location: str, is_kept: bool) -> None:
    body = b'{"inference_id":"a-1"}'
    assert kept(exchange_of("/v1/painting/a-1", body, status=202, location=location), "a-202-says-where-to-poll") is (
        is_kept
    )
    assert not kept(exchange_of("/v1/painting/a-1", b"[]", status=202, location=location), "a-202-says-where-to-poll")


@pytest.mark.parametrize(
    ("sent", "applied", "is_kept"),
    [
        (("wait=20, Respond-Async;x=1",), "respond-async, wait=20", True),
        (("wait=100000", "respond-async"), "respond-async, wait=24", True),
        (("wait=20",), "respond-async", False),
        ((), "wait=5", False),
    ],
)
def test_only_preferences_that_were_sent_are_applied(sent: tuple[str, ...], applied: str, is_kept: bool) -> None:
    exchange = exchange_of(sent=tuple(("prefer", value) for value in sent), preference_applied=applied)
    assert kept(exchange, "preferences-applied-were-asked-for") is is_kept


def test_a_replay_had_a_key() -> None:
    assert kept(exchange_of(sent=(("idempotency-key", "a"),), idempotent_replayed="true"), "replays-had-a-key")
    assert not kept(exchange_of(idempotent_replayed="true"), "replays-had-a-key")


def test_a_refused_method_is_not_allowed() -> None:
    assert kept(exchange_of(method="PUT", status=405, allow="GET, HEAD"), "allow-on-405")
    assert not kept(exchange_of(method="PUT", status=405, allow="GET, Put"), "allow-on-405")
    assert not kept(exchange_of(method="PUT", status=405), "allow-on-405")


@pytest.mark.parametrize(
    ("headers", "is_kept"),
    [
        ({"access_control_allow_origin": "*"}, True),
        ({"access_control_allow_origin": "https://a", "vary": "Accept, Origin"}, True),
        ({"access_control_allow_origin": "https://a", "vary": "Accept"}, False),
        ({"access_control_allow_origin": "*", "access_control_allow_credentials": "true"}, False),
        ({}, False),
    ],
)
def test_pages_read_answers_without_cookies(headers: dict[str, str], is_kept: bool) -> None:
    exposed = ", ".join(paths_and_headers.EXPOSED)
    exchange = exchange_of(access_control_expose_headers=exposed, **headers)
    assert kept(exchange, "browsers-can-read-it") is is_kept


def result(*items: dict[str, object], seed: object = 7) -> ObservedExchange:
    body = {"status": "success", "data": items, "seed": seed}
    return exchange_of("/v1/painting/x", json.dumps(body).encode())


def item(number: int = 0, **other: object) -> dict[str, object]:
    return {"id": f"{number}.png", "url": f"https://x/v1/files/{number}.png?signature=1", "seed": 7 + number} | other


@pytest.mark.parametrize(
    ("exchange", "broken"),
    [
        (result(item(0), item(1)), set()),
        (result(item(0), item(1), seed=None), set()),
        (result(item(0, url="https://store/key"), item(1, url="https://store/other")), set()),
        (result(item(0, seed=2**32 - 1), item(1, seed=0), seed=2**32 - 1), set()),
        (result(item(0), item(1, id="0.png")), {"pictures-are-told-apart", "urls-name-their-pictures"}),
        (result(item(0, url="https://store/key"), item(1, url="https://store/key")), {"pictures-are-told-apart"}),
        (result(item(0, id="1.png"), item(1, id="0.png")), {"urls-name-their-pictures"}),
        (result(item(0), item(1, seed=7)), {"seeds-count-on"}),
        (result(item(0, seed="7")), {"seeds-count-on"}),
        (exchange_of("/v1/painting/x", b'{"data":[]}'), set()),
        (exchange_of("/v1/painting/x", b'{"data":["a"]}'), set()),
        (exchange_of("/v1/painting/x", b'["data"]'), set()),
    ],
)
def test_what_a_result_says_of_its_pictures_agrees(exchange: ObservedExchange, broken: set[str]) -> None:
    about_results = {"pictures-are-told-apart", "urls-name-their-pictures", "seeds-count-on"}
    found = {check.id.removeprefix("always.") for check, _ in answer_promises.broken(exchange)}
    assert found & about_results == broken


def test_a_file_is_what_its_label_says() -> None:
    png = drawn_pictures.photo()
    assert kept(exchange_of("/v1/files/a", png, content_type="image/png"), "picture-files-are-whole")
    assert not kept(exchange_of("/v1/files/a", png, content_type="image/webp"), "picture-files-are-whole")
    assert not kept(exchange_of("/v1/files/a", png + b"\0", content_type="image/png"), "picture-files-are-whole")
    assert not kept(exchange_of("/v1/files/a", png[:-1], content_type="image/png"), "picture-files-are-whole")


@pytest.mark.parametrize("value", ['"7"', "7.5", "true", "null"])
def test_a_number_is_no_text(value: str) -> None:
    with pytest.raises(Unmet, match="credits"):
        model_of(f'{{"credits": {value}}}'.encode(), Balance, 200)


class TestAnswersOnASocket:
    """What a connection brought is read as HTTP allows it to be written."""

    def test_an_answer_of_1xx_is_no_final_one(self) -> None:
        hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
        (answer,) = answers_in(hints + b"HTTP/1.1 422 X\r\nContent-Length: 2\r\n\r\n{}")
        assert (answer.status_code, answer.content) == (422, b"{}")

    def test_chunks_are_put_together_and_what_is_compressed_is_unpacked(self) -> None:
        body = gzip.compress(b'{"error_code": "malformed_body"}')
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:7], body[7:])) + b"0\r\n\r\n"
        head = b"HTTP/1.1 400 X\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n"
        (answer,) = answers_in(head + chunks)
        assert answer.json() == {"error_code": "malformed_body"}

    def test_answers_to_several_requests_are_told_apart(self) -> None:
        one = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
        other = b"HTTP/1.0 404\r\ncontent-length:0\r\n\r\n"
        answers = answers_in(one + other)
        assert [(answer.status_code, answer.content) for answer in answers] == [(200, b"abc"), (404, b"")]
        assert [ends_connection(answer) for answer in answers] == [False, True]

    @pytest.mark.parametrize(
        ("head", "ends"),
        [
            (b"HTTP/1.1 200 OK\r\nConnection: Close, x\r\n", True),
            (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n", False),
            (b"HTTP/1.1 200 OK\r\n", False),
        ],
    )
    def test_an_answer_says_whether_its_connection_goes_on(self, head: bytes, ends: bool) -> None:
        assert ends_connection(answers_in(head + b"Content-Length: 0\r\n\r\n")[0]) is ends

    def test_a_body_that_breaks_off_is_unmet(self) -> None:
        with pytest.raises(Unmet, match="broke off"):
            answers_in(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
