"""Arithmetic on arrays of pixels: other sizes, blurs, and the nearest known place of every other one.

Arrays are [rows, columns] or [rows, columns, channels], float32 where nothing else is said.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]
Indices = NDArray[np.int32]

COLOUR_WEIGHTS: Final = np.array([1.4, 1.0, 1.0], dtype=np.float32)
"""Of Y, Cb and Cr wherever colours are compared."""

_EXACT: Final = 4
"""Pixels: blurs of larger radii are made on a smaller copy, which loses nothing that they would leave."""


def as_ycc(picture: Image.Image) -> Floats:
    """An RGB picture as Y, Cb and Cr, [rows, columns, 3]."""
    return np.asarray(picture.convert("YCbCr"), dtype=np.float32)


def from_ycc(values: Floats) -> Image.Image:
    """The RGB picture of Y, Cb and Cr, [rows, columns, 3], rounded."""
    levels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    planes = [Image.fromarray(np.ascontiguousarray(levels[..., channel])) for channel in range(3)]
    return Image.merge("YCbCr", planes).convert("RGB")


def scaled(values: Floats, size: tuple[int, int], how: Image.Resampling = Image.Resampling.BOX) -> Floats:
    """The values at another size (width, height)."""
    if values.ndim == 2:
        if values.shape == (size[1], size[0]):
            return values
        return np.asarray(Image.fromarray(np.ascontiguousarray(values)).resize(size, how))
    return np.stack([scaled(values[..., channel], size, how) for channel in range(values.shape[2])], axis=-1)


def blurred(values: Floats, radius: int) -> Floats:
    """The mean around each place, weighted by a bell of about 1.7 times the radius, which is 1 pixel or more.

    Values beyond the edges are those at the edges.
    """
    if radius > _EXACT:
        high, wide = values.shape[:2]
        shrink = -(-radius // _EXACT)
        small = (max(1, -(-wide // shrink)), max(1, -(-high // shrink)))
        coarse = blurred(scaled(values, small), round(radius / shrink))
        return scaled(coarse, (wide, high), Image.Resampling.BILINEAR)
    for _ in range(3):
        for axis in (0, 1):
            values = _box(values, max(1, radius), axis)
    return values


def _box(values: Floats, radius: int, axis: int) -> Floats:
    reach = [(0, 0)] * values.ndim
    reach[axis] = (radius, radius)
    padded = np.pad(values, reach, mode="edge")
    length = values.shape[axis]
    shifted = [slice(None)] * values.ndim
    total = np.zeros_like(values)
    for start in range(2 * radius + 1):
        shifted[axis] = slice(start, start + length)
        total += padded[tuple(shifted)]
    total /= np.float32(2 * radius + 1)
    return total


def beside(marked: Flags, reach: int) -> Flags:
    """Every place with a marked one at most `reach` rows and columns away."""
    high, wide = marked.shape
    padded = np.pad(marked, reach)
    rows = np.zeros((high, wide + 2 * reach), dtype=bool)
    for start in range(2 * reach + 1):
        rows |= padded[start : start + high]
    near = np.zeros((high, wide), dtype=bool)
    for start in range(2 * reach + 1):
        near |= rows[:, start : start + wide]
    return near


def nearest(marked: Flags, cell: tuple[float, float] = (1.0, 1.0)) -> tuple[Floats, Indices, Indices]:
    """For every place the exact Euclidean distance to the nearest marked one, and that one's row and column.

    `cell` is the width and height of a place. At least one place must be marked. One axis by scanning, the other by
    a minimum over shifts.
    """
    if marked.shape[0] < marked.shape[1]:  # the minimum's cost is quadratic in its axis, so it takes the shorter
        distance, columns, rows = nearest(marked.T, (cell[1], cell[0]))
        return distance.T, rows.T, columns.T
    high, wide = marked.shape
    here = np.arange(high, dtype=np.int32)[:, None]
    none = np.int32(4 * (high + wide))
    above = np.maximum.accumulate(np.where(marked, here, -none), axis=0)
    below = np.minimum.accumulate(np.where(marked, here, 2 * none)[::-1], axis=0)[::-1]
    rows = np.where(here - above <= below - here, above, below)
    far = np.float32(4 * (high * cell[1] + wide * cell[0]))
    along = np.where(marked.any(axis=0), np.abs(rows - here) * np.float32(cell[1]), far) ** 2
    best, columns = along.copy(), np.broadcast_to(np.arange(wide, dtype=np.int32), (high, wide)).copy()
    picked = rows.copy()
    for shift in range(1, wide):
        apart = np.float32(shift * cell[0]) ** 2
        if apart > best.max():
            break
        for target, source in ((np.s_[:, shift:], np.s_[:, :-shift]), (np.s_[:, :-shift], np.s_[:, shift:])):
            there = along[source] + apart
            closer = there < best[target]
            np.copyto(best[target], there, where=closer)
            np.copyto(picked[target], rows[source], where=closer)
            column = np.arange(wide, dtype=np.int32)[source[1]]
            np.copyto(columns[target], np.broadcast_to(column, closer.shape), where=closer)
    return np.sqrt(best), picked, columns
