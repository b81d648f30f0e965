"""What the painting tests share: pictures as files, and the question whether a file is refused."""

from __future__ import annotations

import random
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from outpaint.contracts.errors import OutpaintError


class Files:
    """Makes picture files; every one is generated, so that the tests carry no pictures."""

    def encoded(self, picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
        stream = BytesIO()
        picture.save(stream, kind, **options)
        return stream.getvalue()

    def noise(self, mode: str = "RGB", size: tuple[int, int] = (24, 20), seed: int = 0) -> Image.Image:
        """Random bytes as a picture: every value of every channel is likely."""
        channels = len(Image.new(mode, (1, 1)).getbands())
        content = random.Random(seed).randbytes(size[0] * size[1] * channels)
        return Image.frombytes(mode, size, content)

    def cut_out(self, size: tuple[int, int] = (24, 20), seed: int = 0) -> Image.Image:
        """RGBA noise whose middle is opaque and whose border is fully transparent."""
        picture = self.noise("RGBA", size, seed)
        alpha = Image.new("L", size, 0)
        alpha.paste(255, (size[0] // 4, size[1] // 4, 3 * size[0] // 4, 3 * size[1] // 4))
        picture.putalpha(alpha)
        return picture

    def chunk(self, kind: bytes, content: bytes) -> bytes:
        """One chunk of a PNG."""
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    def raw_png(
        self,
        size: tuple[int, int],
        bits: int,
        colour_type: int,
        rows: list[bytes],
        *before: tuple[bytes, bytes],
    ) -> bytes:
        """A PNG from unfiltered rows, with further chunks before the image data."""
        head = self.chunk(b"IHDR", struct.pack(">IIBBBBB", *size, bits, colour_type, 0, 0, 0))
        others = b"".join(self.chunk(kind, content) for kind, content in before)
        image = self.chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
        return b"\x89PNG\r\n\x1a\n" + head + others + image + self.chunk(b"IEND", b"")

    def with_chunk(self, png: bytes, kind: bytes, content: bytes) -> bytes:
        """A PNG with one more chunk behind its first."""
        return png[:33] + self.chunk(kind, content) + png[33:]

    def with_segment(self, jpeg: bytes, marker: int, content: bytes) -> bytes:
        """A JPEG with one more segment at its start."""
        return jpeg[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content + jpeg[2:]

    def raw_tiff(
        self, tags: dict[int, tuple[str, list[int]]], content: bytes, *, order: str = "<", big: bool = False
    ) -> bytes:
        """An uncompressed TIFF (or BigTIFF) of one strip; tags are given as struct letter and values."""
        kinds = {"H": 3, "I": 4, "B": 1}
        width = 8 if big else 4
        link = "Q" if big else "I"
        places = {273: ("I", [16]), 279: ("I", [len(content)])}
        entries = sorted({259: ("H", [1]), **places, **tags}.items())
        start = 16 + len(content) + len(content) % 2
        behind = start + (8 if big else 2) + len(entries) * (20 if big else 12) + width
        table, values = b"", b""
        for tag, (letter, numbers) in entries:
            raw = struct.pack(f"{order}{len(numbers)}{letter}", *numbers)
            table += struct.pack(f"{order}HH{link}", tag, kinds[letter], len(numbers))
            if len(raw) <= width:
                table += raw.ljust(width, b"\0")
            else:
                table += struct.pack(order + link, behind + len(values))
                values += raw
        mark = b"II" if order == "<" else b"MM"
        if big:
            head = mark + struct.pack(order + "HHHQ", 43, 8, 0, start)
        else:
            head = (mark + struct.pack(order + "HI", 42, start)).ljust(16, b"\0")
        count = struct.pack(order + ("Q" if big else "H"), len(entries))
        return head + content.ljust(start - 16, b"\0") + count + table + bytes(width) + values

    def exif(self, orientation: int, *, kind: int = 3, count: int = 1, order: str = "<") -> bytes:
        """An EXIF block with one orientation tag, `Exif` prefix included."""
        head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
        value = struct.pack(order + ("HH" if kind == 3 else "I"), *([orientation, 0] if kind == 3 else [orientation]))
        entry = struct.pack(order + "HHHI", 1, 0x0112, kind, count) + value
        return b"Exif\0\0" + head + entry + bytes(4)

    def profile(self, space: bytes, pcs: bytes = b"XYZ ", tags: dict[bytes, bytes] | None = None) -> bytes:
        """An ICC profile (version 2) with these tags beside the ones every profile must have."""
        all_tags = {
            b"desc": b"desc" + bytes(4) + struct.pack(">I", 5) + b"made\0" + bytes(78),
            b"cprt": b"text" + bytes(4) + b"none\0",
            b"wtpt": b"XYZ " + bytes(4) + struct.pack(">iii", 63190, 65536, 54061),
            **(tags or {}),
        }
        place = 128 + 4 + 12 * len(all_tags)
        table, content = struct.pack(">I", len(all_tags)), b""
        for name, value in all_tags.items():
            padded = value + bytes(-len(value) % 4)
            table += struct.pack(">4sII", name, place + len(content), len(value))
            content += padded
        head = struct.pack(
            ">I4sI4s4s4s12s4s4sIIIQI12sI",
            place + len(content), b"none", 0x02400000, b"prtr", space, pcs, bytes(12), b"acsp", b"none",
            0, 0, 0, 0, 0, struct.pack(">iii", 63190, 65536, 54061), 0,
        )  # fmt: skip
        return head.ljust(128, b"\0") + table + content

    def grey_profile(self, gamma: float) -> bytes:
        """A greyscale profile of this gamma."""
        curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))
        return self.profile(b"GRAY", tags={b"kTRC": curve})

    def cmyk_profile(self) -> bytes:
        """A press on which no ink is white, black ink is black, and every other ink gives mid grey."""
        corners = b""
        for corner in range(16):
            key = corner & 1
            lightness = 0 if key else 255 if corner == 0 else 128
            corners += bytes([lightness, 128, 128])
        matrix = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
        straight = bytes(range(256))
        table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + straight * 4 + corners + straight * 3
        return self.profile(b"CMYK", b"Lab ", {b"A2B0": table})


@pytest.fixture(scope="session")
def files() -> Files:
    return Files()


@pytest.fixture(scope="session")
def refusal() -> Callable[..., OutpaintError]:
    """Calls a function that must raise OutpaintError, and gives that error, well-formed."""

    def call(function: Callable[..., object], *args: Any, **kwargs: Any) -> OutpaintError:
        with pytest.raises(OutpaintError) as caught:
            function(*args, **kwargs)
        error = caught.value
        assert error.detail
        assert "\n" not in error.detail
        assert len(error.detail) < 400
        return error

    return call


@pytest.fixture(scope="session")
def cut_out_png(files: Files) -> Callable[..., bytes]:
    """A PNG of noise whose middle is opaque, the rest transparent."""

    def make(size: tuple[int, int] = (64, 64), seed: int = 0) -> bytes:
        return files.encoded(files.cut_out(size, seed))

    return make


@pytest.fixture(scope="session")
def serving() -> Callable[..., Any]:
    """An application on uvicorn on a free loopback port, as a client."""
    import httpx
    import uvicorn

    @contextmanager
    def serve(app: Any) -> Iterator[httpx.Client]:
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="on"))
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            until = time.monotonic() + 30
            while not server.started:
                assert thread.is_alive()
                assert time.monotonic() < until
                time.sleep(0.005)
            port = server.servers[0].sockets[0].getsockname()[1]
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=300) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join(60)
            assert not thread.is_alive()

    return serve
