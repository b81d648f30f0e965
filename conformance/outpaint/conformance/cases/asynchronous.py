"""Requests that are not waited for: mode async, 202, polls from 202 to 200, and how long a job is kept."""

from __future__ import annotations

from functools import partial

from outpaint.conformance.proving import clauses
from outpaint.conformance.proving.answer_reading import (
    accepted_of,
    failed,
    failure_of,
    finished,
    json_object,
    members_of,
    only_picture,
    pending,
    refused,
    result_of,
    words_of,
)
from outpaint.conformance.proving.api import JOB_LIFETIME_S, KEPT_S, Api
from outpaint.conformance.proving.case import Severity, case, critical, minor, variants, with_held_job
from outpaint.conformance.proving.expectations import contains, equal, holds, one_of
from outpaint.conformance.proving.provider import Need
from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.responses import FailedJob, StatusWord

_ended_job = partial(case, given="a job that has ended", credits=1)
_polled_while_held = partial(with_held_job, when="it is polled", credits=1)


@critical(
    clauses.ACCEPTED_BODY,
    when="a picture is posted with mode async",
    then="the answer is 202 with an inference_id and data empty",
    credits=1,
)
def mode_async_is_202(api: Api) -> None:
    api.end_of(pending(api.outpaint(mode="async")))


@case(clauses.JOB_WORDS, when="a picture is posted with mode async", then="the status word is processing", credits=1)
def accepted_says_processing(api: Api) -> None:
    answer = api.outpaint(mode="async")
    equal(answer.status_code, 202, "the status")
    equal(json_object(answer).get("status"), "processing", "the status word")


@case(
    clauses.BOTH_IDS,
    when="a picture is posted with mode async",
    then="the 202 carries the id under both its names",
    credits=1,
)
def accepted_has_both_ids(api: Api) -> None:
    accepted = accepted_of(api.outpaint(mode="async"))
    equal(accepted.transaction_id, accepted.inference_id, "transaction_id")


@minor(
    clauses.JOB_OUR_MEMBERS,
    when="a picture with a transparent part is posted with mode async",
    then="the 202 says that some of it is to be painted",
    credits=1,
)
def accepted_tells_of_the_mask(api: Api) -> None:
    accepted = accepted_of(api.outpaint(mode="async"))
    holds(accepted.mask_interpretation.painted_share > 0, "some of the picture is to be painted")


@case(
    clauses.LOCATION,
    when="a picture is posted with mode async and Location is followed",
    then="it leads to the job",
    credits=1,
)
def location_leads_to_the_poll(api: Api) -> None:
    answer = api.outpaint(mode="async")
    accepted = accepted_of(answer)
    contains(answer.headers, "Location", "the headers")
    found = api.get(str(answer.url.join(answer.headers["Location"])))
    one_of(found.status_code, (200, 202), "the status at Location")
    equal(json_object(found).get("inference_id"), accepted.inference_id, "inference_id at Location")


@with_held_job(
    clauses.POLL,
    when="it is polled three times, let go, and polled to its end",
    then="each early poll is 202 with its id; the last is 200 with all its pictures",
    severity=Severity.CRITICAL,
    credits=2,
)
def poll_goes_from_202_to_200(api: Api) -> None:
    with api.provider.hold():
        inference_id = api.start(count=2)
        for _ in range(3):
            equal(pending(api.poll(inference_id)), inference_id, "inference_id")
    equal(len(finished(api.end_of(inference_id))), 2, "the number of pictures")


@_polled_while_held(clauses.JOB_WORDS, then="the status word is processing")
def poll_says_processing(api: Api) -> None:
    with api.provider.hold():
        answer = api.poll(api.start())
        equal(answer.status_code, 202, "the status")
        equal(json_object(answer).get("status"), "processing", "the status word")


@_polled_while_held(clauses.BOTH_IDS, then="the 202 has all members of the first, and the id under both its names")
def poll_has_both_ids(api: Api) -> None:
    with api.provider.hold():
        accepted = accepted_of(api.outpaint(mode="async"))
        equal(accepted_of(api.poll(accepted.inference_id)), accepted, "the body of the poll")
        equal(accepted.transaction_id, accepted.inference_id, "transaction_id")


