"""Reads the header of JPEG files (ITU-T T.81) without decoding."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import Final

from outpaint.painting.inputs.file_header import (
    DamagedFileError,
    FileHeader,
    UnsupportedFileError,
    orientation,
)
from outpaint.painting.inputs.jpeg_scans import FRAMES, SCAN, JpegFrame, JpegSegment, scan_data, segments

SIGNATURE: Final = b"\xff\xd8\xff"

_APP0, _APP1, _APP2, _APP14, _APP15, _COMMENT = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF, 0xFE
# libjpeg has no decoder for differential frames, and Pillow none for lossless ones in every colour space.
UNREAD_FRAMES: Final = {
    **dict.fromkeys((0xC3, 0xCB), "a lossless JPEG"),
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "a hierarchical JPEG"),
}
_EXIF: Final = b"Exif\0\0"
_ICC: Final = b"ICC_PROFILE\0"


def jpeg_size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels as stored, from the frame header.

    Raises `DamagedFileError`, and `UnsupportedFileError` for a number of channels that is not read.
    """
    for segment in segments(data):
        if segment.marker in FRAMES:
            return JpegFrame.of(data, segment).size
    raise DamagedFileError("it has no frame header")


def jpeg_header(data: bytes) -> FileHeader:
    """The header of a JPEG; `pixels` keeps tables, frame, scans and the segments that say how colours are coded.

    Further pictures after the first (MPO, gain maps, motion photos) are ignored: they are no animation. `layout` is the
    `ScanData` of `pixels`. Raises `DamagedFileError` and `UnsupportedFileError`.
    """
    view = memoryview(data)
    kept: list[bytes | memoryview] = [SIGNATURE[:2]]
    turned, frame = 1, None
    profile: dict[int, bytes] = {}
    walked: list[JpegSegment] = []
    rest = segments(data)
    for segment in rest:
        walked.append(segment)
        marker, start, end, _ = segment
        if marker == SCAN:
            kept.append(view[start - 2 :])
            break
        if marker == _APP1 and data.startswith(_EXIF, start + 2):
            turned = orientation(data[start + 2 : end])
        elif marker == _APP2 and data.startswith(_ICC, start + 2) and end - start >= 16:
            profile[data[start + 14]] = data[start + 16 : end]
        elif marker in (_APP0, _APP14) or not (_APP0 <= marker <= _APP15 or marker == _COMMENT):
            if marker in UNREAD_FRAMES:
                raise UnsupportedFileError(UNREAD_FRAMES[marker])
            if marker in FRAMES:
                frame = JpegFrame.of(data, segment)
            kept.append(view[start - 2 : end])
    else:
        raise DamagedFileError("it ends before its first scan")
    if frame is None:
        raise DamagedFileError("it has no frame header")
    if frame.bits != 8:
        raise UnsupportedFileError(f"a JPEG of {frame.bits} bits a channel")
    scans = scan_data(data, chain(walked, rest))
    # The pieces are in their order and do not overlap: together as long as the file, they are the file.
    left_out = len(data) - sum(map(len, kept))
    return FileHeader(
        size=frame.size,
        pixels=b"".join(kept) if left_out else data,
        orientation=turned,
        icc_profile=_joined(profile),
        opaque=True,
        lossy=True,
        layout=replace(scans, end=scans.end - left_out) if scans else None,
    )


def _joined(parts: dict[int, bytes]) -> bytes | None:
    """The ICC profile from its numbered parts; None where there is none, b"" where a part is missing."""
    if set(parts) != set(range(1, len(parts) + 1)):
        return b""
    return b"".join(parts[number] for number in sorted(parts)) if parts else None
