"""Erases what is stored of jobs and accounts, for their operator (docs/adr/0052).

Files go before rows, because rows name them: an erasure that breaks off is completed by the same call again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.service import settle
from outpaint.functions.service.records import Job
from outpaint.functions.service.service import Service


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased: the number of jobs, rows and claims included, and of files; and the jobs left, for they run."""

    jobs: int
    files: int
    running: tuple[str, ...] = ()


def erase_job(service: Service, inference_id: str, *, end: bool = False) -> Erasure:
    """Erase a job: its files, those it was made from, what was written of its end, its row and idempotency claim.

    An upload or an earlier result that the job names by id goes too. With `end` a job that runs is ended first, its
    credits given back. Raises `OutpaintError` UNKNOWN_INFERENCE for a job that is not there, INVALID_PARAMETER for one
    that runs without `end`, UNAVAILABLE where a store does not answer.
    """
    job = service.jobs.find(inference_id, 0.0)
    if job is None:
        raise settle.unknown_job(inference_id)
    erased = _erase(service, [job], end=end)
    if erased.running:
        raise OutpaintError(
            ErrorCode.INVALID_PARAMETER,
            f"the job {job.id} has not ended: wait for its end, or end it first with --end, its credits given back",
        )
    return erased


def erase_account(service: Service, account_id: str, jobs: Iterable[Job], *, end: bool = False) -> Erasure:
    """Erase all of an account's jobs, and its uploads that no job used; the account, its keys and credits stay.

    `jobs` are all that there are, whoever owns them. Without `end` those that run stay, and so do the account's
    uploads, which they may need. Raises `OutpaintError` UNAVAILABLE where a store does not answer.
    """
    own = [job for job in jobs if job.account_id == account_id]
    erased = _erase(service, own, end=end)
    if erased.running:
        return erased
    return Erasure(erased.jobs, erased.files + service.pictures.erase_account(account_id))


def _erase(service: Service, jobs: list[Job], *, end: bool) -> Erasure:
    ended, running, files = [], [], 0
    for listed in jobs:
        job = settle.refreshed(service, listed)
        if not job.state.ended:
            if not end:
                running.append(job.id)
                continue
            job = settle.end_by_hand(service, job.id)
        told = () if job.locations is None else filter(None, (job.locations.output, job.locations.failure))
        files += service.pictures.erase(job.id, (*job.request.inputs, *job.request.output_ids, *told))
        ended.append(job.id)
    return Erasure(service.jobs.erase(ended), files, tuple(running))
