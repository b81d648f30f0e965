"""What every painter is: one small interface, so that the service never knows which one works."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from outpaint_contracts.requests import Wish
    from outpaint_contracts.responses import PainterCard
    from PIL import Image

    from outpaint_painting.canvas import Canvas


@dataclass(frozen=True, slots=True)
class Brief:
    """What to paint: the client's wish, and one seed (0 to 2**32 - 1) for each picture to paint now.

    These are all that the wish asks for, or those of them that are not there yet; its own seed and count are not
    looked at.
    """

    wish: Wish
    seeds: tuple[int, ...]


class Painter(Protocol):
    """Paints the open part of a canvas.

    Called from one thread at a time. The same canvas, wish and seed give the same picture, whatever other
    seeds stand in the brief.
    """

    @property
    def card(self) -> PainterCard:
        """Who this painter is, for the result."""
        ...

    def paint(self, canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        """One RGB picture of the canvas's size for each seed, as they are ready.

        Kept pixels need not be exact here: compositing afterwards makes them so. It writes into the picture,
        which is therefore handed over: a painter holds on to none that it has given.
        """
        ...
