"""Threads that paint, and the cache of canvases that inspection decoded for them."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final, TypeVar

from PIL import Image

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.inference import InferenceFailure, InferenceRequest, Manifest
from outpaint.contracts.masks_and_formats import BYTES_A_PIXEL, MaskMode, PictureLimits
from outpaint.contracts.responses import PainterCard
from outpaint.functions.embedded.painting_marks import PaintingMarks
from outpaint.functions.embedded.server_limits import ServerLimits
from outpaint.functions.embedded.storage_errors import StorageError
from outpaint.functions.service import log_keys, settle
from outpaint.functions.service.records import Job, StoredPicture
from outpaint.functions.service.service import Service
from outpaint.painting.canvas import Canvas, Painter
from outpaint.painting.inputs.inspection import Inspection, inspection_of, read_canvas
from outpaint.painting.inputs.intake import DEFAULT_LIMITS, stored_size
from outpaint.painting.pipeline import Files, HostMemory, OutputRules, carry_out

_MAX_BYTES: Final = 384 * 1024 * 1024
"""Files and decoded pixels that the cache holds, one picture of 64 megapixels for example; pictures beyond that are
decoded again to be painted."""
_CANVAS_BYTES: Final = 5
"""Those of a pixel of a canvas: Pillow's RGB has four, a keep map one."""
_BLOCK_BYTES: Final = 64 * 1024 * 1024
"""Twice the largest that glibc keeps (mallopt(3), M_MMAP_THRESHOLD)."""
_HELD_PICTURES: Final = 2
"""Pictures of a job that are there at a time: one is encoded while the next is painted."""
STORE_AGAIN_S: Final = 1.0
"""How long a thread waits before it repeats a step that the store did not take, for a full disk for example."""
_LOG: Final = logging.getLogger("outpaint.worker")

_Key = tuple[bytes, bytes | None, MaskMode]
_T = TypeVar("_T")


class PictureMemory:
    """The memory for decoded pictures, in bytes, that requests and painting threads share; see `HostMemory`.

    It has Pillow allocate the process's pictures in blocks so large that the C library gives each back to the system at
    once: a block of the 16 MiB that are its default stays with the thread that had it.
    """

    def __init__(self, limits: ServerLimits = ServerLimits()) -> None:
        Image.core.set_block_size(_BLOCK_BYTES)  # type: ignore[attr-defined]  # documented, but not typed
        self._bytes = HostMemory(limits.picture_memory)

    def reserve(self, pixels: int) -> AbstractContextManager[None]:
        """Wait for the memory of a picture of so many pixels, and hold it while the block runs."""
        return self._bytes.reserve(pixels * BYTES_A_PIXEL)

    def of_picture(self, data: bytes, limits: PictureLimits) -> AbstractContextManager[None]:
        """The same for a file; one that its header refuses needs none, and does not wait."""
        width, height = stored_size(data) or (0, 0)
        return self.reserve(width * height) if 0 < width * height <= limits.max_area else nullcontext()


class CanvasCache:
    """Keeps what `inspect` decoded until a painting thread takes it; beyond `max_bytes` the oldest is dropped.

    A canvas is found by its files' bytes, compared whole, so that no picture is taken for another. Whatever is decoded
    waits for its part of `memory`.
    """

    def __init__(self, memory: PictureMemory | None = None, max_bytes: int = _MAX_BYTES) -> None:
        self._memory = memory or PictureMemory()
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._canvases: OrderedDict[_Key, tuple[Canvas, int]] = OrderedDict()
        self._bytes = 0

    def inspect(self, image: bytes, mask: bytes | None = None, **how: Any) -> Inspection:
        """As `outpaint.painting.inputs.inspection.inspect`; the canvas is kept."""
        with self._memory.of_picture(image, how.get("limits", DEFAULT_LIMITS)):
            canvas = read_canvas(image, mask, **how)
        self._put((image, mask, how.get("mask_mode", MaskMode.AUTO)), canvas)
        return inspection_of(canvas)

    def take(self, image: bytes, mask: bytes | None, mask_mode: MaskMode, limits: PictureLimits) -> Canvas:
        """The canvas of these files: the one kept, which is then dropped, or one decoded anew.

        Its part of the memory is the caller's to hold.
        """
        with self._lock:
            canvas, size = self._canvases.pop((image, mask, mask_mode), (None, 0))
            self._bytes -= size
        return canvas or read_canvas(image, mask, mask_mode=mask_mode, limits=limits)

    def _put(self, key: _Key, canvas: Canvas) -> None:
        size = len(key[0]) + len(key[1] or b"") + canvas.size[0] * canvas.size[1] * _CANVAS_BYTES
        with self._lock:
            _, replaced = self._canvases.pop(key, (None, 0))
            self._canvases[key] = canvas, size
            self._bytes += size - replaced
            while self._bytes > self._max_bytes:
                _, (_, gone) = self._canvases.popitem(last=False)
                self._bytes -= gone


