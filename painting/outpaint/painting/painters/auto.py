"""The `auto` painter: for each canvas the painter without a prompt or weights that suits it, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from outpaint.contracts.responses import PainterCard
from outpaint.painting.painters.backdrop import is_cutout
from outpaint.painting.painters.layers import LayersPainter

if TYPE_CHECKING:
    from PIL import Image

    from outpaint.painting.canvas import Brief, Canvas, Painter


@dataclass(frozen=True, slots=True)
class ChosenPainter:
    """A painter that was chosen for a canvas; its card says why."""

    painter: Painter
    reason: str

    @property
    def card(self) -> PainterCard:
        return self.painter.card.model_copy(update={"reason": self.reason})

    def paint(self, canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        return self.painter.paint(canvas, brief)


class AutoPainter:
    """Paints with `backdrop` behind a cut-out, and with `layers` around everything else.

    `backdrop` is the painter behind cut-outs. The choice depends on the keep map alone, so the same canvas is always
    painted by the same painter.
    """

    card: Final = PainterCard(name="auto", model="backdrop behind cut-outs, else layers", reads_prompt=False)

    def __init__(self, backdrop: Painter) -> None:
        self._layers, self._backdrop = LayersPainter(), backdrop

    def choose(self, canvas: Canvas) -> ChosenPainter:
        """The painter for this canvas."""
        if is_cutout(canvas):
            return ChosenPainter(self._backdrop, "what is kept is a free shape, as a cut-out is")
        return ChosenPainter(self._layers, "what is kept is a picture or a part of one, not a free shape")

    def paint(self, canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        return self.choose(canvas).paint(canvas, brief)
