"""The canvas: a decoded picture and its keep map, ready for a painter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from outpaint_contracts.pictures import MaskInterpretation
    from PIL import Image

# 255 where a keep weight is 0.
_OPEN: Final = [255] + [0] * 255


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

    @classmethod
    def of(
        cls,
        pixels: Image.Image,
        keep: Image.Image,
        icc_profile: bytes | None,
        interpretation: MaskInterpretation,
    ) -> Canvas:
        """The canvas of decoded pixels (L, LA, RGB or RGBA, straight alpha) and their keep map.

        `pixels` is handed over: what lies where nothing is kept is blackened in it.
        """
        picture = pixels if pixels.mode == "RGB" else pixels.convert("RGB")
        # A stencil of one bit is filled ten times as fast as one of weights.
        picture.paste((0, 0, 0), (0, 0, *picture.size), keep.point(_OPEN, "1"))
        return cls(picture, keep, icc_profile, interpretation)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.picture.size
