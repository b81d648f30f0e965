"""Reads JPEG files (ITU-T T.81) without decoding, from one marker segment to the next."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Final

from outpaint.painting.inputs.file_header import (
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
_HUFFMAN: Final = frozenset({0xC0, 0xC1, 0xC2})
# libjpeg has no decoder for differential frames, and Pillow none for lossless ones in every colour space.
UNREAD_FRAMES: Final = {
    **dict.fromkeys((0xC3, 0xCB), "a lossless JPEG"),
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "a hierarchical JPEG"),
}
CHANNELS: Final = frozenset({1, 3, 4})
_BETWEEN_SCANS: Final = frozenset({_HUFFMAN_TABLES, _SCAN, _END})
_BARE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_EXIF: Final = b"Exif\0\0"
_ICC: Final = b"ICC_PROFILE\0"
_FILL: Final = re.compile(rb"\xff+")
# One 0xFF and no run of them: a pattern that begins with a fixed byte is found thirty times as fast.
_MARKER: Final = re.compile(rb"\xff[^\x00\xff]")
# A scan's data goes on after a stuffed zero and after a restart.
_AFTER_SCAN: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_MAX_SEGMENTS: Final = 4_096
# Each scan makes the decoder pass over the whole picture again, however few bytes it has; encoders write about ten.
_MAX_SCANS: Final = 100


def jpeg_size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels as stored, from the frame header.

    Raises `DamagedFileError`, and `UnsupportedFileError` for a number of channels that is not read.
    """
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
    turned, frame, progressive = 1, None, False
    profile: dict[int, bytes] = {}
    for marker, start, end in _segments(data):
        if marker == _SCAN:
            kept.append(view[start - 2 :])
            if progressive:
                stop = data.find(b"\xff\xd9", end)
                if data.count(b"\xff\xda", start - 2, stop if stop >= 0 else len(data)) > _MAX_SCANS:
                    raise DamagedFileError(f"it has more than {_MAX_SCANS} scans")
            break
        if marker == _APP1 and data.startswith(_EXIF, start + 2):
            turned = orientation(data[start + 2 : end])
        elif marker == _APP2 and data.startswith(_ICC, start + 2) and end - start >= 16:
            profile[data[start + 14]] = data[start + 16 : end]
        elif marker in (_APP0, _APP14) or not (_APP0 <= marker <= _APP15 or marker == _COMMENT):
            if marker in UNREAD_FRAMES:
                raise UnsupportedFileError(UNREAD_FRAMES[marker])
            if marker in _FRAMES:
                frame, progressive = _frame(data, start, end), marker in _PROGRESSIVE
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


def without_scan_data(data: bytes) -> bytes | None:
    """The file with every scan emptied; tables, frame and scan headers stay as they are.

    A decoder refuses it where it would refuse the whole file, in a fraction of the time: damage between two markers
    makes a Huffman decoder lose pixels but never fail, so only a marker segment can make it fail. None for files of
    which this is not certain: without an end, coded arithmetically or without loss, or with anything but scans and
    their Huffman tables after the first scan.
    """
    view = memoryview(data)
    kept = [view[:2]]
    position, marker, taken = 2, 0, None
    for _ in range(_MAX_SEGMENTS):
        found = (_AFTER_SCAN if marker == _SCAN else _MARKER).search(data, position)
        if found is None:
            return None
        start = position = found.end()
        marker = data[start - 1]
        if (taken is not None and marker not in taken) or (marker in _FRAMES and marker not in _HUFFMAN):
            return None
        if marker == _END:
            kept.append(view[start - 2 : start])
            return b"".join(kept)
        if marker not in _BARE:
            length = int.from_bytes(data[start : start + 2], "big")
            position += length
            if length < 2 or position > len(data):
                return None
        kept.append(view[start - 2 : position])
        if marker == _SCAN:
            taken = _BETWEEN_SCANS
    return None


def _frame(data: bytes, start: int, end: int) -> tuple[int, tuple[int, int]]:
    """Bits a channel and (width, height) of a frame header segment."""
    if end - start < 8:
        raise DamagedFileError("its frame header is too short")
    bits, height, width, channels = struct.unpack_from(">BHHB", data, start + 2)
    if channels not in CHANNELS:
        raise UnsupportedFileError(f"a JPEG of {channels} channels")
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
    """The ICC profile from its numbered parts; None where there is none, b"" where a part is missing."""
    if set(parts) != set(range(1, len(parts) + 1)):
        return b""
    return b"".join(parts[number] for number in sorted(parts)) if parts else None
