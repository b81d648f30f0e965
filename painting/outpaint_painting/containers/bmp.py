"""BMP without decoding: the two kinds of header it comes with."""

from __future__ import annotations

import struct
from typing import Final

from outpaint_painting.containers.header import DamagedFileError, Header, UnsupportedFileError

_CORE_HEADER: Final = 12
_INFO_HEADERS: Final = frozenset({40, 52, 56, 64, 108, 124})
_RUN_LENGTH: Final = frozenset({1, 2})


def is_bmp(data: bytes) -> bool:
    """Whether data begins as a BMP; `BM` alone may begin any text, so the header's length counts too."""
    return data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in {_CORE_HEADER, *_INFO_HEADERS}


def size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels. Raises `DamagedFileError`."""
    if len(data) < 34:
        raise DamagedFileError("its header is cut short")
    if int.from_bytes(data[14:18], "little") == _CORE_HEADER:
        width, height = struct.unpack_from("<HH", data, 18)
        return width, height
    width, height = struct.unpack_from("<ii", data, 18)
    # A negative height means rows from top to bottom.
    return max(width, 0), abs(height)


def header(data: bytes) -> Header:
    """What a BMP says about itself; `pixels` is the whole file, which has no room for metadata.

    Raises `DamagedFileError` and `UnsupportedFileError`: run-length coding is unpacked pixel by pixel in
    Python, so that a small file could hold a worker for many seconds.
    """
    core = int.from_bytes(data[14:18], "little") == _CORE_HEADER
    if not core and struct.unpack_from("<I", data, 30)[0] in _RUN_LENGTH:
        raise UnsupportedFileError("a run-length coded BMP")
    return Header(size=size(data), pixels=data)
