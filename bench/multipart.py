"""Reading a 5 MB upload: our strict reader beside python-multipart alone."""

from __future__ import annotations

import os

from python_multipart.multipart import MultipartParser
from report import Section, alternate

from outpaint.functions.http.bodies import read_fields
from outpaint.functions.http.messages import RequestHead

BOUNDARY = b"0123456789abcdef0123456789abcdef"
SIZE = 5 * 1024 * 1024
ROUNDS = 60


def measure() -> Section:
    body = _body()
    head = RequestHead("POST", "/", headers=(("content-type", f"multipart/form-data; boundary={BOUNDARY.decode()}"),))

    def ours() -> None:
        (image,) = read_fields(head, body)["image"]
        assert len(image.data) == SIZE  # type: ignore[union-attr]

    def alone() -> None:
        parts: list[bytes] = []
        chunks: list[bytes] = []
        parser = MultipartParser(
            BOUNDARY,
            {
                "on_part_data": lambda data, start, end: chunks.append(data[start:end]),
                "on_part_end": lambda: (parts.append(b"".join(chunks)), chunks.clear()),
            },
        )
        parser.write(body)
        parser.finalize()
        assert len(parts[0]) == SIZE

    seconds, reference = alternate(ROUNDS, ours, alone)
    section = Section(
        "Multipart: one file of 5 MiB and four fields",
        f"Median of {ROUNDS} rounds in turn. The reference is python-multipart's parser with its slices joined.",
    )
    section.add("python-multipart alone", f"{reference * 1e3:.2f} ms")
    section.add("outpaint.functions.http.bodies", f"{seconds * 1e3:.2f} ms", f"{seconds / reference:.2f}x (goal 1.3x)")
    return section


def _body() -> bytes:
    fields = {"prompt": "a lake", "count": "1", "format": "JPG", "mode": "sync"}
    parts = [
        b'Content-Disposition: form-data; name="image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
        + os.urandom(SIZE)
    ]
    parts += [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()
    ]
    return b"".join(b"--" + BOUNDARY + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + BOUNDARY + b"--\r\n"
