"""Jobs that end without pictures: the poll says so with 200, the waiting POST with the error itself."""

from __future__ import annotations

from outpaint.conformance.proving import clauses
from outpaint.conformance.proving.answer_reading import failed, json_object, pending
from outpaint.conformance.proving.api import Api, failure_of, finished, refused
from outpaint.conformance.proving.case import Severity, case
from outpaint.conformance.proving.expectations import equal, lacks
from outpaint.conformance.proving.provider import Need
from outpaint.contracts.errors import ERROR_KINDS, ErrorCode, OutpaintError

_BROKEN = OutpaintError(ErrorCode.PAINTING_FAILED, "the brush broke: try again")
_UNFORESEEN = RuntimeError("s3cret at /home/painter")


@case(
    clauses.FAILED_POLL,
    given="a job that failed",
    when="it is polled",
    then="the answer is 200 with status error, a message and a detail",
    severity=Severity.CRITICAL,
    needs=[Need.FAILING_JOBS],
    credits=1,
)
def a_failed_job_polls_as_an_error(api: Api) -> None:
    with api.provider.failing(_BROKEN):
        failed(api.end_of(pending(api.outpaint(mode="async"))))


@case(
    clauses.FAILED_OUR_MEMBERS,
    given="a job that failed",
    when="it is polled",
    then="detail is the reason, and message the word for it",
    needs=[Need.FAILING_JOBS],
    credits=1,
)
def a_failed_job_tells_why(api: Api) -> None:
    with api.provider.failing(_BROKEN):
        message, detail = failed(api.end_of(pending(api.outpaint(mode="async"))))
    equal(detail, _BROKEN.detail, "detail")
    equal(message, ERROR_KINDS[ErrorCode.PAINTING_FAILED].message, "message")


@case(
    clauses.FAILED_OUR_MEMBERS,
    given="a job that failed",
    when="it is polled",
    then="its code is the status and its error code the kind of the error",
    needs=[Need.FAILING_JOBS],
    credits=1,
    each=[
        {"code": ErrorCode.PAINTING_FAILED, "status": 500},
        {"code": ErrorCode.TIMED_OUT, "status": 504},
        {"code": ErrorCode.UNAVAILABLE, "status": 503},
    ],
    named=["painting_failed", "timed_out", "unavailable"],
)
def a_failed_job_has_a_typed_code(api: Api, code: ErrorCode, status: int) -> None:
    with api.provider.failing(OutpaintError(code, "the brush broke: try again")):
        failure = failure_of(api.end_of(pending(api.outpaint(mode="async"))))
    equal(failure.error_code, code, "error_code")
    equal(failure.code, status, "code")


@case(
    clauses.BOTH_IDS,
    given="a job that failed",
    when="it is polled",
    then="it carries its id under both names",
    needs=[Need.FAILING_JOBS],
    credits=1,
)
def a_failed_job_has_both_ids(api: Api) -> None:
    with api.provider.failing(_BROKEN):
        inference_id = pending(api.outpaint(mode="async"))
        failure = failure_of(api.end_of(inference_id))
    equal(failure.inference_id, inference_id, "inference_id")
    equal(failure.transaction_id, inference_id, "transaction_id")


@case(
    clauses.FAILED_OUR_MEMBERS,
    given="a job that failed",
    when="it is polled",
    then="data is there and empty, for the clients that iterate over it",
    needs=[Need.FAILING_JOBS],
    credits=1,
)
def a_failed_job_has_empty_data(api: Api) -> None:
    with api.provider.failing(_BROKEN):
        answer = api.end_of(pending(api.outpaint(mode="async")))
    equal(json_object(answer).get("data", "no such member"), [], "data")


@case(
    clauses.ENDED_IS_FINAL,
    given="a job that failed",
    when="it is polled again, now that jobs succeed",
    then="it is still the same failure",
    severity=Severity.CRITICAL,
    needs=[Need.FAILING_JOBS],
    credits=1,
)
def a_failed_job_stays_failed(api: Api) -> None:
    with api.provider.failing(_BROKEN):
        inference_id = pending(api.outpaint(mode="async"))
        first = failure_of(api.end_of(inference_id))
    equal(failure_of(api.poll(inference_id)), first, "the body of the second poll")


@case(
    clauses.FAILED_POST,
    given="a request that waits for its pictures",
    when="its job fails",
    then="the answer is the error itself",
    severity=Severity.CRITICAL,
    needs=[Need.FAILING_JOBS],
    credits=1,
    each=[{"code": ErrorCode.PAINTING_FAILED}, {"code": ErrorCode.TIMED_OUT}, {"code": ErrorCode.UNAVAILABLE}],
)
def a_waiting_post_answers_the_error(api: Api, code: ErrorCode) -> None:
    with api.provider.failing(OutpaintError(code, "the brush broke: try again")):
        refused(api.outpaint(mode="sync"), code)


@case(
    clauses.FAILED_POST,
    given="a job that failed",
    when="another is posted",
    then="its pictures come",
    severity=Severity.CRITICAL,
    needs=[Need.FAILING_JOBS],
    credits=2,
)
def the_next_job_is_not_touched(api: Api) -> None:
    with api.provider.failing(_BROKEN):
        failed(api.end_of(pending(api.outpaint(mode="async"))))
    finished(api.outpaint())


@case(
    clauses.FAILED_SILENT,
    given="a request that waits for its pictures",
    when="its job ends by an error that nobody foresaw",
    then="the answer is painting_failed",
    severity=Severity.CRITICAL,
    needs=[Need.FAILING_JOBS],
    credits=1,
)
def an_unforeseen_error_is_painting_failed(api: Api) -> None:
    with api.provider.failing(_UNFORESEEN):
        refused(api.outpaint(), ErrorCode.PAINTING_FAILED)


@case(
    clauses.FAILED_SILENT,
    when="a job ends by an error that nobody foresaw",
    then="neither the POST nor the poll repeats its text",
    severity=Severity.CRITICAL,
    needs=[Need.FAILING_JOBS],
    credits=2,
)
def an_unforeseen_error_tells_no_secrets(api: Api) -> None:
    with api.provider.failing(_UNFORESEEN):
        posted = api.outpaint()
        polled = api.end_of(pending(api.outpaint(mode="async")))
    for answer in (posted, polled):
        lacks(answer.text, "s3cret", "the body")
