"""Which passes a picture is painted in, and in which sizes: a few fixed ones, the buckets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
from PIL import Image

from outpaint.painting.painters import windows
from outpaint.painting.painters.windows import Box

# Times 1024x1024 this gives 1152x896, 1216x832, 1344x768 and 1536x640: shapes that such models were trained on.
_RATIOS: Final = (1.0, 1.29, 1.46, 1.75, 2.4)
_GRID: Final = 16  # a bucket's sides are whole sixteenths of the window,
_GRAIN: Final = 16  # and multiples of this many pixels, which every model's latents need
_NEARLY: Final = 0.95

SHARP: Final = 0.75
"""What is painted at this scale or above is left as it is; below, it is painted over at full size."""
GROWTH: Final = 2.0
"""How much wider and higher the known area becomes in one pass at most: far from it, models invent other objects."""
_OVERLAP: Final = 0.25
"""The share of a window that its neighbour has painted before: it is seen, matched in colour and cross-faded."""


@dataclass(frozen=True, slots=True)
class View:
    """A part of the picture as a pass sees it: `box` in the picture's pixels, shown at `shown` pixels in `bucket`."""

    box: Box
    shown: tuple[int, int]
    bucket: tuple[int, int]

    @property
    def scale(self) -> float:
        """Pixels seen for each of the picture's."""
        return min(self.shown[0] / self.box.width, self.shown[1] / self.box.height)


def buckets(window: int) -> tuple[tuple[int, int], ...]:
    """Every size a pass may have, smallest area first: shapes of window² pixels or less, of 3/4 and half the side.

    `window` is 1024 for all models here, and 32 at least; every side is a multiple of 16.
    """
    sizes = set()
    for side in (window, window * 3 // 4, window // 2):
        grid = max(_GRAIN, side // _GRID // _GRAIN * _GRAIN)
        for ratio in _RATIOS:
            long, short = (max(1, int(length / grid)) * grid for length in (side * sqrt(ratio), side / sqrt(ratio)))
            sizes |= {(long, short), (short, long)}
    return tuple(sorted(sizes, key=lambda size: (size[0] * size[1], size)))


def view_of(box: Box, window: int) -> View:
    """How a pass sees this part of the picture: in the smallest bucket that nearly holds it, or else in the best one.

    Nothing is enlarged. A part a little larger than a bucket is shown a little smaller (`_NEARLY`), since the next
    bucket would waste half of its pixels; one that fits none is shown at the largest scale that any of them allows.
    """
    sizes = buckets(window)
    scales = {size: min(1.0, size[0] / box.width, size[1] / box.height) for size in sizes}
    best = next((size for size in sizes if scales[size] >= _NEARLY), None) or max(
        sizes, key=lambda size: (scales[size], -size[0] * size[1])
    )
    scale = scales[best]
    shown = (min(best[0], max(1, round(box.width * scale))), min(best[1], max(1, round(box.height * scale))))
    return View(box, shown, best)


@dataclass(frozen=True, slots=True)
class PlannedPass:
    """One pass of the plan; with `refine` it adds detail to what was painted small."""

    view: View
    refine: bool = False


def plan_passes(known: Image.Image, window: int) -> list[PlannedPass]:
    """The passes for a picture whose kept pixels are 255 in the L picture `known`, in their order.

    One pass where the picture fits a bucket at nearly full size. Else the known area's surroundings are painted first,
    at most GROWTH times as large each time, at the scale that fits; then windows of full size, nearest to the kept area
    first, refine everything that was painted small.
    """
    width, height = known.size
    whole = view_of(Box(0, 0, width, height), window)
    if whole.scale >= SHARP:
        return [PlannedPass(whole)]
    kept = known.getbbox() or (0, 0, width, height)
    steps = [PlannedPass(view_of(box, window)) for box in _surroundings(Box(*kept), whole.box, window)]
    if all(step.view.scale >= SHARP for step in steps):
        return steps
    sharp = known.copy()
    for step in steps:
        if step.view.scale >= SHARP:
            sharp.paste(255, step.view.box)
    return steps + [PlannedPass(tile, refine=True) for tile in _tiles(known, sharp, window)]


def _surroundings(kept: Box, whole: Box, window: int) -> Iterator[Box]:
    """Boxes around the kept one, each larger by GROWTH at most, the last being the whole picture."""
    box = kept
    while box != whole:
        across = max(window, round(box.width * GROWTH))
        down = max(window, round(box.height * GROWTH))
        left, right = _stretched(box.left, box.right, across, whole.right)
        top, bottom = _stretched(box.top, box.bottom, down, whole.bottom)
        box = Box(left, top, right, bottom)
        yield box
    if kept == whole:
        yield whole


def _stretched(start: int, end: int, length: int, limit: int) -> tuple[int, int]:
    """An interval of this length around start to end, moved or cut to lie within 0 to limit; never shortened."""
    length = max(end - start, min(length, limit))
    spare = length - (end - start)
    start = min(max(0, start - spare // 2), limit - length)
    return start, start + length


def _tiles(known: Image.Image, sharp: Image.Image, window: int) -> list[View]:
    """Windows of full size over every pixel that is not 255 in `sharp`, nearest to the kept area first."""
    distances = windows.measure(known)
    width, height = known.size
    rows, columns = distances.cells.shape
    tiles: list[tuple[float, Box]] = []
    for top, bottom in _marks(height, window):
        for left, right in _marks(width, window):
            if sharp.crop((left, top, right, bottom)).getextrema() == (255, 255):
                continue
            cells = distances.cells[
                top * rows // height : -(-bottom * rows // height),
                left * columns // width : -(-right * columns // width),
            ]
            tiles.append((float(np.mean(cells)), Box(left, top, right, bottom)))
    return [view_of(box, window) for _, box in sorted(tiles, key=lambda tile: (tile[0], tile[1].top, tile[1].left))]


def _marks(length: int, window: int) -> list[tuple[int, int]]:
    """Evenly spread intervals of `window` pixels that overlap by _OVERLAP at least and cover the length."""
    if length <= window:
        return [(0, length)]
    count = 1 + -(-(length - window) // round(window * (1 - _OVERLAP)))
    return [(start, start + window) for start in (round(i * (length - window) / (count - 1)) for i in range(count))]
