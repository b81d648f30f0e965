"""How a job ends: reported by a painter's host, at most once; credits are kept or given back with it."""

from __future__ import annotations

from outpaint_contracts.errors import ErrorCode
from outpaint_contracts.inference import InferenceFailure, Manifest
from outpaint_contracts.jobs import JobState
from outpaint_contracts.storage_names import INPUTS_PREFIX

from outpaint_functions.service.records import Job
from outpaint_functions.service.service import Service


def begin(service: Service, inference_id: str) -> Job | None:
    """Record that a painter works on the job; None if it does already or the job has ended."""
    return service.jobs.move(inference_id, JobState.PAINTING)


def succeed(service: Service, manifest: Manifest) -> Job | None:
    """End the job with its finished files and keep its price; None if it had ended before."""
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


def _end(
    service: Service,
    inference_id: str,
    state: JobState,
    *,
    manifest: Manifest | None = None,
    failure: InferenceFailure | None = None,
    release_claim: bool = False,
) -> Job | None:
    job = service.jobs.move(
        inference_id,
        state,
        manifest=manifest,
        failure=failure,
        expires_at=service.clock.now() + service.settings.result_lifetime,
        release_claim=release_claim,
    )
    if job is not None:
        # Inputs are the client's own pictures: once nobody can need them, they go. What came by id stays.
        for name in (job.request.image, job.request.mask):
            if name is not None and name.startswith(INPUTS_PREFIX):
                service.pictures.delete(name)
    return job
