"""Credits: what a request costs, when nothing is charged, and when credits are given back."""

from __future__ import annotations

from functools import partial
from typing import Any

from outpaint.conformance.proving import clauses, drawn_pictures
from outpaint.conformance.proving.answer_reading import (
    balance_of,
    failure_of,
    finished,
    is_replay,
    json_object,
    pending,
    refused,
    rejected,
    result_of,
    words_of,
)
from outpaint.conformance.proving.api import JOB_LIFETIME_S, Api, once
from outpaint.conformance.proving.case import (
    Severity,
    case,
    costs_nothing,
    critical,
    refused_by_us_costs_nothing,
    variants,
    with_held_job,
)
from outpaint.conformance.proving.expectations import contains, equal, holds, lacks, within
from outpaint.conformance.proving.provider import Need
from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.paths_and_headers import BALANCE_PATH, CREDIT_AVAILABLE

_REFUSED: dict[str, dict[str, Any]] = {
    "count": {"count": 11},
    "no-prompt": {"prompt": None},
    "no-picture": {"image": b"no picture at all"},
    "accept": {"headers": {"Accept": "text/html"}},
}
_given_back = partial(critical, clauses.GIVEN_BACK, watches_account=True)
_failed_job = partial(_given_back, needs=[Need.FAILING_JOBS])
_price = partial(critical, clauses.PRICE, watches_account=True)
_reserved = partial(critical, clauses.RESERVED, watches_account=True)
_two_credits = partial(
    case,
    given="an account with two credits",
    needs=[Need.ACCOUNTS],
    credits=2,
    when="three pictures are asked for",
)
_credit_header = partial(case, clauses.CREDIT_HEADER, watches_account=True)


# The balance


@critical(
    clauses.BALANCE,
    when="the balance is asked for",
    then="the answer is 200 with a whole number as credits, and no other member",
)
def balance_has_one_member(api: Api) -> None:
    answer = api.get(BALANCE_PATH)
    balance_of(answer)
    equal(list(json_object(answer)), ["credits"], "the members")


@case(clauses.NOT_CACHED, when="the balance is asked for", then="the answer is not to be cached")
def balance_is_not_cached(api: Api) -> None:
    contains(words_of(api.get(BALANCE_PATH), "Cache-Control"), "no-store", "Cache-Control")


@_credit_header(when="the balance is asked for", then="the credit header says the same as the body")
def header_agrees_with_the_balance(api: Api) -> None:
    answer = api.get(BALANCE_PATH)
    equal(answer.headers.get(CREDIT_AVAILABLE), str(json_object(answer).get("credits")), CREDIT_AVAILABLE)


@_credit_header(
    when="pictures are asked for",
    then="the credit header tells the balance before they were charged",
    credits=3,
)
def header_is_the_balance_before_the_charge(api: Api) -> None:
    before = api.balance()
    equal(api.outpaint(count=3).headers.get(CREDIT_AVAILABLE), str(before), CREDIT_AVAILABLE)


@_credit_header(
    given="an account with ten credits",
    when="three pictures are asked for, twice, and then the balance",
    then="the credit headers are 10, 7 and 4",
    needs=[Need.ACCOUNTS],
    credits=6,
)
def header_falls_with_each_charge(api: Api) -> None:
    own = api.with_key(api.provider.exact_key(10))
    answers = [own.outpaint(count=3), own.outpaint(count=3), own.get(BALANCE_PATH)]
    equal([answer.headers.get(CREDIT_AVAILABLE) for answer in answers], ["10", "7", "4"], CREDIT_AVAILABLE)


@case(
    clauses.BALANCE,
    given="an account without credits",
    when="its balance is asked for",
    then="the answer is 200, and 0",
    needs=[Need.ACCOUNTS],
    watches_account=True,
)
def no_credits_are_enough_for_the_balance(api: Api) -> None:
    equal(api.with_key(api.provider.exact_key(0)).balance(), 0, "the balance")


# What costs, and what does not


