"""How a painted window joins what is there: colours matched along the border, edges faded, kept pixels untouched."""

from __future__ import annotations

from typing import Final

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from outpaint_painting.painters.colour import spread

_SIDE: Final = 256  # pixels of the square that colours are compared in: an error of tint has no finer detail
_BAND: Final = 4  # of those: how far from the open area the known is compared
_FAR: Final = 64.0  # of those: how far into the open area a difference of tint is carried
_TRUSTED: Final = 14.0  # of 255: larger differences are other objects rather than another tint

FADE: Final = 24
"""Pixels over which a window fades into what an earlier one painted."""


def match_colours(painted: Image.Image, seen: Image.Image, open_area: Image.Image) -> Image.Image:
    """The painted window with its tint brought to that of its known surroundings.

    All are of one size; `open_area` is L, 255 where the window was painted. A model's decoder shifts colours
    slightly everywhere: how much is read off a band of known pixels beside the open area. What is off all along
    it is taken off everywhere, what is off in places fades with distance from them. Without known pixels
    `painted` comes back as it is.
    """
    opened = np.asarray(_small(open_area))
    # A blur of a few ones is nowhere nought: the same as a MaxFilter of its width, and many times faster.
    near = Image.fromarray(np.where(opened > 0, np.uint8(255), np.uint8(0))).filter(ImageFilter.BoxBlur(_BAND))
    border = (opened == 0) & (np.asarray(near) > 0)
    if not border.any():
        return painted
    error = np.asarray(_small(seen), dtype=np.float32) - np.asarray(_small(painted), dtype=np.float32)
    # What is off all along the border is the decoder's tint, and as wrong in the middle; the rest is local.
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
