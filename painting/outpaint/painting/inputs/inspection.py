"""Makes a canvas of the files that a client sent; whatever may be wrong with them ends in a typed error."""

from __future__ import annotations

from dataclasses import dataclass, replace

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.masks_and_formats import MaskInterpretation, MaskMode, PictureLimits
from outpaint.painting.canvas import Canvas
from outpaint.painting.inputs.decoding import alpha_of, decode, decode_alpha
from outpaint.painting.inputs.intake import DEFAULT_LIMITS, TakenFile, take
from outpaint.painting.inputs.keep_map import keep_map, nothing_to_paint
from outpaint.painting.inputs.mask_reading import MaskPixels, MaskReading, read_mask


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
    taken, mask_reading = _take_both(image, mask, mask_mode, limits, image_field, mask_field)
    decoded = decode(taken)
    warnings = decoded.warnings + _ignored_mode(mask, mask_mode)
    alpha = alpha_of(decoded.pixels)
    if decoded.pixels.mode != "RGB":
        # Lets go of the decoded pixels, which have as many bytes, before anything else is made of them.
        decoded = replace(decoded, pixels=decoded.pixels.convert("RGB"))
    kept = keep_map(alpha, mask_reading, image_field=image_field, mask_field=mask_field, warnings=warnings)
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
    taken, mask_reading = _take_both(image, mask, mask_mode, limits, image_field, mask_field)
    alpha, warnings = decode_alpha(taken)
    warnings += _ignored_mode(mask, mask_mode)
    kept = keep_map(alpha, mask_reading, image_field=image_field, mask_field=mask_field, warnings=warnings)
    return Inspection(*kept.weights.size, kept.interpretation)


def inspection_of(canvas: Canvas) -> Inspection:
    """What `inspect` would find of the files that this canvas was read from."""
    return Inspection(*canvas.size, canvas.interpretation)


def _take_both(
    image: bytes, mask: bytes | None, mask_mode: MaskMode, limits: PictureLimits, image_field: str, mask_field: str
) -> tuple[TakenFile, MaskReading | None]:
    """The image, and the mask decoded and read, once the headers of both have passed and their sizes are equal."""
    taken = take(image, image_field, limits)
    if mask is None:
        if taken.header.opaque and not taken.max_missing:
            raise nothing_to_paint(image_field, is_mask=False)
        return taken, None
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
    pixels = decode(taken_mask, colours_count=False).pixels
    return taken, read_mask(MaskPixels(pixels, taken_mask.header.lossy, mask_mode), mask_field)


def _ignored_mode(mask: bytes | None, mask_mode: MaskMode) -> tuple[str, ...]:
    if mask is not None or mask_mode is MaskMode.AUTO:
        return ()
    return ("No mask was sent, so mask_mode had no effect: the image's own transparency counts.",)
