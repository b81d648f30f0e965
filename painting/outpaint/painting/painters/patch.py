"""The `patch` painter: copies textures from along the kept area's border by PatchMatch; needs no weights.

PatchMatch: Barnes, Shechtman, Finkelstein, Goldman, SIGGRAPH 2009; the library is pypatchmatch. With the whole picture
as its source it would clone the subject, so only a strip along the border is one
(docs/facts/pixels.md#growth-and-sources).
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import Final

import numpy as np
import patchmatch
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

from outpaint.contracts.errors import OutpaintError
from outpaint.contracts.responses import PainterCard
from outpaint.painting.canvas import Brief, Canvas
from outpaint.painting.painters import windows
from outpaint.painting.painters.half_transparency import paint_in_layers
from outpaint.painting.painters.seams import resized, spread
from outpaint.painting.painters.working_copy import enlarge, learn_grain, smoothed, working_copy

WORK_AREA: Final = 300_000
"""Pixels of the copy that is painted at most: PatchMatch takes some 8 microseconds for each."""

_PATCH: Final = 3  # radius in pixels; larger ones cost more and repeat more
_STRIP: Final = (0.12, 0.26)  # widths of the source strip that seeds choose from, of the kept extent
_SHORTEST: Final = (96, 192)  # pixels of a side, and where the other one is longer
_THINNEST: Final = 6  # pixels from the border to the midst of the kept area
_FARTHEST: Final = 8  # shorter sides
_LEAST: Final = 400  # pixels: a smaller source only repeats itself
_BORDER: Final = 5  # MaxFilter's width: 2 pixels of the kept border are painted too, to compare colours
_SIDE: Final = 256  # pixels of the square on which colours are compared
_FADE: Final = 256.0  # of those pixels: a sky goes on in the colour it had at the border
_TRUSTED: Final = 40.0  # of 255


class PatchPainter:
    """Paints by PatchMatch on a copy of at most WORK_AREA pixels and half the size, then enlarges.

    Raises OutpaintError where the library's native part, which its wheel brings, does not load.
    """

    card: Final = PainterCard(
        name="patch", model=f"PatchMatch, pypatchmatch {version('pypatchmatch')}", reads_prompt=False
    )

    def __init__(self) -> None:
        if not patchmatch.patchmatch_available:
            raise OutpaintError.unavailable(
                "The patch painter's library pypatchmatch does not load here: reinstall it, or choose the painter flat."
            )

    def paint(self, canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        return paint_in_layers(self._paint, canvas, brief)

    def _paint(self, canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        width, height = canvas.size
        scale = min(1.0, max(0.5, 64 / min(width, height)), (WORK_AREA / (width * height)) ** 0.5)
        start = working_copy(canvas, scale)
        known = start.getchannel("A")
        hole = ImageChops.invert(known).filter(ImageFilter.MaxFilter(_BORDER))
        ground = smoothed(start, 2 * max(start.size)).convert("RGB")
        inward = windows.measure(hole)
        outward = windows.measure(known)
        if inward.cells.max() < _THINNEST or outward.cells.max() > _FARTHEST * min(start.size):
            # There is nothing to copy, or the open area reaches too far: the colours around, blurred.
            ground = ground.resize(canvas.size, Image.Resampling.BICUBIC)
            for _ in brief.seeds:
                yield ground.copy()
            return
        grain = learn_grain(canvas, 1 / scale)
        for seed in brief.seeds:
            draw = np.random.default_rng(seed)
            spared = _spared(inward, hole, float(draw.uniform(*_STRIP)))
            painted = _painted(ground, np.asarray(hole) > 0, spared, int(draw.integers(1 << 32)))
            yield enlarge(_recoloured(painted, start, known, hole), canvas, 1 / scale, grain, draw)


def _painted(ground: Image.Image, hole: NDArray[np.bool_], spared: NDArray[np.bool_], seed: int) -> NDArray[np.uint8]:
    """The hole painted, [rows, columns, 3].

    Short sides are lengthened by mirroring first: the library's pyramid ends where the shorter side does, and
    a pyramid of few levels leaves far places black.
    """
    high, wide = hole.shape
    least = min(_SHORTEST[1], max(_SHORTEST[0], high, wide))
    pad = ((0, max(0, least - high)), (0, max(0, least - wide)))
    patchmatch.set_random_seed(seed)
    picture = patchmatch.inpaint(
        np.pad(np.asarray(ground), (*pad, (0, 0)), mode="symmetric"),
        np.pad(hole, pad, mode="symmetric"),
        global_mask=np.pad(spared, pad, mode="symmetric"),
        patch_size=_PATCH,
    )
    return np.asarray(picture[:high, :wide], dtype=np.uint8)


def _spared(inward: windows.Distances, hole: Image.Image, strip: float) -> NDArray[np.bool_]:
    """What is neither painted nor copied from: the kept area but for a strip along the open one."""
    depth = np.asarray(Image.fromarray(inward.cells).resize(hole.size, Image.Resampling.BILINEAR))
    kept = np.asarray(hole) == 0
    spared = kept & (depth > strip * float(np.sqrt(np.count_nonzero(kept))))
    return spared if np.count_nonzero(kept & ~spared) >= _LEAST else np.zeros_like(spared)


def _recoloured(painted: NDArray[np.uint8], start: Image.Image, known: Image.Image, hole: Image.Image) -> Image.Image:
    """The painted picture, its colours shifted so that they meet those of the kept border."""
    square = (_SIDE, _SIDE)
    picture = Image.fromarray(painted)
    there = ImageChops.multiply(known, hole)
    border = np.asarray(there.resize(square, Image.Resampling.BOX)) > 0
    wanted = start.copy()
    wanted.putalpha(there)
    had = picture.copy()
    had.putalpha(there)
    error = np.asarray(wanted.resize(square, Image.Resampling.BOX), dtype=np.float32)[..., :3]
    error = error - np.asarray(had.resize(square, Image.Resampling.BOX), dtype=np.float32)[..., :3]
    shift = spread(error, border, _FADE, _TRUSTED)
    return Image.fromarray(np.clip(painted + resized(shift, picture.size), 0, 255).astype(np.uint8))
