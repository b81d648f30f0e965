"""How jobs end: by a completion, a poll, the sweep, a restart or their operator."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Final, Unpack

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.inference import InferenceFailure, InferenceRequest, Manifest
from outpaint.contracts.job_states import JobState
from outpaint.contracts.storage_names import INPUTS_PREFIX
from outpaint.functions.service import log_keys
from outpaint.functions.service.ports import UnreadableJobsError
from outpaint.functions.service.records import Account, Job, JobChange
from outpaint.functions.service.service import Service

_LOG: Final = logging.getLogger("outpaint.jobs")
_NEVER_BEGUN: Final = "the job was cut off before it had begun; its credits were given back: send it again"


def begin(service: Service, inference_id: str) -> Job | None:
    """Record that a painter works on the job; None if it does already or the job has ended."""
    return service.jobs.move(inference_id, JobState.PAINTING)


def succeed(service: Service, manifest: Manifest) -> Job | None:
    """End the job with its finished files and keep its price; None if it had ended before or is not known."""
    return _end(service, manifest.inference_id, JobState.SUCCEEDED, manifest=manifest)


def fail(service: Service, failure: InferenceFailure, *, release_claim: bool = False) -> Job | None:
    """End the job without pictures and give its price back; None if it had ended before.

    `release_claim` frees its idempotency key: for jobs that no painter ever saw.
    """
    return _end(service, failure.inference_id, JobState.FAILED, failure=failure, release_claim=release_claim)


def expire(service: Service, job: Job) -> Job | None:
    """End a job that took longer than it may and give its price back; None if it had ended before."""
    failure = InferenceFailure(
        inference_id=job.id,
        error_code=ErrorCode.TIMED_OUT,
        detail=f"the job did not end within {round(job.deadline_at - job.created_at)} seconds; "
        "its credits were given back: send it again, or ask for fewer or smaller pictures",
    )
    return _end(service, job.id, JobState.EXPIRED, failure=failure)


def _end(service: Service, inference_id: str, state: JobState, **change: Unpack[JobChange]) -> Job | None:
    change["expires_at"] = service.clock.now() + service.settings.result_lifetime
    job = service.jobs.move(inference_id, state, **change)
    if job is not None:
        if service.observer is not None:
            service.observer.ended(job)
        # Inputs are the client's own pictures and are no longer needed; what the client named by id stays.
        with log_keys.about_job(job):
            for name in job.request.inputs:
                if name.startswith(INPUTS_PREFIX):
                    service.pictures.delete(name)
    return job


def find_job(service: Service, caller: Account, inference_id: str) -> Job:
    """The caller's job, brought up to date first.

    Raises `OutpaintError` UNKNOWN_INFERENCE for an id never given out, purged, or another account's.
    """
    with log_keys.about(inference_id):
        job = service.jobs.find(inference_id, service.clock.now())
    if job is None or job.account_id != caller.id:
        raise OutpaintError(
            ErrorCode.UNKNOWN_INFERENCE,
            "there is no such inference: check the id; results are kept for "
            f"{service.settings.result_lifetime // 3600} hours",
            field="inference_id",
        )
    return refreshed(service, job)


def refreshed(service: Service, job: Job) -> Job:
    """The job after settling an end that its painter's host never reported, or its deadline if that has passed."""
    if job.state.ended:
        return job
    with log_keys.about_job(job):
        job = service.dispatch.check(job) or service.jobs.find(job.id, service.clock.now()) or job
        if not job.state.ended and service.clock.now() >= job.deadline_at:
            job = expire(service, job) or service.jobs.find(job.id, service.clock.now()) or job
        return job


def end_by_hand(service: Service, inference_id: str) -> Job:
    """End a job, its credits given back and its idempotency key free; an end that was never reported comes first.

    Whatever its painter still makes of it changes nothing. Raises `OutpaintError` UNKNOWN_INFERENCE for a job that
    is not there, INVALID_PARAMETER for one that has ended.
    """
    job = service.jobs.find(inference_id, 0.0)
    if job is None:
        raise unknown_job(inference_id)
    if job.state.ended:
        raise OutpaintError(ErrorCode.INVALID_PARAMETER, f"the job {job.id} has ended already: it is {job.state}")
    job = refreshed(service, job)
    if job.state.ended:
        return job
    detail = "the service's operator ended the job; its credits were given back: send it again"
    return _give_up(service, job, ErrorCode.UNAVAILABLE, detail) or service.jobs.find(job.id, 0.0) or job


