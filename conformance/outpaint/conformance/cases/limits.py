"""Limits on the size of headers, files and bodies."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from urllib.parse import urlsplit

from outpaint.conformance.proving import clauses, drawn_pictures
from outpaint.conformance.proving.answer_reading import finished, refused, rejected
from outpaint.conformance.proving.api import Api
from outpaint.conformance.proving.case import (
    Severity,
    case,
    costs_nothing,
    critical,
    minor,
    refused_by_us_costs_nothing,
    variants,
)
from outpaint.conformance.proving.expectations import NotOffered, equal, holds
from outpaint.conformance.proving.provider import Need
from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.paths_and_headers import BALANCE_PATH, OUTPAINT_PATH, UPLOADS_PATH

_MAX_BYTES = 10_000
# Over what a host behind Lambda takes, whatever its pictures may have, and under what its gateway refuses by itself.
_OVER_ANY_BODY = 4_600_000
_limited = partial(case, given=f"a provider that takes pictures of {_MAX_BYTES} bytes at most", needs=[Need.SETTINGS])


def _small(api: Api, max_bytes: int = _MAX_BYTES) -> AbstractContextManager[Api]:
    """A provider that takes small pictures only."""
    return api.configured(pictures={"max_bytes": max_bytes})


@minor(clauses.HEADERS_LIMIT, when="one header of 40 kB is sent", then="the answer is 431")
def headers_of_more_than_32_kib_are_431(api: Api) -> None:
    refused(api.get(BALANCE_PATH, headers={"X-Filler": "x" * 40_000}), ErrorCode.HEADERS_TOO_LARGE)


@minor(
    clauses.HEADERS_LIMIT,
    when="sixty headers of 1 kB each are sent, and then a usual request",
    then="the first is 431 and the other is served",
)
def after_431_the_next_request_is_served(api: Api) -> None:
    refused(api.get(BALANCE_PATH, headers={f"X-{n}": "x" * 1000 for n in range(60)}), ErrorCode.HEADERS_TOO_LARGE)
    equal(api.get(BALANCE_PATH).status_code, 200, "the status of the next request")


@refused_by_us_costs_nothing(
    when="a picture is posted twice with an Idempotency-Key behind a cookie of 140 kB",
    then="both are 431, and nothing is charged",
)
def headers_far_over_the_limit_lose_no_idempotency_key(api: Api) -> None:
    headers = {"Cookie": "c=" + "x" * 140_000, "Idempotency-Key": "behind-a-large-cookie"}
    with api.charged(0):
        for _ in range(2):
            refused(api.outpaint(headers=headers), ErrorCode.HEADERS_TOO_LARGE)


@minor(clauses.HEADERS_LIMIT, when="headers of 30 kB are sent", then="the answer is 200")
def headers_under_the_limit_are_taken(api: Api) -> None:
    answer = api.get(BALANCE_PATH, headers={f"X-{n}": "x" * 1000 for n in range(30)})
    equal(answer.status_code, 200, "the status")


@_limited(clauses.FILE_LIMIT, when="a larger one is posted", then="the answer is 413")
def a_file_over_the_limit_is_413(api: Api) -> None:
    with _small(api) as own:
        rejected(own.outpaint(image=drawn_pictures.canvas() + bytes(_MAX_BYTES)), 413)


@_limited(
    clauses.ERROR_CODES,
    when="a larger one is posted",
    then="the error code is file_too_large, and the field image",
    severity=Severity.MINOR,
)
def a_file_over_the_limit_has_its_code(api: Api) -> None:
    with _small(api) as own:
        answer = own.outpaint(image=drawn_pictures.canvas() + bytes(_MAX_BYTES))
        refused(answer, ErrorCode.FILE_TOO_LARGE, field="image")


@case(
    clauses.FILE_LIMIT,
    given="a provider that takes just the bytes of a picture",
    when="the picture is posted, and then the same with a byte more",
    then="the first is painted and the other is 413",
    needs=[Need.SETTINGS],
    credits=1,
)
def a_file_at_the_limit_is_taken(api: Api) -> None:
    image = drawn_pictures.canvas()
    with _small(api, len(image)) as own:
        finished(own.outpaint(image=image))
        rejected(own.outpaint(image=image + b"\0"), 413)


@_limited(clauses.BODY_LIMIT, when="a body far larger than two of them is posted", then="the answer is 413")
def a_body_over_the_limit_is_413(api: Api) -> None:
    with _small(api) as own:
        rejected(own.outpaint(image=bytes(_OVER_ANY_BODY)), 413)


@_limited(
    clauses.ERROR_CODES,
    when="a body far larger than two of them is posted",
    then="the error code is body_too_large",
    severity=Severity.MINOR,
)
def a_body_over_the_limit_has_its_code(api: Api) -> None:
    with _small(api) as own:
        refused(own.outpaint(image=bytes(_OVER_ANY_BODY)), ErrorCode.BODY_TOO_LARGE)


@_limited(
    clauses.BODY_LIMIT,
    when="a far larger body is sent in chunks, its length not told before",
    then="the answer is 413",
)
def a_body_over_the_limit_in_chunks_is_413(api: Api) -> None:
    with _small(api) as own:
        chunks = iter([bytes(_OVER_ANY_BODY // 20)] * 20)
        answer = own.request("POST", OUTPAINT_PATH, content=chunks, headers={"Content-Type": "application/json"})
        rejected(answer, 413)


@costs_nothing(
    given=f"a provider that takes pictures of {_MAX_BYTES} bytes at most",
    when="a larger file, and a larger body, are posted",
    then="nothing is charged",
    needs=[Need.SETTINGS],
)
def a_413_costs_nothing(api: Api) -> None:
    with _small(api) as own, own.charged(0):
        rejected(own.outpaint(image=drawn_pictures.canvas() + bytes(_MAX_BYTES)), 413)
        rejected(own.outpaint(image=bytes(_OVER_ANY_BODY)), 413)


@_limited(
    clauses.BODY_LIMIT,
    when="a picture within the limit follows on one that was too large",
    then="it is painted",
    credits=1,
    each=variants(extra={"file": _MAX_BYTES, "body": _OVER_ANY_BODY}),
)
def after_413_the_next_request_is_served(api: Api, extra: int) -> None:
    with _small(api) as own:
        rejected(own.outpaint(image=drawn_pictures.canvas() + bytes(extra)), 413)
        finished(own.outpaint())


def _with_room_for(api: Api, bytes_: int) -> AbstractContextManager[Api]:
    """A provider where an account may have so many bytes stored. Raises `NotOffered` where the host does not count."""
    answer = api.request("POST", UPLOADS_PATH, json={"content_type": "image/png"})
    if answer.status_code == 200 and urlsplit(answer.json()["url"]).netloc.encode() != api.client.base_url.netloc:
        raise NotOffered("another store, such as S3, keeps this host's pictures, and does not say whose they are")
    return api.configured(stored_bytes_per_account=bytes_)


@case(
    clauses.STORAGE_LIMIT,
    given="a provider where an account may have fewer bytes stored than a picture has",
    when="the picture is posted",
    then="the refusal is 429, storage_full, and nothing is charged",
    needs=[Need.SETTINGS],
    watches_account=True,
)
def a_picture_over_what_may_be_stored_is_429(api: Api) -> None:
    picture = drawn_pictures.canvas()
    with _with_room_for(api, len(picture) - 1) as own, own.charged(0):
        refused(own.outpaint(image=picture), ErrorCode.STORAGE_FULL)


@critical(
    clauses.STORAGE_LIMIT,
    given="a provider where an account may have as many bytes stored as the picture that it sends has",
    when="pictures that are larger together are painted from it",
    then="all of them are there: what was paid for is not refused",
    needs=[Need.SETTINGS],
    credits=4,
)
def results_are_stored_whatever_is(api: Api) -> None:
    picture = drawn_pictures.canvas()
    with _with_room_for(api, len(picture)) as own:
        files = own.files_of(own.outpaint(image=picture, count=4))
        holds(sum(map(len, files)) > len(picture), "the results are larger than the limit")
