"""The rate limit and its headers."""

from __future__ import annotations

import httpx

from outpaint.conformance.proving import clauses
from outpaint.conformance.proving.answer_reading import rejected
from outpaint.conformance.proving.api import Api, finished, refused
from outpaint.conformance.proving.case import Severity, case
from outpaint.conformance.proving.expectations import Unmet, equal, holds, one_of, within
from outpaint.conformance.proving.provider import Need
from outpaint.contracts import paths_and_headers
from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.paths_and_headers import BALANCE_PATH

_UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
_HOUR = 3600


def _figure(answer: httpx.Response, name: str) -> int:
    value = answer.headers.get(name, "")
    holds(value.isascii() and value.isdigit(), f"{name} is a whole number (it is {value!r})")
    return int(value)


def _available(api: Api) -> int:
    return _figure(api.get(BALANCE_PATH), paths_and_headers.RATE_AVAILABLE)


def _first_refused(api: Api, limit: int) -> httpx.Response:
    """Ask until the first 429; within two windows it must come."""
    for _ in range(2 * limit + 2):
        answer = api.get(BALANCE_PATH)
        if answer.status_code == 429:
            return answer
        equal(answer.status_code, 200, "the status of a request before the first 429")
    raise Unmet(f"429: expected after {limit} requests, got none in {2 * limit + 2}")


@case(
    clauses.RATE_COUNTED,
    when="two requests are made",
    then="the second has one less available than the first",
    watches_account=True,
)
def every_request_takes_one(api: Api) -> None:
    answer = api.get(BALANCE_PATH)
    first, limit = _figure(answer, paths_and_headers.RATE_AVAILABLE), _figure(answer, paths_and_headers.RATE_LIMIT)
    # The window may have ended between the two.
    one_of(_available(api), (first - 1, limit - 1), paths_and_headers.RATE_AVAILABLE)


@case(
    clauses.RATE_COUNTED,
    when="a request is refused, or polls a job that is not there",
    then="it takes one from what is available all the same",
    severity=Severity.MINOR,
    watches_account=True,
    each=[
        {"method": "GET", "path": f"/v1/painting/{_UNKNOWN_ID}"},
        {"method": "POST", "path": "/v1/painting/outpaint"},
    ],
    named=["poll", "post"],
)
def refused_requests_take_one_too(api: Api, method: str, path: str) -> None:
    answer = api.get(BALANCE_PATH)
    first, limit = _figure(answer, paths_and_headers.RATE_AVAILABLE), _figure(answer, paths_and_headers.RATE_LIMIT)
    second = _figure(api.request(method, path), paths_and_headers.RATE_AVAILABLE)
    one_of(second, (first - 1, limit - 1), paths_and_headers.RATE_AVAILABLE)


@case(
    clauses.RATE_MINUTE,
    when="a request is made",
    then="its limit is whole again in 1 to 60 seconds",
    watches_account=True,
)
def the_reset_is_within_a_minute(api: Api) -> None:
    within(_figure(api.get(BALANCE_PATH), paths_and_headers.RATE_RESET), 1, 60, paths_and_headers.RATE_RESET)


@case(
    clauses.RATE_COUNTED,
    given="a provider with a limit of three requests",
    when="four are made",
    then="their headers count down from three to nothing",
    needs=[Need.SETTINGS],
    watches_account=True,
)
def available_counts_down_to_nothing(api: Api) -> None:
    answers = _four_in_one_window(api)
    equal(
        [_figure(answer, paths_and_headers.RATE_LIMIT) for answer in answers],
        [3, 3, 3, 3],
        paths_and_headers.RATE_LIMIT,
    )
    equal(
        [_figure(answer, paths_and_headers.RATE_AVAILABLE) for answer in answers],
        [2, 1, 0, 0],
        paths_and_headers.RATE_AVAILABLE,
    )


@case(
    clauses.RATE_LIMITED,
    given="a provider with a limit of three requests",
    when="four are made",
    then="three are served and the fourth is 429",
    severity=Severity.CRITICAL,
    needs=[Need.SETTINGS],
    watches_account=True,
)
def one_too_many_is_429(api: Api) -> None:
    equal([answer.status_code for answer in _four_in_one_window(api)], [200, 200, 200, 429], "the statuses")


