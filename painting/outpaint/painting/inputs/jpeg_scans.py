"""Finds where the coded data of a JPEG's scans ends, and decodes it so that a missing part shows.

libjpeg takes a file whose end is missing for a picture with a grey rest once any marker follows, and one without an end
marker for incomplete though every block is there. So the decoder is not given what follows the last scan. It is given
bits of one instead, which are no Huffman code (ITU-R T.81, annex C): a decoder that has all blocks does not need them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

_HUFFMAN_TABLES: Final = 0xC4
_SCAN: Final = 0xDA
_RESTART_INTERVAL: Final = 0xDD
_START: Final = 0xD8
_END: Final = 0xD9
_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2})
_OTHER_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {_HUFFMAN_TABLES, 0xC8, 0xCC} - _FRAMES
_EVERYTHING: Final = b"\0\x3f\0"  # a scan of all coefficients with all their bits
_ALL_COEFFICIENTS: Final = (1 << 64) - 1
_BARE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
# One 0xFF and no run of them: a pattern that begins with a fixed byte is found thirty times as fast.
_MARKER: Final = re.compile(rb"\xff[^\x00\xff]")
# A scan's data goes on after a stuffed zero and after a restart.
_AFTER_SCAN: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_RESTART: Final = re.compile(rb"\xff[\xd0-\xd7]")
_MAX_SEGMENTS: Final = 4_096

_END_MARKER: Final = b"\xff\xd9"
_NO_CODE: Final = b"\xff\x00"  # eight bits of one, as scans spell them
# libjpeg reads ahead by up to 64 bits, which ends the only scan of a file. In the midst of one of several scans it
# takes at least 7 bytes at a time, and so leaves some over after all but one of seven calls; after a scan it skips
# whatever comes, until a marker does.
_READ_AHEAD: Final = 8
_LONGEST_WAIT: Final = 10
_SKIPPED_IN_A_ROW: Final = 2


class MissingPartError(Exception):
    """A file lacks a part of its pixels."""


@dataclass(frozen=True, slots=True)
class ScanData:
    """Where the coded data of the last scan ends, whether it is one of `several`, and whether that is not all of it.

    `cut` is True where a scan has fewer restart markers than its blocks need, and where the file ends without a marker
    and before every bit of every coefficient was sent. With an end marker fewer bits are allowed (T.81, G.1.1.1.1):
    some encoders leave the last ones out.
    """

    end: int
    several: bool
    cut: bool = False


def scan_data(data: bytes) -> ScanData | None:
    """The scans of a JPEG up to its end marker, the next picture's start, or the file's end.

    None for arithmetic and lossless coding, which the decoder reads in another way, and where there is no scan.
    """
    position, end, ended, cut, interval = 2, 0, False, False, 0
    frame = _Frame((0, 0), {})
    sent: dict[int, int] = {}  # by component, a bit for each coefficient whose last bit was sent
    for _ in range(_MAX_SEGMENTS):
        found = _MARKER.search(data, position)
        if found is None:
            break
        start = position = found.end()
        marker = data[start - 1]
        if marker in _BARE:
            continue
        ended = marker in (_START, _END)
        length = int.from_bytes(data[start : start + 2])
        if ended or length < 2 or start + length > len(data):
            break
        position += length
        segment = data[start + 2 : position]
        if marker in _OTHER_FRAMES:
            return None
        if marker in _FRAMES and len(segment) >= 6:
            frame = _Frame.of(segment)
            sent = dict.fromkeys(frame.sampling, 0)
        elif marker == _RESTART_INTERVAL and len(segment) >= 2:
            interval = int.from_bytes(segment[:2])
        elif marker == _SCAN and len(segment) >= 1 + 2 * segment[0] + 3:
            after = _AFTER_SCAN.search(data, position)
            only = not end and segment[0] == len(sent) and segment[-3:] == _EVERYTHING
            end = position = len(data) if after is None else after.start()
            components = segment[1 : 1 + 2 * segment[0] : 2]
            if interval:
                restarts = -(-frame.units(components) // interval) - 1
                cut = cut or len(_RESTART.findall(data, start + length, end)) < restarts
            if only:
                return ScanData(end, several=False, cut=cut)
            first, last, bits = segment[-3:]
            if not bits & 15:
                for component in components:
                    sent[component] = sent.get(component, 0) | (2 << last) - (1 << first)
    if not end:
        return None
    cut = cut or (not ended and any(each != _ALL_COEFFICIENTS for each in sent.values()))
    return ScanData(end, several=True, cut=cut)


@dataclass(frozen=True, slots=True)
class _Frame:
    """A frame header: width and height in pixels, and the sampling factors (1 to 4) of each component."""

    size: tuple[int, int]
    sampling: dict[int, tuple[int, int]]

    @classmethod
    def of(cls, segment: bytes) -> _Frame:
        """The frame of a header's content, which has at least 6 bytes."""
        height, width = int.from_bytes(segment[1:3]), int.from_bytes(segment[3:5])
        components = zip(segment[6::3], segment[7::3], strict=False)
        return cls((width, height), {each: (max(1, both >> 4), max(1, both & 15)) for each, both in components})

    def units(self, components: bytes) -> int:
        """How many minimum coded units a scan of these components has (T.81, A.2)."""
        factors = self.sampling.values() or [(1, 1)]
        across, down = (max(each[axis] for each in factors) for axis in (0, 1))
        if len(components) != 1:
            return -(-self.size[0] // (8 * across)) * -(-self.size[1] // (8 * down))
        own = self.sampling.get(components[0], (1, 1))
        wide, high = -(-self.size[0] * own[0] // across), -(-self.size[1] * own[1] // down)
        return -(-wide // 8) * -(-high // 8)


def decode_scans(picture: JpegImageFile, data: bytes, scans: ScanData, *, complete: bool = True) -> None:
    """Load the pixels of an opened JPEG, whose file is `data`.

    Raises `MissingPartError` where the last scan lacks blocks. With `complete` False it does so in any case, and what
    there is of a file with one scan is then in `picture.im`, in rows of blocks, nothing invented. Raises OSError where
    the decoder finds the file broken.
    """
    if scans.cut and (complete or scans.several):
        raise MissingPartError
    picture.load_prepare()
    ((codec, extents, _, args),) = picture.tile
    decoder = Image._getdecoder(picture.mode, codec, args, picture.decoderconfig)
    try:
        decoder.setimage(picture.im, extents)
        used, error = decoder.decode(memoryview(data)[: scans.end])
        rest = data[used : scans.end] if used >= 0 else b""
        skipped = 0
        for _ in range(0 if not complete else _LONGEST_WAIT if scans.several else _READ_AHEAD):
            if used < 0 or skipped == _SKIPPED_IN_A_ROW:
                break
            rest += _NO_CODE
            used, error = decoder.decode(rest)
            rest = rest[used:]
            skipped = skipped + 1 if scans.several and not rest else 0
        if used >= 0 and skipped == _SKIPPED_IN_A_ROW:
            used, error = decoder.decode(_END_MARKER)
    finally:
        decoder.cleanup()
    if used >= 0:
        raise MissingPartError
    if error < 0:
        raise OSError("the decoder finds it broken")
    picture.tile = []
    picture.readonly = 0  # as Pillow's `load` does: else the first change would copy the picture
    picture.load_end()
