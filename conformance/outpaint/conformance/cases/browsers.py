"""Browsers: preflights, what scripts of another origin may read, and the documents that are served."""

from __future__ import annotations

import json
from functools import partial

import httpx

from outpaint.conformance.proving import clauses
from outpaint.conformance.proving.answer_reading import (
    ANY_HEADER,
    READING_AND_WRITING,
    finished,
    media_type,
    words_of,
)
from outpaint.conformance.proving.api import Api
from outpaint.conformance.proving.case import case, minor, variants
from outpaint.conformance.proving.expectations import contains, equal, holds, lacks, one_of
from outpaint.contracts import openapi, paths_and_headers
from outpaint.contracts.paths_and_headers import BALANCE_PATH, OUTPAINT_PATH

_ORIGIN = {"Origin": "https://app.example"}
_ROUTES = {
    "outpaint": {"path": OUTPAINT_PATH, "method": "POST"},
    "poll": {"path": "/v1/painting/some-id", "method": "GET"},
    "balance": {"path": BALANCE_PATH, "method": "GET"},
}
_HEADERS = {
    "key": paths_and_headers.API_KEY,
    "idempotency-key": paths_and_headers.IDEMPOTENCY_KEY,
    "content-type": "Content-Type",
}
_without_a_key = partial(minor, given="nobody's key")
_from_another_origin = partial(case, given="a page of another origin")


def _preflight(api: Api, path: str, method: str, asked: str) -> httpx.Response:
    sent = {**_ORIGIN, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": asked.lower()}
    return api.with_key(None).request("OPTIONS", path, headers=sent)


@case(
    clauses.PREFLIGHT,
    given="a page of another origin, which sends no key in a preflight",
    when="its browser asks beforehand",
    then="the answer is 200 or 204, for this origin, this method, and no other than Allow names",
    each=_ROUTES,
)
def preflight_needs_no_key(api: Api, path: str, method: str) -> None:
    answer = _preflight(api, path, method, paths_and_headers.API_KEY)
    one_of(answer.status_code, (200, 204), "the status")
    allowed = answer.headers.get("Access-Control-Allow-Origin")
    one_of(allowed, ("*", _ORIGIN["Origin"]), "Access-Control-Allow-Origin")
    _named(answer, "Access-Control-Allow-Methods", method)
    if "Allow" in answer.headers:
        methods = words_of(answer, "Access-Control-Allow-Methods") - {ANY_HEADER}
        equal(methods - words_of(answer, "Allow"), set(), "the methods that Allow does not name")


@_from_another_origin(
    clauses.PREFLIGHT,
    when="its browser asks beforehand whether it may send a header of the API",
    then="it may",
    each={
        f"{route}-{name}": {**asked, "header": header}
        for route, asked in _ROUTES.items()
        for name, header in _HEADERS.items()
    },
)
def preflight_allows_the_apis_headers(api: Api, path: str, method: str, header: str) -> None:
    answer = _preflight(api, path, method, header)
    _named(answer, "Access-Control-Allow-Headers", header)


@_from_another_origin(
    clauses.PREFLIGHT_PREFER,
    when="its browser asks beforehand whether it may send Prefer",
    then="it may",
    each=_ROUTES,
)
def preflight_allows_prefer(api: Api, path: str, method: str) -> None:
    answer = _preflight(api, path, method, paths_and_headers.PREFER)
    _named(answer, "Access-Control-Allow-Headers", paths_and_headers.PREFER)


@_from_another_origin(
    clauses.PREFLIGHT_ANY,
    when="its browser asks beforehand whether it may send headers that the API does not know",
    then="it may, and without credentials",
    each=_ROUTES,
)
def preflight_allows_whatever_it_asks_for(api: Api, path: str, method: str) -> None:
    answer = _preflight(api, path, method, "X-Picsart-Plugin,traceparent, X-Client")
    for name in ("x-picsart-plugin", "traceparent", "x-client", paths_and_headers.API_KEY.lower()):
        _named(answer, "Access-Control-Allow-Headers", name)
    lacks(answer.headers, "Access-Control-Allow-Credentials", "the headers")


@_from_another_origin(
    clauses.BROWSERS_READ,
    when="a picture is posted from it",
    then="its scripts may read every header of the API",
    credits=1,
)
def scripts_may_read_the_headers_of_a_success(api: Api) -> None:
    answer = api.outpaint(headers=_ORIGIN)
    finished(answer)
    _all_exposed(answer)


@_from_another_origin(
    clauses.BROWSERS_READ,
    when="it asks without a key and is refused",
    then="its scripts may read every header of the API",
)
def scripts_may_read_the_headers_of_an_error(api: Api) -> None:
    answer = api.with_key(None).get(BALANCE_PATH, headers=_ORIGIN)
    equal(answer.status_code, 401, "the status")
    _all_exposed(answer)


def _all_exposed(answer: httpx.Response) -> None:
    for name in paths_and_headers.EXPOSED:
        _named(answer, "Access-Control-Expose-Headers", name)


def _named(answer: httpx.Response, header: str, name: str) -> None:
    """A header of CORS must name this name, or any."""
    words = words_of(answer, header)
    if ANY_HEADER not in words:
        contains(words, name.lower(), header)


@case(
    clauses.BROWSERS_READ,
    given="a page of another origin and a finished picture",
    when="a script of it reads the picture's file",
    then="it may",
    credits=1,
)
def scripts_may_read_result_files(api: Api) -> None:
    url = finished(api.outpaint())[0].url
    answer = api.client.get(url, headers=_ORIGIN, follow_redirects=True)
    allowed = answer.headers.get("Access-Control-Allow-Origin")
    one_of(allowed, ("*", _ORIGIN["Origin"]), "Access-Control-Allow-Origin")


@_without_a_key(
    clauses.OPTIONS,
    when="OPTIONS is asked of a path",
    then="Allow names the methods that it takes, OPTIONS among them, and none that is 405",
    each={**_ROUTES, "description": {"path": "/openapi.json", "method": "GET"}},
)
def options_tells_what_a_path_takes(api: Api, path: str, method: str) -> None:
    answer = api.with_key(None).request("OPTIONS", path)
    one_of(answer.status_code, (200, 204), "the status")
    allowed = words_of(answer, "Allow")
    contains(allowed, "options", "Allow")
    contains(allowed, method.lower(), "Allow")
    for other in sorted(READING_AND_WRITING):
        taken = api.request(other.upper(), path).status_code not in (405, 501)
        equal(other in allowed, taken, f"whether Allow names {other.upper()}")


@_without_a_key(clauses.DOCUMENTS, when="/openapi.json is read", then="it is the description of the contract, as JSON")
def description_is_served(api: Api) -> None:
    answer = api.with_key(None).get("/openapi.json")
    equal(answer.status_code, 200, "the status")
    equal(media_type(answer), "application/json", "Content-Type")
    holds(json.loads(answer.text) == openapi.document(), "it is the committed description")


@_without_a_key(
    clauses.DOCUMENTS,
    when="a browser opens /docs",
    then="it gets a page that loads no script and nothing from elsewhere",
    each=variants(
        accept={"browser": "text/html,application/xhtml+xml,*/*;q=0.8", "anything": "*/*", "html": "text/html"}
    ),
)
def documentation_is_a_page_without_files_from_elsewhere(api: Api, accept: str) -> None:
    answer = api.with_key(None).get("/docs", headers={"Accept": accept})
    equal(answer.status_code, 200, "the status")
    equal(media_type(answer), "text/html", "Content-Type")
    lacks(answer.text, "<script", "the page")
    lacks(answer.text, 'src="http', "the page")
