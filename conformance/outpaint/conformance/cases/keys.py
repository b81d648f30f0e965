"""API keys: missing, unknown, forbidden, and where they are read."""

from __future__ import annotations

from outpaint.conformance.proving import clauses
from outpaint.conformance.proving.answer_reading import rejected
from outpaint.conformance.proving.api import Api, refused
from outpaint.conformance.proving.case import Severity, case
from outpaint.conformance.proving.expectations import equal, lacks
from outpaint.conformance.proving.provider import Need
from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.paths_and_headers import BALANCE_PATH, OUTPAINT_PATH

_POLL_PATH = "/v1/painting/00000000-0000-4000-8000-000000000000"
_ROUTES = {"outpaint": ("POST", OUTPAINT_PATH), "poll": ("GET", _POLL_PATH), "balance": ("GET", BALANCE_PATH)}
_EACH_ROUTE = [{"route": route} for route in _ROUTES]
_UNKNOWN = {"wrong": "wrong", "almost": "dev2", "long": "x" * 500}
_EACH_UNKNOWN = [{"route": route, "key": key} for route in _ROUTES for key in _UNKNOWN]
_PARAMETERS = ["api_key", "apikey", "key", "X-Picsart-API-Key"]


@case(
    clauses.KEY_NEEDED,
    when="a request is sent without a key, or with a blank one",
    then="the answer is 401, token_error",
    severity=Severity.CRITICAL,
    each=[{"route": route, "key": key} for route in _ROUTES for key in (None, "")],
    named=[f"{route},{word}" for route in _ROUTES for word in ("none", "empty")],
)
def no_key_is_401(api: Api, route: str, key: str | None) -> None:
    rejected(api.with_key(key).request(*_ROUTES[route]), 401, message="token_error")


@case(
    clauses.KEY_CODES,
    when="a request is sent without a key",
    then="the error code is missing_key",
    each=_EACH_ROUTE,
)
def no_key_has_its_code(api: Api, route: str) -> None:
    refused(api.with_key(None).request(*_ROUTES[route]), ErrorCode.MISSING_KEY)


@case(
    clauses.KEY_NEEDED,
    when="a request is sent with a key that nobody has",
    then="the answer is 401, token_error",
    severity=Severity.CRITICAL,
    each=_EACH_UNKNOWN,
)
def an_unknown_key_is_401(api: Api, route: str, key: str) -> None:
    rejected(api.with_key(_UNKNOWN[key]).request(*_ROUTES[route]), 401, message="token_error")


@case(
    clauses.KEY_CODES,
    when="a request is sent with a key that nobody has",
    then="the error code is unknown_key",
    each=_EACH_UNKNOWN,
)
def an_unknown_key_has_its_code(api: Api, route: str, key: str) -> None:
    refused(api.with_key(_UNKNOWN[key]).request(*_ROUTES[route]), ErrorCode.UNKNOWN_KEY)


@case(
    clauses.KEY_SECRET,
    when="a request is sent with a key that nobody has",
    then="the answer does not repeat it",
    each=_EACH_UNKNOWN,
)
def a_refused_key_is_not_repeated(api: Api, route: str, key: str) -> None:
    answer = api.with_key(_UNKNOWN[key]).request(*_ROUTES[route])
    equal(answer.status_code, 401, "the status")
    lacks(answer.text, _UNKNOWN[key], "the body")


@case(
    clauses.KEY_IN_URL,
    when="a request is sent with its key in the query alone",
    then="the answer is 401 as without one",
    severity=Severity.CRITICAL,
    each=[{"route": route, "name": name} for route in _ROUTES for name in _PARAMETERS],
)
def a_key_in_the_query_counts_for_nothing(api: Api, route: str, name: str) -> None:
    answer = api.with_key(None).request(*_ROUTES[route], params={name: api.key})
    refused(answer, ErrorCode.MISSING_KEY)


@case(
    clauses.KEY_FORBIDDEN,
    given="a key whose account is not allowed",
    when="a request is sent with it",
    then="the answer is 403",
    severity=Severity.CRITICAL,
    needs=[Need.ACCOUNTS],
    each=_EACH_ROUTE,
)
def a_forbidden_key_is_403(api: Api, route: str) -> None:
    rejected(api.with_key(api.provider.forbidden_key()).request(*_ROUTES[route]), 403)


@case(
    clauses.KEY_CODES,
    given="a key whose account is not allowed",
    when="a request is sent with it",
    then="the error code is forbidden",
    needs=[Need.ACCOUNTS],
    each=_EACH_ROUTE,
)
def a_forbidden_key_has_its_code(api: Api, route: str) -> None:
    refused(api.with_key(api.provider.forbidden_key()).request(*_ROUTES[route]), ErrorCode.FORBIDDEN)


@case(
    clauses.KEY_HEADER,
    when="the key's header is written in another case",
    then="it is read all the same",
    severity=Severity.CRITICAL,
    each=[{"name": "x-picsart-api-key"}, {"name": "X-PICSART-API-KEY"}, {"name": "X-Picsart-Api-Key"}],
    named=["lower", "upper", "capitals"],
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
