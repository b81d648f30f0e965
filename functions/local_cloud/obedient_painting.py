"""The painting container's own process, whose painter is held or broken at a case's word.

`python -m local_cloud.obedient_painting FOLDER` serves as the container does, with the same settings, and looks into
the folder for orders before each job; everything else is the real thing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from outpaint_contracts.responses import PainterCard
from outpaint_painting.canvas import Canvas
from outpaint_painting.endpoint.__main__ import main
from outpaint_painting.endpoint.jobs import Endpoint, JobPainter
from outpaint_painting.endpoint.process import EndpointProcess
from outpaint_painting.painter import Brief, Painter
from outpaint_painting.painters.diffusion.tickets import Ticket
from PIL import Image

from local_cloud.orders import Orders


class _ObedientPainter:
    def __init__(self, painter: Painter, orders: Orders) -> None:
        self._painter = painter
        self._orders = orders

    @property
    def card(self) -> PainterCard:
        return self._painter.card

    def paint(self, canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        self._orders.follow()
        yield from self._painter.paint(canvas, brief)


class _Obedient:
    """A painter of the endpoint, with orders."""

    def __init__(self, painter: JobPainter, orders: Orders) -> None:
        self._painter = painter
        self._orders = orders
        self.digest = painter.digest

    def for_job(self, ticket: Ticket) -> Painter:
        return _ObedientPainter(self._painter.for_job(ticket), self._orders)


def _obedient(orders: Orders) -> type[EndpointProcess]:
    class ObedientProcess(EndpointProcess):
        """The container's process, its painters given orders once they are warm."""

        def _endpoint(self) -> Endpoint:
            endpoint = super()._endpoint()
            endpoint.painters = {name: _Obedient(painter, orders) for name, painter in endpoint.painters.items()}
            return endpoint

    return ObedientProcess


if __name__ == "__main__":
    sys.exit(main(_obedient(Orders(Path(sys.argv[1])))))
