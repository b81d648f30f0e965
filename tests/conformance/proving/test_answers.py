"""How cases read answers: the vendor's members alone, raw bytes, and pictures beside pictures."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from outpaint.conformance.proving import answer_promises, drawn_pictures
from outpaint.conformance.proving.answer_reading import Item, finished, kept_closely, kept_exactly, painted
from outpaint.conformance.proving.expectations import Unmet
from outpaint.conformance.proving.observed_exchange import ObservedExchange
from outpaint.conformance.proving.raw_requests import answers_in, ends_connection, send_raw, status_of


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
