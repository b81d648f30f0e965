"""Walks a JPEG's marker segments (ITU-T T.81, annex B) and scans as a decoder meets them, without decoding."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from outpaint.painting.inputs.file_header import DamagedFileError, UnsupportedFileError

SCAN: Final = 0xDA
FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_RESTART_INTERVAL: Final = 0xDD
_ENDS: Final = frozenset({0xD8, 0xD9})  # of a picture: the next one's start, and its own end
_BARE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
# One 0xFF and no run of them: a pattern that begins with a fixed byte is found thirty times as fast.
_MARKER: Final = re.compile(rb"\xff[^\x00\xff]")
# A scan's data goes on after a stuffed zero and after a restart.
_AFTER_SCAN: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_RESTART: Final = re.compile(rb"\xff[\xd0-\xd7]")
_MAX_SEGMENTS: Final = 4_096
_PROGRESSIVE: Final = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_HUFFMAN: Final = frozenset({0xC0, 0xC1, 0xC2})
_ALL_COEFFICIENTS: Final = (1 << 64) - 1
_IN_ORDER: Final = b"".join(bytes((0xFF, number)) for number in range(0xD0, 0xD8))

CHANNELS: Final = frozenset({1, 3, 4})
"""The numbers of channels that are read."""

# Each scan makes the decoder pass over the whole picture again, however few bytes it has: that takes about a second for
# 1,000 million pixels. Encoders write about ten scans (libjpeg-turbo, "Two Issues with the JPEG Standard").
_MAX_SCANS: Final = 100
_USUAL_SCANS: Final = 20
_MAX_SCANNED_PIXELS: Final = 800_000_000


class JpegSegment(NamedTuple):
    """One segment: `start` is at its length field, `end` behind it; `stop` is where coded data behind a scan ends."""

    marker: int
    start: int
    end: int
    stop: int


def segments(data: bytes) -> Iterator[JpegSegment]:
    """Each segment of the first picture, its end marker or the next picture's start the last one; none that is cut.

    Segments are passed by their length, as libjpeg does, so that none can hide a scan or an end; a length below that of
    its own field counts as none. Raises `DamagedFileError` for more segments than a picture has.
    """
    position = 2
    for _ in range(_MAX_SEGMENTS):
        found = _MARKER.search(data, position)
        if found is None:
            return
        start = position = found.end()
        marker = data[start - 1]
        if marker in _BARE:
            continue
        if marker in _ENDS:
            yield JpegSegment(marker, start, start, start)
            return
        end = start + max(2, int.from_bytes(data[start : start + 2]))
        if end > len(data):
            return
        position = end
        if marker == SCAN:
            after = _AFTER_SCAN.search(data, end)
            position = len(data) if after is None else after.start()
        yield JpegSegment(marker, start, end, position)
    raise DamagedFileError(f"it has more than {_MAX_SEGMENTS} segments")


@dataclass(frozen=True, slots=True)
class JpegFrame:
    """A frame header: its marker, bits a channel, width and height, and each component's sampling factors (1 to 4)."""

    marker: int
    bits: int
    size: tuple[int, int]
    channels: int
    sampling: dict[int, tuple[int, int]]

    @classmethod
    def of(cls, data: bytes, segment: JpegSegment) -> JpegFrame:
        """The frame of a segment. Raises `DamagedFileError`, and `UnsupportedFileError` for a number of channels."""
        content = data[segment.start + 2 : segment.end]
        if len(content) < 6:
            raise DamagedFileError("its frame header is too short")
        height, width = int.from_bytes(content[1:3]), int.from_bytes(content[3:5])
        channels = content[5]
        if channels not in CHANNELS:
            raise UnsupportedFileError(f"a JPEG of {channels} channels")
        components = zip(content[6::3], content[7::3], strict=False)
        sampling = {each: (max(1, both >> 4), max(1, both & 15)) for each, both in components}
        return cls(segment.marker, content[0], (width, height), channels, sampling)

    @property
    def most_scans(self) -> int:
        """How many scans a picture of this size may have."""
        width, height = self.size
        return min(_MAX_SCANS, max(_USUAL_SCANS, _MAX_SCANNED_PIXELS // max(1, width * height)))

    def units(self, components: bytes) -> int:
        """How many minimum coded units a scan of these components has (T.81, A.2)."""
        factors = self.sampling.values() or [(1, 1)]
        across, down = (max(each[axis] for each in factors) for axis in (0, 1))
        if len(components) != 1:
            return -(-self.size[0] // (8 * across)) * -(-self.size[1] // (8 * down))
        own = self.sampling.get(components[0], (1, 1))
        wide, high = -(-self.size[0] * own[0] // across), -(-self.size[1] * own[1] // down)
        return -(-wide // 8) * -(-high // 8)


@dataclass(frozen=True, slots=True)
class LastInterval:
    """What follows the last restart marker of a picture's only scan, whose markers are all there, in their order.

    `coded` are the bytes of the whole scan's data, `length` those after that marker, which end where it does; `units`
    are the minimum coded units that they have to make.
    """

    coded: int
    length: int
    units: int


@dataclass(frozen=True, slots=True)
class ScanData:
    """Where the coded data of the last scan ends, whether it is one of `several`, and whether that is not all of it.

    `cut` is True where a scan has fewer restart markers than its blocks need, and where the file ends without a marker
    and before every bit of every coefficient was sent. With an end marker fewer bits are allowed (T.81, G.1.1.1.1):
    some encoders leave the last ones out. `last` is None where there is no such interval.
    """

    end: int
    several: bool
    cut: bool = False
    last: LastInterval | None = None


def scan_data(data: bytes, walked: Iterable[JpegSegment]) -> ScanData | None:
    """The scans of a picture whose segments these are, of which none is looked at that a decoder does not take.

    None for arithmetic and lossless coding, which the decoder reads in another way, and where there is no scan. Raises
    `DamagedFileError` for more scans than a picture of its size may have.
    """
    frame: JpegFrame | None = None
    scans, end, ended, cut, interval = 0, 0, False, False, 0
    sent: dict[int, int] = {}  # by component, a bit for each coefficient whose last bit was sent
    for segment in walked:
        ended = segment.marker in _ENDS
        if segment.marker in FRAMES:
            frame = JpegFrame.of(data, segment)
            sent = dict.fromkeys(frame.sampling, 0)
        elif segment.marker == _RESTART_INTERVAL:
            interval = int.from_bytes(data[segment.start + 2 : segment.end][:2])
        elif segment.marker == SCAN and frame is not None:
            header = data[segment.start + 2 : segment.end]
            if not header or len(header) < 1 + 2 * header[0] + 3:
                continue
            scans, end, components = scans + 1, segment.stop, header[1 : 1 + 2 * header[0] : 2]
            closing = None
            if interval:
                units = frame.units(components)
                restarts = -(-units // interval) - 1
                found = _RESTART.findall(data, segment.end, end)
                cut = cut or len(found) < restarts
                if found and b"".join(found) == (_IN_ORDER * (restarts // 8 + 1))[: 2 * restarts]:
                    length = end - data.rindex(found[-1], segment.end, end) - 2
                    closing = LastInterval(end - segment.end, length, units - restarts * interval)
            # All components in the first of a sequential picture: the decoder takes no other scan.
            if scans == 1 and frame.marker not in _PROGRESSIVE and len(components) == frame.channels:
                return ScanData(end, several=False, cut=cut, last=closing) if frame.marker in _HUFFMAN else None
            if scans > frame.most_scans:
                raise DamagedFileError(
                    f"it has more than {frame.most_scans} scans for {frame.size[0]}x{frame.size[1]} px"
                )
            first, last, bits = header[-3:]
            if not bits & 15:
                for component in components:
                    sent[component] = sent.get(component, 0) | (2 << last) - (1 << first)
    if frame is None or not scans or frame.marker not in _HUFFMAN:
        return None
    cut = cut or (not ended and any(each != _ALL_COEFFICIENTS for each in sent.values()))
    return ScanData(end, several=True, cut=cut)
