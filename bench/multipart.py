"""Reading a 5 MB upload: our strict reader beside python-multipart alone."""

from __future__ import annotations

import os

from python_multipart.multipart import MultipartParser
from report import Section, alternate
from uploads import BOUNDARY, CONTENT_TYPE, form

from outpaint.functions.http.bodies import read_fields
from outpaint.functions.http.messages import RequestHead

SIZE = 5 * 1024 * 1024
ROUNDS = 60


def measure() -> Section:
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
