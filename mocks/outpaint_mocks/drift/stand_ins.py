"""A picture that stands in for one that was not kept: same format, size, mode and layout, other pixels."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from functools import lru_cache
from typing import Any, Final

from PIL import Image

from outpaint_mocks.drift.picture_facts import LARGEST_AREA
from outpaint_mocks.drift.recording import Damage, Picture

_LEVELS: Final = {"#": 255, "+": 128, ".": 0}
_PNG: Final = b"\x89PNG\r\n\x1a\n"


@lru_cache(maxsize=64)
def stand_in(picture: Picture, at_least: int = 0) -> bytes:
    """The file that stands in: the same for the same facts, another for another hash; at least so many bytes long.

    A picture that was kept is given back as it was.
    """
    if picture.data is not None:
        return base64.b64decode(picture.data)
    data = _no_picture(picture) if picture.format is None else _drawn(picture)
    return data + bytes(max(0, at_least - len(data)))


def media_type(picture: Picture) -> str:
    """The media type of the picture's format."""
    return "application/octet-stream" if picture.format is None else f"image/{picture.format.lower()}"


def data_uri(picture: Picture) -> str:
    """The stand-in as a data: URI."""
    return f"data:{media_type(picture)};base64,{base64.b64encode(stand_in(picture)).decode()}"


def _no_picture(picture: Picture) -> bytes:
    """Bytes that no decoder takes, as many as there were up to a few."""
    filler = f"no picture {picture.sha256} ".encode()
    wanted = min(picture.bytes, 4096)
    return (filler * (wanted // len(filler) + 1))[:wanted]


def _drawn(picture: Picture) -> bytes:
    width, height = picture.width or 1, picture.height or 1
    if width * height > LARGEST_AREA:
        return _header_alone(width, height)
    image = _surface(picture, width, height)
    options: dict[str, Any] = {}
    if picture.orientation is not None:
        exif = Image.Exif()
        exif[0x0112] = picture.orientation
        options["exif"] = exif
    if picture.frames > 1:
        options |= {"save_all": True, "append_images": [image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)]}
    format_ = picture.format or "PNG"
    file = io.BytesIO()
    try:
        image.save(file, format_, **options)
    except (OSError, ValueError, KeyError):
        # A format that is read and not written here: PNG has room for every mode that a mask or picture has.
        file = io.BytesIO()
        image.convert("RGBA").save(file, "PNG")
    data = file.getvalue()
    return data[: len(data) // 2] if picture.damage is Damage.TRUNCATED else data


def _surface(picture: Picture, width: int, height: int) -> Image.Image:
    """Two colours of the hash, one blending into the other, and the layout over them."""
    shades = bytes.fromhex(picture.sha256)[:6]
    ramp = Image.linear_gradient("L").resize((width, height))
    colours = [Image.new("RGB", (width, height), tuple(shades[start : start + 3])) for start in (0, 3)]
    image = Image.composite(colours[0], colours[1], ramp)
    layout = _stand_in_layout(picture, width, height)
    if layout is not None and picture.reads == "luminance":
        return layout.convert(picture.mode or "L")
    mode = picture.mode or "RGB"
    if layout is None:
        return image.convert(mode)
    image.putalpha(layout)
    return image.convert(mode) if mode in ("RGBA", "LA") else image


def _stand_in_layout(picture: Picture, width: int, height: int) -> Image.Image | None:
    if not picture.layout:
        return None
    cells = bytes(_LEVELS.get(letter, 255) for row in picture.layout for letter in row)
    size = (len(picture.layout[0]), len(picture.layout))
    return Image.frombytes("L", size, cells).resize((width, height), Image.Resampling.NEAREST)


def _header_alone(width: int, height: int) -> bytes:
    """A PNG of which nothing but its size can be read: a picture this large is refused by that."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        _PNG + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + struct.pack(">I", 8) + b"IDAT"
    )
