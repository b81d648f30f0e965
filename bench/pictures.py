"""The pictures that are measured with: a photo-like field of smooth noise, half of it kept."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image


def canvas_file(side: int, kept: int) -> bytes:
    """A square RGBA PNG whose middle `kept` pixels are opaque."""
    picture = photo(side).convert("RGBA")
    alpha = Image.new("L", (side, side), 0)
    edge = (side - kept) // 2
    alpha.paste(255, (edge, edge, edge + kept, edge + kept))
    picture.putalpha(alpha)
    return _file(picture, "PNG", compress_level=1)


def photo_file(side: int) -> bytes:
    """A square JPEG."""
    return _file(photo(side), "JPEG", quality=90)


def mask_file(side: int, kept: int) -> bytes:
    """The mask that goes with `photo_file`: white in the middle is kept."""
    mask = Image.new("L", (side, side), 0)
    edge = (side - kept) // 2
    mask.paste(255, (edge, edge, edge + kept, edge + kept))
    return _file(mask, "PNG")


def photo(side: int) -> Image.Image:
    """Smooth noise in colour at four scales, so that encoders have about the work of a photo."""
    draw = np.random.default_rng(7)
    field = np.zeros((side, side, 3), np.float32)
    for scale, weight in ((8, 90), (32, 45), (128, 25), (min(side, 1024), 8)):
        noise = Image.fromarray(draw.integers(0, 256, (scale, scale, 3), np.uint8))
        layer = noise.resize((side, side), Image.Resampling.BICUBIC)
        field += (np.asarray(layer, np.float32) - 128) / 128 * weight
    return Image.fromarray(np.clip(field + 128, 0, 255).astype(np.uint8))


def _file(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()
