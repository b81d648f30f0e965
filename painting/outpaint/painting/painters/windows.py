"""In which order and through which windows to paint: distances from what is known, and boxes around what is open.

Far from anything known an inpainting network invents objects; where the known area grows by at most 1.35 times a pass,
it continues what is there (docs/facts/pixels.md#growth-and-sources).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from outpaint.painting.painters.pixel_arrays import nearest

GRID_LONG: Final = 160
"""Cells along the longer side of the distance map."""

GRID_SHORT: Final = 48
"""Cells wanted at least along the shorter side, where the picture has as many pixels."""

MAX_PASSES: Final = 10
"""A tiny kept area in a large canvas grows faster rather than longer."""

_SEEN: Final = 8  # of 255: how much of a cell must be known for the cell to count as a place to grow from

CONTEXT: Final = 0.5
"""Known surroundings taken in on every side, as a share of the open area's longer side."""

SMALLEST: Final = 256
"""Pixels a window's sides have at least, where the picture has them: no hole is blown up more than twice."""

LONGEST: Final = 2.2
"""The longest ratio of sides that is squeezed into the network's square; longer windows are cut up."""

MOST: Final = 6
"""Windows in one pass at most."""

_NO_LOSS: Final = 640  # pixels: a window up to this side loses next to nothing in 512
_WORTH: Final = 1.5  # how much larger than its parts a window may be that replaces two


@dataclass(frozen=True, slots=True)
class Distances:
    """How far each cell of a coarse grid is from what is known.

    `cells` is float32 [rows, columns] in pixels, 0 where some of the cell is known; `whole` is True where all
    of it is; `size` is the picture's width and height in pixels; `reach` is the known area's extent in pixels,
    the scale that growth is measured by.
    """

    cells: NDArray[np.float32]
    whole: NDArray[np.bool_]
    size: tuple[int, int]
    reach: float


def measure(known: Image.Image) -> Distances:
    """Distances from the known pixels: those at 255 in the L picture `known`, of which there is at least one."""
    width, height = known.size
    shrink = min(1.0, max(GRID_LONG / max(width, height), GRID_SHORT / min(width, height)))
    across, down = max(1, round(width * shrink)), max(1, round(height * shrink))
    coverage = np.asarray(known.resize((across, down), Image.Resampling.BOX))
    # Where all that is known is finer than a cell, the fullest cells count.
    seen = coverage >= max(1, min(_SEEN, int(coverage.max())))
    if not seen.any():
        seen = ~seen
    box = known.getbbox() or (0, 0, width, height)
    return Distances(
        cells=nearest(seen, (width / across, height / down))[0],
        whole=coverage == 255,
        size=known.size,
        reach=math.sqrt((box[2] - box[0]) * (box[3] - box[1])),
    )


def thresholds(farthest: float, reach: float, factor: float) -> list[float]:
    """The distance up to which each pass paints, in pixels, rising; the last is infinite.

    Every pass extends the known area, of extent `reach`, by one and the same ratio: `factor` at most, except
    where that took more than MAX_PASSES passes.
    """
    whole = 1 + 2 * farthest / max(reach, 1.0)
    count = min(MAX_PASSES, max(1, math.ceil(math.log(whole) / math.log(factor) - 1e-6)))
    ratio = whole ** (1 / count)
    return [farthest * (ratio**step - 1) / (whole - 1) for step in range(1, count)] + [math.inf]


