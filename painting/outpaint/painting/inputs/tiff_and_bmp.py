"""Reads TIFF and BMP files without decoding."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from outpaint.painting.inputs import bmp_pixels
from outpaint.painting.inputs.file_header import (
    DamagedFileError,
    FileHeader,
    SeveralFramesError,
    UnsupportedFileError,
)
from outpaint.painting.inputs.tiff_layout import COMPRESSION, JPEG, tiff_layout

_CORE_HEADER: Final = 12


def is_bmp(data: bytes) -> bool:
    """Whether data begins as a BMP; `BM` alone may begin any text, so the header's length counts too."""
    return data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in bmp_pixels.HEADERS


def bmp_size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels. Raises `DamagedFileError`."""
    if len(data) < 34:
        raise DamagedFileError("its header is cut short")
    if int.from_bytes(data[14:18], "little") == _CORE_HEADER:
        width, height = struct.unpack_from("<HH", data, 18)
        return width, height
    width, height = struct.unpack_from("<ii", data, 18)
    # A negative height means rows from top to bottom.
    return max(width, 0), abs(height)


def bmp_header(data: bytes) -> FileHeader:
    """The header of a BMP; `pixels` is the whole file, of which no metadata is read.

    Raises `DamagedFileError` and `UnsupportedFileError`.
    """
    size = bmp_size(data)
    layout = bmp_pixels.bmp_layout(data, size)
    return FileHeader(
        size=size,
        pixels=data,
        icc_profile=bmp_pixels.bmp_profile(data),
        colour_remark=bmp_pixels.bmp_remark(data),
        bits=layout.channel_bits,
        opaque=not (layout.masks and layout.masks[3]),
        layout=layout,
    )


_BIG_ENDIAN_BIGTIFF: Final = b"MM\0+"
SIGNATURES: Final = (b"II*\0", b"MM\0*", b"II+\0", _BIG_ENDIAN_BIGTIFF)

_SUBFILE, _WIDTH, _HEIGHT, _ORIENTATION, _TILE_WIDTH, _TILE_HEIGHT = 254, 256, 257, 274, 322, 323
_PROFILE, _DNG_VERSION = 34675, 50706
# What a decoder needs: layout, colours and the places of the pixels. EXIF, GPS, XMP and texts are left out.
_PIXEL_TAGS: Final = frozenset(
    {256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325, 332, 338}
    | {339, 347, 529, 530, 531, 532}
)
_SINGLE: Final = frozenset({256, 257, 259, 262, 266, 277, 278, 284, 292, 293, 317, 322, 323, 332, 531})
_UNIT: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
_WHOLE: Final = {1: "B", 3: "H", 4: "I", 16: "Q"}
_REDUCED_OR_MASK: Final = 0b101
_MAX_DIRECTORIES: Final = 32
# Strips or tiles, each of which has a place and a length. The largest colour map has 196,608 values.
_MAX_VALUES: Final = 200_000
_UNCOMPRESSED: Final = 1
_STRIPS_AND_TILES: Final = ((273, 279), (324, 325))  # the tags of their places and of their lengths


@dataclass(frozen=True, slots=True)
class TiffEntry:
    """One tag as it stands in a directory; `start` and `size` (bytes) are those of its values."""

    raw: bytes
    kind: int
    count: int
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class TiffDirectory:
    """One directory: its entries by tag, where it begins, and where the next one does (0: nowhere)."""

    data: bytes
    order: str
    big: bool
    start: int
    entries: dict[int, TiffEntry]
    following: int

    def whole(self, tag: int, default: int = 0) -> int:
        """The first whole number under a tag."""
        entry = self.entries.get(tag)
        if entry is None or entry.kind not in _WHOLE or entry.count < 1:
            return default
        (value,) = struct.unpack_from(self.order + _WHOLE[entry.kind], self.data, entry.start)
        return int(value)

    def wholes(self, tag: int) -> tuple[int, ...]:
        """All whole numbers under a tag. Raises `DamagedFileError` for more than a file may have."""
        entry = self.entries.get(tag)
        if entry is None or entry.kind not in _WHOLE:
            return ()
        if entry.count > _MAX_VALUES:
            raise DamagedFileError(f"tag {tag} has more than {_MAX_VALUES} values")
        return struct.unpack_from(f"{self.order}{entry.count}{_WHOLE[entry.kind]}", self.data, entry.start)

    def entry(self, tag: int, value: int) -> bytes:
        """An entry with one whole number."""
        return struct.pack(self.order + ("HHQ" if self.big else "HHI"), tag, 4, 1) + struct.pack(
            self.order + "I", value
        ).ljust(8 if self.big else 4, b"\0")

    def part(self, tag: int, number: int, of: int) -> bytes:
        """An entry with the part `number` of a tag's values, of so many parts of one size.

        Raises `DamagedFileError` where the values cannot be divided so.
        """
        whole = self.entries[tag]
        count, over = divmod(whole.count, of)
        if over or not count:
            raise DamagedFileError("it has planes of different sizes")
        size = count * _UNIT[whole.kind]
        start = whole.start + number * size
        room = 8 if self.big else 4
        head = struct.pack(self.order + ("HHQ" if self.big else "HHI"), tag, whole.kind, count)
        if size > room:
            return head + struct.pack(self.order + ("Q" if self.big else "I"), start)
        return head + self.data[start : start + size].ljust(room, b"\0")

    def with_entries(self, entries: dict[int, bytes]) -> bytes:
        """The file with one directory of these entries, written behind it; no offset in it moves."""
        behind = len(self.data) + len(self.data) % 2
        head = struct.pack(self.order + ("Q" if self.big else "H"), len(entries))
        body = b"".join(entries[tag] for tag in sorted(entries)) + bytes(8 if self.big else 4)
        place = struct.pack(self.order + ("Q" if self.big else "I"), behind)
        first = 8 if self.big else 4
        rest = memoryview(self.data)[first + len(place) :]
        return b"".join((self.data[:first], place, rest, bytes(len(self.data) % 2), head, body))


def tiff_size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels as stored. Raises `DamagedFileError`."""
    first = first_directory(data)
    return first.whole(_WIDTH), first.whole(_HEIGHT)


