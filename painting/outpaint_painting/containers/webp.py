"""WebP (RFC 9649) without decoding: RIFF chunks are walked."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from outpaint_painting.containers.exif import orientation
from outpaint_painting.containers.header import DamagedFileError, Header, SeveralFramesError
from outpaint_painting.containers.profile import MAX_PROFILE_BYTES

_MAX_CHUNKS: Final = 10_000
_ALPHA_FLAG: Final = 0x10
_LOSSLESS_MARK: Final = 0x2F


def size(data: bytes) -> tuple[int, int]:
    """Width and height of the canvas in pixels, from the first chunk. Raises `DamagedFileError`."""
    kind, body = data[12:16], data[20:30]
    if len(body) == 10 and kind == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if len(body) == 10 and kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    if len(body) >= 5 and kind == b"VP8L" and body[0] == _LOSSLESS_MARK:
        (packed,) = struct.unpack_from("<I", body, 1)
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    raise DamagedFileError("its first chunk is missing")


def header(data: bytes) -> Header:
    """What a WebP says about itself; `pixels` is the whole file, since libwebp keeps metadata apart.

    Raises `DamagedFileError`, and `SeveralFramesError` at the second frame chunk.
    """
    frames, turned, profile, lossy = 0, 1, None, False
    opaque = data[12:16] == b"VP8 " or (data[12:16] == b"VP8X" and not data[20] & _ALPHA_FLAG)
    for kind, start, end in _chunks(data):
        if kind == b"ANMF":
            frames += 1
            if frames > 1:
                raise SeveralFramesError("an animated WebP")
            # Its pixels stand 16 bytes in; a frame may also leave part of the canvas open.
            opaque = False
        elif kind == b"VP8 ":
            lossy = True
        elif kind == b"ICCP" and end - start <= MAX_PROFILE_BYTES:
            profile = data[start:end]
        elif kind == b"EXIF":
            turned = orientation(data[start:end])
    return Header(size=size(data), pixels=data, orientation=turned, icc_profile=profile, opaque=opaque, lossy=lossy)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of each chunk's content; a chunk cut short by the file's end is left to the decoder."""
    position = 12
    for _ in range(_MAX_CHUNKS):
        if position + 8 > len(data):
            return
        kind, length = struct.unpack_from("<4sI", data, position)
        start = position + 8
        if start + length > len(data):
            return
        yield kind, start, start + length
        position = start + length + (length & 1)
    raise DamagedFileError(f"it has more than {_MAX_CHUNKS} chunks")
