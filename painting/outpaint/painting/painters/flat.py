"""The `flat` painter: instant, deterministic, and clearly not a picture; for mocks and tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from outpaint.contracts.responses import PainterCard

if TYPE_CHECKING:
    from PIL import Image

    from outpaint.painting.canvas import Brief, Canvas

_BANDS: Final = 16


class FlatPainter:
    """Fills the canvas with bands of two colours, from a hash of the wish's fields that change what is painted.

    Another value of any of them gives other colours; the same wish gives the same picture, on any machine. The card
    says that it reads the prompt, since the prompt changes the colours.
    """

    card: Final = PainterCard(name="flat", model="bands of two colours, version 2", reads_prompt=True)

    def paint(self, canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        for seed in brief.seeds:
            yield _bands(canvas.size, *_colours(brief, seed))


def _colours(brief: Brief, seed: int) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    digest = sha256(json.dumps(brief.wish.of_picture(seed, "painting")).encode()).digest()
    return (digest[0], digest[1], digest[2]), (digest[3], digest[4], digest[5])


def _bands(size: tuple[int, int], first: tuple[int, int, int], second: tuple[int, int, int]) -> Image.Image:
    from PIL import Image  # only now, for a mock is ready before it needs an image library

    width, height = size
    picture = Image.new("RGB", size, first)
    step = max(1, -(-height // _BANDS))
    for top in range(step, height, 2 * step):
        picture.paste(second, (0, top, width, min(top + step, height)))
    return picture
