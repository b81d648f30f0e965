"""Jobs that end without pictures: a poll answers 200 with the failure, a POST that waited the error itself."""

from __future__ import annotations

from functools import partial

from outpaint.conformance.proving import clauses
from outpaint.conformance.proving.answer_reading import (
    failed,
    failure_of,
    finished,
    json_object,
    members_of,
    refused,
)
from outpaint.conformance.proving.api import FAILURE, Api
from outpaint.conformance.proving.case import Severity, case, variants
from outpaint.conformance.proving.expectations import equal, lacks
from outpaint.conformance.proving.provider import Need
from outpaint.contracts.errors import ERROR_KINDS, ErrorCode
from outpaint.contracts.responses import FailedJob

_UNFORESEEN = RuntimeError("s3cret at /home/painter")
_failing = partial(case, needs=[Need.FAILING_JOBS], credits=1)
_failed_job = partial(case, given="a job that failed", needs=[Need.FAILING_JOBS], when="it is polled", credits=1)
_critical_failure = partial(_failed_job, severity=Severity.CRITICAL)


@_critical_failure(clauses.FAILED_POLL, then="the answer is 200 with status error, a message and a detail")
def a_failed_job_polls_as_an_error(api: Api) -> None:
    with api.failing():
        failed(api.end_of(api.start()))


@_failed_job(clauses.FAILED_OUR_MEMBERS, then="detail is the reason, and message the word for it")
def a_failed_job_tells_why(api: Api) -> None:
    with api.failing():
        message, detail = failed(api.end_of(api.start()))
    equal(detail, FAILURE, "detail")
    equal(message, ERROR_KINDS[ErrorCode.PAINTING_FAILED].message, "message")


@_failed_job(
    clauses.FAILED_OUR_MEMBERS,
    then="its code is the status and its error code the kind of the error",
    each={
        "painting_failed": {"code": ErrorCode.PAINTING_FAILED, "status": 500},
        "timed_out": {"code": ErrorCode.TIMED_OUT, "status": 504},
        "unavailable": {"code": ErrorCode.UNAVAILABLE, "status": 503},
    },
)
def a_failed_job_has_a_typed_code(api: Api, code: ErrorCode, status: int) -> None:
    with api.failing(code):
        failure = failure_of(api.end_of(api.start()))
    equal(failure.error_code, code, "error_code")
    equal(failure.code, status, "code")


@_failed_job(clauses.BOTH_IDS, then="it carries its id under both names")
def a_failed_job_has_both_ids(api: Api) -> None:
    with api.failing():
        inference_id = api.start()
        failure = failure_of(api.end_of(inference_id))
    equal(failure.inference_id, inference_id, "inference_id")
    equal(failure.transaction_id, inference_id, "transaction_id")


@_failed_job(clauses.FAILED_OUR_MEMBERS, then="data is there and empty, for the clients that iterate over it")
def a_failed_job_has_empty_data(api: Api) -> None:
    with api.failing():
        answer = api.end_of(api.start())
    equal(json_object(answer).get("data", "no such member"), [], "data")


@_critical_failure(
    clauses.ENDED_IS_FINAL,
    when="it is polled again, now that jobs succeed",
    then="it is still the same failure",
)
def a_failed_job_stays_failed(api: Api) -> None:
    with api.failing():
        inference_id = api.start()
        first = api.end_of(inference_id)
        failed(first)
    equal(members_of(api.poll(inference_id), FailedJob), members_of(first, FailedJob), "the body of the second poll")


@_failing(
    clauses.FAILED_POST,
    given="a request that waits for its pictures",
    when="its job fails",
    then="the answer is the error itself",
    severity=Severity.CRITICAL,
    each=variants(code=[ErrorCode.PAINTING_FAILED, ErrorCode.TIMED_OUT, ErrorCode.UNAVAILABLE]),
)
def a_waiting_post_answers_the_error(api: Api, code: ErrorCode) -> None:
    with api.failing(code):
        refused(api.outpaint(mode="sync"), code)


@_critical_failure(clauses.FAILED_POST, when="another is posted", then="its pictures come", credits=2)
def the_next_job_is_not_touched(api: Api) -> None:
    with api.failing():
        failed(api.end_of(api.start()))
    finished(api.outpaint())


@_failing(
    clauses.FAILED_SILENT,
    given="a request that waits for its pictures",
    when="its job ends by an error that nobody foresaw",
    then="the answer is painting_failed",
    severity=Severity.CRITICAL,
)
def an_unforeseen_error_is_painting_failed(api: Api) -> None:
    with api.provider.failing(_UNFORESEEN):
        refused(api.outpaint(), ErrorCode.PAINTING_FAILED)


@_failing(
    clauses.FAILED_SILENT,
    when="a job ends by an error that nobody foresaw",
    then="neither the POST nor the poll repeats its text",
    severity=Severity.CRITICAL,
    credits=2,
)
def an_unforeseen_error_tells_no_secrets(api: Api) -> None:
    with api.provider.failing(_UNFORESEEN):
        posted = api.outpaint()
        polled = api.end_of(api.start())
    for answer in (posted, polled):
        lacks(answer.text, "s3cret", "the body")
