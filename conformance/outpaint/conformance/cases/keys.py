"""API keys: missing, unknown, forbidden, and where they are read."""

from __future__ import annotations

from functools import partial

from outpaint.conformance.proving import clauses
from outpaint.conformance.proving.answer_reading import refused, rejected
from outpaint.conformance.proving.api import UNKNOWN_ID, Api
from outpaint.conformance.proving.case import Severity, case, critical, variants
from outpaint.conformance.proving.expectations import equal, lacks, one_of
from outpaint.conformance.proving.provider import Need
from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.paths_and_headers import API_KEY, BALANCE_PATH, INFERENCE_PATH, OUTPAINT_PATH

_ROUTES = {
    "outpaint": ("POST", OUTPAINT_PATH),
    "poll": ("GET", INFERENCE_PATH.format(inference_id=UNKNOWN_ID)),
    "balance": ("GET", BALANCE_PATH),
}
_UNKNOWN = {"wrong": "wrong", "almost": "dev2", "long": "x" * 500}
_unknown_key = partial(
    case,
    when="a request is sent with a key that nobody has",
    each=variants(route=[*_ROUTES], key=[*_UNKNOWN]),
)
_forbidden_key = partial(
    case,
    given="a key whose account is not allowed",
    when="a request is sent with it",
    needs=[Need.ACCOUNTS],
    each=variants(route=[*_ROUTES]),
)


@critical(
    clauses.KEY_NEEDED,
    when="a request is sent without a key, or with a blank one",
    then="the answer is 401, token_error",
    each=variants(route=[*_ROUTES], key={"none": None, "empty": ""}),
)
def no_key_is_401(api: Api, route: str, key: str | None) -> None:
    rejected(api.with_key(key).request(*_ROUTES[route]), 401, message="token_error")


@critical(
    clauses.KEY_ONCE,
    when="a request is sent with two keys, of which one is valid",
    then="the answer is 400, or 401 where they were joined on the way",
    each=variants(route=[*_ROUTES], valid=["first", "last"]),
)
def two_keys_are_refused(api: Api, route: str, valid: str) -> None:
    keys = [(API_KEY, api.key or ""), (API_KEY, _UNKNOWN["wrong"])]
    answer = api.request(*_ROUTES[route], headers=keys if valid == "first" else keys[::-1])
    one_of(answer.status_code, (400, 401), "the status")


@case(
    clauses.KEY_CODES,
    when="a request is sent without a key",
    then="the error code is missing_key",
    each=variants(route=[*_ROUTES]),
)
def no_key_has_its_code(api: Api, route: str) -> None:
    refused(api.with_key(None).request(*_ROUTES[route]), ErrorCode.MISSING_KEY)


@_unknown_key(clauses.KEY_NEEDED, then="the answer is 401, token_error", severity=Severity.CRITICAL)
def an_unknown_key_is_401(api: Api, route: str, key: str) -> None:
    rejected(api.with_key(_UNKNOWN[key]).request(*_ROUTES[route]), 401, message="token_error")


@_unknown_key(clauses.KEY_CODES, then="the error code is unknown_key")
def an_unknown_key_has_its_code(api: Api, route: str, key: str) -> None:
    refused(api.with_key(_UNKNOWN[key]).request(*_ROUTES[route]), ErrorCode.UNKNOWN_KEY)


@_unknown_key(clauses.KEY_SECRET, then="the answer does not repeat it")
def a_refused_key_is_not_repeated(api: Api, route: str, key: str) -> None:
    answer = api.with_key(_UNKNOWN[key]).request(*_ROUTES[route])
    equal(answer.status_code, 401, "the status")
    lacks(answer.text, _UNKNOWN[key], "the body")


@critical(
    clauses.KEY_IN_URL,
    when="a request is sent with its key in the query alone",
    then="the answer is 401 as without one",
    each=variants(route=[*_ROUTES], name=["api_key", "apikey", "key", "X-Picsart-API-Key"]),
)
def a_key_in_the_query_counts_for_nothing(api: Api, route: str, name: str) -> None:
    answer = api.with_key(None).request(*_ROUTES[route], params={name: api.key})
    refused(answer, ErrorCode.MISSING_KEY)


@_forbidden_key(clauses.KEY_FORBIDDEN, then="the answer is 403", severity=Severity.CRITICAL)
def a_forbidden_key_is_403(api: Api, route: str) -> None:
    rejected(api.with_key(api.provider.forbidden_key()).request(*_ROUTES[route]), 403)


@_forbidden_key(clauses.KEY_CODES, then="the error code is forbidden")
def a_forbidden_key_has_its_code(api: Api, route: str) -> None:
    refused(api.with_key(api.provider.forbidden_key()).request(*_ROUTES[route]), ErrorCode.FORBIDDEN)


@critical(
    clauses.KEY_HEADER,
    when="the key's header is written in another case",
    then="it is read all the same",
    each=variants(name={"lower": "x-picsart-api-key", "upper": "X-PICSART-API-KEY", "capitals": "X-Picsart-Api-Key"}),
)
def the_header_is_read_in_any_case(api: Api, name: str) -> None:
    answer = api.with_key(None).get(BALANCE_PATH, headers={name: api.key or ""})
    equal(answer.status_code, 200, "the status")


@case(
    clauses.KEY_FIRST,
    when="a broken body is sent with a key that nobody has",
    then="the answer is 401: the key is told of before the body is looked at",
)
def the_key_is_judged_before_the_body(api: Api) -> None:
    answer = api.with_key("wrong").post_body(b"not multipart at all", "multipart/form-data")
    refused(answer, ErrorCode.UNKNOWN_KEY)
