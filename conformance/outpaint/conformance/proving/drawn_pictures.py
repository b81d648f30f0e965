"""Pictures to send: small, deterministic, and with pixels whose fate can be told afterwards."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from io import BytesIO
from random import Random
from types import MappingProxyType
from typing import Any

from PIL import Image, ImageChops, ImageStat
from PIL.PngImagePlugin import PngInfo

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
SIZE = (64, 48)
KEEP_BOX = (16, 12, 48, 36)


def noisy_canvas(size: tuple[int, int], keep: tuple[int, int, int, int]) -> bytes:
    """A canvas whose kept part hardly compresses, for cases about length."""
    noise = [Image.effect_noise(size, 80) for _ in range(3)]
    return encode(Image.merge("RGBA", (*noise, canvas_image(size, keep).getchannel("A"))))


def scene(size: tuple[int, int] = SIZE) -> Image.Image:
    """An RGB picture in which every pixel tells its place: red by column, green by row."""
    width, height = size
    across = Image.linear_gradient("L").rotate(90).resize(size)
    down = Image.linear_gradient("L").resize(size)
    return Image.merge("RGB", (across, down, Image.new("L", (width, height), 96)))


def encode(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """A picture as a file's bytes."""
    buffer = BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def decode(data: bytes) -> Image.Image:
    """A file's bytes as a picture, its pixels loaded."""
    picture = Image.open(BytesIO(data))
    picture.load()
    return picture


def canvas_image(size: tuple[int, int] = SIZE, keep: tuple[int, int, int, int] = KEEP_BOX) -> Image.Image:
    """The scene, opaque inside `keep` and transparent around it."""
    picture = scene(size).convert("RGBA")
    alpha = Image.new("L", size, 0)
    alpha.paste(255, keep)
    picture.putalpha(alpha)
    return picture


def canvas(size: tuple[int, int] = SIZE, keep: tuple[int, int, int, int] = KEEP_BOX) -> bytes:
    """`canvas_image` as a PNG: the plainest thing that can be outpainted."""
    return encode(canvas_image(size, keep))


def photo(size: tuple[int, int] = SIZE) -> bytes:
    """The scene as an opaque PNG, to go with a mask."""
    return encode(scene(size))


def jpeg(size: tuple[int, int] = SIZE) -> bytes:
    """The scene as a JPEG."""
    return encode(scene(size), "JPEG", quality=95)


def alpha_mask(size: tuple[int, int] = SIZE, keep: tuple[int, int, int, int] = KEEP_BOX) -> bytes:
    """A mask by alpha: opaque is kept. Its colours say the opposite, so that reading luminance shows."""
    mask = Image.new("RGBA", size, (255, 255, 255, 0))
    mask.paste((0, 0, 0, 255), keep)
    return encode(mask)


def luminance_mask(size: tuple[int, int] = SIZE, keep: tuple[int, int, int, int] = KEEP_BOX) -> bytes:
    """A mask by brightness: white is kept."""
    mask = Image.new("L", size, 0)
    mask.paste(255, keep)
    return encode(mask)


def opaque_everywhere(size: tuple[int, int] = SIZE) -> bytes:
    """An RGBA picture with nothing to paint."""
    return encode(scene(size).convert("RGBA"))


def transparent_everywhere(size: tuple[int, int] = SIZE) -> bytes:
    """An RGBA picture with nothing to keep."""
    return encode(Image.new("RGBA", size, (10, 20, 30, 0)))


def data_uri(data: bytes, media_type: str = "image/png") -> str:
    """A file inside an address."""
    from base64 import b64encode

    return f"data:{media_type};base64,{b64encode(data).decode()}"


