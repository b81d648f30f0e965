"""MI-GAN, 512 to 1024: the painter beside its bare network passes, and the painting container beside the painter."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import numpy as np
from report import Section, alternate
from servers import free_port, running
from uploads import canvas_file

from outpaint.contracts.inference import InferenceRequest
from outpaint.contracts.requests import Wish
from outpaint.painting import weights
from outpaint.painting.canvas import Brief
from outpaint.painting.inputs.inspection import read_canvas
from outpaint.painting.painters.migan import MiganPainter, Network, network_of

ROUNDS = 7
PATIENCE_S = 120.0
BRIEF = Brief(Wish(prompt="a lake"), seeds=(1,))


def network() -> Section:
    """The painter beside the session alone."""
    section = Section(
        "MI-GAN: 512 to 1024, one picture",
        f"Median of {ROUNDS} rounds in turn. The reference runs the session alone on the very inputs that the "
        "painter handed to it; decoding and encoding are in neither.",
    )
    path = _weights(section)
    if path is None:
        return section
    canvas, painter = read_canvas(canvas_file(1024, 512)), MiganPainter(path)
    session = network_of(path)._session
    feeds = _recorded(lambda: list(painter.paint(canvas, BRIEF)))

    def passes() -> None:
        for feed in feeds:
            session.run(None, feed)

    seconds, reference = alternate(ROUNDS, lambda: list(painter.paint(canvas, BRIEF)), passes)
    section.add(f"{len(feeds)} bare passes", f"{reference:.2f} s")
    section.add("painter", f"{seconds:.2f} s", f"{seconds / reference:.2f}x (goal 1.15x)")
    return section


def endpoint() -> Section:
    """A job of the container's process, by HTTP and through its store, beside the bare painter."""
    section = Section(
        "The endpoint's process: MI-GAN, 512 to 1024, one job at a time",
        f"Median of {ROUNDS} rounds in turn. A job is read from a folder, painted and written back as JPG, asked for "
        "by HTTP; the bare painter is given a canvas that was read before and encodes nothing.",
    )
    path = _weights(section)
    if path is None:
        return section
    picture = canvas_file(1024, 512)
    canvas, painter, numbers, port = read_canvas(picture), MiganPainter(path), count(1), free_port()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "image").write_bytes(picture)
        settings = {"STORE": folder, "PAINTER": "migan", "HOST": "127.0.0.1", "PORT": str(port)}
        server = running(
            [sys.executable, "-m", "outpaint.painting.endpoint"],
            port,
            path="/ping",
            ready=lambda status: status == 200,
            environment=os.environ | {f"OUTPAINT_{name}": value for name, value in settings.items()},
            patience=PATIENCE_S,
        )
        url = f"http://127.0.0.1:{port}"
        with server, httpx.Client(base_url=url, timeout=PATIENCE_S, trust_env=False) as client:

            def job() -> None:
                name, wish = f"job-{next(numbers)}", Wish(prompt="a lake", seed=1, count=1)
                message = InferenceRequest(inference_id=name, image="image", wish=wish, output_ids=(f"{name}.jpg",))
                client.post("/invocations", content=message.model_dump_json()).raise_for_status()

            seconds, reference = alternate(ROUNDS, job, lambda: list(painter.paint(canvas, BRIEF)))
    section.add("bare painter", f"{reference:.2f} s")
    section.add("job", f"{seconds:.2f} s", f"{seconds / reference:.3f}x (goal 1.05x)")
    return section


def _weights(section: Section) -> Path | None:
    """The file of the weights; without it the section says so."""
    path = weights.find("migan")
    if path is None:
        section.add("not measured", "-", "the weights are not here: outpaint weights pull")
    return path


def _recorded(work: Callable[[], object]) -> list[dict[str, Any]]:
    """What the session is fed during the work, in its own form."""
    feeds: list[dict[str, Any]] = []
    fill = Network.fill

    def recording(self: Network, picture: Any, known: Any) -> Any:
        image = np.ascontiguousarray(picture.transpose(2, 0, 1)[None])
        feeds.append({"image": image, "mask": np.where(known, np.uint8(255), np.uint8(0))[None, None]})
        return fill(self, picture, known)

    with patch.object(Network, "fill", recording):
        work()
    return feeds
