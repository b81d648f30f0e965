"""What the header of a file says: size, orientation, colour profile; and the errors of a file that is not taken."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Final

# Profiles for printing have 0.5 to 3 MB. A larger one is not carried over: pixels are converted to sRGB through it.
MAX_CARRIED_PROFILE_BYTES: Final = 4 * 1024 * 1024
# The most that a JPEG can hold, and more than any real profile.
MAX_PROFILE_BYTES: Final = 16 * 1024 * 1024

_PREFIX: Final = b"Exif\0\0"
_ORIENTATION: Final = 0x0112
_SHORT: Final = 3


class DamagedFileError(Exception):
    """The file is not what its first bytes say; the text gives the reason, without a subject."""


class SeveralFramesError(Exception):
    """The file has more than one frame or page; the text names its kind."""


class MissingPartError(DamagedFileError):
    """A file lacks a part of its pixels."""

    def __init__(self) -> None:
        super().__init__("a part of its pixels is missing")


class UnsupportedFileError(Exception):
    """The file is whole, but of a kind that is not taken; the text names it."""


@dataclass(frozen=True, slots=True)
class FileHeader:
    """One picture file, not decoded.

    `size` is width and height in pixels as stored, before `orientation` (EXIF, 1 to 8) is applied. `pixels` is the
    file without its metadata, so that none can reach a decoder or a result. `bits` is per channel as stored. `opaque`
    is True where the header alone proves that no pixel is transparent, `lossy` where compression may change pixels.
    `transparent_value` is the one grey (1 member) or RGB (3 members) value that counts as transparent, at the stored
    bit depth (PNG's tRNS). `layout` is how the pixels of a TIFF (`TiffLayout`), BMP
    (`BmpLayout`) or JPEG (`ScanData`; None where a decoder reads it in another way) are stored.
    `colour_remark` is the end of a sentence about the file's colours, for a warning.
    """

    size: tuple[int, int]
    pixels: bytes
    orientation: int = 1
    icc_profile: bytes | None = None
    colour_remark: str | None = None
    bits: int = 8
    opaque: bool = False
    lossy: bool = False
    transparent_value: tuple[int, ...] | None = None
    layout: object = None

    @property
    def shown_size(self) -> tuple[int, int]:
        """Width and height after the orientation is applied."""
        width, height = self.size
        return (height, width) if self.orientation >= 5 else (width, height)


def orientation(block: bytes) -> int:
    """The orientation (1 to 8) in an EXIF block, with or without its `Exif` prefix; 1 where it is not valid.

    Only a single SHORT counts, as in browsers: some cameras and editors write broken tags, and the vendor's
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


class ColourSpace(Enum):
    """The colour spaces of ICC.1 whose profiles are used."""

    RGB = b"RGB "
    GREY = b"GRAY"
    CMYK = b"CMYK"


def colour_space(profile: bytes) -> ColourSpace | None:
    """The colour space that a profile describes; None where it is of another one, too large, or damaged.

    It counts as damaged without the signature `acsp`, and where its header gives more bytes than it has (ICC.1:2022,
    7.2).
    """
    if len(profile) < 128 or len(profile) > MAX_PROFILE_BYTES or profile[36:40] != b"acsp":
        return None
    if int.from_bytes(profile[:4], "big") > len(profile):
        return None
    try:
        return ColourSpace(profile[16:20])
    except ValueError:
        return None


@cache
def rounding(bits: int) -> list[int]:
    """The table that takes channels of so many bits (1 to 16), in pixels of Pillow's mode I, to 8, rounded."""
    highest = (1 << bits) - 1
    return [(min(value, highest) * 255 + highest // 2) // highest for value in range(65_536)]