def unknown_job(inference_id: str) -> OutpaintError:
    """The error of an operator's command for a job that is not there."""
    return OutpaintError(
        ErrorCode.UNKNOWN_INFERENCE, f"there is no job {inference_id}: `outpaint jobs list` shows what there is"
    )


def recover(service: Service, cut_off: Collection[str] = ()) -> None:
    """Dispatch again what can be, end the rest and give its credits back.

    For a host that has just started and knows that no painter works for it yet; called once, before serving. `cut_off`
    are the jobs whose painting is to blame for the end of the host before: that try of theirs counts, and after
    `settings.max_attempts` of them a job is ended. A restart counts against no other. A job whose store does not let it
    be taken up keeps no other from being, and is logged.
    """
    try:
        for job in service.jobs.unended():
            with log_keys.about_job(job):
                try:
                    _take_up(service, job, counted=job.id in cut_off)
                except OutpaintError as error:
                    _LOG.error("job %s could not be taken up again: %s", job.id, error)
    except UnreadableJobsError as error:
        _LOG.error("%s", error)


def _take_up(service: Service, job: Job, *, counted: bool) -> None:
    now = service.clock.now()
    if now >= job.deadline_at:
        expire(service, job)
        return
    if counted and job.attempts >= service.settings.max_attempts:
        detail = f"painting was cut off {job.attempts} times; the credits were given back"
        _give_up(service, job, ErrorCode.PAINTING_FAILED, detail)
        return
    if any(service.pictures.get(name, now) is None for name in job.request.inputs):
        _give_up(service, job, ErrorCode.UNAVAILABLE, _NEVER_BEGUN)
        return
    request = _next_try(job) if counted else job.request.model_copy(update={"attempt": job.attempts})
    # Counted before it is sent: it may be this very job that kills the host.
    if counted and service.jobs.begin_again(job.id, request.attempt) is None:
        return
    try:
        locations = service.dispatch.start(request)
    except OutpaintError as error:
        fail(service, InferenceFailure.of(job.id, error), release_claim=True)
    else:
        service.jobs.move(job.id, JobState.DISPATCHED, locations=locations)


def send_again(service: Service, job: Job, failure: InferenceFailure) -> Job | None:
    """Send a job again that its painter's host gave back; end it at its deadline, or as `failure` after its last try.

    For a host that goes on without us: a failure with the code UNAVAILABLE says that the same job may succeed
    elsewhere. Safe to repeat for the same `job`: each call sends the same try. Returns the ended job; None if it was
    sent, if it had ended before, or if it is still being dispatched. Raises `OutpaintError` where it is not taken,
    nothing changed.
    """
    if job.state is JobState.ACCEPTED:
        # Whoever dispatches it would overwrite where its answers lie; the sweep comes back to it.
        return None
    if service.clock.now() >= job.deadline_at:
        return expire(service, job)
    if job.attempts >= service.settings.max_attempts:
        return fail(service, failure)
    request = _next_try(job)
    locations = service.dispatch.start(request)
    # Recorded once it is sent: who dies in between sends the same try again, and no try is thought sent that was not.
    service.jobs.begin_again(job.id, request.attempt, locations)
    return None


def _next_try(job: Job) -> InferenceRequest:
    return job.request.model_copy(update={"attempt": job.attempts + 1})


def _give_up(service: Service, job: Job, code: ErrorCode, detail: str) -> Job | None:
    failure = InferenceFailure(inference_id=job.id, error_code=code, detail=detail)
    with log_keys.about_job(job):
        return fail(service, failure, release_claim=True)


def look_after(service: Service, job: Job) -> Job | None:
    """The job brought up to date, and ended where it was accepted and never dispatched; None if it had ended before."""
    # One accepted in the future was so before the clock was set back.
    age = abs(service.clock.now() - job.created_at)
    if job.state is JobState.ACCEPTED and age >= service.settings.accept_grace:
        return _give_up(service, job, ErrorCode.UNAVAILABLE, _NEVER_BEGUN)
    return refreshed(service, job)
