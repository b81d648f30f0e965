"""The rate limit, its headers, and 429."""

from __future__ import annotations

import time
from functools import partial

import httpx

from outpaint.conformance.proving import clauses
from outpaint.conformance.proving.answer_reading import finished, refused, rejected
from outpaint.conformance.proving.api import UNKNOWN_ID, Api
from outpaint.conformance.proving.case import Severity, case, costs_nothing, critical, minor
from outpaint.conformance.proving.expectations import Unmet, equal, holds, one_of, within
from outpaint.conformance.proving.provider import Need
from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.paths_and_headers import (
    BALANCE_PATH,
    INFERENCE_PATH,
    OUTPAINT_PATH,
    RATE_AVAILABLE,
    RATE_LIMIT,
    RATE_RESET,
    RETRY_AFTER,
)

_HOUR = 3600
_limited = partial(case, needs=[Need.SETTINGS], watches_account=True, given="a provider with a limit of three requests")


def _figure(answer: httpx.Response, name: str) -> int:
    value = answer.headers.get(name, "")
    holds(value.isascii() and value.isdigit(), f"{name} is a whole number (it is {value!r})")
    return int(value)


def _takes_one(api: Api, method: str, path: str) -> None:
    answer = api.get(BALANCE_PATH)
    left, limit, reset = (_figure(answer, name) for name in (RATE_AVAILABLE, RATE_LIMIT, RATE_RESET))
    answer = api.request(method, path)
    # The limit may have been whole again between the two: then more time is left until the next time.
    began_anew = _figure(answer, RATE_RESET) > reset
    one_of(_figure(answer, RATE_AVAILABLE), (left - 1, *([limit - 1] if began_anew else [])), RATE_AVAILABLE)
    equal(_figure(answer, RATE_LIMIT), limit, RATE_LIMIT)


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
    _takes_one(api, "GET", BALANCE_PATH)


@minor(
    clauses.RATE_COUNTED,
    when="a request is refused, or polls a job that is not there",
    then="it takes one from what is available all the same",
    watches_account=True,
    each={
        "poll": {"method": "GET", "path": INFERENCE_PATH.format(inference_id=UNKNOWN_ID)},
        "head": {"method": "HEAD", "path": INFERENCE_PATH.format(inference_id=UNKNOWN_ID)},
        "post": {"method": "POST", "path": OUTPAINT_PATH},
    },
)
def refused_requests_take_one_too(api: Api, method: str, path: str) -> None:
    _takes_one(api, method, path)


@case(
    clauses.RATE_MINUTE,
    when="a request is made",
    then="its limit is whole again in 1 to 60 seconds",
    watches_account=True,
)
def the_reset_is_within_a_minute(api: Api) -> None:
    within(_figure(api.get(BALANCE_PATH), RATE_RESET), 1, 60, RATE_RESET)


@case(
    clauses.RESET_FROM_NOW,
    when="twenty seconds pass between two requests",
    then="the reset time of the second is twenty less, where the limit was not whole again meanwhile",
    needs=[Need.TIME],
    watches_account=True,
)
def the_reset_comes_nearer(api: Api) -> None:
    # Once it may have begun anew; after that more than twenty seconds are left.
    for _ in range(2):
        began, before = time.monotonic(), _figure(api.get(BALANCE_PATH), RATE_RESET)
        api.provider.advance(20)
        after = _figure(api.get(BALANCE_PATH), RATE_RESET)
        if after < before:
            break
    within(before - after, 19, 21 + time.monotonic() - began, "the seconds by which the reset came nearer")


@_limited(clauses.RATE_COUNTED, when="four are made", then="their headers count down from three to nothing")
def available_counts_down_to_nothing(api: Api) -> None:
    answers = _four_in_one_window(api)
    equal([_figure(answer, RATE_LIMIT) for answer in answers], [3, 3, 3, 3], RATE_LIMIT)
    equal([_figure(answer, RATE_AVAILABLE) for answer in answers], [2, 1, 0, 0], RATE_AVAILABLE)


