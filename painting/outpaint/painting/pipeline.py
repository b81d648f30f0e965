"""One inference request carried out, from its inputs over painting and the output check to files and manifest.

Every host does it here; they differ in where they keep files and in their painters.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, wait
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import Protocol, cast

from PIL import Image

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.inference import InferenceRequest, Manifest, ManifestFile, Timings
from outpaint.contracts.masks_and_formats import MaskMode, PictureLimits
from outpaint.contracts.requests import MAX_COUNT
from outpaint.painting.canvas import Brief, Canvas, Painter, painter_for
from outpaint.painting.finish import composite, encode, painted_pictures
from outpaint.painting.inputs.inspection import read_canvas
from outpaint.painting.inputs.intake import DEFAULT_LIMITS, take


class OutputCheck(Protocol):
    """Looks at a finished picture (RGB, not to be changed); may be called from several threads."""

    def __call__(self, picture: Image.Image) -> str | None:
        """A few words on why the picture must be held back, or None where it need not be."""


def nothing_checked(picture: Image.Image) -> str | None:  # noqa: ARG001 - the signature of an OutputCheck
    """Holds no picture back: the check `none`."""
    return None


def load_check(address: str, threshold: float = 0.8) -> OutputCheck:
    """The check that a setting names: `none`, `nsfw` with its threshold (0 to 1), or a function as module:function.

    Raises `OutpaintError`: INVALID_PARAMETER where there is no such check, UNAVAILABLE where its weights are missing.
    """
    if address == "none":
        return nothing_checked
    if address == "nsfw":
        from outpaint.painting.nsfw_check import NsfwCheck

        return NsfwCheck(threshold)
    try:
        check = resolve_name(address)
    except (ImportError, AttributeError, ValueError) as error:
        raise OutpaintError.wrong_value(
            "check", address, f"it is none, nsfw, or a function as module:function ({error})"
        ) from error
    if not callable(check):
        raise OutpaintError.wrong_value("check", address, "it cannot be called")
    return cast("OutputCheck", check)


class HostMemory:
    """Bytes for decoded pictures, given to jobs in the order they ask; a job larger than all of it runs alone."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._taken = 0
        self._turns: list[object] = []
        self._changed = threading.Condition()

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Wait until `size` bytes are free, and keep them taken while the block runs."""
        turn = object()
        with self._changed:
            self._turns.append(turn)
            self._changed.wait_for(
                lambda: self._turns[0] is turn and (self._taken == 0 or self._taken + size <= self._budget)
            )
            self._turns.pop(0)
            self._taken += size
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._taken -= size
                self._changed.notify_all()


@dataclass(frozen=True, slots=True)
class Files:
    """A host's files, by name.

    `read` gives an input's bytes, None where it is missing; `write` stores a finished file of this media type; `found`
    gives a finished file that an earlier run of the same job stored; `forget` deletes one.
    """

    read: Callable[[str], bytes | None]
    write: Callable[[str, bytes, str], None]
    found: Callable[[str], bytes | None] = lambda _: None
    forget: Callable[[str], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class OutputRules:
    """How a host carries jobs out.

    `check` looks at every painted picture; `xmp` goes into every file; `reserve` waits for host memory for so many
    pixels and holds it until the job has ended; `canvas_of` reads a canvas, or finds one that was read before. At most
    `held` of a job's pictures are there at a time, the one that is painted included: a painter may be much quicker than
    the encoding of what it gives.
    """

    limits: PictureLimits = DEFAULT_LIMITS
    check: OutputCheck = nothing_checked
    xmp: bytes | None = None
    reserve: Callable[[int], AbstractContextManager[None]] = field(default=lambda _: nullcontext())
    held: int = MAX_COUNT
    canvas_of: Callable[[bytes, bytes | None, MaskMode, PictureLimits], Canvas] = (
        lambda image, mask, mask_mode, limits: read_canvas(image, mask, mask_mode=mask_mode, limits=limits)
    )


def carry_out(
    request: InferenceRequest,
    files: Files,
    painter: Painter,
    *,
    finishers: Executor,
    rules: OutputRules | None = None,
    digest: str | None = None,
) -> Manifest:
    """Carry a job out, and give its manifest.

    Files are finished and stored on `finishers`, each as soon as it is painted, while the painter goes on. A file that
    an earlier run left is kept and not painted again. Raises `OutpaintError`, and has then deleted whatever it stored:
    SOURCE_UNAVAILABLE for a missing input, what `read_canvas` raises for its content, PAINTING_FAILED, and what painter
    and files raise.
    """
    rules = rules or OutputRules()
    started = time.perf_counter()
    image = _input(files, request.image, "image")
    mask = None if request.mask is None else _input(files, request.mask, "mask_image")
    width, height = take(image, "image", rules.limits).header.shown_size
    with rules.reserve(width * height):
        canvas = rules.canvas_of(image, mask, request.wish.mask_mode, rules.limits)
        painter = painter_for(painter, canvas)
        del image, mask
        read = time.perf_counter()
        finished, painted, written = _paint(request, files, painter, canvas, finishers, rules)
    return Manifest(
        inference_id=request.inference_id,
        files=finished,
        painter=painter.card,
        width=width,
        height=height,
        seconds=time.perf_counter() - started,
        model_digest=digest,
        timings=Timings(read=read - started, painted=painted - read, written=written),
    )


def _paint(
    request: InferenceRequest, files: Files, painter: Painter, canvas: Canvas, finishers: Executor, rules: OutputRules
) -> tuple[tuple[ManifestFile, ...], float, float]:
    """The files in their order, when the last was painted, and the seconds it took to finish them all."""
    kind = request.wish.format

    def finish(output_id: str, seed: int, picture: Image.Image) -> tuple[ManifestFile, float]:
        started = time.perf_counter()
        whole = composite(canvas, picture)
        reason = rules.check(whole)
        if reason is not None:
            raise OutpaintError(
                ErrorCode.PAINTING_FAILED,
                f"a picture was withheld by the output check ({reason}): change the prompt or the seed",
            )
        data = encode(whole, kind, canvas.icc_profile, xmp=rules.xmp)
        files.write(output_id, data, kind.media_type)
        return _described(output_id, seed, data), time.perf_counter() - started

    done: dict[str, ManifestFile] = {}
    wanted: dict[str, int] = {}
    for output_id, seed in zip(request.output_ids, request.wish.seeds, strict=True):
        data = files.found(output_id)
        if data is None:
            wanted[output_id] = seed
        else:
            done[output_id] = _described(output_id, seed, data)
    running: list[Future[tuple[ManifestFile, float]]] = []
    finished: list[tuple[ManifestFile, float]] = []
    painted = time.perf_counter()
    brief = Brief(request.wish, tuple(wanted.values()))
    pictures: Iterator[Image.Image] = painted_pictures(canvas, brief, painter) if wanted else iter(())
    try:
        # One by one, so that nothing here holds a picture that was handed on while the next is painted.
        for number, (output_id, seed) in enumerate(wanted.items(), start=1):
            unfinished = [future for future in running if not future.done()]
            if len(unfinished) >= rules.held:
                wait(unfinished[: len(unfinished) - rules.held + 1])
            picture = next(pictures)
            painted = time.perf_counter()
            if number == len(wanted):
                # The painter has nothing more to do meanwhile: another thread would only cost time.
                finished.append(finish(output_id, seed, picture))
            else:
                running.append(finishers.submit(finish, output_id, seed, picture))
            del picture
        next(pictures, None)  # which counts them
        finished += [future.result() for future in running]
    except BaseException:
        # Nothing of a job that fails may be seen: neither what was stored, nor what was about to be.
        for future in running:
            if not future.cancel():
                future.exception()
        for output_id in wanted:
            try:
                files.forget(output_id)
            except OutpaintError:
                continue  # the store fails already: the file's lifetime ends it
        raise
    done |= {file.id: file for file, _ in finished}
    written = sum(seconds for _, seconds in finished)
    return tuple(done[output_id] for output_id in request.output_ids), painted, written


def _described(output_id: str, seed: int, data: bytes) -> ManifestFile:
    return ManifestFile(id=output_id, seed=seed, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def _input(files: Files, name: str, field: str) -> bytes:
    data = files.read(name)
    if data is None:
        raise OutpaintError(
            ErrorCode.SOURCE_UNAVAILABLE,
            f"the {field} that the job refers to is not stored, or no longer: send it again",
            field=field,
        )
    return data