def _four_in_one_window(api: Api) -> list[httpx.Response]:
    with api.provider.configured(rate_limit=3, rate_window=_HOUR) as limited:
        for _ in range(2):
            with api.at(limited, limited.key()) as own:
                answers = [own.get(BALANCE_PATH) for _ in range(4)]
            resets = [_figure(answer, paths_and_headers.RATE_RESET) for answer in answers]
            if resets == sorted(resets, reverse=True):
                return answers
    raise Unmet("the reset time: began anew twice within four requests")


@case(
    clauses.ERROR_CODES,
    given="a provider with a limit of three requests",
    when="too many are made",
    then="the error code is rate_limited, and nothing is available",
    needs=[Need.SETTINGS],
    watches_account=True,
)
def a_429_has_its_code(api: Api) -> None:
    with api.provider.configured(rate_limit=3) as limited, api.at(limited, limited.key()) as own:
        answer = _first_refused(own, 3)
        refused(answer, ErrorCode.RATE_LIMITED)
        equal(answer.headers.get(paths_and_headers.RATE_AVAILABLE), "0", paths_and_headers.RATE_AVAILABLE)


@case(
    clauses.RATE_WAY_OUT,
    given="a provider with a limit of three requests",
    when="too many are made",
    then="Retry-After says the same as the reset time",
    needs=[Need.SETTINGS],
    watches_account=True,
)
def retry_after_is_the_reset_time(api: Api) -> None:
    with api.provider.configured(rate_limit=3) as limited, api.at(limited, limited.key()) as own:
        answer = _first_refused(own, 3)
        equal(
            answer.headers.get(paths_and_headers.RETRY_AFTER),
            answer.headers.get(paths_and_headers.RATE_RESET),
            paths_and_headers.RETRY_AFTER,
        )


@case(
    clauses.RATE_WAY_OUT,
    given="a client that was told to come back later",
    when="it comes when it was told to",
    then="it is served",
    severity=Severity.CRITICAL,
    needs=[Need.SETTINGS, Need.TIME],
    watches_account=True,
)
def who_waited_is_served(api: Api) -> None:
    with api.provider.configured(rate_limit=3) as limited, api.at(limited, limited.key()) as own:
        limited.advance(_figure(_first_refused(own, 3), paths_and_headers.RETRY_AFTER))
        answer = own.get(BALANCE_PATH)
        equal(answer.status_code, 200, "the status")
        equal(answer.headers.get(paths_and_headers.RATE_AVAILABLE), "2", paths_and_headers.RATE_AVAILABLE)


@case(
    clauses.REFUSED_FREE,
    given="a provider with a limit of two requests",
    when="a picture is asked for beyond it",
    then="the answer is 429 and nothing is charged",
    severity=Severity.CRITICAL,
    needs=[Need.SETTINGS, Need.TIME],
    credits=1,
    watches_account=True,
)
def a_429_costs_nothing(api: Api) -> None:
    with api.provider.configured(rate_limit=2, rate_window=_HOUR) as limited, api.at(limited, limited.key(10)) as own:
        before = own.balance()
        finished(own.outpaint())
        _first_refused(own, 2)
        rejected(own.outpaint(), 429)
        limited.advance(_HOUR)
        equal(own.balance(), before - 1, "the balance")


@case(
    clauses.RATE_OWN,
    given="an account that has used up its requests",
    when="another account makes one",
    then="it is served",
    severity=Severity.CRITICAL,
    needs=[Need.SETTINGS, Need.SECOND_ACCOUNT],
    watches_account=True,
)
def accounts_have_limits_of_their_own(api: Api) -> None:
    with api.provider.configured(rate_limit=2, rate_window=_HOUR) as limited, api.at(limited, limited.key()) as own:
        _first_refused(own, 2)
        equal(own.with_key(limited.second_key()).get(BALANCE_PATH).status_code, 200, "the other account's status")


@case(
    clauses.RATE_LIMITED,
    given="a provider with a limit of two requests",
    when="five polls are made",
    then="the last is 429: polls count like all else",
    needs=[Need.SETTINGS],
    watches_account=True,
)
def polls_are_limited_too(api: Api) -> None:
    with api.provider.configured(rate_limit=2, rate_window=_HOUR) as limited, api.at(limited, limited.key()) as own:
        equal([own.poll(_UNKNOWN_ID).status_code for _ in range(5)][-1], 429, "the last status")
