"""The bodies that are sent: forms of four fields and a picture of about 197 KB, all the same or all different."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

BOUNDARY = "bench"
FIELDS = {"prompt": "a field of poppies under a wide sky", "count": "2", "format": "PNG", "mode": "async"}


@dataclass(frozen=True)
class Bodies:
    """Files named by number in a folder."""

    folder: Path
    count: int
    size: int


def picture(seed: int, width: int = 250, height: int = 224) -> bytes:
    """A PNG of noise, kept in the middle and open around; 250 x 224 pixels make 197 KB."""
    chance = np.random.default_rng(seed)
    pixels = chance.integers(0, 256, (height, width, 4), dtype=np.uint8)
    pixels[..., 3] = 0
    pixels[height // 6 : -height // 6, width // 6 : -width // 6, 3] = 255
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def form(image: bytes) -> bytes:
    """A multipart body."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in FIELDS.items()
    ]
    head = 'Content-Disposition: form-data; name="image"; filename="photo.png"\r\nContent-Type: image/png'
    return b"".join([*parts, f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode(), image, f"\r\n--{BOUNDARY}--\r\n".encode()])


def write(folder: Path, count: int) -> Bodies:
    """Make so many different bodies."""
    folder.mkdir()
    size = 0
    for number in range(count):
        image = picture(number)
        size = len(image)
        (folder / str(number)).write_bytes(form(image))
    return Bodies(folder, count, size)
