"""Now and then: end what was cut off between two steps, forget what has expired."""

from __future__ import annotations

from outpaint_contracts.errors import ErrorCode
from outpaint_contracts.inference import InferenceFailure
from outpaint_contracts.jobs import JobState

from outpaint_functions.service import result, settle
from outpaint_functions.service.records import Job
from outpaint_functions.service.service import Service


def sweep(service: Service) -> None:
    """End overdue jobs and jobs that were accepted but never dispatched; purge jobs, claims and files.

    Safe to run at any time, from several places at once. A job that cannot be looked at keeps no other from its
    end: what went wrong is raised together at the end, as an `ExceptionGroup`.
    """
    now = service.clock.now()
    errors: list[Exception] = []
    for job in list(service.jobs.unended()):
        try:
            _end_or_refresh(service, job, now)
        except Exception as error:  # noqa: BLE001 - raised below, after every other job had its turn
            errors.append(error)
    service.jobs.purge(now)
    service.pictures.purge(now)
    if errors:
        raise ExceptionGroup("some jobs could not be looked at", errors)


def _end_or_refresh(service: Service, job: Job, now: float) -> None:
    if job.state is JobState.ACCEPTED and now >= job.created_at + service.settings.accept_grace:
        failure = InferenceFailure(
            inference_id=job.id,
            error_code=ErrorCode.UNAVAILABLE,
            detail="the job was cut off before it had begun; its credits were given back: send it again",
        )
        settle.fail(service, failure, release_claim=True)
    else:
        result.refreshed(service, job)