@case(clauses.RESULT_OUR_MEMBERS, when="a job is polled to its end", then="the result names the job", credits=1)
def result_names_its_job(api: Api) -> None:
    inference_id = api.start()
    equal(result_of(api.end_of(inference_id)).inference_id, inference_id, "inference_id")


@critical(
    clauses.POLL,
    given="a job that has ended and one that cannot end yet",
    when="they are polled in turn",
    then="each keeps its own state",
    needs=[Need.HELD_JOBS],
    credits=2,
)
def jobs_keep_their_own_states(api: Api) -> None:
    done = api.start()
    api.end_of(done)
    with api.provider.hold():
        running = api.start()
        for _ in range(2):
            equal(api.poll(done).status_code, 200, "the status of the ended job")
            equal(api.poll(running).status_code, 202, "the status of the running job")
    api.end_of(running)
    equal(api.poll(done).status_code, 200, "the status of the job that ended first")


@critical(
    clauses.ENDED_IS_FINAL,
    given="a job that has ended",
    when="it is polled again and again",
    then="each poll is 200 with status success",
    credits=1,
)
def poll_never_goes_back(api: Api) -> None:
    inference_id = api.start()
    finished(api.end_of(inference_id))
    for _ in range(8):
        finished(api.poll(inference_id))


@critical(
    clauses.ENDED_IS_FINAL,
    given="a job that has ended",
    when="it is polled again and again",
    then="its pictures have the same ids in the same order",
    credits=3,
)
def result_keeps_its_ids(api: Api) -> None:
    inference_id = api.start(count=3)
    first = [item.id for item in finished(api.end_of(inference_id))]
    for _ in range(3):
        equal([item.id for item in finished(api.poll(inference_id))], first, "the ids")


@_polled_while_held(clauses.NOT_CACHED, then="the answer is not to be cached")
def poll_is_not_cached(api: Api) -> None:
    # A cache that kept the 202 would keep its client waiting for ever.
    with api.provider.hold():
        answer = api.poll(api.start())
        contains(words_of(answer, "Cache-Control"), "no-store", "Cache-Control")


@case(clauses.MODE, when="a picture is posted with mode async in the query", then="the answer is 202", credits=1)
def mode_may_stand_in_the_query(api: Api) -> None:
    api.end_of(pending(api.outpaint(params={"mode": "async"})))


@minor(
    clauses.MODE_SPELLING,
    when="a picture is posted with mode async, otherwise spelled, in the query",
    then="the answer is 202",
    credits=1,
    each=variants(mode={"upper": "ASYNC", "blanks": " async "}),
)
def mode_in_the_query_is_read_in_any_spelling(api: Api, mode: str) -> None:
    api.end_of(pending(api.outpaint(params={"mode": mode})))


@case(
    clauses.MODE,
    when="a picture is posted with one mode in the body and another in the query",
    then="the one in the body counts",
    credits=1,
    each={
        "sync-beats-async": {"body": "sync", "query": "async", "status": 200},
        "async-beats-sync": {"body": "async", "query": "sync", "status": 202},
    },
)
def mode_in_the_body_beats_the_query(api: Api, body: str, query: str, status: int) -> None:
    equal(api.outpaint(mode=body, params={"mode": query}).status_code, status, "the status")


@minor(
    clauses.WORD_OF_2025,
    given="a provider set to the vendor's word of 2025 and a job that cannot end yet",
    when="the job is posted and polled",
    then="the POST says success and the poll says processing",
    needs=[Need.SETTINGS, Need.HELD_JOBS],
    credits=1,
)
def word_of_2025_is_for_the_post_alone(api: Api) -> None:
    with api.configured(accepted_word="success") as own, own.provider.hold():
        accepted = accepted_of(own.outpaint(mode="async"))
        equal(accepted.status, StatusWord.SUCCESS, "the status word of the POST")
        equal(accepted_of(own.poll(accepted.inference_id)).status, StatusWord.PROCESSING, "the status word of the poll")


