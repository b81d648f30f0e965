"""What was sent beside what came back: kept exactly, or painted."""

from __future__ import annotations

from typing import Any

from outpaint_contracts.proving import pictures
from outpaint_contracts.proving.api import Api, files_of
from outpaint_contracts.proving.expectations import equal, holds, within

Box = tuple[int, int, int, int]

LOOKS_THE_SAME = 16.0
"""Levels, 0 to 255, that kept channels may move on average for a person to see the same picture."""


def painted_png(api: Api, sent: bytes, **fields: Any) -> bytes:
    """The one PNG that is made of this image."""
    (received,) = files_of(api, api.outpaint(image=sent, format="PNG", **fields))
    return received


def kept_exactly(sent: bytes, received: bytes, box: Box = pictures.KEEP_BOX, what: str = "kept pixels") -> None:
    """Every pixel of the box is as it was sent."""
    equal(pictures.changed_pixels(sent, received, box), 0, f"the {what} that were changed")


def kept_closely(sent: bytes, received: bytes, box: Box = pictures.KEEP_BOX, most: float = LOOKS_THE_SAME) -> None:
    """The box looks as it was sent: its channels moved by at most so many levels on average."""
    within(pictures.mean_difference(sent, received, box), 0, most, "how far kept channels moved on average")


def painted(sent: bytes, received: bytes, box: Box | None = None) -> None:
    """Most of the box (the strip above the kept part) is not as it was sent: chance hits a pixel, not half of them."""
    left, top, right, bottom = box or pictures.strip_above()
    area = (right - left) * (bottom - top)
    changed = pictures.changed_pixels(sent, received, (left, top, right, bottom))
    holds(
        changed > area / 2, f"most of the {area} pixels of {(left, top, right, bottom)} were painted ({changed} were)"
    )
