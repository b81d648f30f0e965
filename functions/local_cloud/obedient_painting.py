"""The painting container's process, whose painter follows the orders in a folder before each job.

`python -m local_cloud.obedient_painting FOLDER` serves as the container does, with the same settings.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from local_cloud.local_deployment import Orders
from outpaint.contracts.responses import PainterCard
from outpaint.painting.canvas import Brief, Canvas, Painter
from outpaint.painting.endpoint.__main__ import main
from outpaint.painting.endpoint.endpoint_jobs import JobPainter, PaintingEndpoint
from outpaint.painting.endpoint.endpoint_process import EndpointProcess
from outpaint.painting.painters.diffusion.passes import PassTicket


@dataclass(frozen=True, slots=True)
class _ObedientPainter:
    painter: Painter
    orders: Orders

    @property
    def card(self) -> PainterCard:
        return self.painter.card

    def paint(self, canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        self.orders.follow()
        yield from self.painter.paint(canvas, brief)


class _ObedientJobPainter:
    """A painter of the endpoint that follows orders."""

    def __init__(self, painter: JobPainter, orders: Orders) -> None:
        self._painter = painter
        self._orders = orders
        self.digest = painter.digest

    def for_job(self, ticket: PassTicket) -> Painter:
        return _ObedientPainter(self._painter.for_job(ticket), self._orders)


def _obedient(orders: Orders) -> type[EndpointProcess]:
    class ObedientProcess(EndpointProcess):
        """The container's process, whose painters follow orders once they are warm."""

        def _endpoint(self) -> PaintingEndpoint:
            endpoint = super()._endpoint()
            endpoint.painters = {
                name: _ObedientJobPainter(painter, orders) for name, painter in endpoint.painters.items()
            }
            return endpoint

    return ObedientProcess


if __name__ == "__main__":
    sys.exit(main(_obedient(Orders(Path(sys.argv[1])))))