@_limited(
    clauses.RATE_LIMITED,
    when="four are made",
    then="three are served and the fourth is 429",
    severity=Severity.CRITICAL,
)
def one_too_many_is_429(api: Api) -> None:
    equal([answer.status_code for answer in _four_in_one_window(api)], [200, 200, 200, 429], "the statuses")


def _four_in_one_window(api: Api) -> list[httpx.Response]:
    for _ in range(2):
        with api.configured(rate_limit=3, rate_window=_HOUR) as own:
            answers = [own.get(BALANCE_PATH) for _ in range(4)]
        resets = [_figure(answer, RATE_RESET) for answer in answers]
        if resets == sorted(resets, reverse=True):
            return answers
    raise Unmet("the reset time: began anew twice within four requests")


@_limited(
    clauses.ERROR_CODES,
    when="too many are made",
    then="the error code is rate_limited, and nothing is available",
)
def a_429_has_its_code(api: Api) -> None:
    with api.configured(rate_limit=3) as own:
        answer = _first_refused(own, 3)
        refused(answer, ErrorCode.RATE_LIMITED)
        equal(answer.headers.get(RATE_AVAILABLE), "0", RATE_AVAILABLE)


@_limited(clauses.RATE_WAY_OUT, when="too many are made", then="Retry-After says the same as the reset time")
def retry_after_is_the_reset_time(api: Api) -> None:
    with api.configured(rate_limit=3) as own:
        answer = _first_refused(own, 3)
        equal(answer.headers.get(RETRY_AFTER), answer.headers.get(RATE_RESET), RETRY_AFTER)


@critical(
    clauses.RATE_WAY_OUT,
    given="a client that was told to come back later",
    when="it comes when it was told to",
    then="it is served",
    needs=[Need.SETTINGS, Need.TIME],
    watches_account=True,
)
def who_waited_is_served(api: Api) -> None:
    with api.configured(rate_limit=3) as own:
        own.provider.advance(_figure(_first_refused(own, 3), RETRY_AFTER))
        answer = own.get(BALANCE_PATH)
        equal(answer.status_code, 200, "the status")
        equal(answer.headers.get(RATE_AVAILABLE), "2", RATE_AVAILABLE)


@costs_nothing(
    given="a provider with a limit of two requests",
    when="a picture is asked for beyond it",
    then="the answer is 429 and nothing is charged",
    needs=[Need.SETTINGS, Need.TIME],
    credits=1,
)
def a_429_costs_nothing(api: Api) -> None:
    with api.configured(rate_limit=2, rate_window=_HOUR) as own:
        before = own.balance()
        finished(own.outpaint())
        _first_refused(own, 2)
        rejected(own.outpaint(), 429)
        own.provider.advance(_HOUR)
        equal(own.balance(), before - 1, "the balance")


@critical(
    clauses.RATE_OWN,
    given="an account that has used up its requests",
    when="another account makes one",
    then="it is served, and has one request left of its two",
    needs=[Need.SETTINGS, Need.SECOND_ACCOUNT],
    watches_account=True,
)
def accounts_have_limits_of_their_own(api: Api) -> None:
    with api.configured(rate_limit=2, rate_window=_HOUR) as own:
        _first_refused(own, 2)
        answer = own.with_key(own.provider.second_key()).get(BALANCE_PATH)
        equal(answer.status_code, 200, "the other account's status")
        equal(answer.headers.get(RATE_AVAILABLE), "1", f"the other account's {RATE_AVAILABLE}")


@_limited(
    clauses.RATE_LIMITED,
    given="a provider with a limit of two requests",
    when="five polls are made",
    then="the last is 429: polls count like all else",
)
def polls_are_limited_too(api: Api) -> None:
    with api.configured(rate_limit=2, rate_window=_HOUR) as own:
        equal([own.poll(UNKNOWN_ID).status_code for _ in range(5)][-1], 429, "the last status")
