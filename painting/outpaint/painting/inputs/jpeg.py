"""Reads JPEG files (ITU-T T.81) without decoding, from one marker segment to the next."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Final

from outpaint.painting.inputs.file_header import (
    MAX_PROFILE_BYTES,
    DamagedFileError,
    FileHeader,
    UnsupportedFileError,
    orientation,
)

SIGNATURE: Final = b"\xff\xd8\xff"

_APP0, _APP1, _APP2, _APP14, _APP15, _COMMENT = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF, 0xFE
_HUFFMAN_TABLES: Final = 0xC4
_SCAN: Final = 0xDA
_END: Final = 0xD9
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {_HUFFMAN_TABLES, 0xC8, 0xCC}
_PROGRESSIVE: Final = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_BARE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_EXIF: Final = b"Exif\0\0"
_ICC: Final = b"ICC_PROFILE\0"
_FILL: Final = re.compile(rb"\xff+")
# One 0xFF and no run of them: a pattern that begins with a fixed byte is found thirty times as fast.
_MARKER: Final = re.compile(rb"\xff[^\x00\xff]")
# A scan's data goes on after a stuffed zero and after a restart.
_AFTER_SCAN: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_MAX_SEGMENTS: Final = 4_096
# Each scan makes the decoder pass over the whole picture again, however few bytes it has: that takes about a second for
# 1,000 million pixels. Encoders write about ten scans (libjpeg-turbo, "Two Issues with the JPEG Standard").
_MAX_SCANS: Final = 100
_USUAL_SCANS: Final = 20
_MAX_SCANNED_PIXELS: Final = 800_000_000


def jpeg_size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels as stored, from the frame header. Raises `DamagedFileError`."""
    for marker, start, end in _segments(data):
        if marker in _FRAMES:
            return _frame(data, start, end)[1]
    raise DamagedFileError("it has no frame header")


def jpeg_header(data: bytes) -> FileHeader:
    """The header of a JPEG; `pixels` keeps tables, frame, scans and the segments that say how colours are coded.

    Further pictures after the first (MPO, gain maps, motion photos) are ignored: they are no animation.
    Raises `DamagedFileError` and `UnsupportedFileError`.
    """
    view = memoryview(data)
    kept: list[bytes | memoryview] = [SIGNATURE[:2]]
    turned, frame, progressive, components = 1, None, False, b""
    profile: dict[int, bytes] = {}
    for marker, start, end in _segments(data):
        if marker == _SCAN:
            kept.append(view[start - 2 :])
            # All components in the first of a sequential picture: the decoder takes no other scan.
            if frame is not None and (progressive or data[start + 2 : start + 3] != components):
                _check_scans(data, end, frame[1])
            break
        if marker == _APP1 and data.startswith(_EXIF, start + 2):
            turned = orientation(data[start + 2 : end])
        elif marker == _APP2 and data.startswith(_ICC, start + 2) and end - start >= 16:
            profile[data[start + 14]] = data[start + 16 : end]
        elif marker in (_APP0, _APP14) or not (_APP0 <= marker <= _APP15 or marker == _COMMENT):
            if marker in _FRAMES:
                frame, progressive = _frame(data, start, end), marker in _PROGRESSIVE
                components = data[start + 7 : start + 8]
            kept.append(view[start - 2 : end])
    else:
        raise DamagedFileError("it ends before its first scan")
    if frame is None:
        raise DamagedFileError("it has no frame header")
    bits, stored = frame
    if bits != 8:
        raise UnsupportedFileError(f"a JPEG of {bits} bits a channel")
    return FileHeader(
        size=stored,
        # The pieces are in their order and do not overlap: together as long as the file, they are the file.
        pixels=data if sum(map(len, kept)) == len(data) else b"".join(kept),
        orientation=turned,
        icc_profile=_joined(profile),
        opaque=True,
        lossy=True,
    )


def _check_scans(data: bytes, position: int, size: tuple[int, int]) -> None:
    """Raise `DamagedFileError` for more scans than a picture of this size may have.

    `position` is behind the first one's header. Segments are passed by their length, as the decoder does, so that none
    can hide an end of the picture or a scan.
    """
    allowed = min(_MAX_SCANS, max(_USUAL_SCANS, _MAX_SCANNED_PIXELS // max(1, size[0] * size[1])))
    scans, marker = 1, _SCAN
    for _ in range(_MAX_SEGMENTS):
        found = (_AFTER_SCAN if marker == _SCAN else _MARKER).search(data, position)
        if found is None:
            return
        position = found.end()
        marker = data[position - 1]
        if marker == _END:
            return
        if marker in _BARE:
            continue
        scans += marker == _SCAN
        if scans > allowed:
            raise DamagedFileError(f"it has more than {allowed} scans for {size[0]}x{size[1]} px")
        position += max(2, int.from_bytes(data[position : position + 2], "big"))
    raise DamagedFileError(f"it has more than {_MAX_SEGMENTS} segments between its scans")


def _frame(data: bytes, start: int, end: int) -> tuple[int, tuple[int, int]]:
    """Bits a channel and (width, height) of a frame header segment."""
    if end - start < 8:
        raise DamagedFileError("its frame header is too short")
    bits, height, width = struct.unpack_from(">BHH", data, start + 2)
    return bits, (width, height)


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start (at the length field) and end of each segment up to and including the first scan's header."""
    position = 2
    for _ in range(_MAX_SEGMENTS):
        fill = _FILL.search(data, position)
        if fill is None or fill.end() >= len(data):
            raise DamagedFileError("it ends before its first scan")
        marker, start = data[fill.end()], fill.end() + 1
        if marker == _END:
            raise DamagedFileError("it ends before its first scan")
        if marker == 0 or marker in _BARE:
            position = start
            continue
        if start + 2 > len(data):
            raise DamagedFileError("it ends in the middle of a segment")
        (length,) = struct.unpack_from(">H", data, start)
        if length < 2 or start + length > len(data):
            raise DamagedFileError("it ends in the middle of a segment")
        yield marker, start, start + length
        if marker == _SCAN:
            return
        position = start + length
    raise DamagedFileError(f"it has more than {_MAX_SEGMENTS} segments before its first scan")


def _joined(parts: dict[int, bytes]) -> bytes | None:
    """The ICC profile from its numbered parts; None where one is missing or the whole is too large."""
    if not parts or set(parts) != set(range(1, len(parts) + 1)):
        return None
    profile = b"".join(parts[number] for number in sorted(parts))
    return profile if len(profile) <= MAX_PROFILE_BYTES else None