class Box(NamedTuple):
    """A rectangle in pixels as Pillow takes one, right and bottom exclusive; it may reach beyond the picture."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def area(self) -> int:
        return self.width * self.height

    def union(self, other: Box) -> Box:
        """The smallest box around both."""
        return Box(*map(min, self[:2], other[:2]), *map(max, self[2:], other[2:]))

    def intersection(self, other: Box) -> Box:
        """What is in both; they must overlap."""
        return Box(*map(max, self[:2], other[:2]), *map(min, self[2:], other[2:]))

    def grown(self, across: int, down: int) -> Box:
        """Wider by `across` pixels on both sides and higher by `down` on both."""
        return Box(self.left - across, self.top - down, self.right + across, self.bottom + down)


def plan(distances: Distances, fresh: NDArray[np.bool_], reached: NDArray[np.bool_]) -> list[tuple[Box, Box]]:
    """The windows that together cover all `fresh` cells, nearest to the known first, each with its open area.

    `fresh` are the cells to paint in this pass, `reached` those known after it; both [rows, columns] like
    `distances.cells`. A window is its open area with known surroundings, never wider than what is reached:
    beyond is nothing that could help.
    """
    limit = _box(distances, reached)
    pieces = [_box(distances, piece) for piece in _separate(fresh)]
    pieces = _merge(pieces, limit)
    planned = [
        (_with_context(part, limit), part) for piece in pieces for part in _cut(piece, limit, MOST // len(pieces))
    ]
    return sorted(planned, key=lambda pair: _nearness(distances, fresh, pair[1]))


def _box(distances: Distances, chosen: NDArray[np.bool_]) -> Box:
    """The pixels of the chosen cells, of which there is at least one, and of one cell around."""
    rows, columns = np.flatnonzero(chosen.any(axis=1)), np.flatnonzero(chosen.any(axis=0))
    (width, height), (down, across) = distances.size, chosen.shape
    return Box(
        max(0, int(columns[0]) - 1) * width // across,
        max(0, int(rows[0]) - 1) * height // down,
        -(-min(across, int(columns[-1]) + 2) * width // across),
        -(-min(down, int(rows[-1]) + 2) * height // down),
    )


def _separate(fresh: NDArray[np.bool_]) -> Iterator[NDArray[np.bool_]]:
    """The parts that an empty row or column divides, recursively."""
    for axis in (0, 1):
        filled = np.flatnonzero(fresh.any(axis=axis))
        gaps = np.flatnonzero(np.diff(filled) > 1)
        if len(gaps):
            at = int(filled[gaps[len(gaps) // 2]]) + 1
            first, second = fresh.copy(), fresh.copy()
            if axis == 0:
                first[:, at:], second[:, :at] = False, False
            else:
                first[at:], second[:at] = False, False
            yield from _separate(first)
            yield from _separate(second)
            return
    yield fresh


def _merge(pieces: list[Box], limit: Box) -> list[Box]:
    """Fewer windows where one costs no sharpness, and never more than MOST."""
    pieces = list(pieces)
    while len(pieces) > 1:
        ratio, first, second = min(
            (_ratio(pieces[i], pieces[j], limit), i, j) for i in range(len(pieces)) for j in range(i + 1, len(pieces))
        )
        if ratio > _WORTH and len(pieces) <= MOST:
            break
        merged = pieces[first].union(pieces[second])
        pieces = [piece for index, piece in enumerate(pieces) if index not in (first, second)] + [merged]
    return pieces


def _ratio(one: Box, other: Box, limit: Box) -> float:
    """How much larger the common window is than both windows together; 0 where it loses nothing anyway."""
    common = _with_context(one.union(other), limit)
    if max(common.width, common.height) <= _NO_LOSS:
        return 0.0
    return common.area / (_with_context(one, limit).area + _with_context(other, limit).area)


def _with_context(piece: Box, limit: Box) -> Box:
    share = round(CONTEXT * max(piece.width, piece.height))
    across = max(share, -(-(SMALLEST - piece.width) // 2))
    down = max(share, -(-(SMALLEST - piece.height) // 2))
    return piece.grown(across, down).intersection(limit)


def _cut(piece: Box, limit: Box, most: int) -> list[Box]:
    """The piece in parts, `most` at most, whose windows are not too long for a square."""
    window = _with_context(piece, limit)
    long, short = max(window.width, window.height), max(1, min(window.width, window.height))
    if long <= LONGEST * short:
        return [piece]
    wide = window.width == long
    extent = piece.width if wide else piece.height
    count = min(most, max(1, round(long / (LONGEST * short) + 0.5)), extent)
    marks = [extent * part // count for part in range(count + 1)]
    if wide:
        return [Box(piece.left + a, piece.top, piece.left + b, piece.bottom) for a, b in pairwise(marks)]
    return [Box(piece.left, piece.top + a, piece.right, piece.top + b) for a, b in pairwise(marks)]


def _nearness(distances: Distances, fresh: NDArray[np.bool_], part: Box) -> float:
    """The mean distance of a part's open cells from the known, in pixels."""
    (width, height), (down, across) = distances.size, fresh.shape
    here = (
        slice(part.top * down // height, -(-part.bottom * down // height)),
        slice(part.left * across // width, -(-part.right * across // width)),
    )
    open_cells = fresh[here]
    return float(distances.cells[here][open_cells].mean()) if open_cells.any() else 0.0