@minor(
    clauses.WORD_OF_2025,
    given="a provider set to the vendor's word of 2025, which lets nobody wait, and a job that cannot end yet",
    when="the job is posted to be waited for",
    then="the 202 says processing: it is no answer to an async POST",
    needs=[Need.SETTINGS, Need.HELD_JOBS],
    credits=1,
)
def a_sync_post_that_falls_to_202_has_the_word_of_a_poll(api: Api) -> None:
    with api.configured(accepted_word="success", sync_wait=0) as own, own.provider.hold():
        equal(accepted_of(own.outpaint(mode="sync")).status, StatusWord.PROCESSING, "the status word")


@critical(
    clauses.FOUND_AT_ONCE,
    given="jobs that cannot end yet",
    when="five are posted, each polled at once",
    then="each is found",
    needs=[Need.HELD_JOBS],
    credits=5,
)
def an_id_is_found_at_once(api: Api) -> None:
    with api.provider.hold():
        for _ in range(5):
            equal(api.poll(api.start()).status_code, 202, "the status")


@critical(
    clauses.JOB_LIFETIME,
    given="a job that never ends",
    when="its lifetime is over",
    then="it polls as an error, timed out",
    needs=[Need.HELD_JOBS, Need.TIME],
    credits=1,
)
def a_job_that_never_ends_times_out(api: Api) -> None:
    with api.provider.hold():
        inference_id = api.start()
        api.provider.advance(JOB_LIFETIME_S + 1)
        equal(failure_of(api.poll(inference_id)).error_code, ErrorCode.TIMED_OUT, "the error code")


@case(
    clauses.JOB_LIFETIME,
    given="a job that waits behind another, which never ends",
    when="their lifetime is over and the other is let go",
    then="both polled as timed out",
    needs=[Need.HELD_JOBS, Need.TIME],
    credits=2,
)
def a_queued_job_times_out_too(api: Api) -> None:
    with api.provider.hold():
        painted, queued = (api.start() for _ in range(2))
        api.provider.advance(JOB_LIFETIME_S + 1)
        # The first is being painted, and might yet be finished if nobody asked for it now.
        equal(failure_of(api.poll(painted)).error_code, ErrorCode.TIMED_OUT, "the first job's error code")
    equal(failure_of(api.end_of(queued)).error_code, ErrorCode.TIMED_OUT, "the queued job's error code")


@critical(
    clauses.ENDED_IS_FINAL,
    given="a job that timed out while it was being painted",
    when="the painter is let go",
    then="it stays timed out",
    needs=[Need.HELD_JOBS, Need.TIME],
    credits=2,
)
def a_late_painter_changes_nothing(api: Api) -> None:
    with api.provider.hold():
        late = api.start()
        api.provider.advance(JOB_LIFETIME_S + 1)
        first = api.poll(late)
        failed(first)
    # When a job posted now has ended, the painter is long done with the late one.
    api.end_of(api.start())
    equal(members_of(api.poll(late), FailedJob), members_of(first, FailedJob), "the body of the last poll")


@_ended_job(
    clauses.JOB_KEPT,
    when="it is polled a minute before its 24 hours are over, and its file fetched",
    then="both answers are 200",
    needs=[Need.TIME],
)
def a_job_is_kept_for_24_hours(api: Api) -> None:
    inference_id = api.start()
    api.end_of(inference_id)
    api.provider.advance(KEPT_S - 60)
    item = only_picture(api.poll(inference_id))
    equal(api.fetch(item.url).status_code, 200, "the status of its file")


@_ended_job(
    clauses.JOB_KEPT,
    when="it is polled a minute after its 24 hours are over",
    then="the answer is 404",
    needs=[Need.TIME],
)
def a_job_is_forgotten_after_24_hours(api: Api) -> None:
    inference_id = api.start()
    api.end_of(inference_id)
    api.provider.advance(KEPT_S + 60)
    refused(api.poll(inference_id), ErrorCode.UNKNOWN_INFERENCE)
