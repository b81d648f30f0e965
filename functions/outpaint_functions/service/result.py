"""Looking at a job: where it stands now, for the account that owns it."""

from __future__ import annotations

from outpaint_contracts.errors import ErrorCode, OutpaintError

from outpaint_functions.service import settle
from outpaint_functions.service.records import Account, Job
from outpaint_functions.service.service import Service


def find(service: Service, caller: Account, inference_id: str) -> Job:
    """The caller's job as it stands, brought up to date first.

    Raises `OutpaintError` UNKNOWN_INFERENCE for an id never given out, forgotten, or another account's.
    """
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
    """The job after asking its painter's host for an end never reported, and after its deadline's due."""
    if job.state.ended:
        return job
    job = service.dispatch.check(job) or service.jobs.find(job.id, service.clock.now()) or job
    if not job.state.ended and service.clock.now() >= job.deadline_at:
        job = settle.expire(service, job) or service.jobs.find(job.id, service.clock.now()) or job
    return job
