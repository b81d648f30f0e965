"""Colour continuity: what the network's colours are off by along a border is spread over what it painted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CELL: Final = 4  # pixels: the error's own detail is texture, which must not be smeared


def spread(
    error: NDArray[np.float32], border: NDArray[np.bool_], far: float, trusted: float = 14.0
) -> NDArray[np.float32]:
    """A smooth field that meets `error` along `border` and fades within about `far` pixels of it.

    `error` is [n, n, 3], `border` [n, n] True where the error is known, n a power of two. Errors well above
    `trusted` (of 255) count for little: they are other objects rather than another tint. Filled by a pyramid
    (push and pull): the mean of what is known, from the nearest scale that knows anything.
    """
    size = len(border)
    trust = border / (1 + (np.abs(error).max(axis=2) / np.float32(trusted)) ** 2)
    level: NDArray[np.float32] = np.concatenate(
        [error * trust[..., None], trust[..., None], border[..., None]], axis=2, dtype=np.float32
    )
    level = _halved(level, _CELL)
    pyramid = [level]
    while len(level) > 1:
        level = _halved(level, 2)
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
    return _enlarged(filled, size)


def _halved(values: NDArray[np.float32], times: int) -> NDArray[np.float32]:
    """Means of blocks of `times` by `times`; row by row first, which numpy does several times faster."""
    size = len(values) // times
    rows = values.reshape(size, times, -1).sum(axis=1)
    blocks = rows.reshape(size, size, times, -1).sum(axis=2)
    return np.asarray(blocks / np.float32(times * times), dtype=np.float32)


def _enlarged(values: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    channels = [
        Image.fromarray(np.ascontiguousarray(values[..., channel])).resize((size, size), Image.Resampling.BILINEAR)
        for channel in range(values.shape[2])
    ]
    return np.stack([np.asarray(channel) for channel in channels], axis=-1)
