"""Bytes on a socket that no HTTP library would send."""

from __future__ import annotations

import pytest
from outpaint_contracts import headers
from wire_kit.api import BALANCE, OUTPAINT, Api
from wire_kit.providers import Provider, send_raw


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_what_is_not_http_is_400_in_our_own_shape(provider: Provider) -> None:
    answer = send_raw(provider.address(), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 tls hello\r\n\r\n")
    assert status_of(answer) == 400
    assert b"malformed_body" in answer
    assert headers.CORRELATION_ID.encode() in answer


@pytest.mark.parametrize("length", [b"-1", b"x", b"1e3", b"5, 6"])
def test_a_content_length_that_is_no_number_is_400(provider: Provider, api: Api, length: bytes) -> None:
    head = b"POST %s HTTP/1.1\r\nHost: x\r\n%s: %s\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n{}"
    answer = send_raw(
        provider.address(), head % (OUTPAINT.encode(), headers.API_KEY.encode(), (api.key or "").encode(), length)
    )
    assert status_of(answer) == 400


def test_a_body_that_stops_before_its_length_makes_no_job(provider: Provider, api: Api) -> None:
    head = (
        f"POST {OUTPAINT} HTTP/1.1\r\nHost: x\r\n{headers.API_KEY}: {api.key}\r\n"
        "Content-Type: application/json\r\nContent-Length: 5000\r\n\r\n"
    )
    with api.charged(0):
        answer = send_raw(provider.address(), head.encode() + b'{"image_url": "data:', then_close_writing=True)
    assert answer == b"" or status_of(answer) == 400


def test_two_requests_down_one_connection_are_answered_in_order(provider: Provider, api: Api) -> None:
    request = f"GET {BALANCE} HTTP/1.1\r\nHost: x\r\n{headers.API_KEY}: {api.key}\r\n"
    answer = send_raw(provider.address(), (request + "\r\n" + request + "Connection: close\r\n\r\n").encode())
    assert answer.count(b"HTTP/1.1 200") == 2


def test_an_old_client_without_host_is_served_or_refused(provider: Provider, api: Api) -> None:
    answer = send_raw(provider.address(), f"GET {BALANCE} HTTP/1.0\r\n{headers.API_KEY}: {api.key}\r\n\r\n".encode())
    assert status_of(answer) in (200, 400)


def test_expect_100_continue_is_answered(provider: Provider, api: Api) -> None:
    head = (
        f"POST {OUTPAINT} HTTP/1.1\r\nHost: x\r\n{headers.API_KEY}: {api.key}\r\nExpect: 100-continue\r\n"
        "Content-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"
    )
    answer = send_raw(provider.address(), head.encode() + b"{}")
    assert b"HTTP/1.1 422" in answer