@_price(
    when="pictures are asked for and waited for",
    then="each costs a credit",
    credits=4,
    each=variants(count=[1, 4]),
)
def a_picture_costs_a_credit(api: Api, count: int) -> None:
    with api.charged(count):
        finished(api.outpaint(count=count))


@_price(
    when="pictures are asked for with mode async and polled to their end",
    then="each costs a credit",
    credits=4,
    each=variants(count=[1, 4]),
)
def an_async_picture_costs_a_credit(api: Api, count: int) -> None:
    with api.charged(count):
        api.end_of(api.start(count=count))


@_price(
    given="a job that was accepted",
    when="it is polled to its end and again",
    then="the polls cost nothing",
    needs=[Need.HELD_JOBS],
    credits=1,
)
def polling_costs_nothing(api: Api) -> None:
    with api.provider.hold():
        inference_id = api.start()
        with api.charged(0):
            for _ in range(4):
                api.poll(inference_id)
    with api.charged(0):
        api.end_of(inference_id)
        for _ in range(4):
            api.poll(inference_id)


@case(
    clauses.PRICE,
    given="a finished picture",
    when="its file is fetched four times",
    then="that costs nothing",
    credits=1,
    watches_account=True,
)
def fetching_costs_nothing(api: Api) -> None:
    for item in finished(api.outpaint()):
        with api.charged(0):
            for _ in range(4):
                api.fetch(item.url)


@critical(
    clauses.PRICE,
    given="an account whose last credit went into a job",
    when="the job is polled to its end",
    then="its picture is there",
    needs=[Need.ACCOUNTS],
    credits=1,
)
def no_credits_are_enough_to_poll(api: Api) -> None:
    own = api.with_key(api.provider.exact_key(1))
    finished(own.end_of(own.start()))


@costs_nothing(when="a request is refused", then="nothing is charged", each=variants(asked=_REFUSED))
def a_refused_request_costs_nothing(api: Api, asked: dict[str, Any]) -> None:
    with api.charged(0):
        within(api.outpaint(**asked).status_code, 400, 499, "the status")


@refused_by_us_costs_nothing(
    when="a picture is refused of which nothing is left open to paint", then="nothing is charged"
)
def nothing_to_paint_costs_nothing(api: Api) -> None:
    with api.charged(0):
        rejected(api.outpaint(image=drawn_pictures.opaque_everywhere()), 422)


@_price(
    given="two accounts",
    when="one of them asks for a picture",
    then="the other's credits are not touched",
    needs=[Need.SECOND_ACCOUNT],
    credits=1,
)
def another_accounts_credits_are_not_touched(api: Api) -> None:
    other = api.with_key(api.provider.second_key())
    with other.charged(0):
        finished(api.outpaint())


# Taken when accepted


@with_held_job(
    clauses.RESERVED,
    when="the balance is asked for",
    then="the job's credits are already taken off",
    severity=Severity.CRITICAL,
    credits=2,
    watches_account=True,
)
def a_running_jobs_credits_are_taken_off(api: Api) -> None:
    with api.provider.hold(), api.charged(2):
        api.start(count=2)


@_reserved(
    given="a job whose credits were taken off",
    when="it ends with its pictures",
    then="nothing more is charged, and nothing given back",
    needs=[Need.HELD_JOBS],
    credits=2,
)
def a_jobs_end_is_not_charged_again(api: Api) -> None:
    with api.provider.hold():
        inference_id = api.start(count=2)
        before = api.balance()
    api.end_of(inference_id)
    equal(api.balance(), before, "the balance after the end")


@_reserved(
    given="an account with three credits",
    when="three jobs of two pictures are sent while none can end",
    then="one is accepted, the others are 402, and one credit is left",
    needs=[Need.ACCOUNTS, Need.HELD_JOBS],
    credits=2,
)
def reserved_credits_cannot_be_spent_again(api: Api) -> None:
    own = api.with_key(api.provider.exact_key(3))
    with api.provider.hold():
        answers = [own.outpaint(mode="async", count=2) for _ in range(3)]
        equal([answer.status_code for answer in answers], [202, 402, 402], "the statuses")
        equal(own.balance(), 1, "the balance")
    own.end_of(pending(answers[0]))


