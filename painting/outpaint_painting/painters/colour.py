"""Colour continuity: what the network's colours are off by along a border is spread over what it painted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageChops

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CELL: Final = 4  # pixels: the error's own detail is texture, which must not be smeared


def matched(
    painted: NDArray[np.uint8], wanted: NDArray[np.uint8], border: NDArray[np.bool_], far: float, trusted: float
) -> Image.Image:
    """`painted` shifted in colour so that it meets `wanted` along `border`; see `spread`."""
    rows, columns = np.nonzero(border)
    error = wanted[rows, columns].astype(np.float32) - painted[rows, columns]
    field = _field(error, rows, columns, len(border), far, trusted)
    # Shifts of up to 127 either way fit into eight bits, where Pillow enlarges and adds several times faster.
    shift = Image.fromarray(np.clip(np.rint(field) + 128, 0, 255).astype(np.uint8))
    shift = shift.resize(painted.shape[1::-1], Image.Resampling.BILINEAR)
    return ImageChops.add(Image.fromarray(np.ascontiguousarray(painted)), shift, 1.0, -128)


def spread(
    error: NDArray[np.float32], border: NDArray[np.bool_], far: float, trusted: float = 14.0
) -> NDArray[np.float32]:
    """A smooth field that meets `error` along `border` and fades within about `far` pixels of it.

    `error` is [n, n, 3], `border` [n, n] True where the error is known, n a power of two. Errors well above
    `trusted` (of 255) count for little: they are other objects rather than another tint. Filled by a pyramid
    (push and pull): the mean of what is known, from the nearest scale that knows anything.
    """
    rows, columns = np.nonzero(border)
    return _enlarged(_field(error[rows, columns], rows, columns, len(border), far, trusted), len(border))


def _field(
    error: NDArray[np.float32],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    size: int,
    far: float,
    trusted: float,
) -> NDArray[np.float32]:
    """The field of `spread` in cells of _CELL pixels, from the errors [m, 3] at m places."""
    trust = 1 / (1 + (np.abs(error).max(axis=1, initial=0) / np.float32(trusted)) ** 2)
    across = size // _CELL
    cells = (rows // _CELL) * across + columns // _CELL
    sums = [
        np.bincount(cells, weights=weights, minlength=across * across)
        for weights in (*(error * trust[:, None]).T, trust)
    ]
    sums.append(np.bincount(cells, minlength=across * across))
    level = np.stack(sums, axis=-1).reshape(across, across, 5).astype(np.float32) / np.float32(_CELL * _CELL)
    pyramid = [level]
    while len(level) > 1:
        half = len(level) // 2
        level = level.reshape(half, 2, half, 2, 5).mean(axis=(1, 3))
        pyramid.append(level)
    filled: NDArray[np.float32] = np.zeros((1, 1, 3), dtype=np.float32)
    cell = float(size)
    while pyramid:
        level = pyramid.pop()
        if len(level) > 1:
            filled = _enlarged(filled, len(level))
        # A scale far coarser than `far` knows the place only from a distance: it counts for less.
        filled = filled * np.float32(min(1.0, (far / cell) ** 0.5))
        share = np.minimum(1, level[..., 4:] * 8)
        mean = level[..., :3] / np.maximum(level[..., 3:4], 1e-6)
        filled = np.asarray(share * mean + (1 - share) * filled, dtype=np.float32)
        cell /= 2
    return filled


def _enlarged(values: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    channels = [
        Image.fromarray(np.ascontiguousarray(values[..., channel])).resize((size, size), Image.Resampling.BILINEAR)
        for channel in range(values.shape[2])
    ]
    return np.stack([np.asarray(channel) for channel in channels], axis=-1)
