"""What a painter is given, a canvas and a brief, and what a painter is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

if TYPE_CHECKING:
    from PIL import Image

    from outpaint.contracts.masks_and_formats import MaskInterpretation
    from outpaint.contracts.requests import Wish
    from outpaint.contracts.responses import PainterCard


# 255 where a keep weight is 0.
_OPEN: Final = [255] + [0] * 255


@dataclass(frozen=True, slots=True)
class Canvas:
    """A picture with something left to paint.

    `picture` is RGB, turned as its EXIF orientation says; where `keep` is 0 its pixels are black, so that no colour
    hidden under transparency reaches a painter. `keep` is L of the same size: 255 is kept exactly, 0 is painted,
    between is blended. `icc_profile` belongs to `picture`'s values and goes into the result unchanged.
    """

    picture: Image.Image
    keep: Image.Image
    icc_profile: bytes | None
    interpretation: MaskInterpretation

    @classmethod
    def of(
        cls, pixels: Image.Image, keep: Image.Image, icc_profile: bytes | None, interpretation: MaskInterpretation
    ) -> Canvas:
        """The canvas of decoded pixels (L, LA, RGB or RGBA, straight alpha) and their keep map.

        `pixels` may be changed: its pixels become black where nothing is kept.
        """
        picture = pixels if pixels.mode == "RGB" else pixels.convert("RGB")
        # A mask of one bit is filled ten times as fast as one of weights.
        picture.paste((0, 0, 0), (0, 0, *picture.size), keep.point(_OPEN, "1"))
        return cls(picture, keep, icc_profile, interpretation)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.picture.size


@dataclass(frozen=True, slots=True)
class Brief:
    """What to paint: the client's wish, and one seed (0 to 2**32 - 1) for each picture to paint now.

    `seeds` are the wish's own, or those whose pictures are missing; painters ignore the wish's `seed` and `count`.
    """

    wish: Wish
    seeds: tuple[int, ...]


class Painter(Protocol):
    """Paints the open part of a canvas.

    Called from one thread at a time. The same canvas, wish and seed give the same picture, whatever other seeds the
    brief has.
    """

    @property
    def card(self) -> PainterCard:
        """The painter's name and model, for the result."""

    def paint(self, canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        """One RGB picture of the canvas's size for each seed, as they are ready.

        Kept pixels need not be exact: compositing makes them so. It writes into the picture, so a painter must not
        use one again that it has given.
        """


@runtime_checkable
class ChoosingPainter(Painter, Protocol):
    """A painter that leaves the painting to one of several others."""

    def choose(self, canvas: Canvas) -> Painter:
        """The painter for this canvas; its card says why."""


def painter_for(painter: Painter, canvas: Canvas) -> Painter:
    """Who paints a canvas: the one that a `ChoosingPainter` chooses, else the painter itself."""
    return painter.choose(canvas) if isinstance(painter, ChoosingPainter) else painter


def known_area(weights: Image.Image, least: int) -> Image.Image:
    """255 where an L picture has at least `least`, else 0; where nothing has, its highest value counts."""
    highest = int(weights.getextrema()[1])  # type: ignore[arg-type]
    least = max(1, min(least, highest))
    return weights.point([255 if value >= least else 0 for value in range(256)])
