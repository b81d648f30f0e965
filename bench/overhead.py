"""A sync request over TCP: how much of it is neither decoding nor painting nor encoding."""

from __future__ import annotations

import http.client
import json
import tempfile

from report import Section, alternate
from servers import KEY, outpaint_server
from uploads import CONTENT_TYPE, canvas_file, form, mask_file, photo_file

from outpaint.contracts.masks_and_formats import Format
from outpaint.contracts.requests import Wish
from outpaint.painting.canvas import Brief
from outpaint.painting.finish import outpaint
from outpaint.painting.inputs.inspection import read_canvas
from outpaint.painting.painters.flat import FlatPainter

SIDE = 1024
ROUNDS = 60
PROMPT = "a green field"


def measure() -> Section:
    section = Section(
        f"Overhead of a sync request: flat painter, {SIDE}x{SIDE}, one JPG",
        f"Median of {ROUNDS} requests over one connection, each followed by the bare work on the same pictures: "
        "decode, paint, composite, encode. The overhead is what remains.",
    )
    photo = {"image": photo_file(SIDE), "mask": mask_file(SIDE, SIDE // 2)}
    canvas = {"image": canvas_file(SIDE, SIDE // 2)}
    with tempfile.TemporaryDirectory() as folder:
        for store, options in (("in memory", ["--in-memory"]), ("in a data folder", ["--data", folder])):
            with outpaint_server(*options) as port:
                for name, files in (("JPEG and mask", photo), ("RGBA PNG", canvas)):
                    request, bare = _compare(port, files)
                    section.add(f"{name}, {store}: request", f"{request * 1e3:.1f} ms")
                    section.add("bare work", f"{bare * 1e3:.1f} ms")
                    section.add("overhead", f"{(request - bare) * 1e3:.1f} ms", "goal: under 3 ms")
    return section


def _compare(port: int, files: dict[str, bytes]) -> tuple[float, float]:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    body = form({"prompt": PROMPT, "count": "1", "seed": "1", "format": "JPG"}, files)
    headers = {**KEY, "Content-Type": CONTENT_TYPE}
    painter = FlatPainter()
    brief = Brief(Wish(prompt=PROMPT), seeds=(1,))

    def request() -> None:
        connection.request("POST", "/v1/painting/outpaint", body, headers)
        answer = connection.getresponse()
        document = json.loads(answer.read())
        assert answer.status == 200, document

    def bare() -> None:
        (data,) = outpaint(read_canvas(files["image"], files.get("mask")), brief, painter, Format.JPG)
        assert data

    seconds, reference = alternate(ROUNDS, request, bare)
    connection.close()
    return seconds, reference
