"""Pictures that cases send: small, the same at every run, and such that kept pixels can be known from painted ones."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from functools import cache
from io import BytesIO
from random import Random
from typing import Any, Final

from PIL import Image
from PIL.PngImagePlugin import PngInfo

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels, right and bottom excluded."""

SIZE: Final = (64, 48)
KEEP_BOX: Final = (16, 12, 48, 36)
_PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""What was done to an upright picture that is stored under this orientation (EXIF 2.32, 4.6.4)."""


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


def data_uri(data: bytes) -> str:
    """A file as a base64 data: URI, labelled as a PNG."""
    return f"data:image/png;base64,{b64encode(data).decode()}"


# Opaque pictures


def scene(size: tuple[int, int] = SIZE) -> Image.Image:
    """An RGB picture whose colours say where a pixel is: red by column, green by row."""
    width, height = size
    across = Image.linear_gradient("L").rotate(90).resize(size)
    down = Image.linear_gradient("L").resize(size)
    return Image.merge("RGB", (across, down, Image.new("L", (width, height), 96)))


@cache
def photo(size: tuple[int, int] = SIZE) -> bytes:
    """The scene as an opaque PNG, to go with a mask."""
    return encode(scene(size))


@cache
def jpeg() -> bytes:
    """The scene as a JPEG."""
    return encode(scene(), "JPEG", quality=95)


def noisy_scene(size: tuple[int, int] = SIZE, *, seed: int = 1) -> Image.Image:
    """An RGB picture of which no painter would hit many pixels by chance."""
    return Image.frombytes("RGB", size, Random(seed).randbytes(size[0] * size[1] * 3))  # noqa: S311 - not for secrets


@cache
def noisy_photo() -> bytes:
    """The noisy scene as an opaque PNG."""
    return encode(noisy_scene())


# Pictures with transparency, and masks


def box_mask(size: tuple[int, int] = SIZE, keep: Box = KEEP_BOX) -> Image.Image:
    """Black in mode L, white inside `keep`: a mask by brightness, or an alpha channel."""
    mask = Image.new("L", size, 0)
    mask.paste(255, keep)
    return mask


def canvas_image(size: tuple[int, int] = SIZE, keep: Box = KEEP_BOX) -> Image.Image:
    """The scene, opaque inside `keep` and transparent around it."""
    return _opaque_inside(scene(size), keep)


@cache
def canvas(size: tuple[int, int] = SIZE, keep: Box = KEEP_BOX) -> bytes:
    """`canvas_image` as a PNG: the plainest thing that can be outpainted."""
    return encode(canvas_image(size, keep))


def noisy_canvas(size: tuple[int, int], keep: Box) -> bytes:
    """A canvas whose kept part hardly compresses, for cases about length."""
    return encode(_opaque_inside(noisy_scene(size), keep))


def canvas_over(hidden: Image.Image) -> bytes:
    """The plain canvas, with the pixels of `hidden` under its transparency."""
    picture = hidden.convert("RGB")
    picture.paste(scene(picture.size).crop(KEEP_BOX), KEEP_BOX)
    return encode(_opaque_inside(picture, KEEP_BOX))


def _opaque_inside(picture: Image.Image, keep: Box) -> Image.Image:
    picture = picture.convert("RGBA")
    picture.putalpha(box_mask(picture.size, keep))
    return picture


def opaque_everywhere() -> bytes:
    """An RGBA picture with nothing to paint."""
    return encode(scene().convert("RGBA"))


def transparent_everywhere() -> bytes:
    """An RGBA picture with nothing to keep."""
    return encode(Image.new("RGBA", SIZE, (10, 20, 30, 0)))


@cache
def alpha_mask(size: tuple[int, int] = SIZE, keep: Box = KEEP_BOX) -> bytes:
    """A mask by alpha: opaque is kept. Its colours say the opposite, so that reading luminance shows."""
    mask = Image.new("RGBA", size, (255, 255, 255, 0))
    mask.paste((0, 0, 0, 255), keep)
    return encode(mask)


@cache
def luminance_mask() -> bytes:
    """A mask by brightness: white is kept."""
    return encode(box_mask())


def strip_above() -> Box:
    """The box over the whole width above `KEEP_BOX`: painted, and far enough from what is kept."""
    return (0, 0, SIZE[0], KEEP_BOX[1])


# Unusual files


def jpeg_of_scans(more: int, *, comment: bytes = b"") -> bytes:
    """A progressive JPEG whose last scan comes again so many times, behind a comment where one is given."""
    data = encode(scene(), "JPEG", progressive=True)
    scan, end = data[data.rindex(b"\xff\xda") : -2], data[-2:]
    between = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment if comment else b""
    return data[:-2] + between + scan * more + end


def png_that_declares(width: int, height: int) -> bytes:
    """A few hundred bytes whose header declares a picture of this size."""
    return _png(_header(width, height, 8), bytes(1000))


def png_that_declares_frames(frames: int) -> bytes:
    """A PNG whose animation header declares that many frames, which it does not have."""
    still = canvas()
    # Behind the signature (8 bytes) and IHDR (25 bytes), as the APNG specification wants it.
    return with_chunk(still, b"acTL", struct.pack(">II", frames, 0))


def animated_webp() -> bytes:
    """A WEBP of two different frames."""
    other = scene().transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return encode(scene(), "WEBP", save_all=True, append_images=[other])


def gif() -> bytes:
    """A kind of file that is not taken."""
    return encode(scene().convert("P"), "GIF")


@cache
def tiff_of_16_bits_in_planes() -> bytes:
    """The canvas as a TIFF with 16 bits a channel, each channel in a strip of its own.

    That is PlanarConfiguration 2 of TIFF 6.0. Each value is that of 8 bits, written twice.
    """
    width, height = SIZE
    planes = [bytes(twice for value in band.tobytes() for twice in (value, value)) for band in canvas_image().split()]
    bits, places, lengths, pixels = 134, 142, 158, 174
    tags = [
        (256, 3, 1, width), (257, 3, 1, height), (258, 3, 4, bits), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 4, places),
        (277, 3, 1, 4), (279, 4, 4, lengths), (284, 3, 1, 2), (338, 3, 1, 2),
    ]  # fmt: skip
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    values = struct.pack("<4H", *[16] * 4)
    values += struct.pack("<4I", *(pixels + number * len(planes[0]) for number in range(4)))
    values += struct.pack("<4I", *map(len, planes))
    return head + bytes(4) + values + b"".join(planes)


@cache
def png_of_16_bits() -> bytes:
    """The canvas at 16 bits a channel, each colour a little above its value at 8, so that rounding gives that back.

    Cutting the lower byte off instead gives one level too much in the brighter half.
    """
    width, height = SIZE
    eight = canvas_image().tobytes()
    rows = []
    for y in range(height):
        row = bytearray(b"\0")
        for x in range(width):
            start = 4 * (y * width + x)
            colours, alpha = eight[start : start + 3], eight[start + 3]
            row += struct.pack(">4H", *(min(value * 257 + 100, 65535) for value in colours), alpha * 257)
        rows.append(bytes(row))
    return _png(_header(width, height, 16), b"".join(rows))


def _header(width: int, height: int, depth: int) -> bytes:
    """The content of IHDR: RGBA, not interlaced."""
    return struct.pack(">IIBBBBB", width, height, depth, 6, 0, 0, 0)


def _png(header: bytes, rows: bytes) -> bytes:
    return _PNG_SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def with_chunk(png: bytes, kind: bytes, data: bytes) -> bytes:
    """A PNG with one more chunk behind its first."""
    return png[:33] + _chunk(kind, data) + png[33:]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


# EXIF and other metadata


def orientation_exif(value: int, *, long: bool = False) -> bytes:
    """An EXIF block with an orientation and nothing else; `long` gives it the type that some cameras wrongly use."""
    kind, shown = (4, struct.pack("<I", value)) if long else (3, struct.pack("<HH", value, 0))
    entry = struct.pack("<HHI", 0x0112, kind, 1) + shown
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 1) + entry + bytes(4)


def stored_turned(upright: Image.Image, orientation: int, kind: str = "PNG", **options: Any) -> bytes:
    """A file whose pixels are turned, with the EXIF orientation (1 to 8) that turns them upright again."""
    turn = _TURNS.get(orientation)
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
