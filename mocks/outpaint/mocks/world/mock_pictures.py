"""The picture store of a mock: inputs by their content, and results that are painted when they are fetched."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from outpaint.contracts.inference import InferenceRequest
from outpaint.contracts.job_states import JobState
from outpaint.contracts.masks_and_formats import MaskMode, PictureLimits
from outpaint.functions.service.file_urls import FileUrls
from outpaint.functions.service.records import Job, StoredPicture
from outpaint.mocks.restorable import Restorable
from outpaint.mocks.world.blobs import Blobs
from outpaint.painting.canvas import Brief, Canvas, Painter

_RESULT_BYTES: Final = 8 * 1024 * 1024
_LARGE_RESULT: Final = 256 * 1024
"""Bytes of a result that takes longer to paint than to read again."""
_MOST_LARGE: Final = 4096
_CANVAS_AREA: Final = 4_194_304
"""Pixels of the largest canvas that is remembered."""


@dataclass(frozen=True, slots=True)
class _Input:
    digest: str
    media_type: str
    account_id: str
    expires_at: float
    size: int


class ResultPainter:
    """Paints result files, and keeps the latest in memory and large ones among the blobs.

    The same request and seed give the same bytes.

    Worlds may share one; it may be called from several threads, and calls its painter from one at a time.
    """

    def __init__(self, painter: Painter, blobs: Blobs) -> None:
        self.painter = painter
        self.blobs = blobs
        self._lock = threading.Lock()
        self._results: OrderedDict[tuple[object, ...], bytes] = OrderedDict()
        self._large: OrderedDict[tuple[object, ...], str] = OrderedDict()
        self._held = 0
        self._canvas: tuple[tuple[object, ...], Canvas] | None = None

    def paint(
        self, request: InferenceRequest, seed: int, image: str, mask: str | None, limits: PictureLimits
    ) -> bytes | None:
        """One finished file from inputs with these SHA-256; None where they are no longer kept."""
        wish = request.wish
        key = (image, mask, *wish.of_picture(seed).values())
        with self._lock:
            known = self._results.get(key)
            if known is not None:
                self._results.move_to_end(key)
                return known
            large = self._large.get(key)
            known = None if large is None else self.blobs.get(large)
            if known is not None:
                self._large.move_to_end(key)
                return known
            canvas = self._read(image, mask, wish.mask_mode, limits)
            if canvas is None:
                return None
            from outpaint.painting.finish import outpaint  # brings the image library, which would slow a mock's start

            (data,) = outpaint(canvas, Brief(wish, (seed,)), self.painter, wish.format)
            self._results[key] = data
            self._held += len(data)
            while self._held > _RESULT_BYTES and len(self._results) > 1:
                self._let_go(*self._results.popitem(last=False))
        return data

    def _let_go(self, key: tuple[object, ...], data: bytes) -> None:
        """Take a file out of memory; one that takes long to paint goes to the blobs."""
        self._held -= len(data)
        if len(data) < _LARGE_RESULT:
            return
        self._large[key] = self.blobs.keep(data)
        if len(self._large) > _MOST_LARGE:
            self._large.popitem(last=False)

    def forget(self) -> None:
        """Drop every painted file; one that is fetched later is painted again, with the same bytes."""
        with self._lock:
            self._results.clear()
            self._held = 0
            self._canvas = None

    def _read(self, image: str, mask: str | None, mask_mode: MaskMode, limits: PictureLimits) -> Canvas | None:
        key = (image, mask, mask_mode)
        if self._canvas is not None and self._canvas[0] == key:
            return self._canvas[1]
        data = self.blobs.get(image)
        mask_data = None if mask is None else self.blobs.get(mask)
        if data is None or (mask is not None and mask_data is None):
            return None
        from outpaint.painting.inputs.inspection import read_canvas

        canvas = read_canvas(data, mask_data, mask_mode=mask_mode, limits=limits)
        # Remembered for the job's other pictures, unless it is large.
        self._canvas = (key, canvas) if canvas.size[0] * canvas.size[1] <= _CANVAS_AREA else None
        return canvas


class MockPictures(Restorable):
    """The Pictures port of a mock. `find_job` looks a job up; `urls_end` may shorten how long a URL is valid."""

    _state = ("_inputs", "_stored", "_recipes", "_files")

    def __init__(
        self,
        results: ResultPainter,
        file_urls: FileUrls,
        limits: PictureLimits,
        find_job: Callable[[str, float], Job | None],
        urls_end: Callable[[str, float], float],
    ) -> None:
        self._results = results
        self._file_urls = file_urls
        self._limits = limits
        self._find_job = find_job
        self._urls_end = urls_end
        self._lock = threading.Lock()
        self._inputs: dict[str, _Input] = {}
        self._stored: Counter[str] = Counter()
        self._recipes: dict[str, tuple[str, str | None]] = {}
        self._files: dict[str, str] = {}

    def put(self, name: str, picture: StoredPicture) -> None:
        """Store a file; the same name again replaces it."""
        held = self._held(picture)
        with self._lock:
            self._forget(name)
            self._keep(name, held)

    def put_new(self, name: str, picture: StoredPicture) -> bool:
        """Store a file; False, and nothing is changed, where there is one of this name."""
        held = self._held(picture)
        with self._lock:
            if name in self._inputs:
                return False
            self._keep(name, held)
            return True

    def get(self, name: str, now: float) -> StoredPicture | None:
        """The file, unless it has expired; a result is painted now, if it was not before."""
        with self._lock:
            held = self._inputs.get(name)
        if held is not None:
            data = self._results.blobs.get(held.digest) if held.expires_at > now else None
            return None if data is None else StoredPicture(data, held.media_type, held.account_id, held.expires_at)
        return self._result(name, now)

    def delete(self, name: str) -> None:
        """Forget a file; nothing happens where there is none."""
        with self._lock:
            self._forget(name)

    def url(self, name: str, until: float) -> str:
        """A signed path on this host that reads the file until then, or as long as a scenario allows."""
        return self._file_urls.sign(name, self._urls_end(name, until))

    def purge(self, now: float) -> int:
        """Delete the files that have expired; returns how many inputs went."""
        with self._lock:
            gone = [name for name, held in self._inputs.items() if held.expires_at <= now]
            for name in gone:
                self._forget(name)
            files = list(self._files.items())
        for file_id, inference_id in files:
            if self._find_job(inference_id, now) is None:
                with self._lock:
                    self._files.pop(file_id, None)
                    self._recipes.pop(inference_id, None)
        return len(gone)

    def erase(self, inference_id: str, names: Iterable[str]) -> int:
        """Forget these files and what the job's results are painted from; returns how many files there were."""
        with self._lock:
            self._recipes.pop(inference_id, None)
            return sum(self._forget(name) or self._files.pop(name, None) is not None for name in names)

    def erase_account(self, account_id: str) -> int:
        """Forget an account's inputs and uploads; results go with their jobs."""
        with self._lock:
            names = [name for name, held in self._inputs.items() if held.account_id == account_id]
            for name in names:
                self._forget(name)
        return len(names)

    def stored_bytes(self, account_id: str) -> int:
        """The bytes of an account's inputs and uploads; results are painted when they are fetched, and take none."""
        with self._lock:
            return self._stored.get(account_id, 0)

    # For the mock

    def hold(self, request: InferenceRequest, now: float) -> tuple[str, str | None]:
        """Remember what a job's results are painted from, since its inputs are deleted at its end: their SHA-256."""
        image = self._digest(request.image, now)
        mask = None if request.mask is None else self._digest(request.mask, now)
        with self._lock:
            self._recipes[request.inference_id] = (image, mask)
            for file_id in request.output_ids:
                self._files[file_id] = request.inference_id
        return image, mask

    def recipe(self, inference_id: str) -> tuple[str, str | None] | None:
        """The SHA-256 (hex) of a job's image and mask."""
        return self._recipes.get(inference_id)

    def job_of(self, file_id: str) -> str | None:
        """The job that a result belongs to."""
        return self._files.get(file_id)

    def _held(self, picture: StoredPicture) -> _Input:
        digest = self._results.blobs.keep(picture.data)
        return _Input(digest, picture.media_type, picture.account_id, picture.expires_at, len(picture.data))

    def _keep(self, name: str, held: _Input) -> None:
        self._inputs[name] = held
        self._stored[held.account_id] += held.size

    def _forget(self, name: str) -> bool:
        held = self._inputs.pop(name, None)
        if held is not None:
            self._stored[held.account_id] -= held.size
        return held is not None

    def _digest(self, name: str, now: float) -> str:
        with self._lock:
            held = self._inputs.get(name)
        if held is not None:
            return held.digest
        stored = self._result(name, now)  # a picture named by its id
        return "" if stored is None else self._results.blobs.keep(stored.data)

    def _result(self, file_id: str, now: float) -> StoredPicture | None:
        inference_id = self._files.get(file_id, "")
        recipe = self._recipes.get(inference_id)
        job = None if recipe is None else self._find_job(inference_id, now)
        if recipe is None or job is None or job.state is not JobState.SUCCEEDED:
            return None
        seed = job.request.wish.seeds[job.request.output_ids.index(file_id)]
        data = self._results.paint(job.request, seed, *recipe, self._limits)
        if data is None:
            return None
        return StoredPicture(data, job.request.wish.format.media_type, job.account_id, job.expires_at, job.id)
