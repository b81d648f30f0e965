"""The canvas: a decoded picture and its keep map, ready for a painter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from outpaint_contracts.pictures import MaskInterpretation
    from PIL import Image


@dataclass(frozen=True, slots=True)
class Canvas:
    """A picture with something left to paint.

    `picture` is RGB, EXIF-transposed; wherever `keep` is 0 its pixels are black, so nothing hidden under
    transparency can leak into a painter. `keep` is L of the same size: 255 is kept exactly, 0 is painted,
    between is blended. `icc_profile` belongs to `picture`'s values and goes into the result unchanged.
    """

    picture: Image.Image
    keep: Image.Image
    icc_profile: bytes | None
    interpretation: MaskInterpretation

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.picture.size
