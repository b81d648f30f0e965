"""The growth schedule: in how many passes, and in which order, an open area is painted from its border out.

An inpainting network invents phantom objects when it must fill far from anything known; grown by at most
1.35 times a pass it continues what is there (docs/facts/pixels.md#growth-and-sources).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRID_LONG: Final = 160
"""Cells along the longer side of the distance map; a frontier needs no finer place than that."""

GRID_SHORT: Final = 48
"""Cells wanted at least along the shorter side, where the picture has as many pixels."""

MAX_PASSES: Final = 10
"""A tiny kept area in a large canvas grows faster rather than longer."""

_SEEN: Final = 8  # of 255: how much of a cell must be known for the cell to count as a place to grow from


@dataclass(frozen=True, slots=True)
class Distances:
    """How far each cell of a coarse grid lies from what is known.

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
    # Where all that is known is finer than a cell, the fullest cells stand for it.
    seen = coverage >= max(1, min(_SEEN, int(coverage.max())))
    if not seen.any():
        seen = ~seen
    box = known.getbbox() or (0, 0, width, height)
    return Distances(
        cells=_euclidean(seen, width / across, height / down),
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


def _euclidean(seen: NDArray[np.bool_], cell_width: float, cell_height: float) -> NDArray[np.float32]:
    """The exact Euclidean distance to the nearest seen cell: one axis by scanning, the other by a minimum."""
    if seen.shape[0] < seen.shape[1]:  # the minimum's cost is quadratic in its axis, so it takes the shorter
        return _euclidean(seen.T, cell_height, cell_width).T
    far = float(2 * (seen.shape[0] * cell_height + seen.shape[1] * cell_width))
    along = np.where(seen, np.float32(0), np.float32(far))
    step = np.float32(cell_height)
    for row in range(1, len(along)):
        np.minimum(along[row], along[row - 1] + step, out=along[row])
    for row in range(len(along) - 2, -1, -1):
        np.minimum(along[row], along[row + 1] + step, out=along[row])
    along *= along
    place = np.arange(seen.shape[1], dtype=np.float32) * np.float32(cell_width)
    nearest = along.copy()
    for shift in range(1, seen.shape[1]):
        apart = (place[shift] - place[0]) ** 2
        np.minimum(nearest[:, shift:], along[:, :-shift] + apart, out=nearest[:, shift:])
        np.minimum(nearest[:, :-shift], along[:, shift:] + apart, out=nearest[:, :-shift])
    return np.asarray(np.sqrt(nearest), dtype=np.float32)
