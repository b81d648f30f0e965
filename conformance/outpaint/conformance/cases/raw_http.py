"""Requests as bytes on a socket that no HTTP library would send."""

from __future__ import annotations

from functools import partial

import httpx

from outpaint.conformance.proving import clauses
from outpaint.conformance.proving.answer_reading import refused
from outpaint.conformance.proving.api import Api
from outpaint.conformance.proving.case import Severity, case, costs_nothing, variants
from outpaint.conformance.proving.expectations import NotOffered, equal, holds, one_of
from outpaint.conformance.proving.provider import Need
from outpaint.conformance.proving.raw_requests import SILENCE_S, answers_in, ends_connection, send_raw, status_of
from outpaint.contracts import paths_and_headers
from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.paths_and_headers import BALANCE_PATH, OUTPAINT_PATH

_TLS_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 tls hello\r\n\r\n"
_on_socket = partial(case, needs=[Need.SOCKET], seconds=SILENCE_S)


def _answers(api: Api, sent: bytes) -> list[httpx.Response]:
    """The final answers to these bytes on a connection of their own."""
    return answers_in(send_raw(api.provider.address(), sent))


def _both(api: Api, first: bytes, last: bytes) -> list[httpx.Response]:
    """The answers to two requests written at once. Raises `NotOffered` where a connection ends with each answer."""
    answers = _answers(api, first + last)
    if len(answers) == 1 and ends_connection(answers[0]):
        raise NotOffered("it ends a connection after each answer")
    return answers


def _head(api: Api, method: str, path: str, *lines: str, version: str = "1.1") -> bytes:
    """A request's head with the key, ended by its blank line."""
    all_lines = (f"{method} {path} HTTP/{version}", f"{paths_and_headers.API_KEY}: {api.key or ''}", *lines)
    return "\r\n".join((*all_lines, "", "")).encode()


def _host(api: Api) -> str:
    """The Host line of the provider: a host of several sites, and a key of one machine, take no other."""
    return f"Host: {api.client.base_url.netloc.decode()}"


@_on_socket(
    clauses.NOT_HTTP,
    given="a port of plain HTTP",
    when="the first bytes of a TLS handshake arrive there",
    then="the answer is 400",
)
def what_is_not_http_is_400(api: Api) -> None:
    equal(status_of(send_raw(api.provider.address(), _TLS_HELLO)), 400, "the status")


@_on_socket(
    clauses.NOT_HTTP_SHAPE,
    given="a port of plain HTTP",
    when="the first bytes of a TLS handshake arrive there",
    then="the refusal has a typed code and a correlation id, as any other",
    severity=Severity.MINOR,
)
def what_is_not_http_is_refused_in_our_shape(api: Api) -> None:
    answer = _answers(api, _TLS_HELLO)[0]
    refused(answer, ErrorCode.MALFORMED_BODY)
    holds(answer.headers.get(paths_and_headers.CORRELATION_ID), "it has a correlation id")


@_on_socket(
    clauses.NOT_HTTP,
    when="a request arrives whose Content-Length is no number",
    then="the answer is 400",
    severity=Severity.CRITICAL,
    each=variants(length={"negative": "-1", "a-letter": "x", "an-exponent": "1e3", "two-numbers": "5, 6"}),
)
def content_length_that_is_no_number_is_400(api: Api, length: str) -> None:
    head = _head(api, "POST", OUTPAINT_PATH, _host(api), "Content-Type: application/json", f"Content-Length: {length}")
    equal(status_of(send_raw(api.provider.address(), head + b"{}")), 400, "the status")


def _broken_off(api: Api) -> bytes:
    head = _head(api, "POST", OUTPAINT_PATH, _host(api), "Content-Type: application/json", "Content-Length: 5000")
    return send_raw(api.provider.address(), head + b'{"image_url": "data:', then_close_writing=True)


@_on_socket(
    clauses.BROKEN_OFF,
    when="a client stops writing before its body is whole",
    then="the connection ends without an answer, or with 400",
)
def body_that_breaks_off_is_no_request(api: Api) -> None:
    answer = _broken_off(api)
    holds(answer == b"" or status_of(answer) == 400, "the answer is 400 or none")


@costs_nothing(
    when="a client stops writing before its body is whole",
    then="nothing is charged",
    needs=[Need.SOCKET],
    seconds=SILENCE_S,
)
def body_that_breaks_off_costs_nothing(api: Api) -> None:
    with api.charged(0):
        _broken_off(api)


@_on_socket(clauses.PIPELINED, when="two requests are written at once to one connection", then="both are answered")
def two_requests_down_one_connection_are_both_answered(api: Api) -> None:
    first = _head(api, "GET", BALANCE_PATH, _host(api))
    last = _head(api, "GET", BALANCE_PATH, _host(api), "Connection: close")
    equal([answer.status_code for answer in _both(api, first, last)], [200, 200], "the statuses")


@_on_socket(
    clauses.PIPELINED,
    when="two different requests are written at once to one connection",
    then="the first is answered first",
    severity=Severity.CRITICAL,
)
def two_requests_down_one_connection_are_answered_in_order(api: Api) -> None:
    first = _head(api, "GET", BALANCE_PATH, _host(api))
    last = _head(api, "GET", "/v1/painting/no-such-inference", _host(api), "Connection: close")
    equal([answer.status_code for answer in _both(api, first, last)], [200, 404], "the statuses")


@_on_socket(
    clauses.HOST,
    when="a request of HTTP/1.1 is sent with no Host header, or with two",
    then="the answer is 400",
    severity=Severity.CRITICAL,
    each=variants(hosts={"none": [], "two": ["Host: x", "Host: y"], "the-same-twice": ["Host: x", "Host: x"]}),
)
def other_than_one_host_is_400(api: Api, hosts: list[str]) -> None:
    equal(status_of(send_raw(api.provider.address(), _head(api, "GET", BALANCE_PATH, *hosts))), 400, "the status")


@_on_socket(
    clauses.OLD_HTTP,
    when="a client of HTTP/1.0 asks without a Host header",
    then="the answer is 200 or 400",
    severity=Severity.MINOR,
)
def old_client_without_host_is_served_or_refused(api: Api) -> None:
    answer = send_raw(api.provider.address(), _head(api, "GET", BALANCE_PATH, version="1.0"))
    one_of(status_of(answer), (200, 400), "the status")


@_on_socket(
    clauses.CONTINUE,
    when="a client that expects 100-continue sends its body at once",
    then="the body is judged, and the final answer is 422",
    severity=Severity.MINOR,
)
def expect_100_continue_is_answered(api: Api) -> None:
    head = _head(
        api,
        "POST",
        OUTPAINT_PATH,
        _host(api),
        "Expect: 100-continue",
        "Content-Type: application/json",
        "Content-Length: 2",
        "Connection: close",
    )
    equal(_answers(api, head + b"{}")[0].status_code, 422, "the status")
