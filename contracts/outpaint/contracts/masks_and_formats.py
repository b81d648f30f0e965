"""What the API and the painting code share about pictures: formats, mask modes, size limits, how a mask was read."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from outpaint.contracts.errors import ErrorCode, OutpaintError

MAX_AREA: Final = 2 * (1024**3 // 4 // 3)
"""The highest limit on a picture's pixels: Pillow refuses more by itself (docs/facts/pixels.md#what-comes-in)."""

BYTES_A_PIXEL: Final = 36
"""Memory that a picture takes at most while it is read, painted and encoded on a CPU (docs/limits.md#memory)."""


class Format(StrEnum):
    """The file format of finished pictures, as the wire spells it."""

    JPG = "JPG"
    PNG = "PNG"
    WEBP = "WEBP"

    @property
    def extension(self) -> str:
        """The file name extension, without the dot."""
        return self.value.lower()

    @property
    def media_type(self) -> str:
        """The media type of a file in this format."""
        return "image/jpeg" if self is Format.JPG else f"image/{self.value.lower()}"

    @property
    def max_side(self) -> int:
        """Pixels that a side may have: JPEG's headers hold 16 bits (T.81, B.2.2), WebP's 14 (RFC 9649), PNG's 31."""
        return {Format.JPG: 65_535, Format.WEBP: 16_383, Format.PNG: 2**31 - 1}[self]

    def check_size(self, size: tuple[int, int], field: str = "format") -> None:
        """Raise DIMENSIONS_OUT_OF_RANGE for a size (width and height in pixels) that no file of the format can have."""
        if max(size) > self.max_side:
            raise OutpaintError.wrong_value(
                field,
                self.value,
                f"a picture of {size[0]}x{size[1]} px has a side of more than the {self.max_side} px that it can hold; "
                f"ask for {Format.PNG} or {Format.JPG}",
                code=ErrorCode.DIMENSIONS_OUT_OF_RANGE,
            )


class MaskMode(StrEnum):
    """How a mask is read: by its transparency, else its brightness (`auto`), or as the client says (our extension)."""

    AUTO = "auto"
    ALPHA = "alpha"
    LUMINANCE = "luminance"
    INVERTED_LUMINANCE = "inverted_luminance"


class MaskSource(StrEnum):
    """What the keep map was in fact read from."""

    IMAGE_ALPHA = "image_alpha"
    MASK_ALPHA = "mask_alpha"
    MASK_LUMINANCE = "mask_luminance"
    MASK_INVERTED_LUMINANCE = "mask_inverted_luminance"


class MaskInterpretation(BaseModel):
    """What the service understood of the transparency or mask it was sent."""

    model_config = ConfigDict(frozen=True)

    source: MaskSource
    painted_share: Annotated[
        float, Field(ge=0, le=1, description="Share of the picture's area left open to paint, 0 to 1.")
    ]
    warnings: tuple[str, ...] = Field(
        default=(), description="Anything about the input that a person would want to know, one sentence each."
    )


class PictureLimits(BaseModel):
    """What is taken: sizes, judged from a picture's header before decoding, and how much of it may be missing.

    The defaults are those of a server of one's own, for the pictures that phones make; what they cost in memory is in
    docs/limits.md#memory. A host may have others (docs/adr/0069). Rules: docs/facts/pixels.md#what-comes-in.
    """

    model_config = ConfigDict(frozen=True)

    min_side: int = Field(default=16, ge=1, description="Pixels that a picture's shorter side needs.")
    max_side: int = Field(default=16_384, ge=1, description="Pixels that a picture's longer side may have.")
    max_area: int = Field(default=64_000_000, ge=1, le=MAX_AREA, description="Pixels of a picture, width times height.")
    max_bytes: int = Field(default=32 * 1024 * 1024, ge=1, description="Bytes of one picture file.")
    max_missing: float = Field(
        default=0.0, ge=0, lt=1, description="Share of an image's rows that its file may lack; they are painted."
    )
