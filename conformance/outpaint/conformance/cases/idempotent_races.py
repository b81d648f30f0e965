"""Requests with one Idempotency-Key that overlap: one job, charged once, which no client loses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx

from outpaint.conformance.proving import clauses
from outpaint.conformance.proving.answer_reading import is_replay, json_object, refused, result_of
from outpaint.conformance.proving.api import LONGEST_POLL_S, Api, once
from outpaint.conformance.proving.case import critical
from outpaint.conformance.proving.expectations import Unmet, equal, one_of
from outpaint.conformance.proving.provider import Need
from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.paths_and_headers import IDEMPOTENCY_KEY, PREFER

_AT_ONCE = 8
_PATIENCE_S = 2.0


@critical(
    clauses.REPLAY_WAITS,
    given="a request that still waits for its answer",
    when="the same is sent under its key",
    then="the answer is 409 and names the header",
    needs=[Need.HELD_JOBS],
    credits=2,
    watches_account=True,
)
def a_first_that_still_waits_is_409(api: Api) -> None:
    _send_while_the_first_waits(api, once())


@critical(
    clauses.REPLAY,
    given="a request that was sent again too early",
    when="it is sent again after the first was answered",
    then="the answer is the first one's job, marked as a replay, and charged once altogether",
    needs=[Need.HELD_JOBS],
    credits=3,
    watches_account=True,
)
def after_409_comes_the_replay(api: Api) -> None:
    key = once()
    with api.charged(1):
        first = _send_while_the_first_waits(api, key)
        again = api.outpaint(headers=key)
    equal(result_of(again).inference_id, result_of(first).inference_id, "the last inference_id")
    is_replay(again)


def _send_while_the_first_waits(api: Api, key: dict[str, str]) -> httpx.Response:
    """Send a request twice, of which the second must be refused; returns the answer to the first."""
    before = api.balance()
    with ThreadPoolExecutor(1) as pool, api.another_connection() as waiting:
        with api.provider.hold():
            first = pool.submit(waiting.outpaint, headers=key)
            # The first is known to the provider once its credits are taken.
            api.wait_for_balance(before - 1)
            # A provider that does not refuse it is not waited for: its job cannot end before this block does.
            second = api.outpaint(headers={**key, PREFER: "wait=1"})
            refused(second, ErrorCode.IDEMPOTENCY_IN_PROGRESS, field=IDEMPOTENCY_KEY)
        return first.result(LONGEST_POLL_S)


@critical(
    clauses.REPLAY,
    when="the same is sent eight times at once under one key",
    then="every answer is the same job, or 409",
    credits=8,
)
def many_at_once_make_one_job(api: Api) -> None:
    key = once()
    answers = api.at_once(_AT_ONCE, lambda one: one.outpaint(mode="async", headers=key))
    for answer in answers:
        one_of(answer.status_code, (200, 202, 409), "the status")
    ids = {json_object(answer).get("inference_id") for answer in answers if answer.status_code != 409}
    equal(len(ids), 1, "the number of jobs")


@critical(
    clauses.REPLAY_FREE,
    when="the same is sent eight times at once under one key",
    then="it is charged once",
    credits=8,
    watches_account=True,
)
def many_at_once_are_charged_once(api: Api) -> None:
    key = once()
    with api.charged(1):
        api.at_once(_AT_ONCE, lambda one: one.outpaint(mode="async", headers=key))


@critical(
    clauses.WAIT_LOSES_NOTHING,
    given="a job that cannot end yet, whose client hung up while it waited",
    when="the job is let go and the request sent again under its key",
    then="the answer is that job, charged once",
    needs=[Need.HELD_JOBS, Need.SOCKET],
    credits=2,
    seconds=2,
    watches_account=True,
)
def a_client_that_hangs_up_loses_nothing(api: Api) -> None:
    api.provider.address()
    key = once()
    with api.charged(1):
        before = api.balance()
        with api.provider.hold():
            _hang_up(api, key)
            api.wait_for_balance(before - 1)
        again = api.until(
            lambda: api.outpaint(headers=key),
            lambda answer: answer.status_code != 409,
            "an answer other than 409",
        )
    result_of(again)
    is_replay(again)


def _hang_up(api: Api, key: dict[str, str]) -> None:
    with api.another_connection() as impatient:
        impatient.client.timeout = _PATIENCE_S
        try:
            impatient.outpaint(headers=key)
        except httpx.ReadTimeout:
            return
    raise Unmet(f"a job that cannot end: was answered within {_PATIENCE_S:g} s")