class PaintingThreads:
    """The Dispatch port of a host that paints by itself.

    `start` queues at most `capacity` jobs; painting begins with `run`, once the service that this port is part
    of is built. Each thread has a painter of its own, for a painter is called from one thread at a time, and waits for
    its part of `memory` before each job. `canvases` may have a job's pictures decoded. `marks` record what is painted,
    for the host that follows a killed one.

    A step that the store does not take, because its disk is full for example, is repeated until it does: a painted
    picture is kept in memory meanwhile, and no job fails for it.
    """

    def __init__(
        self,
        *painters: Painter,
        memory: PictureMemory | None = None,
        canvases: CanvasCache | None = None,
        capacity: int = 1000,
        marks: PaintingMarks | None = None,
    ) -> None:
        self._painters = painters
        self._memory = memory or PictureMemory()
        self._canvases = canvases or CanvasCache(self._memory)
        self._queue: queue.Queue[InferenceRequest | None] = queue.Queue()
        self._capacity = capacity
        self._marks = marks
        self._suspects: frozenset[str] = frozenset()
        self._alone: deque[InferenceRequest] = deque()
        self._together = threading.Event()
        self._closing = threading.Event()
        self._cut_off = threading.Event()
        self._threads: list[threading.Thread] = []
        self._busy = 0
        self._counting = threading.Lock()
        self._finishers = ThreadPoolExecutor(max(1, len(painters)), thread_name_prefix="finishing")

    @property
    def cards(self) -> tuple[PainterCard, ...]:
        return tuple(painter.card for painter in self._painters)

    def suspect(self, inference_ids: Collection[str]) -> None:
        """Have these jobs painted first, each with nothing beside it; before they are started, and before `run`."""
        self._suspects = frozenset(inference_ids)

    @property
    def waiting(self) -> int:
        """How many jobs no thread has begun."""
        return self._queue.qsize() + len(self._alone)

    @property
    def painting(self) -> int:
        """How many jobs are being painted."""
        return self._busy

    @property
    def alive(self) -> bool:
        """Whether there is a thread that paints."""
        return any(thread.is_alive() for thread in self._threads)

    @property
    def is_full(self) -> bool:
        """Whether as many jobs wait as may."""
        return self._queue.qsize() >= self._capacity

    def start(self, request: InferenceRequest) -> None:
        """Queue the job; UNAVAILABLE while shutting down or with a full queue."""
        if self._closing.is_set():
            raise OutpaintError.unavailable("the server is shutting down: try again in a moment")
        if request.inference_id in self._suspects:
            self._alone.append(request)
            return
        if self.is_full:
            raise OutpaintError.unavailable(f"{self._capacity} jobs are waiting already: try again in a while")
        self._queue.put(request)

    def check(self, job: Job) -> None:
        """Nothing to settle: the threads do that themselves."""

    def run(self, service: Service) -> None:
        for number, painter in enumerate(self._painters):
            thread = threading.Thread(
                # The process does not wait for it at its end: `close` has.
                target=self._paint_suspects_and_jobs if number == 0 else self._paint_jobs,
                args=(service, painter),
                name=f"painting-{number}",
                daemon=True,
            )
            self._threads.append(thread)
            thread.start()

    def close(self, grace: float) -> bool:
        """Take no more jobs and let running ones end within `grace` seconds; returns whether all of them did.

        Jobs still queued stay unended in the store, as does one cut off: recovery begins them again, and a stop in
        order counts against none of them.
        """
        self._closing.set()
        self._together.set()
        if self._marks is not None:
            try:
                # Now, not after the grace: whoever asked for the stop may kill the process before that is over.
                self._marks.stop()
            except StorageError:
                _LOG.warning("that the server stops in order could not be recorded: the running job counts as killed")
        for _ in self._threads:
            self._queue.put(None)
        until = time.monotonic() + grace
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        self._cut_off.set()
        ended = not any(thread.is_alive() for thread in self._threads)
        if ended:
            self._finishers.shutdown()
        return ended

    def _paint_suspects_and_jobs(self, service: Service, painter: Painter) -> None:
        try:
            before: str | None = None
            while self._alone and not self._closing.is_set():
                before = self._paint_next(service, painter, self._alone.popleft(), alone=True, before=before)
        finally:
            self._together.set()
        self._paint_jobs(service, painter, before)

    def _paint_jobs(self, service: Service, painter: Painter, before: str | None = None) -> None:
        self._together.wait()
        while True:
            request = self._queue.get()
            if request is None or self._closing.is_set():
                return
            before = self._paint_next(service, painter, request, alone=False, before=before)

    def _paint_next(
        self, service: Service, painter: Painter, request: InferenceRequest, *, alone: bool, before: str | None
    ) -> str:
        """Paint a job that nothing keeps from its end, and give its id; `before` is the thread's job before it."""
        with log_keys.about(request.inference_id, request.correlation_id, request.account), self._being_painted():
            try:
                if self._marks is not None:
                    marks = self._marks
                    self._insist(lambda: marks.begin(request.inference_id, request.attempt, alone=alone, after=before))
                self._paint_job(service, painter, request)
            except _CutOffError:
                pass  # unended in the store: recovery begins it again
            except Exception:  # noqa: BLE001 - the thread must go on with the next job
                # Not even its failure could be recorded: the sweep ends it when it is overdue.
                _LOG.exception("job %s could not be settled", request.inference_id)
        return request.inference_id

    @contextmanager
    def _being_painted(self) -> Iterator[None]:
        with self._counting:
            self._busy += 1
        try:
            yield
        finally:
            with self._counting:
                self._busy -= 1

    def _paint_job(self, service: Service, painter: Painter, request: InferenceRequest) -> None:
        inference_id = request.inference_id
        self._insist(lambda: settle.begin(service, inference_id))
        job = self._insist(lambda: service.jobs.find(inference_id, service.clock.now()))
        if job is None or job.state.ended:
            return
        with log_keys.about_job(job):
            self._insist(self._end_of(service, painter, job))

    def _end_of(self, service: Service, painter: Painter, job: Job) -> Callable[[], object]:
        """Paint a job; how to record its end, which may be repeated. Raises `_CutOffError` where there is none yet."""
        if service.clock.now() >= job.deadline_at:
            # It waited in the queue too long: its inputs are gone.
            return lambda: settle.expire(service, job)
        try:
            manifest = self._paint(service, painter, job)
        except _CutOffError:
            raise
        except OutpaintError as error:
            failure = InferenceFailure.of(job.id, error)
        except Exception as cause:  # noqa: BLE001 - a job that breaks ends as a failed one
            _LOG.exception("job %s failed", job.id)
            broken = OutpaintError(
                ErrorCode.PAINTING_FAILED,
                f"painting broke off ({type(cause).__name__}); the credits were given back: try again",
            )
            failure = InferenceFailure.of(job.id, broken)
        else:
            return lambda: settle.succeed(service, manifest)
        return lambda: settle.fail(service, failure)

    def _paint(self, service: Service, painter: Painter, job: Job) -> Manifest:
        """Paint and store every picture of a job; raises `_CutOffError` when the host shuts down before its end."""
        request, inference_id, pictures, clock = job.request, job.id, service.pictures, service.clock

        def read(name: str) -> bytes | None:
            stored = self._insist(lambda: pictures.get(name, clock.now()))
            return None if stored is None else stored.data

        def write(name: str, data: bytes, media_type: str) -> None:
            if self._cut_off.is_set():
                raise _CutOffError
            # An unended job's expires_at is the latest time at which its result can expire; until when its id may be
            # sent as a source is the service's rule, which reads the job.
            picture = StoredPicture(data, media_type, job.account_id, job.expires_at, inference_id)
            self._insist(lambda: pictures.put(name, picture))

        return carry_out(
            request,
            Files(read=read, write=write, found=read, forget=pictures.delete),
            painter,
            finishers=self._finishers,
            rules=OutputRules(
                limits=service.settings.pictures,
                reserve=self._memory.reserve,
                held=_HELD_PICTURES,
                canvas_of=self._canvases.take,
            ),
        )

    def _insist(self, step: Callable[[], _T]) -> _T:
        """What a step returns, repeated while the store does not take it; raises `_CutOffError` as the host ends."""
        while True:
            try:
                return step()
            except StorageError:
                if self._cut_off.wait(STORE_AGAIN_S):
                    raise _CutOffError from None


class _CutOffError(Exception):
    """The host ends before the job does."""
