"""Requests that mean harm, and the statuses that a server may answer them with."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from uploads import BOUNDARY, CONTENT_TYPE, form, noise_file

from outpaint.functions.service.file_urls import UPLOADS_PREFIX

OUTPAINT = "/v1/painting/outpaint"
MIB = 1024 * 1024
_URLENCODED = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Attack:
    """A request, in pieces that are made when it is sent, and the statuses that may answer it.

    The status 0 is a connection that was closed without an answer.
    """

    name: str
    pieces: Callable[[], Iterator[bytes]]
    allowed: frozenset[int]


def head(line: str, key: str, headers: Mapping[str, str] | None = None) -> bytes:
    """The head of a request, with a blank line at its end; `line` is its method and path."""
    given = {"Host": "127.0.0.1", **({"X-Picsart-API-Key": key} if key else {}), **(headers or {})}
    lines = [f"{line} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def huge_heads(prefix: str, key: str) -> list[Attack]:
    """Heads over the limit of 32 KiB: in one header, in many, and with something important behind."""
    refused = frozenset({431})

    def cookie(size: int) -> Attack:
        sent = head(f"GET {prefix}/v1/balance", key, {"Cookie": "c=" + "x" * size})
        # A head of megabytes need not be read to its end to be answered.
        return Attack(f"cookie of {size:,} bytes", lambda: iter((sent,)), refused | {0} if size > MIB else refused)

    many = head(f"GET {prefix}/v1/balance", key, {f"X-Many-{number}": "x" * 48 for number in range(5000)})
    body = form({"prompt": "x", "mode": "async"}, {"image": noise_file(1, 64, 64)})
    before = {"Content-Type": CONTENT_TYPE, "Content-Length": str(len(body)), "Cookie": "c=" + "x" * 140_000}
    # Where the key is lost, each of these is charged: the account's credits tell.
    charged = head(f"POST {prefix}{OUTPAINT}", key, before | {"Idempotency-Key": "behind-the-cookie"})
    return [
        cookie(40_000),
        cookie(140_000),
        Attack("5,000 headers", lambda: iter((many,)), refused),
        cookie(600_000),
        Attack("Idempotency-Key behind a cookie of 140,000 bytes", lambda: iter((charged, body)), refused),
        cookie(4_000_000),
    ]


def bombs(prefix: str, key: str) -> list[Attack]:
    """Small requests that take much to read, and large ones that say little."""

    def sent(name: str, kind: str, piece: bytes, times: int, before: bytes, after: bytes, *allowed: int) -> Attack:
        size = len(before) + len(piece) * times + len(after)
        opening = head(f"POST {prefix}{OUTPAINT}", key, {"Content-Type": kind, "Content-Length": str(size)})

        def pieces() -> Iterator[bytes]:
            yield opening + before
            for _ in range(times):
                yield piece
            yield after

        return Attack(name, pieces, frozenset(allowed))

    def picture(name: str, data: bytes, *allowed: int) -> Attack:
        body = form({"prompt": "x", "mode": "async"}, {"image": data})
        return sent(name, CONTENT_TYPE, body, 1, b"", b"", *allowed)

    letters = b"%41" * (MIB // 3)
    part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n'.encode()
    address = b'{"prompt":"x","image_url":"data:image/png;base64,'
    return [
        picture("PNG of 60,000 x 60,000 pixels", plain_png(60_000, 60_000, cut=True), 422),
        sent("prompt of 3 million %41", _URLENCODED, letters, 8, b"prompt=", b"", 400, 413, 422),
        sent("JSON nested 2 million deep", "application/json", b"[" * MIB, 2, b"", b"", 400, 413),
        picture("opaque PNG of 39 million pixels", plain_png(6250, 6250), 422),
        sent("form of 20,000 parts", CONTENT_TYPE, part * 200, 100, b"", f"--{BOUNDARY}--\r\n".encode(), 400, 413),
        sent("data: URI of %41", "application/json", letters, 8, address, b'"}', 400, 413, 415, 422),
        sent("JSON objects in a list", "application/json", b'{"a":1},' * 8192, 64, b'{"a":[', b"1]}", 400, 413, 422),
        sent("prompt of 21 million %41", _URLENCODED, letters, 64, b"prompt=", b"", 400, 413, 422),
    ]


def without_credit(prefix: str, key: str) -> list[Attack]:
    """What costs something, on an account that has nothing."""

    def posted(name: str, path: str, kind: str, body: bytes, *allowed: int) -> Attack:
        headers = {"Content-Type": kind, "Content-Length": str(len(body))}
        whole = head(f"POST {prefix}{path}", key, headers) + body
        return Attack(name, lambda: iter((whole,)), frozenset(allowed or {402}))

    picture = form({"prompt": "x", "mode": "async", "count": "1"}, {"image": noise_file(2)})
    address = b'{"prompt":"x","mode":"async","image_url":"https://pictures.invalid/a.png"}'
    forged = f"{UPLOADS_PREFIX}00000000-0000-4000-8000-000000000000.png?expires=4000000000&signature=none"
    return [
        posted("picture", OUTPAINT, CONTENT_TYPE, picture),
        posted("upload form", "/v1/uploads", "application/json", b'{"content_type":"image/png"}'),
        posted("address", OUTPAINT, "application/json", address),
        posted("file without a form", forged, CONTENT_TYPE, form({}, {"file": noise_file(2)}), 403),
    ]


def plain_png(width: int, height: int, *, cut: bool = False) -> bytes:
    """A PNG of one colour, 8 bits of grey a pixel; `cut` leaves out all but the first rows of its pixels."""
    rows = (b"\0" + b"\x80" * width for _ in range(4 if cut else height))
    packer = zlib.compressobj(1)
    packed = b"".join(packer.compress(row) for row in rows) + packer.flush()
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), (b"IDAT", packed), (b"IEND", b"")]
    parts = []
    for kind, data in chunks:
        parts += [struct.pack(">I", len(data)), kind, data, struct.pack(">I", zlib.crc32(kind + data))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