def changed_pixels(sent: bytes, received: bytes, box: tuple[int, int, int, int] = KEEP_BOX) -> int:
    """How many pixels inside `box` differ in any channel between what was sent and what came back."""
    before, after = (decode(data).convert("RGB").crop(box).tobytes() for data in (sent, received))
    return sum(before[i : i + 3] != after[i : i + 3] for i in range(0, len(before), 3))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_that_declares(width: int, height: int) -> bytes:
    """A few hundred bytes whose header promises a picture of any size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return _PNG_SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def png_that_declares_frames(frames: int, size: tuple[int, int] = SIZE) -> bytes:
    """A PNG whose animation header promises that many frames, without having them."""
    still = canvas(size)
    # Behind the signature (8 bytes) and IHDR (25 bytes), as the APNG specification wants it.
    return still[:33] + _chunk(b"acTL", struct.pack(">II", frames, 0)) + still[33:]


def animated_webp() -> bytes:
    """A WEBP of two different frames."""
    other = scene().transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return encode(scene(), "WEBP", save_all=True, append_images=[other])


def gif() -> bytes:
    """A kind of file that is not taken."""
    return encode(scene().convert("P"), "GIF")


def strip_above(size: tuple[int, int] = SIZE, keep: tuple[int, int, int, int] = KEEP_BOX) -> tuple[int, int, int, int]:
    """The box over the whole width above `keep`: painted, and far enough from what is kept."""
    return (0, 0, size[0], keep[1])


def mean_difference(sent: bytes, received: bytes, box: tuple[int, int, int, int] = KEEP_BOX) -> float:
    """How far the channels of the pixels inside `box` are apart on average, 0 to 255."""
    before, after = (decode(data).convert("RGB").crop(box) for data in (sent, received))
    return sum(ImageStat.Stat(ImageChops.difference(before, after)).mean) / 3


def noisy_scene(size: tuple[int, int] = SIZE, *, seed: int = 1) -> Image.Image:
    """An RGB picture of which no painter would hit many pixels by chance."""
    return Image.frombytes("RGB", size, Random(seed).randbytes(size[0] * size[1] * 3))  # noqa: S311 - not for secrets


def canvas_over(hidden: Image.Image, keep: tuple[int, int, int, int] = KEEP_BOX) -> bytes:
    """The plain canvas, with the pixels of `hidden` under its transparency."""
    picture = hidden.convert("RGB")
    picture.paste(scene(picture.size).crop(keep), keep)
    alpha = Image.new("L", picture.size, 0)
    alpha.paste(255, keep)
    picture.putalpha(alpha)
    return encode(picture)


def png_of_16_bits(size: tuple[int, int] = SIZE, keep: tuple[int, int, int, int] = KEEP_BOX) -> bytes:
    """The canvas at 16 bits a channel, each colour a little above its value at 8, so that rounding gives that back.

    Who cuts the lower byte off instead is one level too high in the brighter half.
    """
    width, height = size
    eight = canvas_image(size, keep).tobytes()
    rows = []
    for y in range(height):
        row = bytearray(b"\0")
        for x in range(width):
            start = 4 * (y * width + x)
            colours, alpha = eight[start : start + 3], eight[start + 3]
            row += struct.pack(">4H", *(min(value * 257 + 100, 65535) for value in colours), alpha * 257)
        rows.append(bytes(row))
    header = struct.pack(">IIBBBBB", width, height, 16, 6, 0, 0, 0)
    pixels = zlib.compress(b"".join(rows))
    return _PNG_SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def orientation_exif(value: int, *, long: bool = False) -> bytes:
    """An EXIF block with an orientation and nothing else; `long` gives it the type that some cameras wrongly use."""
    kind, shown = (4, struct.pack("<I", value)) if long else (3, struct.pack("<HH", value, 0))
    entry = struct.pack("<HHI", 0x0112, kind, 1) + shown
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 1) + entry + bytes(4)


TURNS: Mapping[int, Image.Transpose] = MappingProxyType(
    {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
)
"""What was done to an upright picture that is stored under this orientation (EXIF 2.32, 4.6.4)."""


def stored_turned(upright: Image.Image, orientation: int, kind: str = "PNG", **options: Any) -> bytes:
    """A file whose pixels lie turned and whose EXIF tells how to put them upright again."""
    turn = TURNS.get(orientation)
    stored = upright if turn is None else upright.transpose(turn)
    return encode(stored, kind, exif=orientation_exif(orientation), **options)


def with_metadata(marker: str, kind: str) -> bytes:
    """A file full of `marker`, in EXIF with a GPS position, in XMP and in a comment: the canvas as PNG, or a JPEG."""
    exif = Image.Exif()
    exif[0x010F] = exif[0x013B] = marker  # maker and artist
    exif[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0), 29: marker}
    xmp = f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{marker}</x:xmpmeta>'
    if kind == "JPEG":
        return encode(scene(), "JPEG", quality=95, exif=exif, comment=marker.encode(), xmp=xmp.encode())
    texts = PngInfo()
    texts.add_text("Comment", marker)
    texts.add_itxt("XML:com.adobe.xmp", xmp)
    return encode(canvas_image(), exif=exif, pnginfo=texts)


def metadata_told(data: bytes) -> str:
    """All that a file says beside its pixels and their profile, as text: EXIF, texts, XMP."""
    picture = decode(data)
    said = {name: value for name, value in picture.info.items() if name != "icc_profile"}
    exif = picture.getexif()
    return f"{said!r} {dict(exif)!r} {dict(exif.get_ifd(0x8825))!r}"
