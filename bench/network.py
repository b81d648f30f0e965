"""MI-GAN on a doubled canvas: the painter beside the bare network passes that it made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from pictures import canvas_file
from report import Section, alternate

from outpaint.contracts.requests import Wish
from outpaint.painting import weights
from outpaint.painting.canvas import Brief
from outpaint.painting.inputs.inspection import read_canvas
from outpaint.painting.painters.migan import MiganPainter, Network, network_of

ROUNDS = 7


def measure() -> Section:
    section = Section(
        "MI-GAN: 512 to 1024, one picture",
        f"Median of {ROUNDS} rounds in turn. The reference runs the session alone on the very inputs that the "
        "painter handed to it; decoding and encoding are in neither.",
    )
    path = weights.find("migan")
    if path is None:
        section.add("not measured", "-", "the weights are not here: outpaint weights pull")
        return section
    canvas = read_canvas(canvas_file(1024, 512))
    painter = MiganPainter(path)
    brief = Brief(Wish(prompt="a lake"), seeds=(1,))
    network = network_of(path)
    feeds = _recorded(lambda: list(painter.paint(canvas, brief)))

    def passes() -> None:
        for feed in feeds:
            network._session.run(None, feed)

    seconds, reference = alternate(ROUNDS, lambda: list(painter.paint(canvas, brief)), passes)
    section.add(f"{len(feeds)} bare passes", f"{reference:.2f} s")
    section.add("painter", f"{seconds:.2f} s", f"{seconds / reference:.2f}x (goal 1.15x)")
    return section


def _recorded(work: Callable[[], object]) -> list[dict[str, Any]]:
    """What the session is fed during the work, in its own form."""
    feeds: list[dict[str, Any]] = []
    fill = Network.fill

    def recording(self: Network, picture: Any, known: Any) -> Any:
        image = np.ascontiguousarray(picture.transpose(2, 0, 1)[None])
        feeds.append({"image": image, "mask": np.where(known, np.uint8(255), np.uint8(0))[None, None]})
        return fill(self, picture, known)

    Network.fill = recording  # type: ignore[method-assign]
    try:
        work()
    finally:
        Network.fill = fill  # type: ignore[method-assign]
    return feeds
