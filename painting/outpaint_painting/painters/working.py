"""The smaller copy of a canvas that a painter works on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from outpaint_painting.canvas import Canvas

_HALF = 128  # half kept counts as known: the composite fades it into what is painted there, which continues it
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
    return picture


def _decided(alpha: Image.Image, known_from: int) -> Image.Image:
    """Only 0 and 255; where nothing reaches `known_from`, the highest there is counts as known."""
    histogram = alpha.histogram()
    highest = max(value for value, count in enumerate(histogram) if count)
    known_from = max(1, min(known_from, highest))
    return alpha.point([255 if value >= known_from else 0 for value in range(256)])
