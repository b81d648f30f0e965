"""What is uploaded to measure: pictures with about the work of a photo, masks, and multipart forms of them."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO

import numpy as np
from PIL import Image, ImageFilter

BOUNDARY = "0123456789abcdef0123456789abcdef"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"
GRAINED_BYTES = 0.432


def form(fields: Mapping[str, str], files: Mapping[str, bytes]) -> bytes:
    """A multipart body of these fields and files, each file named like its field."""
    parts = [(f'name="{name}"', value.encode()) for name, value in fields.items()]
    typed = "\r\nContent-Type: application/octet-stream"
    parts += [(f'name="{name}"; filename="{name}"{typed}', data) for name, data in files.items()]
    heads = [f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() for head, _ in parts]
    whole = [head + data + b"\r\n" for head, (_, data) in zip(heads, parts, strict=True)]
    return b"".join([*whole, f"--{BOUNDARY}--\r\n".encode()])


def canvas_file(side: int, kept: int) -> bytes:
    """A square RGBA PNG whose middle `kept` pixels are opaque."""
    picture = _photo(side).convert("RGBA")
    picture.putalpha(_kept(side, kept))
    return _file(picture, "PNG", compress_level=1)


def photo_file(side: int) -> bytes:
    """A square JPEG."""
    return _file(_photo(side), "JPEG", quality=90)


def mask_file(side: int, kept: int) -> bytes:
    """The mask that goes with a square photo: white in the middle is kept."""
    return _file(_kept(side, kept), "PNG")


def grained_file(side: int, quality: int = 95) -> bytes:
    """A square JPEG with the grain of a photo, about `GRAINED_BYTES` a pixel at the default quality."""
    grain = Image.effect_noise((side, side), 40).filter(ImageFilter.GaussianBlur(1))
    turned = grain.transpose(Image.Transpose.ROTATE_90)
    return _file(Image.merge("RGB", (grain, turned, grain)), "JPEG", quality=quality)


def plain_file(side: int) -> bytes:
    """A small file: a square JPEG of one colour."""
    return _file(Image.new("RGB", (side, side), (90, 120, 60)), "JPEG", quality=95)


def noise_file(seed: int, width: int = 250, height: int = 224) -> bytes:
    """A PNG of noise, kept in the middle and open around; 250 x 224 pixels make 197 KB."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)
    pixels[..., 3] = 0
    pixels[height // 6 : -height // 6, width // 6 : -width // 6, 3] = 255
    return _file(Image.fromarray(pixels), "PNG", compress_level=1)


def _photo(side: int) -> Image.Image:
    """Smooth noise in colour at four scales, so that encoders have about the work of a photo."""
    draw = np.random.default_rng(7)
    field = np.zeros((side, side, 3), np.float32)
    for scale, weight in ((8, 90), (32, 45), (128, 25), (min(side, 1024), 8)):
        noise = Image.fromarray(draw.integers(0, 256, (scale, scale, 3), np.uint8))
        layer = noise.resize((side, side), Image.Resampling.BICUBIC)
        field += (np.asarray(layer, np.float32) - 128) / 128 * weight
    return Image.fromarray(np.clip(field + 128, 0, 255).astype(np.uint8))


def _kept(side: int, kept: int) -> Image.Image:
    """White in the middle `kept` pixels, black around."""
    mask = Image.new("L", (side, side), 0)
    edge = (side - kept) // 2
    mask.paste(255, (edge, edge, edge + kept, edge + kept))
    return mask


def _file(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()
