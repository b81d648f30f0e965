"""In which order a picture is painted: outward from what is kept, then once more at full size where it is soft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from outpaint_painting.painters import growth
from outpaint_painting.painters.diffusion.buckets import SHARP, View, view
from outpaint_painting.painters.windows import Box

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image

GROWTH: Final = 2.0
"""How much wider and higher the known area becomes in one pass at most; a model invents strange things far from it."""

OVERLAP: Final = 0.25
"""Share of a window that its neighbour has painted before: it is seen, matched in colour and cross-faded."""


@dataclass(frozen=True, slots=True)
class Step:
    """One pass of the plan. `refine`: the area is painted already, but smaller than it is, so detail is added."""

    view: View
    refine: bool = False


def plan(known: Image.Image, window: int) -> list[Step]:
    """The passes for a picture whose kept pixels are 255 in the L picture `known`, in their order.

    One pass where the picture fits a bucket at nearly full size; else the known area's surroundings are
    painted first, at most GROWTH times as large each time, at the scale that fits; then windows of full size,
    nearest to the kept area first, go over everything that was painted small.
    """
    width, height = known.size
    whole = view(Box(0, 0, width, height), window)
    if whole.scale >= SHARP:
        return [Step(whole)]
    kept = known.getbbox() or (0, 0, width, height)
    steps = [Step(view(box, window)) for box in _surroundings(Box(*kept), whole.box, window)]
    if all(step.view.scale >= SHARP for step in steps):
        return steps
    sharp = known.copy()
    for step in steps:
        if step.view.scale >= SHARP:
            sharp.paste(255, step.view.box.corners)
    return steps + [Step(tile, refine=True) for tile in _tiles(known, sharp, window)]


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
    distances = growth.measure(known)
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
    return [view(box, window) for _, box in sorted(tiles, key=lambda tile: (tile[0], tile[1].top, tile[1].left))]


def _marks(length: int, window: int) -> list[tuple[int, int]]:
    """Evenly spread intervals of `window` pixels that overlap by OVERLAP at least and cover the length."""
    if length <= window:
        return [(0, length)]
    count = 1 + -(-(length - window) // round(window * (1 - OVERLAP)))
    return [(start, start + window) for start in (round(i * (length - window) / (count - 1)) for i in range(count))]
