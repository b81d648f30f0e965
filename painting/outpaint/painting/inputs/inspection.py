"""From the files that a client sent to a canvas; whatever may be wrong with them ends in a typed error."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.masks_and_formats import MaskInterpretation, MaskMode, PictureLimits
from outpaint.painting.canvas import Canvas
from outpaint.painting.inputs.decoding import alpha_of, decode, decode_alpha
from outpaint.painting.inputs.intake import DEFAULT_LIMITS, TakenFile, take
from outpaint.painting.inputs.keep_map import KeepMap, MaskPixels, keep_map, nothing_to_paint


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a request's pictures were found to be: size in pixels after orientation, and how they were read."""

    width: int
    height: int
    interpretation: MaskInterpretation


def read_canvas(
    image: bytes,
    mask: bytes | None = None,
    *,
    mask_mode: MaskMode = MaskMode.AUTO,
    limits: PictureLimits = DEFAULT_LIMITS,
    image_field: str = "image",
    mask_field: str = "mask_image",
) -> Canvas:
    """The canvas that an image file and an optional mask file make.

    Both are judged by their headers first, then decoded, each turned by its own EXIF orientation. Raises
    `OutpaintError` naming the field: FILE_TOO_LARGE, UNSUPPORTED_IMAGE_TYPE, DIMENSIONS_OUT_OF_RANGE, ANIMATED,
    UNREADABLE_IMAGE, SIZE_MISMATCH, NOTHING_TO_PAINT, NOTHING_TO_KEEP or INVALID_PARAMETER
    (docs/facts/pixels.md#what-comes-in).
    """
    pair = _take_both(image, mask, mask_mode, limits, image_field, mask_field)
    mask_pixels = pair.decode_mask()
    decoded = decode(pair.image)
    kept = pair.keep_map(alpha_of(decoded.pixels), mask_pixels, decoded.warnings)
    return Canvas.of(decoded.pixels, kept.weights, decoded.icc_profile, kept.interpretation)


def inspect(
    image: bytes,
    mask: bytes | None = None,
    *,
    mask_mode: MaskMode = MaskMode.AUTO,
    limits: PictureLimits = DEFAULT_LIMITS,
    image_field: str = "image",
    mask_field: str = "mask_image",
) -> Inspection:
    """What `read_canvas` finds, at less cost, since colours are not needed; raises what it raises."""
    pair = _take_both(image, mask, mask_mode, limits, image_field, mask_field)
    mask_pixels = pair.decode_mask()
    alpha, warnings = decode_alpha(pair.image)
    kept = pair.keep_map(alpha, mask_pixels, warnings)
    width, height = kept.weights.size
    return Inspection(width, height, kept.interpretation)


def inspection_of(canvas: Canvas) -> Inspection:
    """What `inspect` would find of the files that this canvas was read from."""
    width, height = canvas.size
    return Inspection(width, height, canvas.interpretation)


@dataclass(frozen=True, slots=True)
class _Pair:
    """Image and mask, judged by their headers: both have the same size."""

    image: TakenFile
    mask: TakenFile | None
    mask_mode: MaskMode
    mask_field: str

    def decode_mask(self) -> MaskPixels | None:
        if self.mask is None:
            return None
        pixels = decode(self.mask, colours_count=False).pixels
        return MaskPixels(pixels, self.mask.header.lossy, self.mask_mode)

    def keep_map(self, image_alpha: Image.Image | None, mask: MaskPixels | None, warnings: tuple[str, ...]) -> KeepMap:
        if mask is None and self.mask_mode is not MaskMode.AUTO:
            warnings += ("No mask was sent, so mask_mode had no effect: the image's own transparency counts.",)
        return keep_map(image_alpha, mask, image_field=self.image.field, mask_field=self.mask_field, warnings=warnings)


def _take_both(
    image: bytes, mask: bytes | None, mask_mode: MaskMode, limits: PictureLimits, image_field: str, mask_field: str
) -> _Pair:
    taken = take(image, image_field, limits)
    if mask is None:
        if taken.header.opaque:
            raise nothing_to_paint(image_field, is_mask=False)
        return _Pair(taken, None, mask_mode, mask_field)
    taken_mask = take(mask, mask_field, limits)
    size, mask_size = taken.header.shown_size, taken_mask.header.shown_size
    if size != mask_size:
        turned = mask_size == size[::-1] and (taken.header.orientation, taken_mask.header.orientation) != (1, 1)
        hint = "apply the EXIF orientation to both or to neither" if turned else "send both in one size"
        raise OutpaintError(
            ErrorCode.SIZE_MISMATCH,
            f"{mask_field} is {mask_size[0]}x{mask_size[1]} px and {image_field} is {size[0]}x{size[1]} px, "
            f"each turned by its EXIF orientation; {hint}",
            field=mask_field,
        )
    return _Pair(taken, taken_mask, mask_mode, mask_field)
