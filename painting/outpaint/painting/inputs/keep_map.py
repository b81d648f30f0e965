"""Which pixels are kept, blended or painted, by transparency or brightness.

The rules and their sources: docs/facts/pixels.md#which-pixels-are-painted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageChops

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.masks_and_formats import MaskInterpretation, MaskSource
from outpaint.painting.inputs.mask_reading import MaskReading

_SOFT_SHARE_TO_REMARK: Final = 0.1
_EXTEND_HINT: Final = (
    "give the picture a transparent border first (on the command line: outpaint paint --extend), or send a mask"
)


@dataclass(frozen=True, slots=True)
class KeepMap:
    """`weights` is L: 255 is kept exactly, 0 is painted, between is blended. At least one pixel is open, one kept."""

    weights: Image.Image
    interpretation: MaskInterpretation


def keep_map(
    image_alpha: Image.Image | None,
    mask: MaskReading | None,
    *,
    image_field: str,
    mask_field: str,
    warnings: tuple[str, ...] = (),
) -> KeepMap:
    """The keep map of an image and its mask, by the table of docs/facts/pixels.md#which-pixels-are-painted.

    With a mask and an `image_alpha` the smaller of both weights counts. `image_alpha` is L, or None where the image is
    opaque; sizes are equal. `warnings` of earlier steps come first in the interpretation. Raises NOTHING_TO_PAINT and
    NOTHING_TO_KEEP.
    """
    said = list(warnings)
    field = image_field
    if mask is not None:
        field = mask_field
        weights, source = mask.weights, mask.source
        said += mask.warnings
        if image_alpha is not None:
            weights = _smaller(weights, image_alpha, image_field, said)
            if weights.getbbox() is None and mask.weights.getbbox() is not None:
                raise OutpaintError(
                    ErrorCode.NOTHING_TO_KEEP,
                    f"{mask_field} keeps only what is transparent in {image_field}: make opaque there what is to stay",
                    field=mask_field,
                )
    elif image_alpha is not None:
        weights, source = image_alpha, MaskSource.IMAGE_ALPHA
    else:
        raise nothing_to_paint(image_field, is_mask=False)
    counts = weights.histogram()
    if not sum(counts[:255]):
        raise nothing_to_paint(field, is_mask=mask is not None)
    if not sum(counts[1:]):
        raise _nothing_to_keep(field, source)
    said += _remarks(weights, counts)
    return KeepMap(
        weights, MaskInterpretation(source=source, painted_share=_painted_share(counts), warnings=tuple(said))
    )


def nothing_to_paint(field: str, *, is_mask: bool) -> OutpaintError:
    """The error for a picture without an open pixel; it says how to open some."""
    seen = "keeps every pixel" if is_mask else "is opaque throughout and no mask was sent"
    return OutpaintError(ErrorCode.NOTHING_TO_PAINT, f"{field} {seen}: {_EXTEND_HINT}", field=field)


def _nothing_to_keep(field: str, source: MaskSource) -> OutpaintError:
    hint = {
        MaskSource.MASK_LUMINANCE: "; the mask was read by brightness, where white keeps",
        MaskSource.MASK_INVERTED_LUMINANCE: "; the mask was read by inverted brightness, where black keeps",
    }.get(source, "")
    return OutpaintError(
        ErrorCode.NOTHING_TO_KEEP, f"{field} leaves no pixel to keep{hint}: make opaque what is to stay", field=field
    )


def _smaller(weights: Image.Image, image_alpha: Image.Image, field: str, said: list[str]) -> Image.Image:
    """The smaller of both for each pixel: a half-transparent pixel of the image never turns solid."""
    smaller = ImageChops.darker(weights, image_alpha)
    lowered = image_alpha.histogram(ImageChops.subtract(weights, smaller))
    if lowered[0]:
        said.append(f"The mask keeps pixels that are fully transparent in {field}; they were painted.")
    if sum(lowered[1:]):
        said.append(f"{field} is half transparent where the mask keeps more; its own transparency counts there.")
    return smaller


def _remarks(weights: Image.Image, counts: list[int]) -> list[str]:
    remarks = []
    width, height = weights.size
    soft = sum(counts[1:255]) / (width * height)
    if not counts[255]:
        remarks.append("No pixel is kept exactly: the whole picture is blended or painted.")
    elif soft > _SOFT_SHARE_TO_REMARK:
        remarks.append(f"{soft:.0%} of the picture is neither kept nor painted but blended.")
    edges = ((0, 0, width, 1), (0, height - 1, width, height), (0, 0, 1, height), (width - 1, 0, width, height))
    if all(weights.crop(edge).getextrema() == (255, 255) for edge in edges):
        remarks.append(
            "The whole border is kept and only the inside is painted; if the mask was made for inpainting, invert it."
        )
    return remarks


def _painted_share(counts: list[int]) -> float:
    """Mean of 1 - k to four places, never 0 or 1 by rounding alone."""
    painted = sum((255 - k) * count for k, count in enumerate(counts)) / (255 * sum(counts))
    return min(max(round(painted, 4), 0.0001), 0.9999)
