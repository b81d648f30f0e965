"""Faults in how a job ends, and in what polls say of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mutants.mutant import Patch, mutant, with_body
from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.job_states import JobState
from outpaint.contracts.paths_and_headers import Prefer
from outpaint.contracts.requests import Mode, OutpaintRequest
from outpaint.functions.http import answers, application
from outpaint.functions.http.answers import Answers
from outpaint.functions.http.application import Exchange
from outpaint.functions.http.messages import Response
from outpaint.functions.service import settle, submit


def change_accepted(patch: Patch, change: Callable[[dict[str, Any]], object]) -> None:
    """The body of a 202 passes through `change`."""
    patch.bodies(lambda response, document: change(document) if response.status == 202 else None)


def change_failed_job(patch: Patch, change: Callable[[dict[str, Any]], object]) -> None:
    """The body of a failed job's poll passes through `change`."""
    patch.bodies(
        lambda response, document: (
            change(document) if response.status == 200 and document.get("status") == "error" else None
        )
    )


def take_mode_for(patch: Patch, mode: Mode) -> None:
    """Whatever mode was sent, the request is waited for as in this one."""

    def wait(original: Any, service: Any, request: Any, prefer: Any) -> Any:
        return original(service, request.model_copy(update={"mode": mode}), prefer)

    patch.around(submit, "_wait", wait)


@mutant("202 has no data", "asynchronous.mode-async-is-202")
def data_missing_in_202(patch: Patch) -> None:
    change_accepted(patch, lambda document: document.pop("data"))


@mutant("data is null in 202", "asynchronous.mode-async-is-202")
def data_is_null_in_202(patch: Patch) -> None:
    change_accepted(patch, lambda document: document.update(data=None))


@mutant("202 has no inference_id", "asynchronous.mode-async-is-202")
def inference_id_missing_in_202(patch: Patch) -> None:
    change_accepted(patch, lambda document: document.pop("inference_id"))


@mutant("202 has no transaction_id", "asynchronous.accepted-has-both-ids")
def transaction_id_missing_in_202(patch: Patch) -> None:
    change_accepted(patch, lambda document: document.pop("transaction_id"))


@mutant("transaction_id is another id", "asynchronous.accepted-has-both-ids")
def transaction_id_differs(patch: Patch) -> None:
    change_accepted(patch, lambda document: document.update(transaction_id="t-" + document["transaction_id"]))


@mutant("a pending job's status is pending", "asynchronous.accepted-says-processing")
def pending_word_differs(patch: Patch) -> None:
    change_accepted(patch, lambda document: document.update(status="pending"))


@mutant("a pending job polls as 200", "asynchronous.poll-goes-from-202-to-200")
def pending_is_200(patch: Patch) -> None:
    def rewrite(answers: Answers, response: Response) -> Response:
        pending = response.status == 202 and answers.head.method == "GET"
        return replace(response, status=200) if pending else response

    patch.answers(rewrite)


@mutant("a job that ended polls as pending now and then", "asynchronous.poll-never-goes-back")
def poll_goes_backwards(patch: Patch) -> None:
    seen: Counter[str] = Counter()

    def inference(original: Any, self: Exchange, caller: Any, inference_id: str) -> Response:
        job = settle.find_job(self._service, caller, inference_id)
        if job.state.ended:
            seen[inference_id] += 1
            if seen[inference_id] == 2:
                return self._job(replace(job, state=JobState.PAINTING))
        return original(self, caller, inference_id)

    patch.around(Exchange, "_inference", inference)


@mutant("a failed job polls as an error", "failed-jobs.a-failed-job-polls-as-an-error")
def failed_job_polls_as_its_error(patch: Patch) -> None:
    def inference(original: Any, self: Exchange, caller: Any, inference_id: str) -> Response:
        job = settle.find_job(self._service, caller, inference_id)
        if job.state is JobState.FAILED:
            return self.refuse(answers.failure_of(job))
        return original(self, caller, inference_id)

    patch.around(Exchange, "_inference", inference)


@mutant("a failed job polls as a success without pictures", "failed-jobs.a-failed-job-polls-as-an-error")
def failed_job_polls_as_success(patch: Patch) -> None:
    change_failed_job(patch, lambda document: document.update(status="success"))


@mutant("a failed job does not tell why", "failed-jobs.a-failed-job-tells-why")
def failed_job_tells_nothing(patch: Patch) -> None:
    def change(document: dict[str, Any]) -> None:
        del document["message"], document["detail"]

    change_failed_job(patch, change)


@mutant("an id that was never given out polls as pending", "routes.an-unknown-id-is-404")
def unknown_inference_is_pending(patch: Patch) -> None:
    def rewrite(answers: Answers, response: Response) -> Response:
        if response.status != 404 or not answers.head.path.startswith("/v1/painting/"):
            return response
        id_ = answers.head.path.rpartition("/")[2]
        body = {"status": "processing", "inference_id": id_, "transaction_id": id_, "data": []}
        headers = (*response.headers, ("Retry-After", "1"))
        return with_body(replace(response, status=202, headers=headers), json.dumps(body).encode())

    patch.answers(rewrite)


