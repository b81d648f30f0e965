"""The jobs that run: deliveries of the same job share one run, and its outcome is stored beside its files."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

from PIL import Image
from pydantic import ValidationError

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.inference import InferenceFailure, InferenceRequest, Manifest
from outpaint.contracts.responses import PainterCard
from outpaint.contracts.storage_names import outcome_name
from outpaint.painting.canvas import Brief, Canvas, Painter
from outpaint.painting.endpoint.endpoint_settings import EndpointSettings
from outpaint.painting.endpoint.object_store import ObjectStore, checked_name
from outpaint.painting.painters.diffusion.passes import PassTicket
from outpaint.painting.pipeline import Files, OutputRules, carry_out

_LOG: Final = logging.getLogger("outpaint.endpoint")

Outcome = Manifest | InferenceFailure


class JobPainter(Protocol):
    """A painter for many jobs at once."""

    @property
    def digest(self) -> str | None:
        """SHA-256 (hex) over the weights, None where there are none."""

    def for_job(self, ticket: PassTicket) -> Painter:
        """A painter whose work is counted to this ticket, and ends when that does."""


class OneAtATime:
    """A `JobPainter` out of a painter for one thread: jobs take turns."""

    def __init__(self, painter: Painter, digest: str | None = None) -> None:
        self._painter = painter
        self._turn = threading.Lock()
        self.digest = digest

    def for_job(self, ticket: PassTicket) -> Painter:
        """The painter; it stops between two pictures once the ticket has ended."""
        return _Turn(self._painter, self._turn, ticket)


@dataclass(frozen=True, slots=True)
class _Turn:
    painter: Painter
    turn: threading.Lock
    ticket: PassTicket

    @property
    def card(self) -> PainterCard:
        return self.painter.card

    def paint(self, canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        asked = time.monotonic()
        with self.turn:
            self.ticket.count_wait(time.monotonic() - asked)
            self._check()
            for picture in self.painter.paint(canvas, brief):
                yield picture
                self._check()

    def _check(self) -> None:
        end = self.ticket.end(time.monotonic())
        if end is not None:
            raise end


@dataclass(eq=False, slots=True)
class RunningJob:
    """A job that runs; `waiters` counts the deliveries that wait for it."""

    request: InferenceRequest
    ticket: PassTicket
    future: Future[Outcome]
    waiters: int = 0


@dataclass(slots=True)
class PaintingEndpoint:
    """Carries jobs out, `settings.jobs` at a time; may be used from several threads.

    `changed` is called when a ticket was cancelled, so that queues notice.
    """

    store: ObjectStore
    painters: Mapping[str, JobPainter]
    settings: EndpointSettings
    rules: OutputRules
    changed: Callable[[], None] = lambda: None
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    _jobs: dict[str, RunningJob] = field(default_factory=dict)
    # Reentrant: a job may end while `begin` holds the lock, and its callback then runs in the same thread.
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _draining: bool = False
    _workers: ThreadPoolExecutor = field(init=False)
    _finishers: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        finishers = self.settings.finishers or os.cpu_count() or 1
        self._workers = ThreadPoolExecutor(self.settings.jobs, thread_name_prefix="job")
        self._finishers = ThreadPoolExecutor(finishers, thread_name_prefix="finish")

    def begin(self, request: InferenceRequest) -> RunningJob:
        """Start a job or join its run; afterwards await the job's future, which never raises, or `leave` it.

        Raises `OutpaintError` UNAVAILABLE while draining or with a full queue, INVALID_PARAMETER for an unknown
        painter, SOURCE_REFUSED for an id or reference that is no name.
        """
        for name in (request.inference_id, *request.output_ids):
            checked_name(name)
        with self._lock:
            if self._draining:
                raise OutpaintError.unavailable("the endpoint is shutting down: send the job again")
            job = self._jobs.get(request.inference_id)
            if job is None:
                if len(self._jobs) >= self.settings.jobs + self.settings.waiting:
                    raise OutpaintError.unavailable(
                        f"{len(self._jobs)} jobs are in work already: send the job again later"
                    )
                name = request.painter or self.settings.painter
                painter = self.painters.get(name)
                if painter is None:
                    raise OutpaintError.wrong_value(
                        "painter", name, f"this endpoint has {', '.join(sorted(self.painters))}"
                    )
                deadline = None
                if request.deadline_at is not None:
                    deadline = self.clock() + request.deadline_at - self.now()
                ticket = PassTicket(request.account, deadline)
                future = self._workers.submit(self._carry_out, request, painter, ticket)
                job = self._jobs[request.inference_id] = RunningJob(request, ticket, future)
                future.add_done_callback(lambda _: self._ended(request.inference_id))
            job.waiters += 1
            return job

    def leave(self, job: RunningJob) -> None:
        """A delivery no longer waits; the job is cancelled when none does."""
        with self._lock:
            job.waiters -= 1
            abandoned = job.waiters == 0 and not job.future.done()
        if abandoned:
            self._cancel(job)

    def cancel(self, inference_id: str) -> bool:
        """Cancel a job, which ends before or between its steps; whether there was one."""
        with self._lock:
            job = self._jobs.get(inference_id)
        if job is not None:
            self._cancel(job)
        return job is not None

    def drain(self) -> None:
        """Take no more jobs."""
        with self._lock:
            self._draining = True

    def cut_off(self) -> None:
        """End every running job as UNAVAILABLE."""
        shut_down = OutpaintError.unavailable("the endpoint was shut down while it painted: send the job again")
        with self._lock:
            jobs = list(self._jobs.values())
        self._cancel(*jobs, reason=shut_down)

    def close(self) -> None:
        """Wait until every job has ended; call `cut_off` before where that must not take long."""
        self._workers.shutdown(cancel_futures=True)
        self._finishers.shutdown()

    def _cancel(self, *jobs: RunningJob, reason: OutpaintError | None = None) -> None:
        for job in jobs:
            job.ticket.cancel(reason)
        self.changed()

    def _ended(self, inference_id: str) -> None:
        with self._lock:
            self._jobs.pop(inference_id, None)

    def _carry_out(self, request: InferenceRequest, painter: JobPainter, ticket: PassTicket) -> Outcome:
        try:
            outcome: Outcome = self._manifest(request, painter, ticket)
        except OutpaintError as error:
            outcome = InferenceFailure.of(request.inference_id, error)
        except Exception as cause:  # noqa: BLE001 - a job that breaks ends as a failed one, and the next one runs
            _LOG.exception("job %s broke", request.inference_id)
            broken = OutpaintError(ErrorCode.PAINTING_FAILED, f"painting broke off ({type(cause).__name__}): try again")
            outcome = InferenceFailure.of(request.inference_id, broken)
        if isinstance(outcome, InferenceFailure):
            _LOG.warning("job %s failed: %s: %s", request.inference_id, outcome.error_code, outcome.detail)
            try:
                self._record(outcome)
            except OutpaintError as error:
                _LOG.warning("its failure could not be stored: %s", error.detail)
        return outcome

    def _manifest(self, request: InferenceRequest, painter: JobPainter, ticket: PassTicket) -> Manifest:
        before = self._earlier(request)
        if before is not None:
            return before
        end = ticket.end(self.clock())
        if end is not None:
            raise end
        files = Files(
            self.store.get, partial(self.store.put, account=request.account), self.store.get, self.store.delete
        )
        manifest = carry_out(
            request, files, painter.for_job(ticket), finishers=self._finishers, rules=self.rules, digest=painter.digest
        )
        if manifest.timings is not None:
            timings = manifest.timings.model_copy(update={"waited": ticket.waited})
            manifest = manifest.model_copy(update={"timings": timings})
        try:
            self._record(manifest)
        except OutpaintError:
            for file in manifest.files:
                self.store.delete(file.id)
            raise
        return manifest

    def _earlier(self, request: InferenceRequest) -> Manifest | None:
        """The manifest of an earlier delivery, if all its files are still there."""
        data = self.store.get(outcome_name(request.inference_id))
        if data is None:
            return None
        try:
            manifest = Manifest.model_validate_json(data)
        except ValidationError:
            return None  # it failed before, for a reason that may have passed
        if {file.id for file in manifest.files} != set(request.output_ids):
            return None
        return manifest if all(self.store.get(file.id) is not None for file in manifest.files) else None

    def _record(self, outcome: Outcome) -> None:
        self.store.put(outcome_name(outcome.inference_id), outcome.model_dump_json().encode(), "application/json")
