"""How the file of a finished picture is built, read from its first byte to its last, without decoding its pixels.

Decoders read what they need and forgive the rest: a missing end, a wrong checksum, bytes behind the end. Whoever keeps,
sends on or signs a file does not. Written from the formats' specifications, and without the reader of the service.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from outpaint.conformance.proving.expectations import Unmet

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8"
_SRGB_GAMMA: Final = struct.pack(">I", 45_455)
_SRGB_CHROMATICITIES: Final = struct.pack(">8I", 31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000)
_SRGB_CODE_POINTS: Final = bytes([1, 13, 0, 1])
_START_OF_SCAN: Final = 0xDA
_END_OF_IMAGE: Final = 0xD9
_WITHOUT_LENGTH: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# In the data of a scan 0xFF is followed by a stuffed zero or a restart; anything else is the next marker.
_BEHIND_SCAN: Final = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")


@dataclass(frozen=True, slots=True)
class PictureStructure:
    """A whole file: its media type, whether it has more than one frame, and how many bytes come after its end.

    `colours` names what it states of its colours other than that they are sRGB.
    """

    media_type: str
    moves: bool
    colours: tuple[str, ...]
    bytes_after_end: int


def structure_of(data: bytes) -> PictureStructure:
    """The structure of a PNG, a JPEG or a WebP.

    Raises `Unmet` for any other file, and for one that is not whole: without its end, with a part that is cut short, or
    with a wrong checksum (PNG, third edition, 5; ITU-T T.81, annex B; RFC 9649, 2.4).
    """
    if data.startswith(_PNG):
        return _png(data)
    if data.startswith(_JPEG):
        return _jpeg(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    raise Unmet(f"the file: expected a PNG, a JPEG or a WebP, got {data[:16]!r}")


def _png(data: bytes) -> PictureStructure:
    kinds: set[bytes] = set()
    colours: list[str] = []
    position = len(_PNG)
    while b"IEND" not in kinds:
        if position + 12 > len(data):
            raise Unmet(f"the PNG: expected its end, IEND, got none in {len(data)} bytes")
        length, kind = struct.unpack_from(">I4s", data, position)
        content, checksum = data[position + 8 : position + 8 + length], data[position + 8 + length :][:4]
        name = kind.decode("latin-1")
        if len(content) < length or len(checksum) < 4:
            raise Unmet(f"the PNG: its chunk {name} breaks off")
        if zlib.crc32(kind + content) != int.from_bytes(checksum, "big"):
            raise Unmet(f"the PNG: the checksum of its chunk {name} is wrong")
        if not kinds and kind != b"IHDR":
            raise Unmet(f"the PNG: expected IHDR as its first chunk, got {name}")
        if _states_colours(kind, content):
            colours.append(name)
        kinds.add(kind)
        position += 12 + length
    if b"IDAT" not in kinds:
        raise Unmet("the PNG: it has no pixels")
    return PictureStructure("image/png", b"acTL" in kinds, tuple(colours), len(data) - position)


def _states_colours(kind: bytes, content: bytes) -> bool:
    """Whether a PNG's chunk says that its values are anything but sRGB's."""
    usual = {b"gAMA": _SRGB_GAMMA, b"cHRM": _SRGB_CHROMATICITIES, b"cICP": _SRGB_CODE_POINTS}
    return kind == b"iCCP" or (kind in usual and content != usual[kind])


def _jpeg(data: bytes) -> PictureStructure:
    markers: set[int] = set()
    colours: list[str] = []
    end = len(data)
    for marker, content, position in _jpeg_segments(data):
        markers.add(marker)
        end = position
        if marker == 0xE2 and content.startswith(b"ICC_PROFILE\0"):
            colours.append("ICC_PROFILE")
    if _START_OF_SCAN not in markers or not markers & _FRAMES:
        raise Unmet("the JPEG: it has no pixels")
    return PictureStructure("image/jpeg", moves=False, colours=tuple(colours), bytes_after_end=len(data) - end)


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Each segment's marker, its content, and where it ends; the last one is the end marker."""
    position = len(_JPEG)
    while True:
        start = position
        while data[position : position + 1] == b"\xff":  # any number of them may fill the space before a marker
            position += 1
        if position >= len(data):
            raise Unmet(f"the JPEG: expected its end marker, got none in {len(data)} bytes")
        if position == start:
            raise Unmet(f"the JPEG: expected a marker at byte {start}, got {data[start : start + 2]!r}")
        marker = data[position]
        position += 1
        if marker == _END_OF_IMAGE:
            yield marker, b"", position
            return
        if marker in _WITHOUT_LENGTH:
            continue
        length = int.from_bytes(data[position : position + 2], "big")
        content = data[position + 2 : position + length]
        if length < 2 or len(content) < length - 2:
            raise Unmet(f"the JPEG: its segment {marker:#x} breaks off")
        position += length
        if marker == _START_OF_SCAN:
            behind = _BEHIND_SCAN.search(data, position)
            position = len(data) if behind is None else behind.start()
        yield marker, content, position


def _webp(data: bytes) -> PictureStructure:
    kinds: set[bytes] = set()
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise Unmet(f"the WebP: expected {end} bytes, as it says, got {len(data)}")
    position = 12
    while position < end:
        kind, length = data[position : position + 4], int.from_bytes(data[position + 4 : position + 8], "little")
        position += 8 + length + length % 2
        if position > end:
            raise Unmet(f"the WebP: its chunk {kind.decode('latin-1')} breaks off")
        kinds.add(kind)
    if not kinds & {b"VP8 ", b"VP8L", b"ANMF"}:
        raise Unmet("the WebP: it has no pixels")
    colours = ("ICCP",) if b"ICCP" in kinds else ()
    return PictureStructure("image/webp", bool(kinds & {b"ANIM", b"ANMF"}), colours, len(data) - end)