@_reserved(
    given="an account with three credits",
    when="eight pictures are asked for at the same moment",
    then="three are accepted, the others are 402, and no credit is left",
    needs=[Need.ACCOUNTS],
    credits=3,
)
def a_race_never_spends_more_than_there_is(api: Api) -> None:
    own = api.with_key(api.provider.exact_key(3))
    statuses = own.at_once(8, lambda one: one.outpaint(mode="async").status_code)
    equal(statuses.count(402), 5, "the number of 402")
    equal(own.balance(), 0, "the balance")


# 402


@_two_credits(clauses.USED_UP, then="the answer is 402, Payment Required", severity=Severity.CRITICAL)
def too_few_credits_are_402(api: Api) -> None:
    own = api.with_key(api.provider.exact_key(2))
    rejected(own.outpaint(count=3), 402, message="Payment Required")


@critical(
    clauses.USED_UP,
    given="an account that has spent its last credit",
    when="a picture is asked for",
    then="the answer is 402, Payment Required",
    needs=[Need.ACCOUNTS],
    credits=1,
)
def no_credits_are_402(api: Api) -> None:
    own = api.with_key(api.provider.exact_key(1))
    finished(own.outpaint())
    rejected(own.outpaint(), 402, message="Payment Required")


@_two_credits(clauses.ERROR_CODES, then="the error code is insufficient_credits")
def a_402_has_its_code(api: Api) -> None:
    refused(api.with_key(api.provider.exact_key(2)).outpaint(count=3), ErrorCode.INSUFFICIENT_CREDITS)


@costs_nothing(
    given="an account with two credits",
    when="three pictures are asked for, refused, and then two",
    then="the two are painted, and no credit is left",
    needs=[Need.ACCOUNTS],
    credits=2,
)
def a_402_takes_nothing(api: Api) -> None:
    own = api.with_key(api.provider.exact_key(2))
    with own.charged(0):
        rejected(own.outpaint(count=3), 402)
    finished(own.outpaint(count=2))
    equal(own.balance(), 0, "the balance")


@_two_credits(clauses.USED_UP, then="the 402 names no job", severity=Severity.CRITICAL)
def a_402_names_no_job(api: Api) -> None:
    answer = api.with_key(api.provider.exact_key(2)).outpaint(mode="async", count=3)
    equal(answer.status_code, 402, "the status")
    lacks(json_object(answer), "inference_id", "the body")
    lacks(answer.headers, "Location", "the headers")


@costs_nothing(
    given="an account with two credits, and a request that was refused for costing three",
    when="the lifetime of a job has passed",
    then="the balance is still two: no job was left behind to be given back",
    needs=[Need.ACCOUNTS, Need.TIME],
    credits=2,
)
def a_402_leaves_no_job_behind(api: Api) -> None:
    own = api.with_key(api.provider.exact_key(2))
    rejected(own.outpaint(mode="async", count=3), 402)
    api.provider.advance(JOB_LIFETIME_S + 1)
    equal(own.balance(), 2, "the balance")


# Before anything is fetched


@critical(
    clauses.PAID_FIRST,
    given="an account without credits, and an address that answers an error",
    when="the address is posted",
    then="the answer is 402: the address was not read",
    needs=[Need.ACCOUNTS, Need.SOURCES],
)
def who_cannot_pay_has_no_address_read(api: Api) -> None:
    own = api.with_key(api.provider.exact_key(0))
    url = api.provider.publish(ErrorCode.SOURCE_UNAVAILABLE)
    refused(own.post_json({"image_url": url, "prompt": "a lake"}), ErrorCode.INSUFFICIENT_CREDITS)


