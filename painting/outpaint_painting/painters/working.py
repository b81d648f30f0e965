"""The smaller copy of a canvas that a painter works on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outpaint_painting.canvas import Canvas

_HALF = 128  # half kept counts as known: the composite fades it into what is painted there, which continues it
_GAP = 8  # pixels
_SOLID = 2  # pixels: what lies at least so far inside the known area is solid
_SCATTERED = 0.02  # share of the known pixels
_FULL = 250  # of a smaller copy's alpha: no pixel that mixes known and open


def working_size(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """Width and height at `scale`, in pixels, at least 1."""
    return (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))


def working_copy(canvas: Canvas, size: tuple[int, int]) -> Image.Image:
    """The picture in RGBA at `size`, no larger than the canvas; alpha 255 is known, alpha 0 is to be painted.

    Something is always known, however faint or small the kept area is.
    """
    picture = canvas.picture.copy()
    picture.putalpha(_decided(canvas.keep, _HALF))
    if picture.size != size:
        picture = picture.resize(size, Image.Resampling.BOX)  # Pillow averages colours by their alpha
        picture.putalpha(_decided(picture.getchannel("A"), _FULL))
    # Dots and lines become areas, so that there is something to continue.
    if is_scattered(picture.getchannel("A")):
        return smoothed(picture, min(_GAP, max(2, min(size) // 16)))
    return picture


def is_scattered(known: Image.Image) -> bool:
    """Whether the known pixels (255 in the L picture `known`) are but dots and thin lines."""
    solid = known.filter(ImageFilter.BoxBlur(_SOLID)).histogram()[255]
    return solid <= _SCATTERED * known.histogram()[255]


def smoothed(picture: Image.Image, widest: int) -> Image.Image:
    """The RGBA picture with gaps of up to about `widest` pixels filled by the colours around, alpha 255 there.

    Means of twice as large blocks at every step, in float: eight bits lose the colour of a lonely pixel.
    """
    values = np.asarray(picture, dtype=np.float32)
    known = (values[..., 3:] >= _HALF).astype(np.float32)
    levels = [np.concatenate([values[..., :3] * known, known], axis=2)]
    while max(levels[-1].shape[:2]) > 1 and 1 << len(levels) <= widest:
        high, wide = levels[-1].shape[:2]
        even = np.pad(levels[-1], ((0, high % 2), (0, wide % 2), (0, 0)))
        levels.append(even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2])
    level = levels.pop()
    covered = level[..., 3] > 0
    colour = level / np.maximum(level[..., 3:], 1)
    for level in reversed(levels):
        high, wide = level.shape[:2]
        covered = covered.repeat(2, axis=0).repeat(2, axis=1)[:high, :wide]
        # The fourth channel weighs, so that what is not covered lends no black.
        colour = _doubled(colour)[:high, :wide]
        colour = np.where(covered[..., None], colour / np.maximum(colour[..., 3:], 1e-6), 0)
        here = level[..., 3] > 0
        colour[here] = level[here] / level[here, 3:]
        covered = covered | here
    filled = Image.fromarray(np.rint(colour[..., :3]).astype(np.uint8))
    filled.putalpha(Image.fromarray(np.where(covered, np.uint8(255), np.uint8(0))))
    return filled


def _doubled(values: NDArray[np.float32]) -> NDArray[np.float32]:
    size = (2 * values.shape[1], 2 * values.shape[0])
    channels = [
        Image.fromarray(np.ascontiguousarray(values[..., channel])).resize(size, Image.Resampling.BILINEAR)
        for channel in range(values.shape[2])
    ]
    return np.stack([np.asarray(channel) for channel in channels], axis=-1)


def _decided(alpha: Image.Image, known_from: int) -> Image.Image:
    """Only 0 and 255; where nothing reaches `known_from`, the highest there is counts as known."""
    histogram = alpha.histogram()
    highest = max(value for value, count in enumerate(histogram) if count)
    known_from = max(1, min(known_from, highest))
    return alpha.point([255 if value >= known_from else 0 for value in range(256)])
