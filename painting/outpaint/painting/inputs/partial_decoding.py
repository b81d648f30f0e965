"""Decodes pictures so that a missing part shows, and what there is of those whose file ends early.

libjpeg takes a file whose end is missing for a picture with a grey rest once any marker follows, and one without an end
marker for incomplete though every block is there. So the decoder is not given what follows the last scan. It is given
bits of one instead, which are no Huffman code (ITU-T T.81, annex C): a decoder that has all blocks does not need them.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile

from outpaint.painting.inputs.bmp_pixels import BmpLayout, bmp_pixels
from outpaint.painting.inputs.file_header import MissingPartError
from outpaint.painting.inputs.jpeg_scans import FRAMES, JpegFrame, ScanData, segments

_BY_ROWS: Final = frozenset({"jpeg", "zip", "raw"})
"""Pillow's decoders that write whole rows, each as soon as it is there."""

_END_MARKER: Final = b"\xff\xd9"
_NO_CODE: Final = b"\xff\x00"  # eight bits of one, as scans spell them
# libjpeg reads ahead by up to 64 bits, which ends the only scan of a file. In the midst of one of several scans it
# takes at least 7 bytes at a time, and so leaves some over after all but one of seven calls; after a scan it skips
# whatever comes, until a marker does.
_READ_AHEAD: Final = 8
_LONGEST_WAIT: Final = 10
_SKIPPED_IN_A_ROW: Final = 2
_LONGEST_SIDE: Final = 65_500  # of a JPEG, to libjpeg (JPEG_MAX_DIMENSION)


@dataclass(frozen=True, slots=True)
class PartlyDecoded:
    """The decoded picture, `there` (L: 255 where its file has pixels, else 0), and the share of rows that are not."""

    picture: Image.Image
    there: Image.Image
    missing: float


def decode_partly(picture: ImageFile, load: Callable[[], object]) -> PartlyDecoded | None:
    """What an opened picture has, once `load` has tried to decode it; None where it cannot be told by rows.

    The picture is filled with noise first: a row that is the same noise afterwards was not decoded. A row of 16 and
    more random pixels is no picture's own.
    """
    if len(picture.tile) != 1 or picture.tile[0].codec_name not in _BY_ROWS or picture.info.get("interlace"):
        return None
    width, height = picture.size
    row = Image.frombytes(picture.mode, (width, 1), _noise(picture.mode, width))
    picture.im = row.resize((width, height), Image.Resampling.NEAREST).im
    try:
        load()
    except Exception:  # noqa: BLE001 - decoders raise anything; what they have decoded counts
        picture.tile = []
    noise = row.tobytes()
    there = Image.new("L", (width, height), 255)
    missing = 0
    for top in range(height):
        if Image.Image.crop(picture, (0, top, width, top + 1)).tobytes() == noise:
            there.paste(0, (0, top, width, top + 1))
            missing += 1
    return PartlyDecoded(picture, there, missing / height)


def bmp_partly(data: bytes, layout: BmpLayout) -> PartlyDecoded:
    """What a BMP has: its rows stand one behind the other."""
    width, height = layout.size
    rows = layout.rows_in(data)
    picture = bmp_pixels(data.ljust(layout.start + height * layout.row_bytes, b"\0"), layout)
    there = Image.new("L", layout.size, 0)
    there.paste(255, (0, 0, width, rows) if layout.downward else (0, height - rows, width, height))
    return PartlyDecoded(picture, there, (height - rows) / height)


def _noise(mode: str, width: int) -> bytes:
    bands = len(Image.new(mode, (1, 1)).getbands())
    return random.Random(width).randbytes((width + 7) // 8 if mode == "1" else width * bands)  # noqa: S311 - no secret


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


def decode_last_interval(data: bytes, scans: ScanData) -> bool:
    """Decode what follows a JPEG's last restart marker, where its pixels are not needed; False where that cannot be.

    Decoding begins anew at a restart marker (ITU-T T.81, E.2.4), and of an interval before the last one libjpeg makes
    all units whatever data it has. So the file lacks blocks exactly where this part does, which is decoded as a picture
    of one row of units. Raises what `decode_scans` raises.
    """
    if scans.last is None:
        return False
    head = bytearray(data[: scans.end - scans.last.coded])
    for segment in segments(bytes(head)):
        if segment.marker in FRAMES:
            break
    else:
        return False
    frame = JpegFrame.of(data, segment)
    # A scan of one component has units of one block, whatever its factors are.
    factors = list(frame.sampling.values()) if frame.channels > 1 else [(1, 1)]
    across, down = (max(each[axis] for each in factors) for axis in (0, 1))
    width = 8 * across * scans.last.units
    if len(frame.sampling) != frame.channels or width > _LONGEST_SIDE:
        return False
    struct.pack_into(">HH", head, segment.start + 3, 8 * down, width)
    row = bytes(head) + data[scans.end - scans.last.length : scans.end]
    decode_scans(JpegImageFile(BytesIO(row)), row, ScanData(len(row), several=False))
    return True
