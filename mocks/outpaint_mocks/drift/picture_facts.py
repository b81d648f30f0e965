"""A picture's facts: size, format, hash, and a coarse map of what is transparent or masked; no pixels."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import struct
import warnings
from typing import Any, Final, Literal

from PIL import Image, ImageStat

from outpaint_mocks.drift.recording import Damage, Picture

LARGEST_AREA: Final = 64_000_000
"""Pixels; a larger picture is judged by its header alone, and its stand-in has no more."""
_CELLS: Final = 32
_ORIENTATION: Final = 0x0112
_DATA_URI: Final = re.compile(r"(?is)data:(image/[a-z0-9.+-]+|application/octet-stream)?(;[a-z0-9=-]+)*;base64,(.+)")


def facts_of(data: bytes, *, is_mask: bool = False, keep: bool = False) -> Picture:
    """What is kept of these bytes; with `keep` the bytes too. Never raises: what is no picture is told to be none."""
    known: dict[str, Any] = {
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "data": base64.b64encode(data).decode() if keep else None,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            picture = Image.open(io.BytesIO(data))
        except Image.DecompressionBombError:
            return _too_large(data, known)
        except Exception:  # noqa: BLE001 - a file may be broken in any way, and a decoder may say so by any error
            return Picture(format=None, damage=Damage.UNREADABLE, **known)
        known |= {
            "format": picture.format,
            "mode": picture.mode,
            "width": picture.width,
            "height": picture.height,
        }
        if picture.width * picture.height > LARGEST_AREA:
            return Picture(**known)
        try:
            picture.load()
            known["frames"] = getattr(picture, "n_frames", 1)
            orientation = picture.getexif().get(_ORIENTATION)
            reads, layout = _layout(picture, is_mask=is_mask)
        except Exception:  # noqa: BLE001 - as above
            return Picture(damage=Damage.TRUNCATED, **known)
    return Picture(orientation=orientation if orientation in range(1, 9) else None, reads=reads, layout=layout, **known)


def _too_large(data: bytes, known: dict[str, Any]) -> Picture:
    """A picture of a size that Pillow does not even open: a PNG tells it at a fixed place."""
    if data[12:16] != b"IHDR":
        return Picture(format=None, damage=Damage.UNREADABLE, **known)
    width, height = struct.unpack(">II", data[16:24])
    return Picture(format="PNG", mode="RGB", width=width, height=height, **known)


def of_data_uri(text: str, *, is_mask: bool = False, keep: bool = False) -> Picture | None:
    """The facts of the picture in a data: URI; None for any other text."""
    found = _DATA_URI.fullmatch(text.strip())
    if found is None:
        return None
    try:
        data = base64.b64decode(found[3], validate=False)
    except ValueError:
        data = found[3].encode()
    return facts_of(data, is_mask=is_mask, keep=keep)


def _layout(picture: Image.Image, *, is_mask: bool) -> tuple[Literal["alpha", "luminance"] | None, tuple[str, ...]]:
    has_alpha = "A" in picture.getbands() or "transparency" in picture.info
    if has_alpha:
        alpha = picture.convert("RGBA").getchannel("A")
        if alpha.getextrema() != (255, 255):
            return "alpha", _rows(alpha)
    if is_mask or _looks_like_a_mask(picture):
        return "luminance", _rows(picture.convert("L"))
    return None, ()


def _looks_like_a_mask(picture: Image.Image) -> bool:
    """Whether nearly all of it is black or white: a mask that came ahead of its request has no field to tell it."""
    small = picture.convert("RGB").resize((64, 64), Image.Resampling.NEAREST)
    grey = small.convert("L")
    counts = grey.histogram()
    ends = sum(counts[:9]) + sum(counts[247:])
    coloured = max(ImageStat.Stat(small.convert("HSV")).mean[1], 0.0)
    return ends >= 0.99 * 64 * 64 and coloured < 4


def _rows(channel: Image.Image) -> tuple[str, ...]:
    """The map of one channel; whatever extreme it has somewhere is in the map somewhere."""
    size = (min(_CELLS, channel.width), min(_CELLS, channel.height))
    cells = list(channel.resize(size, Image.Resampling.BOX).tobytes())
    letters = ["#" if cell >= 192 else "." if cell < 64 else "+" for cell in cells]
    low, high = channel.getextrema()
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    if low < 64 and "." not in letters:
        letters[cells.index(min(cells))] = "."
    if high >= 192 and "#" not in letters:
        letters[max(range(len(cells)), key=cells.__getitem__)] = "#"
    return tuple("".join(letters[row * size[0] : (row + 1) * size[0]]) for row in range(size[1]))
