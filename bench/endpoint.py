"""The painting container's process on a CPU: a job by HTTP and through its store, beside the bare painter."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import httpx
from pictures import canvas_file
from report import Section, alternate
from servers import free_port

from outpaint.contracts.inference import InferenceRequest
from outpaint.contracts.requests import Wish
from outpaint.painting import weights
from outpaint.painting.canvas import Brief
from outpaint.painting.inputs.inspection import read_canvas
from outpaint.painting.painters.migan import MiganPainter

ROUNDS = 7
START_S = 120.0


def measure() -> Section:
    section = Section(
        "The endpoint's process: MI-GAN, 512 to 1024, one job at a time",
        f"Median of {ROUNDS} rounds in turn. A job is read from a folder, painted and written back as JPG, asked for "
        "by HTTP; the bare painter is given a canvas that was read before and encodes nothing.",
    )
    path = weights.find("migan")
    if path is None:
        section.add("not measured", "-", "the weights are not here: outpaint weights pull")
        return section
    picture = canvas_file(1024, 512)
    canvas, painter = read_canvas(picture), MiganPainter(path)
    numbers = count(1)
    with tempfile.TemporaryDirectory() as folder, _endpoint(Path(folder)) as client:
        (Path(folder) / "image").write_bytes(picture)

        def job() -> None:
            name = f"job-{next(numbers)}"
            message = InferenceRequest(
                inference_id=name,
                image="image",
                wish=Wish(prompt="a lake", seed=1, count=1),
                output_ids=(f"{name}.jpg",),
            )
            client.post("/invocations", content=message.model_dump_json()).raise_for_status()

        seconds, reference = alternate(
            ROUNDS, job, lambda: list(painter.paint(canvas, Brief(Wish(prompt="a lake"), (1,))))
        )
    section.add("bare painter", f"{reference:.2f} s")
    section.add("job", f"{seconds:.2f} s", f"{seconds / reference:.3f}x (goal 1.05x)")
    return section


@contextmanager
def _endpoint(folder: Path) -> Iterator[httpx.Client]:
    port = free_port()
    settings = {"STORE": str(folder), "PAINTER": "migan", "HOST": "127.0.0.1", "PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "-m", "outpaint.painting.endpoint"],
        env=os.environ | {f"OUTPAINT_{name}": value for name, value in settings.items()},
        stderr=subprocess.DEVNULL,
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=START_S, trust_env=False) as client:
            until = time.monotonic() + START_S
            while not _ready(client):
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError("the endpoint did not come up")
                time.sleep(0.1)
            yield client
    finally:
        process.terminate()
        process.wait(60)


def _ready(client: httpx.Client) -> bool:
    try:
        return client.get("/ping").status_code == 200
    except httpx.TransportError:
        return False
