"""What the files of the sweep are, and the judgement on each: its pixels are right, or it is refused by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.masks_and_formats import PictureLimits
from outpaint.painting.inputs.decoding import decode
from outpaint.painting.inputs.intake import take

Pixels: TypeAlias = NDArray[np.float64]
_LIMITS = PictureLimits(min_side=1)


@dataclass(frozen=True, slots=True)
class SweepFile:
    """One file; `pixels` (RGB or RGBA, 0 to 255, not rounded) is what it means, None where nobody need read it.

    `off` is how far from them a reader may be, in levels.
    """

    name: str
    data: bytes
    pixels: Pixels | None
    off: float


def judged(file: SweepFile) -> str | None:
    """None where the file is read right or refused by name; else what is wrong, as a sentence."""
    try:
        picture = read(file)
    except OutpaintError as error:
        if error.code is ErrorCode.UNSUPPORTED_IMAGE_TYPE:
            return None
        return f"{file.name}: a sound file is called damaged: {error.detail}"
    if file.pixels is None:
        return f"{file.name}: read, though its layout is not one that is proven"
    return differing(file, picture)


def read(file: SweepFile) -> Image.Image:
    """The pixels of a file that is read."""
    return decode(take(file.data, "image", _LIMITS)).pixels


def is_read(file: SweepFile) -> bool:
    """Whether the file is taken at all."""
    try:
        take(file.data, "image", _LIMITS)
    except OutpaintError:
        return False
    return True


def differing(file: SweepFile, picture: Image.Image) -> str | None:
    """How a picture's pixels differ from what the file means, as a sentence; None where they do not."""
    assert file.pixels is not None
    has_alpha = file.pixels.shape[-1] == 4
    seen = np.asarray(picture.convert("RGBA"), dtype=np.float64)
    meant = file.pixels if has_alpha else np.dstack([file.pixels, np.full(file.pixels.shape[:2], 255.0)])
    if seen.shape != meant.shape:
        return f"{file.name}: {seen.shape} instead of {meant.shape}"
    # What stands under no alpha means nothing.
    off = np.abs(seen - meant) * np.where(meant[..., 3:] < 0.5, (0, 0, 0, 1), 1)
    return f"{file.name}: off by {off.max():.1f} of {file.off}" if off.max() > file.off else None


def packed(values: NDArray[Any], bits: int) -> bytes:
    """Whole numbers as so many bits each, the highest first; the last byte is filled with zeros."""
    places = np.arange(bits - 1, -1, -1, dtype=np.uint64)
    return np.packbits((values.astype(np.uint64)[:, None] >> places & np.uint64(1)).astype(np.uint8)).tobytes()
