"""What a painter is shown of a canvas with half-transparent parts, and what it paints behind those.

The composite is k * original + (1 - k) * painted, so a half-transparent pixel needs something painted that is not the
original: shown as known it would come back solid, and a threshold between known and open would change the whole
picture from one weight to the next. So whatever is less than nearly kept is open to the painter
(docs/adr/0064-half-transparent-parts-are-painted-behind.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from PIL import Image, ImageChops

from outpaint.painting.canvas import Brief, Canvas

_NEARLY_KEPT: Final = 250
"""The least weight of a kept picture's known pixels: cut-outs made by networks have 250 to 254 all over their inside.

A known pixel is painted as itself, so at most (255 - 250) / 255 of what should show through it does not.
"""
_STRONG_SHARE: Final = 64
"""The strongest weights count as what is kept from a 64th of all weight on: a few stray pixels do not."""
_LEAST_CONTEXT: Final = 0.05
"""Share of the picture that must not be half transparent, to paint behind what is."""

PaintShown = Callable[[Canvas, Brief], Iterator[Image.Image]]
"""Paints a canvas whose weights are 0 and 255 alone; see `Painter.paint`."""


def paint_in_layers(paint: PaintShown, canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
    """One RGB picture for each seed, by a painter that knows of no weights but 0 and 255.

    Pixels whose weight is nearly that of the kept part are shown to it; all others are open, and black. Where the kept
    part itself is half transparent, it is opened in a second painting, whose surroundings are the first: so it is
    painted behind, too. Pictures depend on the brief's seeds one by one, as the painter's do.
    """
    counts = canvas.keep.histogram()
    area = sum(counts)
    if counts[0] + counts[255] == area:
        yield from paint(canvas, brief)
        return
    strong = strongest(counts)
    level = known_level(strong)
    known = _at_least(canvas.keep, level)
    if strong >= _NEARLY_KEPT and known.getextrema() == (255, 255):
        yield from (canvas.picture.copy() for _ in brief.seeds)
        return
    if strong >= _NEARLY_KEPT:
        yield from paint(_shown(canvas, canvas.picture.copy(), known), brief)
        return
    if area - sum(counts[level:_NEARLY_KEPT]) < _LEAST_CONTEXT * area:
        known = _middle(known)
    behind = ImageChops.darker(known, ImageChops.invert(_at_least(canvas.keep, _NEARLY_KEPT)))
    around = ImageChops.invert(behind)
    del behind
    pictures = paint(_shown(canvas, canvas.picture.copy(), known), brief)
    for seed in brief.seeds:
        picture = next(pictures)
        picture.paste(canvas.picture, (0, 0), known)
        # Black where it is painted again, and that is where nothing of it is used.
        for whole in paint(_shown(canvas, picture, around), replace(brief, seeds=(seed,))):
            whole.paste(picture, (0, 0), around)
            yield whole
            del whole
        del picture  # not held while the next is painted


def strongest(counts: list[int]) -> int:
    """The weight (1 to 255) of what is kept most, from the histogram of the weights, which must not all be 0."""
    weight = sum(k * count for k, count in enumerate(counts))
    reached = 0
    for k in range(255, 0, -1):
        reached += k * counts[k]
        if reached * _STRONG_SHARE >= weight:
            return k
    raise ValueError("all weights are 0")


def known_level(strong: int) -> int:
    """The least weight (1 to 250) of what a painter is shown, from the weight of what is kept most."""
    return max(1, round(strong * _NEARLY_KEPT / 255))


def _shown(canvas: Canvas, picture: Image.Image, known: Image.Image) -> Canvas:
    """What a painter sees; `picture` is changed, black where it is not known."""
    return Canvas.of(picture, known, canvas.icc_profile, canvas.interpretation)


def _at_least(weights: Image.Image, level: int) -> Image.Image:
    return weights.point([0] * level + [255] * (256 - level))


def _middle(known: Image.Image) -> Image.Image:
    """The known pixels in the middle half of both sides: where all is half transparent, the rest is painted first."""
    width, height = known.size
    inside = (width // 4, height // 4, width - width // 4, height - height // 4)
    middle = Image.new("L", known.size, 0)
    middle.paste(known.crop(inside), inside)
    return middle if middle.getbbox() is not None else known
