"""What a request costs, when nothing is charged, and what comes back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from outpaint.conformance.proving import clauses, drawn_pictures
from outpaint.conformance.proving.answer_reading import json_object, pending, rejected
from outpaint.conformance.proving.api import Api, failure_of, finished, refused
from outpaint.conformance.proving.case import Severity, case
from outpaint.conformance.proving.expectations import contains, equal, holds, lacks
from outpaint.conformance.proving.provider import Need
from outpaint.contracts import paths_and_headers
from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.paths_and_headers import BALANCE_PATH

_JOB_LIFETIME_S = 3600
_BROKEN = OutpaintError(ErrorCode.PAINTING_FAILED, "the brush broke: try again")
_AT_ONCE = 8
_REFUSED: dict[str, Callable[[], dict[str, Any]]] = {
    "count": lambda: {"count": 11},
    "no-prompt": lambda: {"prompt": None},
    "nothing-to-paint": lambda: {"image": drawn_pictures.opaque_everywhere()},
    "no-picture": lambda: {"image": b"no picture at all"},
    "accept": lambda: {"headers": {"Accept": "text/html"}},
}


# The balance


@case(
    clauses.BALANCE,
    when="the balance is asked for",
    then="the answer is 200 with a whole number as credits, and no other member",
    severity=Severity.CRITICAL,
)
def balance_has_one_member(api: Api) -> None:
    answer = api.get(BALANCE_PATH)
    equal(answer.status_code, 200, "the status")
    document = json_object(answer)
    equal(list(document), ["credits"], "the members")
    holds(type(document["credits"]) is int, "credits is a whole number")


@case(
    clauses.NOT_CACHED,
    when="the balance is asked for",
    then="the answer is not to be cached",
)
def balance_is_not_cached(api: Api) -> None:
    contains(api.get(BALANCE_PATH).headers.get("Cache-Control", ""), "no-store", "Cache-Control")


@case(
    clauses.CREDIT_HEADER,
    when="the balance is asked for",
    then="the credit header says the same as the body",
    watches_account=True,
)
def header_agrees_with_the_balance(api: Api) -> None:
    answer = api.get(BALANCE_PATH)
    equal(
        answer.headers.get(paths_and_headers.CREDIT_AVAILABLE),
        str(json_object(answer).get("credits")),
        "the credit header",
    )


@case(
    clauses.CREDIT_HEADER,
    when="pictures are asked for",
    then="the credit header tells the balance before they were charged",
    credits=3,
    watches_account=True,
)
def header_is_the_balance_before_the_charge(api: Api) -> None:
    before = api.balance()
    equal(
        api.outpaint(count=3).headers.get(paths_and_headers.CREDIT_AVAILABLE),
        str(before),
        paths_and_headers.CREDIT_AVAILABLE,
    )


@case(
    clauses.CREDIT_HEADER,
    given="an account with ten credits",
    when="three pictures are asked for, twice, and then the balance",
    then="the credit headers are 10, 7 and 4",
    needs=[Need.ACCOUNTS],
    credits=6,
    watches_account=True,
)
def header_falls_with_each_charge(api: Api) -> None:
    own = api.with_key(api.provider.exact_key(10))
    answers = [own.outpaint(count=3), own.outpaint(count=3), own.get(BALANCE_PATH)]
    equal(
        [answer.headers.get(paths_and_headers.CREDIT_AVAILABLE) for answer in answers],
        ["10", "7", "4"],
        "the credit headers",
    )


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


@case(
    clauses.PRICE,
    when="pictures are asked for and waited for",
    then="each costs a credit",
    severity=Severity.CRITICAL,
    credits=4,
    watches_account=True,
    each=[{"count": 1}, {"count": 4}],
)
def a_picture_costs_a_credit(api: Api, count: int) -> None:
    with api.charged(count):
        finished(api.outpaint(count=count))


@case(
    clauses.PRICE,
    when="pictures are asked for with mode async and polled to their end",
    then="each costs a credit",
    severity=Severity.CRITICAL,
    credits=4,
    watches_account=True,
    each=[{"count": 1}, {"count": 4}],
)
def an_async_picture_costs_a_credit(api: Api, count: int) -> None:
    with api.charged(count):
        api.end_of(pending(api.outpaint(mode="async", count=count)))


@case(
    clauses.PRICE,
    given="a job that was accepted",
    when="it is polled to its end and again",
    then="the polls cost nothing",
    severity=Severity.CRITICAL,
    needs=[Need.HELD_JOBS],
    credits=1,
    watches_account=True,
)
def polling_costs_nothing(api: Api) -> None:
    with api.provider.hold():
        inference_id = pending(api.outpaint(mode="async"))
        with api.charged(0):
            api.poll(inference_id)
    with api.charged(0):
        api.end_of(inference_id)
        api.poll(inference_id)


@case(
    clauses.PRICE,
    given="a finished picture",
    when="its file is fetched twice",
    then="that costs nothing",
    credits=1,
    watches_account=True,
)
def fetching_costs_nothing(api: Api) -> None:
    for item in finished(api.outpaint()):
        with api.charged(0):
            api.fetch(item.url)
            api.fetch(item.url)


@case(
    clauses.PRICE,
    given="an account whose last credit went into a job",
    when="the job is polled to its end",
    then="its picture is there",
    severity=Severity.CRITICAL,
    needs=[Need.ACCOUNTS],
    credits=1,
)
def no_credits_are_enough_to_poll(api: Api) -> None:
    own = api.with_key(api.provider.exact_key(1))
    finished(own.end_of(pending(own.outpaint(mode="async"))))


@case(
    clauses.REFUSED_FREE,
    when="a request is refused",
    then="nothing is charged",
    severity=Severity.CRITICAL,
    watches_account=True,
    each=[{"what": name} for name in _REFUSED],
)
def a_refused_request_costs_nothing(api: Api, what: str) -> None:
    with api.charged(0):
        answer = api.outpaint(**_REFUSED[what]())
    holds(400 <= answer.status_code < 500, f"the request is refused (its status is {answer.status_code})")


@case(
    clauses.PRICE,
    given="two accounts",
    when="one of them asks for a picture",
    then="the other's credits are not touched",
    severity=Severity.CRITICAL,
    needs=[Need.SECOND_ACCOUNT],
    credits=1,
    watches_account=True,
)
def another_accounts_credits_are_not_touched(api: Api) -> None:
    other = api.with_key(api.provider.second_key())
    with other.charged(0):
        finished(api.outpaint())


# Taken when accepted


@case(
    clauses.RESERVED,
    given="a job that cannot end yet",
    when="the balance is asked for",
    then="the job's credits are already taken off",
    severity=Severity.CRITICAL,
    needs=[Need.HELD_JOBS],
    credits=2,
    watches_account=True,
)
def a_running_jobs_credits_are_taken_off(api: Api) -> None:
    with api.provider.hold(), api.charged(2):
        pending(api.outpaint(mode="async", count=2))


@case(
    clauses.RESERVED,
    given="a job whose credits were taken off",
    when="it ends with its pictures",
    then="nothing more is charged, and nothing given back",
    severity=Severity.CRITICAL,
    needs=[Need.HELD_JOBS],
    credits=2,
    watches_account=True,
)
def a_jobs_end_is_not_charged_again(api: Api) -> None:
    with api.provider.hold():
        inference_id = pending(api.outpaint(mode="async", count=2))
        before = api.balance()
    api.end_of(inference_id)
    equal(api.balance(), before, "the balance after the end")


@case(
    clauses.RESERVED,
    given="an account with three credits",
    when="three jobs of two pictures are sent while none can end",
    then="one is accepted, the others are 402, and one credit is left",
    severity=Severity.CRITICAL,
    needs=[Need.ACCOUNTS, Need.HELD_JOBS],
    credits=2,
    watches_account=True,
)
def reserved_credits_cannot_be_spent_again(api: Api) -> None:
    own = api.with_key(api.provider.exact_key(3))
    with api.provider.hold():
        answers = [own.outpaint(mode="async", count=2) for _ in range(3)]
        equal([answer.status_code for answer in answers], [202, 402, 402], "the statuses")
        equal(own.balance(), 1, "the balance")
    own.end_of(pending(answers[0]))


@case(
    clauses.RESERVED,
    given="an account with three credits",
    when="eight pictures are asked for at the same moment",
    then="three are accepted, the others are 402, and no credit is left",
    severity=Severity.CRITICAL,
    needs=[Need.ACCOUNTS],
    credits=3,
    watches_account=True,
)
def a_race_never_spends_more_than_there_is(api: Api) -> None:
    own = api.with_key(api.provider.exact_key(3))

    def send(_: int) -> int:
        with own.another_connection() as connection:
            return connection.outpaint(mode="async").status_code

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        statuses = list(pool.map(send, range(_AT_ONCE)))
    equal(statuses.count(402), _AT_ONCE - 3, "the number of 402")
    equal(own.balance(), 0, "the balance")


# 402


@case(
    clauses.USED_UP,
    given="an account with two credits",
    when="three pictures are asked for",
    then="the answer is 402, Payment Required",
    severity=Severity.CRITICAL,
    needs=[Need.ACCOUNTS],
    credits=2,
)
def too_few_credits_are_402(api: Api) -> None:
    own = api.with_key(api.provider.exact_key(2))
    rejected(own.outpaint(count=3), 402, message="Payment Required")


@case(
    clauses.USED_UP,
    given="an account that has spent its last credit",
    when="a picture is asked for",
    then="the answer is 402, Payment Required",
    severity=Severity.CRITICAL,
    needs=[Need.ACCOUNTS],
    credits=1,
)
def no_credits_are_402(api: Api) -> None:
    own = api.with_key(api.provider.exact_key(1))
    finished(own.outpaint())
    rejected(own.outpaint(), 402, message="Payment Required")


@case(
    clauses.ERROR_CODES,
    given="an account with two credits",
    when="three pictures are asked for",
    then="the error code is insufficient_credits",
    needs=[Need.ACCOUNTS],
    credits=2,
)
def a_402_has_its_code(api: Api) -> None:
    refused(api.with_key(api.provider.exact_key(2)).outpaint(count=3), ErrorCode.INSUFFICIENT_CREDITS)


@case(
    clauses.REFUSED_FREE,
    given="an account with two credits",
    when="three pictures are asked for, refused, and then two",
    then="the two are painted, and no credit is left",
    severity=Severity.CRITICAL,
    needs=[Need.ACCOUNTS],
    credits=2,
    watches_account=True,
)
def a_402_takes_nothing(api: Api) -> None:
    own = api.with_key(api.provider.exact_key(2))
    with own.charged(0):
        rejected(own.outpaint(count=3), 402)
    finished(own.outpaint(count=2))
    equal(own.balance(), 0, "the balance")


@case(
    clauses.USED_UP,
    given="an account with two credits",
    when="three pictures are asked for",
    then="the 402 names no job",
    severity=Severity.CRITICAL,
    needs=[Need.ACCOUNTS],
    credits=2,
)
def a_402_names_no_job(api: Api) -> None:
    answer = api.with_key(api.provider.exact_key(2)).outpaint(mode="async", count=3)
    equal(answer.status_code, 402, "the status")
    lacks(json_object(answer), "inference_id", "the body")
    lacks(answer.headers, "Location", "the headers")


@case(
    clauses.REFUSED_FREE,
    given="an account with two credits, and a request that was refused for costing three",
    when="the lifetime of a job has passed",
    then="the balance is still two: no job was left behind to be given back",
    severity=Severity.CRITICAL,
    needs=[Need.ACCOUNTS, Need.TIME],
    credits=2,
    watches_account=True,
)
def a_402_leaves_no_job_behind(api: Api) -> None:
    own = api.with_key(api.provider.exact_key(2))
    rejected(own.outpaint(mode="async", count=3), 402)
    api.provider.advance(_JOB_LIFETIME_S + 1)
    equal(own.balance(), 2, "the balance")


# Given back


@case(
    clauses.GIVEN_BACK,
    when="a job fails",
    then="all its credits are given back",
    severity=Severity.CRITICAL,
    needs=[Need.FAILING_JOBS],
    credits=5,
    watches_account=True,
)
def a_failed_job_gives_its_credits_back(api: Api) -> None:
    with api.provider.failing(_BROKEN), api.charged(0):
        failure_of(api.end_of(pending(api.outpaint(mode="async", count=5))))


@case(
    clauses.GIVEN_BACK,
    given="a failed job whose credits were given back",
    when="it is polled again and again",
    then="nothing more is given back",
    severity=Severity.CRITICAL,
    needs=[Need.FAILING_JOBS],
    credits=5,
    watches_account=True,
)
def credits_are_given_back_once(api: Api) -> None:
    with api.provider.failing(_BROKEN), api.charged(0):
        inference_id = pending(api.outpaint(mode="async", count=5))
        for _ in range(4):
            failure_of(api.end_of(inference_id))


@case(
    clauses.GIVEN_BACK,
    given="a request that waits for its pictures",
    when="its job fails",
    then="nothing is charged",
    severity=Severity.CRITICAL,
    needs=[Need.FAILING_JOBS],
    credits=5,
    watches_account=True,
    each=[{"code": ErrorCode.PAINTING_FAILED}, {"code": ErrorCode.TIMED_OUT}, {"code": ErrorCode.UNAVAILABLE}],
)
def a_waiting_post_that_fails_costs_nothing(api: Api, code: ErrorCode) -> None:
    with api.provider.failing(OutpaintError(code, "the brush broke: try again")), api.charged(0):
        refused(api.outpaint(mode="sync", count=5), code)


@case(
    clauses.GIVEN_BACK,
    when="a job ends by an error that nobody foresaw",
    then="nothing is charged",
    severity=Severity.CRITICAL,
    needs=[Need.FAILING_JOBS],
    credits=1,
    watches_account=True,
)
def an_unforeseen_error_costs_nothing(api: Api) -> None:
    with api.provider.failing(RuntimeError("s3cret at /home/painter")), api.charged(0):
        refused(api.outpaint(), ErrorCode.PAINTING_FAILED)


@case(
    clauses.GIVEN_BACK,
    given="a job that never ends",
    when="its lifetime is over and it is polled",
    then="its credits are given back",
    severity=Severity.CRITICAL,
    needs=[Need.HELD_JOBS, Need.TIME],
    credits=1,
    watches_account=True,
)
def a_job_that_timed_out_gives_its_credits_back(api: Api) -> None:
    with api.provider.hold(), api.charged(0):
        inference_id = pending(api.outpaint(mode="async"))
        api.provider.advance(_JOB_LIFETIME_S + 1)
        failure_of(api.poll(inference_id))


@case(
    clauses.GIVEN_BACK,
    given="two jobs of which the first never ends",
    when="their lifetime is over and the first is let go",
    then="the credits of both are given back, once",
    severity=Severity.CRITICAL,
    needs=[Need.HELD_JOBS, Need.TIME],
    credits=2,
    watches_account=True,
)
def a_queued_job_gives_its_credits_back_too(api: Api) -> None:
    with api.charged(0):
        with api.provider.hold():
            painted, queued = (pending(api.outpaint(mode="async")) for _ in range(2))
            api.provider.advance(_JOB_LIFETIME_S + 1)
            failure_of(api.poll(painted))
        failure_of(api.end_of(queued))


@case(
    clauses.GIVEN_BACK,
    given="a job that timed out in its painter's hands, its credits given back",
    when="the painter is let go",
    then="the job is not charged after all",
    severity=Severity.CRITICAL,
    needs=[Need.HELD_JOBS, Need.TIME],
    credits=2,
    watches_account=True,
)
def a_late_painter_is_not_paid(api: Api) -> None:
    with api.charged(1):
        with api.provider.hold():
            late = pending(api.outpaint(mode="async"))
            api.provider.advance(_JOB_LIFETIME_S + 1)
            failure_of(api.poll(late))
        # When a job posted now has ended, the painter is long done with the late one.
        finished(api.end_of(pending(api.outpaint(mode="async"))))
        failure_of(api.poll(late))
