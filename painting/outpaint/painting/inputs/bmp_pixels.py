"""Reads BMP: the layouts that are taken, judged from the header, and their pixels.

Pillow's own reader is not used: it takes eight sets of channel masks and calls other files damaged, and reads pixels of
1, 4 and 8 bits as if they were of another depth where their palette is grey. The format: Microsoft's documentation of
BITMAPINFOHEADER, BITMAPV4HEADER and BITMAPV5HEADER.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from PIL import Image

from outpaint.painting.inputs.file_header import DamagedFileError, MissingPartError, UnsupportedFileError, rounding

_CORE_HEADER: Final = 12
_FIRST_WITH_MASKS: Final = 52
_FIRST_WITH_ALPHA: Final = 56
_OS2_HEADER: Final = 64
HEADERS: Final = frozenset({_CORE_HEADER, 40, _FIRST_WITH_MASKS, _FIRST_WITH_ALPHA, _OS2_HEADER, 108, 124})
"""The lengths of header that mark a BMP."""

_NO_COMPRESSION, _BIT_FIELDS, _ALPHA_BIT_FIELDS = 0, 3, 6
REFUSED: Final = {
    # A small file could unpack to a picture of any size.
    1: "a run-length coded BMP",
    2: "a run-length coded BMP",
    4: "a JPEG in a BMP",
    5: "a PNG in a BMP",
}
_FILE_HEADER: Final = 14
_PALETTE_BITS: Final = {1: "P;1", 2: "P;2", 4: "P;4", 8: "P"}
BITS: Final = (*_PALETTE_BITS, 16, 24, 32)
"""The bits a pixel that are read."""

_USUAL_MASKS: Final = {16: (0x7C00, 0x3E0, 0x1F, 0), 24: (0xFF0000, 0xFF00, 0xFF, 0), 32: (0xFF0000, 0xFF00, 0xFF, 0)}
_EMBEDDED_PROFILE: Final = int.from_bytes(b"MBED", "big")
_CALIBRATED: Final = 0
MOST_BITS: Final = 16
"""The bits that a channel may have."""


@dataclass(frozen=True, slots=True)
class BmpLayout:
    """How the pixels of a BMP are stored.

    `bits` is per pixel, `start` where the pixels begin, `masks` those of red, green, blue and alpha (0 for none), or
    None where pixels are numbers of `palette`, which is BGR with `colour_bytes` (3 or 4) bytes a colour.
    """

    size: tuple[int, int]
    bits: int
    start: int
    downward: bool
    masks: tuple[int, int, int, int] | None
    palette: bytes = b""
    colour_bytes: int = 4

    @property
    def row_bytes(self) -> int:
        """The bytes of one row."""
        return (self.size[0] * self.bits + 31) // 32 * 4

    def rows_in(self, data: bytes) -> int:
        """How many rows a file has, of which the last one may lack its padding."""
        padding = self.row_bytes - (self.size[0] * self.bits + 7) // 8
        return min(self.size[1], max(0, len(data) - self.start + padding) // self.row_bytes)

    @property
    def channel_bits(self) -> int:
        """The bits of the widest channel, at least 8."""
        return max((8, *(mask.bit_count() for mask in self.masks or ())))


def bmp_layout(data: bytes, size: tuple[int, int]) -> BmpLayout:
    """The layout that the header describes. Raises `DamagedFileError` and `UnsupportedFileError`."""
    (start, length) = struct.unpack_from("<II", data, 10)
    if len(data) < _FILE_HEADER + length:
        raise DamagedFileError("its header is cut short")
    core = length == _CORE_HEADER
    (bits,) = struct.unpack_from("<H", data, 24 if core else 28)
    compression, colours = (
        (0, 0) if core else (*struct.unpack_from("<I", data, 30), *struct.unpack_from("<I", data, 46))
    )
    if compression in REFUSED:
        raise UnsupportedFileError(REFUSED[compression])
    if compression not in (_NO_COMPRESSION, _BIT_FIELDS, _ALPHA_BIT_FIELDS) or (compression and length == _OS2_HEADER):
        raise UnsupportedFileError(f"a BMP of a rare compression (number {compression})")
    if compression == _ALPHA_BIT_FIELDS and length == _FIRST_WITH_MASKS:
        raise UnsupportedFileError("a BMP whose header of 52 bytes has no room for the alpha mask that it states")
    if bits not in BITS:
        raise UnsupportedFileError(f"a BMP of {bits} bits a pixel")
    behind = _FILE_HEADER + length
    downward = not core and struct.unpack_from("<i", data, 22)[0] < 0
    if bits in _PALETTE_BITS:
        if compression:
            raise UnsupportedFileError("a BMP with a palette and channel masks")
        colour_bytes = 3 if core else 4
        count = min(colours or 1 << bits, 1 << bits)
        # Some writers give the end of the header as the place of the pixels, though a palette stands there.
        if start <= behind:
            start = behind + count * colour_bytes
        palette = data[behind : min(behind + count * colour_bytes, start)]
        return BmpLayout(size, bits, start, downward, None, palette, colour_bytes)
    masks = _USUAL_MASKS[bits]
    if compression:
        masks, behind = _masks(data, length, behind, with_alpha=compression == _ALPHA_BIT_FIELDS)
        _check_masks(masks, bits)
    return BmpLayout(size, bits, max(start, behind), downward, masks)


def bmp_profile(data: bytes) -> bytes | None:
    """The ICC profile in a BITMAPV5HEADER; None where there is none."""
    (length,) = struct.unpack_from("<I", data, 14)
    if length != 124 or len(data) < _FILE_HEADER + length or struct.unpack_from("<I", data, 70)[0] != _EMBEDDED_PROFILE:
        return None
    place, size = struct.unpack_from("<II", data, 126)
    return data[_FILE_HEADER + place : _FILE_HEADER + place + size]


def bmp_remark(data: bytes) -> str | None:
    """The end of a sentence about colours that a BITMAPV4HEADER states by end points and gammas, which are not used.

    What they mean differs between readers; a header of zeros, as many writers leave it, means nothing.
    """
    length, space = struct.unpack_from("<I", data, 14)[0], 70
    if length < 108 or len(data) < _FILE_HEADER + 108 or struct.unpack_from("<I", data, space)[0] != _CALIBRATED:
        return None
    ends, gammas = data[space + 4 : space + 40], data[space + 40 : space + 52]
    if not any(ends) or not any(gammas):
        return None
    return "states its colours by the end points and gammas of a BITMAPV4HEADER, which were ignored"


def bmp_pixels(data: bytes, layout: BmpLayout) -> Image.Image:
    """The pixels as P, RGB or RGBA of 8 bits a channel, rounded. Raises `MissingPartError`."""
    if layout.rows_in(data) < layout.size[1]:
        raise MissingPartError
    raw = layout.row_bytes, 1 if layout.downward else -1
    content = memoryview(data)[layout.start :]
    if layout.masks is None:
        picture = Image.frombytes("P", layout.size, content, "raw", _PALETTE_BITS[layout.bits], *raw)
        # A number beyond the palette is black, as browsers show it.
        picture.putpalette(layout.palette.ljust(256 * layout.colour_bytes, b"\0"), "BGRX"[: layout.colour_bytes])
        return picture
    if layout.bits == 24:
        return Image.frombytes("RGB", layout.size, content, "raw", "BGR", *raw)
    masks = layout.masks if layout.masks[3] else layout.masks[:3]
    mode = "RGBA"[: len(masks)]
    if layout.bits == 32 and masks == _USUAL_MASKS[32][:3]:
        return Image.frombytes("RGB", layout.size, content, "raw", "BGRX", *raw)
    if layout.bits == 32 and all(mask.bit_count() == 8 and (mask.bit_length() % 8) == 0 for mask in masks):
        places = Image.frombytes("RGBA", layout.size, content, "raw", "RGBA", *raw).split()
        return Image.merge(mode, [places[mask.bit_length() // 8 - 1] for mask in masks])
    if layout.bits == 32:
        values = Image.frombytes("I", layout.size, content, "raw", "I;32", *raw)
    else:
        values = Image.frombytes("I;16", layout.size, content, "raw", "I;16", *raw).convert("I")
    return Image.merge(mode, [_channel(values, mask) for mask in masks])


def _channel(values: Image.Image, mask: int) -> Image.Image:
    from PIL import ImageMath

    bits = mask.bit_count()
    below, highest = mask.bit_length() - bits, (1 << bits) - 1
    channel: Image.Image = ImageMath.lambda_eval(lambda given: (given["values"] >> below) & highest, values=values)
    return channel.point(rounding(bits), "L")


def _masks(data: bytes, length: int, behind: int, *, with_alpha: bool) -> tuple[tuple[int, int, int, int], int]:
    """The masks of red, green, blue and alpha, and where what describes the picture ends."""
    place = 54
    if length < _FIRST_WITH_MASKS:
        count = 4 if with_alpha else 3
        behind += 4 * count
    else:
        count = 4 if length >= _FIRST_WITH_ALPHA else 3
    if len(data) < place + 4 * count:
        raise DamagedFileError("its header is cut short")
    red, green, blue, *alpha = struct.unpack_from(f"<{count}I", data, place)
    return (red, green, blue, alpha[0] if alpha else 0), behind


def _check_masks(masks: tuple[int, int, int, int], bits: int) -> None:
    together = 0
    for mask in masks:
        count = mask.bit_count()
        whole = mask == ((1 << count) - 1) << max(mask.bit_length() - count, 0)
        if not whole or count > MOST_BITS or mask & together or mask >> bits:
            raise UnsupportedFileError(f"a BMP of unusual channel masks ({', '.join(f'{m:x}' for m in masks)})")
        together |= mask
    if not all(masks[:3]) or (bits == 24 and masks != _USUAL_MASKS[24]):
        raise UnsupportedFileError(f"a BMP of unusual channel masks ({', '.join(f'{m:x}' for m in masks)})")
