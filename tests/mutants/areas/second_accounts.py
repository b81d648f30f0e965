"""Faults that show where two accounts, or two jobs of one account, are served one after the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mutants.mutant import Patch, mutant
from outpaint.contracts import paths_and_headers as names
from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.job_states import JobState
from outpaint.functions.embedded.memory_ledger import MemoryLedger
from outpaint.functions.http.application import Exchange
from outpaint.functions.http.messages import Response
from outpaint.functions.service import picture_sources, settle, upload_forms
from outpaint.functions.service.file_urls import FileUrls
from outpaint.functions.service.picture_sources import SourcePicture
from outpaint.functions.service.records import StoredPicture
from outpaint.functions.service.service import Service


def jobs_of(service: Service) -> dict[str, Any]:
    assert isinstance(service.jobs, MemoryLedger)
    return service.jobs._jobs


def _foreign(service: Service, caller: Any, source: Any) -> StoredPicture | None:
    """The picture that an id names, where it is another account's."""
    stored = service.pictures.get(source.id, service.clock.now()) if hasattr(source, "id") else None
    return stored if stored is not None and stored.account_id != caller.id else None


def read_foreign_masks(patch: Patch, *, uploads: bool) -> None:
    """Another account's upload, or else its result, is read where its id is sent as a mask."""

    def read(original: Any, service: Service, caller: Any, source: Any, embedded: Any, field: str) -> Any:
        foreign = _foreign(service, caller, source)
        if foreign is None or not field.startswith("mask") or (foreign.inference_id is None) is not uploads:
            return original(service, caller, source, embedded, field)
        return SourcePicture(foreign.data, source.id, foreign.expires_at)

    patch.around(picture_sources, "read_picture", read)


@mutant("another account's result can be sent as a mask", "result-files.another-accounts-result-cannot-be-sent-on")
def foreign_result_is_a_mask(patch: Patch) -> None:
    read_foreign_masks(patch, uploads=False)


@mutant("another account's upload can be sent as a mask", "uploads.another-accounts-upload-is-not-there")
def foreign_upload_is_a_mask(patch: Patch) -> None:
    read_foreign_masks(patch, uploads=True)


@mutant(
    "the refusal of another account's id as a mask tells that there is such a file",
    "result-files.another-accounts-result-cannot-be-sent-on",
)
def foreign_mask_is_told_apart(patch: Patch) -> None:
    def read(original: Any, service: Service, caller: Any, source: Any, embedded: Any, field: str) -> Any:
        if field.startswith("mask") and _foreign(service, caller, source) is not None:
            raise OutpaintError.wrong_value(field, source.id, "it is another account's")
        return original(service, caller, source, embedded, field)

    patch.around(picture_sources, "read_picture", read)


@mutant("HEAD tells that another account's job exists", "routes.another-accounts-job-is-404")
def head_finds_foreign_jobs(patch: Patch) -> None:
    def inference(original: Any, self: Exchange, caller: Any, inference_id: str) -> Response:
        job = self._service.jobs.find(inference_id, self._service.clock.now())
        if self._head.method == "HEAD" and job is not None:
            return self._job(settle.refreshed(self._service, job))
        answer: Response = original(self, caller, inference_id)
        return answer

    patch.around(Exchange, "_inference", inference)


@mutant("a header of the 404 tells that another account's job exists", "routes.another-accounts-job-looks-unknown")
def header_tells_of_foreign_jobs(patch: Patch) -> None:
    def refuse(original: Any, self: Exchange, error: Exception, *rest: Any, **more: Any) -> Response:
        answer: Response = original(self, error, *rest, **more)
        if self.inference_id not in jobs_of(self._service):
            return answer
        return replace(answer, headers=(*answer.headers, ("X-Owner", "another account")))

    patch.around(Exchange, "refuse", refuse)


@mutant("a job is forgotten when a stranger polls it", "routes.a-strangers-poll-changes-nothing")
def strangers_poll_forgets_the_job(patch: Patch) -> None:
    def find(original: Any, service: Service, caller: Any, inference_id: str) -> Any:
        job = jobs_of(service).get(inference_id)
        if job is not None and job.account_id != caller.id:
            del jobs_of(service)[inference_id]
        return original(service, caller, inference_id)

    patch.around(settle, "find_job", find)


@mutant("the credit header has the credits of whoever asked before", "credits.header-falls-with-each-charge")
def credits_of_the_caller_before(patch: Patch) -> None:
    lag_behind(patch, names.CREDIT_AVAILABLE)


@mutant("the requests left are those of whoever asked before", "rate-limit.accounts-have-limits-of-their-own")
def requests_left_of_the_caller_before(patch: Patch) -> None:
    lag_behind(patch, names.RATE_AVAILABLE)


def lag_behind(patch: Patch, name: str) -> None:
    """This header has in each answer the value of the answer before."""
    before: list[str] = []

    def change(_: Response, value: str) -> str:
        before.append(value)
        return before[-2] if len(before) > 1 else value

    patch.header(name, change)


@mutant("a poll answers with the pictures of its account's latest job", "synchronous.each-request-is-its-own-job")
def latest_job_answers_every_poll(patch: Patch) -> None:
    def inference(original: Any, self: Exchange, caller: Any, inference_id: str) -> Response:
        job = settle.find_job(self._service, caller, inference_id)
        if job.state is not JobState.SUCCEEDED:
            answer: Response = original(self, caller, inference_id)
            return answer
        latest = [
            one
            for one in jobs_of(self._service).values()
            if one.account_id == caller.id and one.state is JobState.SUCCEEDED
        ][-1]
        return self._job(replace(job, manifest=latest.manifest))

    patch.around(Exchange, "_inference", inference)


@mutant("every upload has the same id", "uploads.changed-form-is-not-taken")
def uploads_share_an_id(patch: Patch) -> None:
    def file_id(original: Any, _: str, extension: str) -> str:
        return str(original("11111111-1111-4111-8111-111111111111", extension))

    patch.around(upload_forms, "file_id", file_id)


@mutant(
    "whoever has a form may change whose file it stores, of which size and for how long",
    "uploads.changed-form-is-not-taken",
)
def grants_are_not_signed(patch: Patch) -> None:
    def signature(original: Any, self: FileUrls, *signed: str) -> str:
        return str(original(self, *(signed[:2] if signed[0] == "upload" else signed)))

    patch.around(FileUrls, "_signature", signature)


@mutant("a stranger is told that a job exists by 403, once it has ended", "routes.another-accounts-job-is-404")
def ended_foreign_job_is_403(patch: Patch) -> None:
    def find(original: Any, service: Service, caller: Any, inference_id: str) -> Any:
        job = jobs_of(service).get(inference_id)
        if job is not None and job.account_id != caller.id and job.state.ended:
            raise OutpaintError(ErrorCode.FORBIDDEN, "this inference is not yours", field="inference_id")
        return original(service, caller, inference_id)

    patch.around(settle, "find_job", find)
