"""Ending a job at its operator's word."""

from __future__ import annotations

from outpaint_contracts.errors import ErrorCode, OutpaintError
from outpaint_contracts.inference import InferenceFailure

from outpaint_functions.service import result, settle
from outpaint_functions.service.records import Job
from outpaint_functions.service.service import Service


def end(service: Service, inference_id: str) -> Job:
    """End a job, its credits given back and its idempotency key free; an end that was never reported comes first.

    Whatever its painter still makes of it changes nothing. Raises `OutpaintError` UNKNOWN_INFERENCE for a job that
    is not there, INVALID_PARAMETER for one that has ended.
    """
    job = service.jobs.find(inference_id, 0.0)
    if job is None:
        raise unknown(inference_id)
    if job.state.ended:
        raise OutpaintError(ErrorCode.INVALID_PARAMETER, f"the job {job.id} has ended already: it is {job.state}")
    job = result.refreshed(service, job)
    if job.state.ended:
        return job
    failure = InferenceFailure(
        inference_id=job.id,
        error_code=ErrorCode.UNAVAILABLE,
        detail="the service's operator ended the job; its credits were given back: send it again",
    )
    ended = settle.fail(service, failure, release_claim=True)
    return ended or service.jobs.find(job.id, 0.0) or job


def unknown(inference_id: str) -> OutpaintError:
    """The error for a job that is not there, for an operator."""
    return OutpaintError(
        ErrorCode.UNKNOWN_INFERENCE, f"there is no job {inference_id}: `outpaint jobs list` shows what there is"
    )