@mutant("another account's job can be read", "routes.another-accounts-job-is-404")
def foreign_job_readable(patch: Patch) -> None:
    def find(_: Any, service: Any, __: Any, inference_id: str) -> Any:
        job = service.jobs.find(inference_id, service.clock.now())
        if job is None:
            raise OutpaintError(ErrorCode.UNKNOWN_INFERENCE, "there is no such inference", field="inference_id")
        return settle.refreshed(service, job)

    patch.around(settle, "find_job", find)


@mutant("another account's job is 403, which tells that it exists", "routes.another-accounts-job-looks-unknown")
def foreign_job_is_403(patch: Patch) -> None:
    def find(original: Any, service: Any, caller: Any, inference_id: str) -> Any:
        job = service.jobs.find(inference_id, service.clock.now())
        if job is not None and job.account_id != caller.id:
            raise OutpaintError(ErrorCode.FORBIDDEN, "this inference is not yours", field="inference_id")
        return original(service, caller, inference_id)

    patch.around(settle, "find_job", find)


@mutant("mode async waits all the same", "asynchronous.mode-async-is-202")
def async_waits(patch: Patch) -> None:
    take_mode_for(patch, Mode.SYNC)


@mutant("mode sync does not wait", "synchronous.as-many-as-asked")
def sync_does_not_wait(patch: Patch) -> None:
    take_mode_for(patch, Mode.ASYNC)


@mutant("Prefer is not read", "preferences.respond-async-is-202")
def prefer_ignored(patch: Patch) -> None:
    patch.set(Prefer, "parse", classmethod(lambda *_: Prefer()))


@mutant("the mode beats Prefer", "preferences.respond-async-beats-mode-sync")
def mode_beats_prefer(patch: Patch) -> None:
    def wait(original: Any, service: Any, request: Any, prefer: Any) -> Any:
        return original(service, request, prefer if request.mode is Mode.SYNC and prefer.wait else Prefer())

    patch.around(submit, "_wait", wait)


@mutant("the mode in the query is not read", "asynchronous.mode-may-stand-in-the-query")
def query_mode_ignored(patch: Patch) -> None:
    original = OutpaintRequest.from_fields
    patch.set(OutpaintRequest, "from_fields", classmethod(lambda _, fields, **__: original(fields)))


@mutant("the mode in the query beats the body's", "asynchronous.mode-in-the-body-beats-the-query")
def query_mode_wins(patch: Patch) -> None:
    original = OutpaintRequest.from_fields

    def from_fields(_: Any, fields: Any, *, query_mode: str | None = None) -> Any:
        return original({**fields, "mode": [query_mode]} if query_mode else fields)

    patch.set(OutpaintRequest, "from_fields", classmethod(from_fields))


@mutant("a wait that runs out is 504 and the job is lost to its client", "preferences.a-wait-that-runs-out-is-202")
def wait_that_runs_out_is_504(patch: Patch) -> None:
    def submitted(original: Any, self: Exchange, submission: Any, job: Any, word: Any) -> Response:
        if submission.wait > 0 and not job.state.ended:
            return self.refuse(OutpaintError(ErrorCode.TIMED_OUT, "the job did not end in time"))
        return original(self, submission, job, word)

    patch.around(Exchange, "_submitted", submitted)


@mutant("a waiting POST whose job failed is 200", "failed-jobs.a-waiting-post-answers-the-error")
def failed_wait_is_200(patch: Patch) -> None:
    def submitted(original: Any, self: Exchange, submission: Any, job: Any, word: Any) -> Response:
        if job.state is JobState.FAILED:
            self._release(submission)
            return self._answers.json(200, answers.failed_body(job))
        return original(self, submission, job, word)

    patch.around(Exchange, "_submitted", submitted)


@mutant("an id is not found at first", "asynchronous.an-id-is-found-at-once")
def id_not_found_at_first(patch: Patch) -> None:
    seen: Counter[str] = Counter()

    def find(original: Any, service: Any, caller: Any, inference_id: str) -> Any:
        seen[inference_id] += 1
        if seen[inference_id] == 1:
            raise OutpaintError(ErrorCode.UNKNOWN_INFERENCE, "there is no such inference", field="inference_id")
        return original(service, caller, inference_id)

    patch.around(settle, "find_job", find)


@mutant(
    "a POST that was to wait, and is answered 202, has the word of an async one",
    "asynchronous.a-sync-post-that-falls-to-202-has-the-word-of-a-poll",
)
def sync_post_has_the_word_of_an_async_one(patch: Patch) -> None:
    patch.set(application, "wants_no_wait", lambda *_: True)
