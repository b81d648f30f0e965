"""Brings painted colours to those of the kept area along its border, and joins the two."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

_CELL: Final = 4  # pixels: finer differences are texture, which must not be spread
# For `match_colours`:
_SIDE: Final = 256  # pixels of the square that colours are compared in, since differences of tint have no finer detail
_BAND: Final = 4  # of those: how far from the open area the known is compared
_FAR: Final = 64.0  # of those: how far into the open area a difference of tint is carried
_TRUSTED: Final = 14.0  # of 255: larger differences are other objects rather than another tint

FADE: Final = 24
"""Pixels over which a window fades into what an earlier one painted."""


def match_border(
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


def spread(error: NDArray[np.float32], border: NDArray[np.bool_], far: float, trusted: float) -> NDArray[np.float32]:
    """A smooth field that meets `error` along `border` and fades within about `far` pixels of it.

    `error` is [n, n, 3], `border` [n, n] True where the error is known, n a power of two. Errors well above `trusted`
    (of 255) count for little: they are other objects rather than another tint. Each place has the mean of the errors at
    the finest scale of a pyramid that has any there.
    """
    rows, columns = np.nonzero(border)
    return resized(_field(error[rows, columns], rows, columns, len(border), far, trusted), (len(border), len(border)))


def resized(values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """[rows, columns, channels] at another `size` (width, height), interpolated linearly."""
    channels = [
        Image.fromarray(np.ascontiguousarray(values[..., channel])).resize(size, Image.Resampling.BILINEAR)
        for channel in range(values.shape[2])
    ]
    return np.stack([np.asarray(channel) for channel in channels], axis=-1)


def _field(
    error: NDArray[np.float32], rows: NDArray[np.intp], columns: NDArray[np.intp], size: int, far: float, trusted: float
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
            filled = resized(filled, (len(level), len(level)))
        # What a scale much coarser than `far` says comes from far away: it counts for less.
        filled = filled * np.float32(min(1.0, (far / cell) ** 0.5))
        share = np.minimum(1, level[..., 4:] * 8)
        mean = level[..., :3] / np.maximum(level[..., 3:4], 1e-6)
        filled = np.asarray(share * mean + (1 - share) * filled, dtype=np.float32)
        cell /= 2
    return filled


def match_colours(painted: Image.Image, seen: Image.Image, open_area: Image.Image) -> Image.Image:
    """The painted window with its tint brought to that of its known surroundings.

    All are of one size; `open_area` is L, 255 where the window was painted. A model's decoder shifts colours slightly
    everywhere; how much is measured in a band of known pixels beside the open area. The shift that is common to all of
    the band is removed everywhere, local ones fade with the distance from it. Without known pixels `painted` comes back
    as it is.
    """
    opened = np.asarray(_small(open_area))
    # A blurred map is above 0 wherever a MaxFilter of the same width would be, and many times faster.
    near = Image.fromarray(np.where(opened > 0, np.uint8(255), np.uint8(0))).filter(ImageFilter.BoxBlur(_BAND))
    border = (opened == 0) & (np.asarray(near) > 0)
    if not border.any():
        return painted
    error = np.asarray(_small(seen), dtype=np.float32) - np.asarray(_small(painted), dtype=np.float32)
    tint = np.clip(np.median(error[border], axis=0), -_TRUSTED, _TRUSTED)
    field = tint + spread(error - tint, border, _FAR, _TRUSTED)
    steps = np.clip(np.rint(field), -255, 255)
    lighter, darker = (Image.fromarray(np.maximum(0, sign * steps).astype(np.uint8)) for sign in (1, -1))
    for shift, apply in ((lighter, ImageChops.add), (darker, ImageChops.subtract)):
        if shift.getbbox() is not None:
            painted = apply(painted, shift.resize(painted.size, Image.Resampling.BILINEAR))
    return painted


def join(
    picture: Image.Image, window: Image.Image, place: tuple[int, int], open_area: Image.Image, kept: Image.Image
) -> None:
    """Put a painted window into the picture, in place.

    `window`, `open_area` and `kept` (L, 255 where nothing may change) are of one size, `place` is the window's
    left top corner. Open pixels are taken whole; around them, outside the kept area, the window fades out.
    """
    wide = open_area.filter(ImageFilter.BoxBlur(FADE))
    fade = ImageChops.lighter(open_area, wide.point([min(255, 2 * value) for value in range(256)]))
    fade = ImageChops.darker(fade, ImageChops.invert(kept))
    picture.paste(window, place, fade)


def _small(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    if width % _SIDE == 0 and height % _SIDE == 0:
        return picture.reduce((width // _SIDE, height // _SIDE))  # the same means, several times faster
    return picture.resize((_SIDE, _SIDE), Image.Resampling.BOX)