@critical(
    clauses.PAID_FIRST,
    given="an account whose last credit went into a request with an idempotency key",
    when="the request is sent again",
    then="it is answered with its job, not with 402",
    needs=[Need.ACCOUNTS],
    credits=1,
)
def no_credits_are_enough_for_a_replay(api: Api) -> None:
    own, key = api.with_key(api.provider.exact_key(1)), once()
    first = result_of(own.outpaint(headers=key))
    answer = own.outpaint(headers=key)
    equal(result_of(answer).inference_id, first.inference_id, "the inference_id")
    is_replay(answer)


@case(
    clauses.PAID_FIRST,
    given="an account with one credit",
    when="a request with an idempotency key is sent eight times at the same moment",
    then="one pays for it, and none is 402",
    needs=[Need.ACCOUNTS],
    credits=1,
)
def a_race_for_the_last_credit_under_one_key_is_no_402(api: Api) -> None:
    own, key = api.with_key(api.provider.exact_key(1)), once()
    statuses = own.at_once(8, lambda one: one.outpaint(mode="async", headers=key).status_code)
    holds(set(statuses) <= {200, 202, 409}, f"no status but 200, 202 and 409 is among {statuses}")
    equal(own.balance(), 0, "the balance")


# Given back


@_failed_job(when="a job fails", then="all its credits are given back", credits=5)
def a_failed_job_gives_its_credits_back(api: Api) -> None:
    with api.failing(), api.charged(0):
        failure_of(api.end_of(api.start(count=5)))


@_failed_job(
    given="a failed job whose credits were given back",
    when="it is polled again and again",
    then="nothing more is given back",
    credits=5,
)
def credits_are_given_back_once(api: Api) -> None:
    with api.failing(), api.charged(0):
        inference_id = api.start(count=5)
        for _ in range(4):
            failure_of(api.end_of(inference_id))


@_failed_job(
    given="a request that waits for its pictures",
    when="its job fails",
    then="nothing is charged",
    credits=5,
    each=variants(code=[ErrorCode.PAINTING_FAILED, ErrorCode.TIMED_OUT, ErrorCode.UNAVAILABLE]),
)
def a_waiting_post_that_fails_costs_nothing(api: Api, code: ErrorCode) -> None:
    with api.failing(code), api.charged(0):
        refused(api.outpaint(mode="sync", count=5), code)


@_failed_job(when="a job ends by an error that nobody foresaw", then="nothing is charged", credits=1)
def an_unforeseen_error_costs_nothing(api: Api) -> None:
    with api.provider.failing(RuntimeError("s3cret at /home/painter")), api.charged(0):
        refused(api.outpaint(), ErrorCode.PAINTING_FAILED)


@_given_back(
    given="a job that never ends",
    when="its lifetime is over and it is polled",
    then="its credits are given back",
    needs=[Need.HELD_JOBS, Need.TIME],
    credits=1,
)
def a_job_that_timed_out_gives_its_credits_back(api: Api) -> None:
    with api.provider.hold(), api.charged(0):
        inference_id = api.start()
        api.provider.advance(JOB_LIFETIME_S + 1)
        failure_of(api.poll(inference_id))


@_given_back(
    given="two jobs of which the first never ends",
    when="their lifetime is over and the first is let go",
    then="the credits of both are given back, once",
    needs=[Need.HELD_JOBS, Need.TIME],
    credits=2,
)
def a_queued_job_gives_its_credits_back_too(api: Api) -> None:
    with api.charged(0):
        with api.provider.hold():
            painted, queued = (api.start() for _ in range(2))
            api.provider.advance(JOB_LIFETIME_S + 1)
            failure_of(api.poll(painted))
        failure_of(api.end_of(queued))


@_given_back(
    given="a job that timed out while it was being painted, its credits given back",
    when="the painter is let go",
    then="the job is not charged after all",
    needs=[Need.HELD_JOBS, Need.TIME],
    credits=2,
)
def a_late_painter_is_not_paid(api: Api) -> None:
    with api.charged(1):
        with api.provider.hold():
            late = api.start()
            api.provider.advance(JOB_LIFETIME_S + 1)
            failure_of(api.poll(late))
        # When a job posted now has ended, the painter is long done with the late one.
        finished(api.end_of(api.start()))
        failure_of(api.poll(late))