def tiff_header(data: bytes) -> FileHeader:
    """The header of a TIFF; `pixels` keeps one directory, with the tags that concern pixels.

    Reduced pictures and transparency masks in further directories are not pages.
    Raises `DamagedFileError`, `SeveralFramesError` and `UnsupportedFileError`.
    """
    if data[:4] == _BIG_ENDIAN_BIGTIFF:
        # Pillow (11 to 13) takes it for a TIFF of the ordinary kind.
        raise UnsupportedFileError("a big-endian BigTIFF")
    first = first_directory(data)
    if _DNG_VERSION in first.entries:
        raise UnsupportedFileError("a raw photograph (DNG)")
    following = first.following
    for _ in range(_MAX_DIRECTORIES):
        if not following:
            break
        page = _directory(data, following)
        if not page.whole(_SUBFILE) & _REDUCED_OR_MASK:
            raise SeveralFramesError("a TIFF of several pages")
        following = page.following
    else:
        raise DamagedFileError(f"it has more than {_MAX_DIRECTORIES} directories")
    layout = tiff_layout(first.wholes, first.order)
    if first.whole(COMPRESSION, _UNCOMPRESSED) != _UNCOMPRESSED:
        _check_strips(first)
    profile = first.entries.get(_PROFILE)
    turned = first.entries.get(_ORIENTATION)
    orientation = first.whole(_ORIENTATION) if turned and turned.kind == 3 and turned.count == 1 else 1
    return FileHeader(
        size=(first.whole(_WIDTH), first.whole(_HEIGHT)),
        pixels=_cut_down(first),
        orientation=orientation if 1 <= orientation <= 8 else 1,
        icc_profile=data[profile.start : profile.start + profile.size] if profile else None,
        bits=layout.bits,
        lossy=first.whole(COMPRESSION, 1) == JPEG,
        layout=layout,
    )


