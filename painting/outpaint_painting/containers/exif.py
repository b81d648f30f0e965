"""The one thing read from EXIF: how the picture is to be turned."""

from __future__ import annotations

import struct
from typing import Final

_PREFIX: Final = b"Exif\0\0"
_ORIENTATION: Final = 0x0112
_SHORT: Final = 3


def orientation(block: bytes) -> int:
    """The orientation (1 to 8) in an EXIF block, with or without its `Exif` prefix; 1 where it is not valid.

    Only a single SHORT counts, as in browsers: cameras and editors leave broken tags behind, and the vendor's
    own test picture has one (docs/facts/pixels.md#which-pixels-are-painted).
    """
    block = block.removeprefix(_PREFIX)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None or len(block) < 10:
        return 1
    (start,) = struct.unpack_from(order + "I", block, 4)
    if start + 2 > len(block):
        return 1
    (count,) = struct.unpack_from(order + "H", block, start)
    for entry in range(start + 2, min(start + 2 + 12 * count, len(block) - 11), 12):
        tag, kind, length, value = struct.unpack_from(order + "HHIH", block, entry)
        if tag == _ORIENTATION:
            return value if kind == _SHORT and length == 1 and 1 <= value <= 8 else 1
    return 1
