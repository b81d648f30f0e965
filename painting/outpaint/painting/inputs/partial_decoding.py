"""Decodes what there is of a picture whose file ends early, and tells which of its rows are missing."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from PIL import Image
from PIL.ImageFile import ImageFile

_BY_ROWS: Final = frozenset({"jpeg", "zip", "raw"})
"""Pillow's decoders that write whole rows, each as soon as it is there."""


@dataclass(frozen=True, slots=True)
class PartlyDecoded:
    """The decoded picture, `there` (L: 255 where its file has pixels, else 0), and the share of rows that are not."""

    picture: ImageFile
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


def _noise(mode: str, width: int) -> bytes:
    bands = len(Image.new(mode, (1, 1)).getbands())
    return random.Random(width).randbytes((width + 7) // 8 if mode == "1" else width * bands)  # noqa: S311 - no secret
