"""Painting threads: jobs are queued in this process and painted here, one at a time in each thread."""

from __future__ import annotations

import hashlib
import logging
import queue
import threading
import time
from typing import Final

from outpaint_contracts.errors import ErrorCode, OutpaintError
from outpaint_contracts.inference import InferenceFailure, InferenceRequest, Manifest, ManifestFile
from outpaint_contracts.responses import PainterCard
from outpaint_painting.finish import outpaint
from outpaint_painting.painter import Brief, Painter

from outpaint_functions.embedded.canvas_shelf import CanvasShelf
from outpaint_functions.service import settle
from outpaint_functions.service.records import Job, StoredPicture
from outpaint_functions.service.service import Service

_LOG: Final = logging.getLogger("outpaint.worker")


class PaintingThreads:
    """The Dispatch port of a host that paints by itself.

    `start` queues at most `capacity` jobs; painting begins with `run`, once the service that this port is part
    of stands. Each thread has a painter of its own, for a painter is called from one thread at a time. `canvases`
    is where they look first for a picture that was decoded when it was inspected.
    """

    def __init__(self, *painters: Painter, canvases: CanvasShelf | None = None, capacity: int = 1000) -> None:
        self._painters = painters
        self._canvases = canvases or CanvasShelf()
        self._queue: queue.Queue[InferenceRequest | None] = queue.Queue()
        self._capacity = capacity
        self._closing = threading.Event()
        self._cut_off = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def cards(self) -> tuple[PainterCard, ...]:
        """Who paints here."""
        return tuple(painter.card for painter in self._painters)

    # Dispatch

    def start(self, request: InferenceRequest) -> None:
        """Queue the job; raises `OutpaintError` UNAVAILABLE while shutting down or with a full queue."""
        if self._closing.is_set():
            raise OutpaintError(ErrorCode.UNAVAILABLE, "the server is shutting down: try again in a moment")
        if self._queue.qsize() >= self._capacity:
            raise OutpaintError(
                ErrorCode.UNAVAILABLE, f"{self._capacity} jobs are waiting already: try again in a while"
            )
        self._queue.put(request)

    def check(self, job: Job) -> None:
        """Nothing to find out: an end is settled here before anyone could ask for it."""

    # The threads

    def run(self, service: Service) -> None:
        """Begin to paint what is queued and what will be."""
        for number, painter in enumerate(self._painters):
            thread = threading.Thread(
                # Not waited for when the process ends: `close` has given it its time.
                target=self._paint_jobs,
                args=(service, painter),
                name=f"painting-{number}",
                daemon=True,
            )
            self._threads.append(thread)
            thread.start()

    def close(self, grace: float) -> bool:
        """Take no more jobs, let running ones end within `grace` seconds; whether all of them did.

        Jobs still queued stay unended in the store, as does one cut off: recovery begins them again.
        """
        self._closing.set()
        for _ in self._threads:
            self._queue.put(None)
        until = time.monotonic() + grace
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        self._cut_off.set()
        return not any(thread.is_alive() for thread in self._threads)

    def _paint_jobs(self, service: Service, painter: Painter) -> None:
        while True:
            request = self._queue.get()
            if request is None or self._closing.is_set():
                return
            try:
                self._paint_job(service, painter, request)
            except Exception:  # noqa: BLE001 - the thread must live on for the next job
                # Not even its failure could be recorded (a full disk?): the sweep ends it when it is overdue.
                _LOG.exception("job %s could not be settled", request.inference_id)

    def _paint_job(self, service: Service, painter: Painter, request: InferenceRequest) -> None:
        inference_id = request.inference_id
        settle.begin(service, inference_id)
        job = service.jobs.find(inference_id, service.clock.now())
        if job is None or job.state.ended:
            return
        if service.clock.now() >= job.deadline_at:
            # It waited in the queue too long: its inputs are gone, and nobody wants it any more.
            settle.expire(service, job)
            return
        try:
            manifest = self._paint(service, painter, job)
            if manifest is not None:
                settle.succeed(service, manifest)
        except OutpaintError as error:
            settle.fail(service, InferenceFailure.of(inference_id, error))
        except Exception as cause:  # noqa: BLE001 - a job that breaks ends as a failed one
            _LOG.exception("job %s failed", inference_id)
            broken = OutpaintError(
                ErrorCode.PAINTING_FAILED,
                f"painting broke off ({type(cause).__name__}); the credits were given back: try again",
            )
            settle.fail(service, InferenceFailure.of(inference_id, broken))

    def _paint(self, service: Service, painter: Painter, job: Job) -> Manifest | None:
        """Paint and store every picture of a job; None when the host shuts down before its end."""
        started = time.perf_counter()
        request = job.request
        image = _input(service, request.image)
        mask = None if request.mask is None else _input(service, request.mask)
        canvas = self._canvases.take(image, mask, request.mask_mode, service.settings.pictures)
        brief = Brief(prompt=request.prompt, negative_prompt=request.negative_prompt, seeds=request.seeds)
        files = []
        pictures = outpaint(canvas, brief, painter, request.format)
        for output_id, seed, data in zip(request.output_ids, request.seeds, pictures, strict=True):
            if self._cut_off.is_set():
                return None
            # An unended job's expires_at is the latest that its result's can become.
            picture = StoredPicture(data, request.format.media_type, job.account_id, job.expires_at)
            service.pictures.put(output_id, picture)
            digest = hashlib.sha256(data).hexdigest()
            files.append(ManifestFile(id=output_id, seed=seed, bytes=len(data), sha256=digest))
        width, height = canvas.size
        return Manifest(
            inference_id=job.id,
            files=tuple(files),
            painter=painter.card,
            width=width,
            height=height,
            seconds=time.perf_counter() - started,
        )


def _input(service: Service, name: str) -> bytes:
    stored = service.pictures.get(name, service.clock.now())
    if stored is None:
        raise OutpaintError(
            ErrorCode.PAINTING_FAILED, "the request's picture is no longer stored; the credits were given back"
        )
    return stored.data
