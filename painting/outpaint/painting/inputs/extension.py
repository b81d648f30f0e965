"""A transparent border for a picture that has none: by margins, up to a size, or up to an aspect ratio."""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from PIL import Image

from outpaint.contracts.errors import OutpaintError
from outpaint.contracts.masks_and_formats import PictureLimits
from outpaint.painting.canvas import Canvas
from outpaint.painting.inputs.decoding import alpha_of, decode
from outpaint.painting.inputs.intake import DEFAULT_LIMITS, check_size, take
from outpaint.painting.inputs.keep_map import keep_map

_MARGINS: Final = re.compile(r"\s*(\d{1,6})\s*(?:,\s*(\d{1,6})\s*,\s*(\d{1,6})\s*,\s*(\d{1,6})\s*)?", re.ASCII)
_SIZE: Final = re.compile(r"\s*(\d{1,6})\s*[xX*×]\s*(\d{1,6})\s*", re.ASCII)  # noqa: RUF001 - people type it
_ASPECT: Final = re.compile(r"\s*(\d{1,4}(?:\.\d{1,4})?)\s*[:/]\s*(\d{1,4}(?:\.\d{1,4})?)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Margins:
    """Transparent pixels to add on each side."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def parse(cls, text: str, *, field: str = "extend") -> Margins:
        """Margins from `left,top,right,bottom` or one number for all sides. Raises INVALID_PARAMETER."""
        match = _MARGINS.fullmatch(text)
        if match is None:
            raise OutpaintError.wrong_value(
                field, text, "write left,top,right,bottom in pixels, as in 256,0,256,0, or one number for all sides"
            )
        first, *others = match.groups()
        left, top, right, bottom = (int(first if number is None else number) for number in (first, *others))
        return cls(left, top, right, bottom)

    @classmethod
    def centred(cls, size: tuple[int, int], target: tuple[int, int]) -> Margins:
        """Margins that put a picture into the middle of a larger one; an odd pixel is added on the right or below."""
        across, down = target[0] - size[0], target[1] - size[1]
        return cls(across // 2, down // 2, across - across // 2, down - down // 2)

    def margins(self, size: tuple[int, int]) -> Margins:  # noqa: ARG002 - the same for every size
        """These margins."""
        return self

    def around(self, size: tuple[int, int]) -> tuple[int, int]:
        """Width and height of a picture of this size with the margins added."""
        return size[0] + self.left + self.right, size[1] + self.top + self.bottom


@dataclass(frozen=True, slots=True)
class TargetSize:
    """The width and height in pixels that the canvas is to have, the picture in its middle."""

    width: int
    height: int
    field: str = "size"

    @classmethod
    def parse(cls, text: str, *, field: str = "size") -> TargetSize:
        """A size from `WIDTHxHEIGHT`. Raises INVALID_PARAMETER."""
        match = _SIZE.fullmatch(text)
        if match is None:
            raise OutpaintError.wrong_value(field, text, "write WIDTHxHEIGHT in pixels, as in 1920x1080")
        return cls(int(match[1]), int(match[2]), field)

    def margins(self, size: tuple[int, int]) -> Margins:
        """Margins that bring a picture to this size. Raises INVALID_PARAMETER where the picture is larger."""
        if self.width < size[0] or self.height < size[1]:
            raise OutpaintError.wrong_value(
                self.field,
                f"{self.width}x{self.height}",
                f"the picture is {size[0]}x{size[1]} px, and extending never cuts or shrinks it; ask for more",
            )
        return Margins.centred(size, (self.width, self.height))


@dataclass(frozen=True, slots=True)
class TargetAspect:
    """The ratio of width to height that the canvas is to have, the picture in its middle, whole."""

    across: float
    down: float

    @classmethod
    def parse(cls, text: str, *, field: str = "aspect") -> TargetAspect:
        """An aspect ratio from `W:H`. Raises INVALID_PARAMETER."""
        match = _ASPECT.fullmatch(text)
        if match is None or not float(match[1]) or not float(match[2]):
            raise OutpaintError.wrong_value(field, text, "write width:height, as in 16:9")
        return cls(float(match[1]), float(match[2]))

    def margins(self, size: tuple[int, int]) -> Margins:
        """Margins along one axis that bring a picture to this ratio, to the nearest pixel."""
        width, height = size
        wider = max(width, round(height * self.across / self.down))
        higher = max(height, round(width * self.down / self.across))
        return Margins.centred(size, (wider, height) if wider > width else (width, higher))


Extension = Margins | TargetSize | TargetAspect
"""How far a picture is to be extended."""


def extend(
    image: bytes, extension: Extension, *, limits: PictureLimits = DEFAULT_LIMITS, field: str = "image"
) -> Canvas:
    """The canvas of a picture with transparent margins; transparency the picture has of its own stays open too.

    Raises what `read_canvas` raises; DIMENSIONS_OUT_OF_RANGE also where the extended canvas is too large, and
    NOTHING_TO_PAINT where no margin is added to an opaque picture.
    """
    taken = take(image, field, limits)
    margins = extension.margins(taken.header.shown_size)
    size = margins.around(taken.header.shown_size)
    check_size(size, field, limits, what="the extended canvas")
    decoded = decode(taken)
    corner = (margins.left, margins.top)
    inside = (*corner, corner[0] + decoded.pixels.width, corner[1] + decoded.pixels.height)
    weights = Image.new("L", size, 0)
    weights.paste(alpha_of(decoded.pixels) or 255, inside)
    kept = keep_map(weights, None, image_field=field, mask_field=field, warnings=decoded.warnings)
    picture = Image.new("RGB", size)
    picture.paste(decoded.pixels, corner)  # of RGBA and LA the colours alone
    return Canvas.of(picture, kept.weights, decoded.icc_profile, kept.interpretation)


def canvas_file(canvas: Canvas) -> bytes:
    """A canvas as an RGBA PNG whose alpha is the keep map: the API takes it as `image`, without a mask."""
    picture = canvas.picture.copy()
    picture.putalpha(canvas.keep)
    picture.info = {}
    stream = BytesIO()
    picture.save(stream, format="PNG", compress_level=1, icc_profile=canvas.icc_profile)
    return stream.getvalue()
