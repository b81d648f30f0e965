"""Jobs as clients see them: the bodies of 200 and 202."""

from __future__ import annotations

from datetime import UTC, datetime

from outpaint_contracts.errors import ErrorCode, OutpaintError
from outpaint_contracts.jobs import JobState
from outpaint_contracts.responses import Accepted, FailedJob, FinishedPicture, Result, StatusWord, UploadTicket

from outpaint_functions.service.records import Job
from outpaint_functions.service.service import Service
from outpaint_functions.service.uploads import Ticket


def absolute(service: Service, url: str, origin: str) -> str:
    """A path on this host as the URL under which its client reaches it; other URLs stay."""
    return (service.settings.public_url or origin).rstrip("/") + url if url.startswith("/") else url


def result_body(service: Service, job: Job, origin: str) -> Result:
    """The finished pictures of a succeeded job, their URLs signed anew; `origin` completes a path to a URL."""
    assert job.manifest is not None
    until, lifetime = job.expires_at, service.settings.url_lifetime
    if lifetime is not None:
        until = min(until, service.clock.now() + lifetime)
    expires_at = datetime.fromtimestamp(int(until), UTC)
    pictures = []
    for file in job.manifest.files:
        url = service.pictures.url(file.id, until)
        pictures.append(
            FinishedPicture(id=file.id, url=absolute(service, url, origin), expires_at=expires_at, seed=file.seed)
        )
    return Result(
        inference_id=job.id,
        data=tuple(pictures),
        seed=job.request.wish.seed,
        painter=job.manifest.painter,
        mask_interpretation=job.interpretation,
    )


def accepted_body(job: Job, word: StatusWord = StatusWord.PROCESSING) -> Accepted:
    """A job that still runs; `word` is `success` only where the vendor's async POST of 2025 is mimicked."""
    return Accepted(
        status=StatusWord.SUCCESS if word is StatusWord.SUCCESS else StatusWord.PROCESSING,
        inference_id=job.id,
        transaction_id=job.id,
        mask_interpretation=job.interpretation,
    )


def ticket_body(service: Service, ticket: Ticket, origin: str) -> UploadTicket:
    """Where to send a picture ahead; `origin` completes a path to a URL."""
    return UploadTicket(
        id=ticket.id,
        url=absolute(service, ticket.form.url, origin),
        fields=ticket.form.fields,
        max_bytes=ticket.grant.max_bytes,
        expires_at=datetime.fromtimestamp(ticket.grant.until, UTC),
        file_expires_at=datetime.fromtimestamp(ticket.grant.expires_at, UTC),
    )


def failed_body(job: Job) -> FailedJob:
    """A job that ended without pictures, as a poll shows it."""
    error = failure_of(job)
    return FailedJob(
        inference_id=job.id,
        transaction_id=job.id,
        message=error.kind.message,
        detail=error.detail,
        code=error.kind.status.value,
        error_code=error.code,
    )


def failure_of(job: Job) -> OutpaintError:
    """The error that ended a job."""
    if job.failure is None:
        word = "was cancelled" if job.state is JobState.CANCELLED else "ended without a reason"
        return OutpaintError(ErrorCode.PAINTING_FAILED, f"the job {word}; its credits were given back")
    return OutpaintError(job.failure.error_code, job.failure.detail, field=job.failure.field)
