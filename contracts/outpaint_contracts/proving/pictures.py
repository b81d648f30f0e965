"""Pictures to send: small, deterministic, and with pixels whose fate can be told afterwards."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image

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
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


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
