"""Not waiting: mode, Prefer, 202, and the poll from 202 to 200."""

from __future__ import annotations

from outpaint_contracts.proving import clauses
from outpaint_contracts.proving.api import Api, accepted_of, result_of
from outpaint_contracts.proving.case import Need, Severity, case
from outpaint_contracts.proving.expectations import equal, holds
from outpaint_contracts.responses import StatusWord


@case(
    clauses.ACCEPTED_BODY,
    when="a picture is posted with mode async",
    then="the answer is 202, processing, with both ids equal and data empty",
    severity=Severity.CRITICAL,
    credits=1,
)
def mode_async_is_202(api: Api) -> None:
    answer = api.outpaint(mode="async")
    accepted = accepted_of(answer)
    equal(accepted.transaction_id, accepted.inference_id, "transaction_id")
    equal(answer.json()["data"], [], "data")
    equal(accepted.status, StatusWord.PROCESSING, "the status word")
    holds(accepted.mask_interpretation.painted_share > 0, "some of the picture is to be painted")
    api.end_of(accepted.inference_id)


@case(
    clauses.POLL,
    given="a job that cannot end yet",
    when="it is polled three times, let go, and polled to its end",
    then="each early poll is 202 and says processing; the last is 200 with all its pictures",
    severity=Severity.CRITICAL,
    needs=[Need.HELD_JOBS],
    credits=2,
)
def poll_goes_from_202_to_200(api: Api) -> None:
    with api.provider.hold():
        accepted = accepted_of(api.outpaint(mode="async", count=2))
        for _ in range(3):
            waiting = accepted_of(api.poll(accepted.inference_id))
            equal(waiting.inference_id, accepted.inference_id, "inference_id")
            equal(waiting.transaction_id, accepted.inference_id, "transaction_id")
            equal(waiting.status, StatusWord.PROCESSING, "the status word")
    result = result_of(api.end_of(accepted.inference_id))
    equal(result.inference_id, accepted.inference_id, "inference_id")
    equal(len(result.data), 2, "the number of pictures")


@case(
    clauses.MODE,
    when="a picture is posted with the mode in the query",
    then="the answer is 202",
    credits=1,
    each=[{"mode": "async"}, {"mode": "ASYNC"}, {"mode": " async "}],
    named=["lower", "upper", "blanks"],
)
def mode_may_stand_in_the_query(api: Api, mode: str) -> None:
    api.end_of(accepted_of(api.outpaint(params={"mode": mode})).inference_id)
