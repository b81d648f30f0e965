"""Comparisons of a picture that came back with the one that was sent: which pixels were kept, which were painted."""

from __future__ import annotations

from typing import Final

from PIL import ImageChops, ImageStat

from outpaint.conformance.proving.drawn_pictures import KEEP_BOX, Box, decode, strip_above
from outpaint.conformance.proving.expectations import equal, holds, within

LOOKS_THE_SAME: Final = 16.0
"""Levels, 0 to 255, that kept channels may move on average for a person to see the same picture."""


def changed_pixels(sent: bytes, received: bytes, box: Box = KEEP_BOX) -> int:
    """How many pixels inside `box` differ in any channel."""
    before, after = (decode(data).convert("RGB").crop(box).tobytes() for data in (sent, received))
    return sum(before[i : i + 3] != after[i : i + 3] for i in range(0, len(before), 3))


def mean_difference(sent: bytes, received: bytes, box: Box = KEEP_BOX) -> float:
    """How far the channels of the pixels inside `box` are apart on average, 0 to 255."""
    before, after = (decode(data).convert("RGB").crop(box) for data in (sent, received))
    return sum(ImageStat.Stat(ImageChops.difference(before, after)).mean) / 3


def kept_exactly(sent: bytes, received: bytes, box: Box = KEEP_BOX, what: str = "kept pixels") -> None:
    """Every pixel of the box must be as it was sent."""
    equal(changed_pixels(sent, received, box), 0, f"the {what} that were changed")


def kept_closely(sent: bytes, received: bytes, box: Box = KEEP_BOX, most: float = LOOKS_THE_SAME) -> None:
    """The box must look as it was sent: its channels moved by at most so many levels on average."""
    within(mean_difference(sent, received, box), 0, most, "how far kept channels moved on average")


def painted(sent: bytes, received: bytes, box: Box | None = None) -> None:
    """Most pixels of the box (by default the strip above the kept part) must not be as they were sent.

    Chance may give a few the same colour, but not half of them.
    """
    left, top, right, bottom = box or strip_above()
    area = (right - left) * (bottom - top)
    changed = changed_pixels(sent, received, (left, top, right, bottom))
    what = f"most of the {area} pixels of {(left, top, right, bottom)} were painted ({changed} were)"
    holds(changed > area / 2, what)


def metadata_of(data: bytes) -> str:
    """All that a file says beside its pixels and their profile, as text: EXIF, texts, XMP."""
    picture = decode(data)
    said = {name: value for name, value in picture.info.items() if name != "icc_profile"}
    exif = picture.getexif()
    return f"{said!r} {dict(exif)!r} {dict(exif.get_ifd(0x8825))!r}"
