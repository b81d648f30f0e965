"""What lies in the open area before a model paints it: a model starts better from a guess than from black."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np
from outpaint_contracts.pictures import MaskInterpretation, MaskSource
from outpaint_contracts.requests import Wish
from PIL import Image

from outpaint_painting.canvas import Canvas
from outpaint_painting.painter import Brief

if TYPE_CHECKING:
    from outpaint_painting.painter import Painter

Prefill = Callable[[Image.Image, Image.Image], Image.Image]
"""From an RGB picture and an L map of it (255 where it is known) to the picture with all of it filled."""


_ANY: Final = [0] + [255] * 255
_COARSE: Final = 8  # pixels


def spread_colours(picture: Image.Image, known: Image.Image) -> Image.Image:
    """The open area in soft colours, each taken from the nearest scale at which something is known.

    What is known stays exact where `known` is 255. Nothing finer than eight pixels is spread, so large pictures
    cost little more than small ones.
    """
    shown = Image.new("RGB", picture.size)
    shown.paste(picture, (0, 0), known)
    times = _COARSE if min(picture.size) >= 8 * _COARSE else 1
    level = _averaged(shown.reduce(times), known.reduce(times))
    pyramid = [level]
    while max(level.size) > 1 and level.getchannel("A").getextrema() != (255, 255):
        # Pillow averages straight alpha by weight, so nothing hidden under alpha 0 takes part.
        level = level.resize((max(1, level.width // 2), max(1, level.height // 2)), Image.Resampling.BOX)
        # A cell known in part counts as known: colours under a faint alpha would lose their precision.
        level.putalpha(level.getchannel("A").point(_ANY))
        pyramid.append(level)
    filled = pyramid.pop().convert("RGB")
    while pyramid:
        level = pyramid.pop()
        filled = filled.resize(level.size, Image.Resampling.BILINEAR)
        filled.paste(level.convert("RGB"), (0, 0), level.getchannel("A"))
    if filled.size != picture.size:
        filled = filled.resize(picture.size, Image.Resampling.BILINEAR)
    filled.paste(picture, (0, 0), known)
    return filled


def _averaged(sums: Image.Image, shares: Image.Image) -> Image.Image:
    """RGBA from colours averaged with black and the share of each cell that was no black."""
    share = np.asarray(shares, dtype=np.float32)[..., None]
    colours = np.asarray(sums, dtype=np.float32) * (255 / np.maximum(share, 1))
    picture = Image.fromarray(np.clip(np.rint(colours), 0, 255).astype(np.uint8))
    picture.putalpha(shares.point(_ANY))
    return picture


def painted_by(painter: Painter) -> Prefill:
    """A prefill by another painter, one that needs no prompt; it is called from one thread at a time."""

    def fill(picture: Image.Image, known: Image.Image) -> Image.Image:
        interpretation = MaskInterpretation(source=MaskSource.IMAGE_ALPHA, painted_share=1.0)
        canvas = Canvas.of(picture.copy(), known, None, interpretation)
        filled = next(iter(painter.paint(canvas, Brief(Wish(prompt=""), seeds=(0,)))))
        filled.paste(picture, (0, 0), known)
        return filled

    return fill
