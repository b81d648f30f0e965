"""One inference request carried out: inputs, canvas, painter, checks of the output, files, manifest.

The hosts differ in where files lie and in what paints; what happens between message and manifest is here.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.inference import InferenceRequest, Manifest, ManifestFile, Timings
from outpaint.contracts.masks_and_formats import MaskMode, PictureLimits
from outpaint.painting.canvas import Brief, Canvas, Painter
from outpaint.painting.finish import composite, encode
from outpaint.painting.inputs.inspection import read_canvas
from outpaint.painting.inputs.intake import DEFAULT_LIMITS, take

if TYPE_CHECKING:
    from PIL import Image


class OutputCheck(Protocol):
    """Looks at a finished picture (RGB, not to be changed); may be called from several threads."""

    def __call__(self, picture: Image.Image) -> str | None:
        """A few words on why the picture must not be handed out, or None where it may."""
        ...


def nothing_checked(picture: Image.Image) -> str | None:  # noqa: ARG001 - the hook's signature
    """Lets every picture pass: what `none` stands for."""
    return None


def load_check(address: str, threshold: float = 0.8) -> OutputCheck:
    """The check that a setting names: `none`, `nsfw` with its threshold (0 to 1), or a function as module:function.

    Raises `OutpaintError`: INVALID_PARAMETER where there is no such check, UNAVAILABLE where its weights are missing.
    """
    if address == "none":
        return nothing_checked
    if address == "nsfw":
        from outpaint.painting.nsfw_check import NsfwCheck

        bundled = NsfwCheck(threshold)
        bundled.load()
        return bundled
    module, _, name = address.partition(":")
    try:
        check = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise OutpaintError.wrong_value(
            "check", address, f"it is none, nsfw, or a function as module:function ({error})"
        ) from error
    if not callable(check):
        raise OutpaintError.wrong_value("check", address, "it cannot be called")
    return cast("OutputCheck", check)


def withheld(reason: str) -> OutpaintError:
    """The error of a job one of whose pictures the check held back."""
    return OutpaintError(
        ErrorCode.PAINTING_FAILED,
        f"a picture was withheld by the output check ({reason}): change the prompt or the seed",
    )


@dataclass(frozen=True, slots=True)
class Files:
    """A host's files: `read` gives an input's bytes, None where it is missing; `write` stores a finished file;
    `found` gives a finished file that an earlier run of the same job stored; `forget` takes one back."""

    read: Callable[[str], bytes | None]
    write: Callable[[str, bytes, str], None]
    found: Callable[[str], bytes | None] = lambda _: None
    forget: Callable[[str], None] = lambda _: None


def _read_canvas(image: bytes, mask: bytes | None, mask_mode: MaskMode, limits: PictureLimits) -> Canvas:
    return read_canvas(image, mask, mask_mode=mask_mode, limits=limits)


@dataclass(frozen=True, slots=True)
class OutputRules:
    """How a host carries jobs out. `reserve` holds host memory for a picture of so many pixels while it is in work;
    `xmp` goes into every file; `check` looks at every painted picture; `canvas_of` is `read_canvas`, or what finds
    a canvas that was read before."""

    limits: PictureLimits = DEFAULT_LIMITS
    check: OutputCheck = nothing_checked
    xmp: bytes | None = None
    reserve: Callable[[int], AbstractContextManager[None]] = field(default=lambda _: nullcontext())
    canvas_of: Callable[[bytes, bytes | None, MaskMode, PictureLimits], Canvas] = _read_canvas


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

    Files are finished and stored on `finishers`, each as soon as it is painted, while the painter goes on. A
    file that an earlier run left is kept and not painted again. Raises `OutpaintError`, and has then taken back
    whatever it stored: SOURCE_UNAVAILABLE for a missing input, what `read_canvas` raises for its content,
    PAINTING_FAILED, and whatever painter and files raise.
    """
    rules = rules or OutputRules()
    started = time.perf_counter()
    image = _input(files, request.image, "image")
    mask = None if request.mask is None else _input(files, request.mask, "mask_image")
    width, height = take(image, "image", rules.limits).header.shown_size
    with rules.reserve(width * height):
        canvas = rules.canvas_of(image, mask, request.wish.mask_mode, rules.limits)
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
    done: dict[str, ManifestFile] = {}
    wanted: list[tuple[str, int]] = []
    for output_id, seed in zip(request.output_ids, request.wish.seeds, strict=True):
        data = files.found(output_id)
        if data is None:
            wanted.append((output_id, seed))
        else:
            done[output_id] = _described(output_id, seed, data)
    running: list[Future[tuple[ManifestFile, float]]] = []
    finished: list[tuple[ManifestFile, float]] = []
    painted = time.perf_counter()
    try:
        for (output_id, seed), picture in _exactly(wanted, painter, canvas, request):
            painted = time.perf_counter()
            work = (files, rules, canvas, picture, output_id, seed, request)
            if output_id == wanted[-1][0]:
                # The painter has nothing more to do meanwhile, so another thread would only cost the hand-over.
                finished.append(_finish(*work))
            else:
                running.append(finishers.submit(_finish, *work))
        finished += [future.result() for future in running]
    except BaseException:
        # Nothing of a job that fails may be seen: neither what was stored, nor what was about to be.
        for future in running:
            if not future.cancel():
                future.exception()
        for output_id, _ in wanted:
            try:
                files.forget(output_id)
            except OutpaintError:
                continue  # the store fails already: the file's lifetime ends it
        raise
    done |= {file.id: file for file, _ in finished}
    written = sum(seconds for _, seconds in finished)
    return tuple(done[output_id] for output_id in request.output_ids), painted, written


def _exactly(
    wanted: list[tuple[str, int]], painter: Painter, canvas: Canvas, request: InferenceRequest
) -> Iterator[tuple[tuple[str, int], Image.Image]]:
    """Each wanted file with its picture; PAINTING_FAILED where the painter gives too few or too many."""
    if not wanted:
        return
    seeds = tuple(seed for _, seed in wanted)
    pictures = painter.paint(canvas, Brief(request.wish, seeds))
    made = 0
    for picture in pictures:
        if made == len(wanted):
            made += 1
            break
        yield wanted[made], picture
        made += 1
    if made != len(wanted):
        raise OutpaintError(
            ErrorCode.PAINTING_FAILED,
            f"painter {painter.card.name} gave another number of pictures than {len(wanted)}; try again",
        )


def _finish(
    files: Files,
    rules: OutputRules,
    canvas: Canvas,
    picture: Image.Image,
    output_id: str,
    seed: int,
    request: InferenceRequest,
) -> tuple[ManifestFile, float]:
    started = time.perf_counter()
    whole = composite(canvas, picture)
    reason = rules.check(whole)
    if reason is not None:
        raise withheld(reason)
    data = encode(whole, request.wish.format, canvas.icc_profile, xmp=rules.xmp)
    files.write(output_id, data, request.wish.format.media_type)
    return _described(output_id, seed, data), time.perf_counter() - started


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
