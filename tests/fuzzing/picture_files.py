"""Picture files for fuzzing: small ones of every type, with every layout of transparency, whole and damaged.

Needs hypothesis and Pillow, so that the environments of Schemathesis and of the tests both have it.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from enum import Enum
from typing import Final

from hypothesis import strategies as st
from PIL import Image, ImageDraw

TYPES: Final = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "image/bmp": "BMP",
    "image/tiff": "TIFF",
}
SMALLEST, LARGEST = 16, 40
_WITH_ALPHA: Final = frozenset({"PNG", "WEBP", "TIFF"})


class Layout(Enum):
    """Where a picture is open; a mask's are the same, its opaque part white."""

    BORDER = "border"
    RIGHT = "right"
    HOLE = "hole"
    SOFT = "soft"
    SPECKS = "specks"


class Damage(Enum):
    """What is wrong with a file; a service must refuse each, whatever else is right."""

    CUT = "cut"
    EMPTY = "empty"
    TEXT = "text"
    GIF = "gif"
    MOVING = "moving"
    BROKEN_CHECKSUM = "broken checksum"
    HUGE = "huge"
    TINY = "tiny"


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A recipe; equal recipes make equal bytes. Types that carry no transparency come out opaque."""

    type: str
    width: int
    height: int
    layout: Layout = Layout.BORDER
    colour: int = 0
    opaque: bool = False

    @property
    def is_open(self) -> bool:
        """Whether the file itself says what to paint."""
        return not self.opaque and self.type in _WITH_ALPHA

    def encoded(self) -> bytes:
        """The file."""
        picture = Image.new("RGB", (self.width, self.height), (self.colour % 256, 90, 200))
        ImageDraw.Draw(picture).line((0, 0, self.width, self.height), fill=(250, 220, 30), width=3)
        if self.is_open:
            picture.putalpha(_openness(self.layout, self.width, self.height))
        return _saved(picture, self.type)

    def mask(self, layout: Layout, type_: str = "PNG") -> bytes:
        """A mask of this picture's size: white is kept, black is painted."""
        return _saved(_openness(layout, self.width, self.height), type_)

    def damaged(self, damage: Damage) -> bytes:
        """The file with something wrong with it."""
        whole = self.encoded()
        match damage:
            case Damage.CUT:
                return whole[: len(whole) // 2]
            case Damage.EMPTY:
                return b""
            case Damage.TEXT:
                return b"@canvas.png"
            case Damage.GIF:
                return _saved(Image.new("P", (self.width, self.height)), "GIF")
            case Damage.MOVING:
                frames = [Image.new("RGBA", (self.width, self.height), (i, 0, 0, i)) for i in (60, 120)]
                return _saved(frames[0], "PNG", save_all=True, append_images=frames[1:])
            case Damage.BROKEN_CHECKSUM:
                png = PictureFile("PNG", self.width, self.height, self.layout).encoded()
                at = png.index(b"IDAT") + 8
                return png[:at] + bytes([png[at] ^ 0x55]) + png[at + 1 :]
            case Damage.HUGE:
                return _png_header(60_000, 60_000)
            case Damage.TINY:
                return _saved(Image.new("RGBA", (1, 1)), "PNG")


def pictures(
    types: tuple[str, ...] = tuple(TYPES.values()), *, opaque: bool | None = None
) -> st.SearchStrategy[PictureFile]:
    """Whole pictures; where `opaque` is None, as it comes."""
    return st.builds(
        PictureFile,
        type=st.sampled_from(types),
        width=st.integers(SMALLEST, LARGEST),
        height=st.integers(SMALLEST, LARGEST),
        layout=st.sampled_from(Layout),
        colour=st.integers(0, 255),
        opaque=st.booleans() if opaque is None else st.just(opaque),
    )


def damaged_files() -> st.SearchStrategy[bytes]:
    """Files that no service may take for a picture to outpaint."""
    return st.builds(PictureFile.damaged, pictures(), st.sampled_from(Damage))


def _openness(layout: Layout, width: int, height: int) -> Image.Image:
    """White where the picture is kept, black where it is to be painted."""
    if layout is Layout.SOFT:
        return Image.linear_gradient("L").resize((width, height))
    alpha = Image.new("L", (width, height), 255 if layout in (Layout.HOLE, Layout.SPECKS) else 0)
    draw = ImageDraw.Draw(alpha)
    if layout is Layout.BORDER:
        draw.rectangle((width // 4, height // 4, width * 3 // 4, height * 3 // 4), fill=255)
    elif layout is Layout.RIGHT:
        draw.rectangle((0, 0, width // 2, height), fill=255)
    elif layout is Layout.HOLE:
        draw.rectangle((width // 3, height // 3, width * 2 // 3, height * 2 // 3), fill=0)
    else:
        for x in range(1, width, 5):
            draw.line((x, 0, x, height), fill=0)
    return alpha


def _saved(picture: Image.Image, type_: str, **options: object) -> bytes:
    file = io.BytesIO()
    if type_ == "WEBP":
        options |= {"lossless": True}
    picture.save(file, type_, **options)  # type: ignore[arg-type]
    return file.getvalue()


def _png_header(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")