def first_directory(data: bytes) -> TiffDirectory:
    """The first directory of a TIFF. Raises `DamagedFileError`."""
    return _directory(data, _first(data))


def _check_strips(page: TiffDirectory) -> None:
    """Raises `DamagedFileError` where strips or tiles are outside the file: libtiff gives some of them as grey."""
    for places, lengths in _STRIPS_AND_TILES:
        ends = [place + length for place, length in zip(page.wholes(places), page.wholes(lengths), strict=False)]
        missing = sum(end > len(page.data) for end in ends)
        if missing:
            raise DamagedFileError(f"{missing} of its {len(ends)} strips or tiles are missing")


def _first(data: bytes) -> int:
    """Where the first directory begins."""
    big = data[2:4] in (b"+\0", b"\0+")
    if len(data) < 16:
        raise DamagedFileError("its header is cut short")
    order = "<" if data[:2] == b"II" else ">"
    (start,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    return int(start)


def _directory(data: bytes, start: int) -> TiffDirectory:
    """The directory at `start`. Raises `DamagedFileError` where it, or the data it points to, is not in the file."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    count_format, entry_format, link_format = ("Q", "HHQ8s", "Q") if big else ("H", "HHI4s", "I")
    head, step, link = (8, 20, 8) if big else (2, 12, 4)
    if start < 8 or start + head > len(data):
        raise DamagedFileError("a directory is outside the file")
    (count,) = struct.unpack_from(order + count_format, data, start)
    end = start + head + step * count
    if count > 4_096 or end + link > len(data):
        raise DamagedFileError("a directory is outside the file")
    entries: dict[int, TiffEntry] = {}
    for position in range(start + head, end, step):
        tag, kind, values, inline = struct.unpack_from(order + entry_format, data, position)
        length = _UNIT.get(kind, 0) * values
        place = position + step - len(inline)
        if length > len(inline):
            (place,) = struct.unpack(order + link_format, inline)
        if tag in entries:
            continue
        if place + length > len(data):
            if tag in _PIXEL_TAGS:
                raise DamagedFileError("the data of a tag is outside the file")
            continue
        entries[tag] = TiffEntry(data[position : position + step], kind, values, place, length)
    (following,) = struct.unpack_from(order + link_format, data, end)
    return TiffDirectory(data, order, big, start, entries, int(following))


def _cut_down(page: TiffDirectory) -> bytes:
    """The file with this directory alone, and in it the pixel tags alone.

    Written over the old directory, which is at least as long, so that no offset in the file moves.
    """
    kept = {tag: entry for tag, entry in page.entries.items() if tag in _PIXEL_TAGS}
    if any(entry.count != 1 for tag, entry in kept.items() if tag in _SINGLE):
        raise DamagedFileError("a tag has more values than it may")
    if sum(entry.size for entry in kept.values()) > len(page.data):
        raise DamagedFileError("its tags claim more data than the file has")
    if any(kept[tag].count > _MAX_VALUES for tags in _STRIPS_AND_TILES for tag in tags if tag in kept):
        raise DamagedFileError(f"it has more than {_MAX_VALUES} strips or tiles")
    area = page.whole(_WIDTH) * page.whole(_HEIGHT)
    tile = page.whole(_TILE_WIDTH, 16), page.whole(_TILE_HEIGHT, 16)
    if min(tile) < 16 or tile[0] * tile[1] > max(4 * area, 1 << 22):
        raise DamagedFileError(f"its tiles are {tile[0]}x{tile[1]}")
    body = b"".join(entry.raw for entry in kept.values())
    count = struct.pack(page.order + ("Q" if page.big else "H"), len(kept))
    directory = count + body + bytes(8 if page.big else 4)
    cut = bytearray(page.data)
    cut[page.start : page.start + len(directory)] = directory
    return bytes(cut)
