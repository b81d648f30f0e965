"""Idempotency-Key: a request that is sent again is answered with its first job, and charged once."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import uuid4

from outpaint.conformance.proving import clauses, drawn_pictures
from outpaint.conformance.proving.answer_reading import (
    accepted_of,
    is_first,
    is_replay,
    refused,
    result_of,
    says_the_same,
)
from outpaint.conformance.proving.api import KEPT_S, Api, once
from outpaint.conformance.proving.case import Severity, case, critical, minor, variants, with_held_job
from outpaint.conformance.proving.expectations import differ, equal, holds
from outpaint.conformance.proving.provider import Need
from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.paths_and_headers import CORRELATION_ID, IDEMPOTENCY_KEY

_BAD_KEYS = {"empty": b"", "two-words": b"a b", "not-ascii": b"\xfc", "long": b"x" * 256}
_charged = partial(critical, watches_account=True)


@critical(
    clauses.REPLAY,
    when="the same request is sent three times under one key",
    then="each answer is the same job, says the same of it, and leads to the same files",
    credits=6,
)
def same_request_is_one_job(api: Api) -> None:
    key = once()
    answer = api.outpaint(count=2, headers=key)
    first, files = result_of(answer), api.files_of(answer)
    for _ in range(2):
        again = api.outpaint(count=2, headers=key)
        says_the_same(result_of(again), first)
        holds(api.files_of(again) == files, "its files are the same, byte for byte")


@_charged(
    clauses.REPLAY_FREE,
    when="the same request is sent three times under one key",
    then="it is charged once",
    credits=3,
)
def a_replay_costs_nothing(api: Api) -> None:
    key = once()
    with api.charged(1):
        for _ in range(3):
            result_of(api.outpaint(headers=key))


@case(
    clauses.REPLAY_FLAG,
    when="the same request is sent three times under one key",
    then="every answer but the first is marked as a replay, and none has the correlation id of another",
    credits=3,
)
def a_replay_is_flagged(api: Api) -> None:
    key = once()
    answers = [api.outpaint(headers=key) for _ in range(3)]
    result_of(answers[0])
    for answer in answers[1:]:
        is_replay(answer)
    equal(len({answer.headers.get(CORRELATION_ID) for answer in answers}), 3, "the number of correlation ids")


@case(
    clauses.REPLAY_FLAG,
    when="a request is sent, under a new key or under none",
    then="the answer is not marked as a replay",
    credits=1,
    each=variants(keyed={"new-key": True, "no-key": False}),
)
def a_first_answer_is_not_flagged(api: Api, keyed: bool) -> None:
    answer = api.outpaint(headers=once() if keyed else None)
    result_of(answer)
    is_first(answer)


@with_held_job(
    clauses.REPLAY,
    when="its async request is sent again under its key",
    then="the answer is 202 with the same id",
    severity=Severity.CRITICAL,
    credits=2,
)
def a_running_job_is_replayed(api: Api) -> None:
    key = once()
    with api.provider.hold():
        first, again = (accepted_of(api.outpaint(mode="async", headers=key)) for _ in range(2))
    equal(again.inference_id, first.inference_id, "the second inference_id")


@with_held_job(
    clauses.REPLAY_FLAG,
    when="its async request is sent again under its key",
    then="the 202 is marked as a replay",
    credits=2,
)
def a_replay_of_a_running_job_is_flagged(api: Api) -> None:
    key = once()
    with api.provider.hold():
        accepted_of(api.outpaint(mode="async", headers=key))
        is_replay(api.outpaint(mode="async", headers=key))


@critical(
    clauses.REPLAY,
    given="an async job that has ended",
    when="its request is sent again under its key",
    then="the answer is 200 with its pictures, marked as a replay",
    credits=2,
)
def an_ended_job_is_replayed_with_its_pictures(api: Api) -> None:
    key = once()
    first = accepted_of(api.outpaint(mode="async", headers=key))
    ended = result_of(api.end_of(first.inference_id))
    answer = api.outpaint(mode="async", headers=key)
    again = result_of(answer)
    equal(again.inference_id, first.inference_id, "the second inference_id")
    equal([item.id for item in again.data], [item.id for item in ended.data], "the ids")
    is_replay(answer)


@critical(
    clauses.REPLAY_ACCOUNT,
    given="two accounts",
    when="both use the same key for requests of their own",
    then="each has its own job, and neither is a replay",
    needs=[Need.SECOND_ACCOUNT],
    credits=2,
)
def another_account_has_its_own_keys(api: Api) -> None:
    key = once()
    first = result_of(api.outpaint(headers=key))
    answer = api.with_key(api.provider.second_key()).outpaint(headers=key, prompt="another wish")
    differ(result_of(answer).inference_id, first.inference_id, "the other account's inference_id")
    is_first(answer)


@case(
    clauses.REPLAY_REFUSED,
    given="a request that was refused",
    when="a good one is sent under its key",
    then="it is taken, and is no replay",
    credits=1,
    each=variants(bad={"count": {"count": 11}, "picture": {"image": drawn_pictures.opaque_everywhere()}}),
)
def a_refused_request_leaves_its_key_free(api: Api, bad: dict[str, Any]) -> None:
    key = once()
    equal(api.outpaint(headers=key, **bad).status_code, 422, "the status of the bad request")
    answer = api.outpaint(headers=key)
    result_of(answer)
    is_first(answer)


@case(
    clauses.REPLAY_REFUSED,
    given="an account with one credit, and a request that was refused for costing two",
    when="a cheaper one is sent under its key",
    then="it is taken, and is no replay",
    needs=[Need.ACCOUNTS],
    credits=1,
)
def a_402_leaves_its_key_free(api: Api) -> None:
    key, own = once(), api.with_key(api.provider.exact_key(1))
    refused(own.outpaint(count=2, headers=key), ErrorCode.INSUFFICIENT_CREDITS)
    answer = own.outpaint(count=1, headers=key)
    result_of(answer)
    is_first(answer)


@case(
    clauses.REPLAY_FAILED,
    given="a request whose job failed",
    when="it is sent again under its key, now that jobs succeed",
    then="the answer is the same error, marked as a replay",
    needs=[Need.FAILING_JOBS],
    credits=1,
)
def a_failed_job_is_replayed(api: Api) -> None:
    key = once()
    with api.failing():
        refused(api.outpaint(headers=key), ErrorCode.PAINTING_FAILED)
    again = api.outpaint(headers=key)
    refused(again, ErrorCode.PAINTING_FAILED)
    is_replay(again)


@_charged(
    clauses.REPLAY_FREE,
    given="a request whose job failed",
    when="it is sent again under its key",
    then="nothing is charged",
    needs=[Need.FAILING_JOBS],
    credits=1,
)
def a_replay_of_a_failed_job_costs_nothing(api: Api) -> None:
    key = once()
    with api.charged(0):
        with api.failing():
            refused(api.outpaint(headers=key), ErrorCode.PAINTING_FAILED)
        refused(api.outpaint(headers=key), ErrorCode.PAINTING_FAILED)


@case(
    clauses.REPLAY_LIFETIME,
    given="a request that was answered",
    when="it is sent again under its key a minute before 24 hours are over",
    then="the answer is the same job",
    needs=[Need.TIME],
    credits=2,
)
def a_key_is_remembered_for_24_hours(api: Api) -> None:
    key = once()
    first = result_of(api.outpaint(headers=key))
    api.provider.advance(KEPT_S - 60)
    equal(result_of(api.outpaint(headers=key)).inference_id, first.inference_id, "the second inference_id")


@minor(
    clauses.REPLAY_LIFETIME,
    given="a request that was answered",
    when="it is sent again under its key after half of 24 hours, and a minute after they are over",
    then="the last answer is a new job, and no replay",
    needs=[Need.TIME],
    credits=3,
)
def a_key_is_forgotten_after_24_hours(api: Api) -> None:
    key = once()
    first = result_of(api.outpaint(headers=key))
    api.provider.advance(KEPT_S // 2)
    equal(result_of(api.outpaint(headers=key)).inference_id, first.inference_id, "the second inference_id")
    api.provider.advance(KEPT_S // 2 + 60)
    answer = api.outpaint(headers=key)
    differ(result_of(answer).inference_id, first.inference_id, "the last inference_id")
    is_first(answer)


@case(
    clauses.REPLAY_KEY,
    when="a request is sent under a key that can be none",
    then="the answer is 400 and names the header",
    each=variants(key=_BAD_KEYS),
)
def a_key_that_can_be_none_is_400(api: Api, key: bytes) -> None:
    answer = api.outpaint(headers={IDEMPOTENCY_KEY: key})
    refused(answer, ErrorCode.INVALID_IDEMPOTENCY_KEY, field=IDEMPOTENCY_KEY)


@_charged(
    clauses.REPLAY_KEY,
    when="a request is sent under a key that can be none",
    then="nothing is charged",
    each=variants(key=_BAD_KEYS),
)
def a_key_that_can_be_none_costs_nothing(api: Api, key: bytes) -> None:
    with api.charged(0):
        refused(api.outpaint(headers={IDEMPOTENCY_KEY: key}), ErrorCode.INVALID_IDEMPOTENCY_KEY)


@case(clauses.REPLAY_KEY, when="a request is sent under a key of 255 characters", then="it is taken", credits=1)
def a_key_of_255_characters_is_taken(api: Api) -> None:
    result_of(api.outpaint(headers={IDEMPOTENCY_KEY: uuid4().hex + "x" * 223}))


@critical(
    clauses.REPLAY_KEY,
    when="the same is sent under two keys that differ in their last character alone",
    then="they are two jobs",
    credits=2,
    each={"case": {"first": "a", "second": "A"}, "number": {"first": "1", "second": "2"}},
)
def keys_are_compared_as_they_are(api: Api, first: str, second: str) -> None:
    stem = uuid4().hex * 7  # 224 characters: a key that is cut short somewhere is another's
    jobs = {result_of(api.outpaint(headers={IDEMPOTENCY_KEY: stem + end})).inference_id for end in (first, second)}
    equal(len(jobs), 2, "the number of jobs")


@critical(clauses.REPLAY, when="the same is sent twice without a key", then="they are two jobs", credits=2)
def without_a_key_they_are_two_jobs(api: Api) -> None:
    first, second = (result_of(api.outpaint(seed=1)) for _ in range(2))
    differ(second.inference_id, first.inference_id, "the second inference_id")


@_charged(clauses.PRICE, when="the same is sent twice without a key", then="both are charged", credits=2)
def without_a_key_both_are_charged(api: Api) -> None:
    with api.charged(2):
        for _ in range(2):
            result_of(api.outpaint(seed=1))
