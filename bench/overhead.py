"""What a request costs beside decoding, painting and encoding: the reading of its form, and all of it over TCP."""

from __future__ import annotations

import http.client
import json
import os
import tempfile

from python_multipart.multipart import MultipartParser
from report import Section, alternate
from servers import KEY, outpaint_server
from uploads import BOUNDARY, CONTENT_TYPE, canvas_file, form, mask_file, photo_file

from outpaint.contracts.masks_and_formats import Format
from outpaint.contracts.requests import Wish
from outpaint.functions.http.bodies import read_fields
from outpaint.functions.http.messages import RequestHead
from outpaint.painting.canvas import Brief
from outpaint.painting.finish import outpaint
from outpaint.painting.inputs.inspection import read_canvas
from outpaint.painting.painters.flat import FlatPainter

SIDE = 1024
SIZE = 5 * 1024 * 1024
ROUNDS = 60
PROMPT = "a green field"


def form_reading() -> Section:
    """Our strict reader of a form with 5 MiB beside python-multipart alone."""
    fields = {"prompt": "a lake", "count": "1", "format": "JPG", "mode": "sync"}
    body = form(fields, {"image": os.urandom(SIZE)})
    head = RequestHead("POST", "/", headers=(("content-type", CONTENT_TYPE),))

    def ours() -> None:
        (image,) = read_fields(head, body)["image"]
        assert len(image.data) == SIZE  # type: ignore[union-attr]

    def alone() -> None:
        parts: list[bytes] = []
        chunks: list[bytes] = []
        parser = MultipartParser(
            BOUNDARY.encode(),
            {
                "on_part_data": lambda data, start, end: chunks.append(data[start:end]),
                "on_part_end": lambda: (parts.append(b"".join(chunks)), chunks.clear()),
            },
        )
        parser.write(body)
        parser.finalize()
        assert len(parts[-1]) == SIZE

    seconds, reference = alternate(ROUNDS, ours, alone)
    section = Section(
        "Multipart: one file of 5 MiB and four fields",
        f"Median of {ROUNDS} rounds in turn. The reference is python-multipart's parser with its slices joined.",
    )
    section.add("python-multipart alone", f"{reference * 1e3:.2f} ms")
    section.add("outpaint.functions.http.bodies", f"{seconds * 1e3:.2f} ms", f"{seconds / reference:.2f}x (goal 1.3x)")
    return section


def sync_request() -> Section:
    """A request over TCP beside the bare work on its pictures."""
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
