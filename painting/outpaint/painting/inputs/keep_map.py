"""Which pixels are kept, blended or painted, by transparency or brightness.

The rules and their sources: docs/facts/pixels.md#which-pixels-are-painted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageChops

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.masks_and_formats import MaskInterpretation, MaskMode, MaskSource
from outpaint.painting.canvas import known_area
from outpaint.painting.inputs.decoding import alpha_of

# Weights so near 0 or 255 come from a lossy mask's compression and are not meant.
_SNAP: Final = [0 if k <= 8 else 255 if k >= 247 else k for k in range(256)]
_SOFT_SHARE_TO_REMARK: Final = 0.1
_EXTEND_HINT: Final = (
    "give the picture a transparent border first (on the command line: outpaint paint --extend), or send a mask"
)


@dataclass(frozen=True, slots=True)
class KeepMap:
    """`weights` is L: 255 is kept exactly, 0 is painted, between is blended. At least one pixel is open, one kept."""

    weights: Image.Image
    interpretation: MaskInterpretation


@dataclass(frozen=True, slots=True)
class MaskPixels:
    """A decoded mask (L, LA, RGB or RGBA), whether its file format is lossy, and how the client says to read it."""

    pixels: Image.Image
    lossy: bool
    mode: MaskMode


def keep_map(
    image_alpha: Image.Image | None,
    mask: MaskPixels | None,
    *,
    image_field: str,
    mask_field: str,
    warnings: tuple[str, ...] = (),
) -> KeepMap:
    """The keep map of an image and its mask, by the table of docs/facts/pixels.md#which-pixels-are-painted.

    `image_alpha` is L, or None where the image is opaque; sizes are equal. `warnings` of earlier steps come
    first in the interpretation. Raises NOTHING_TO_PAINT, NOTHING_TO_KEEP, and INVALID_PARAMETER where
    `mask_mode` is `alpha` and the mask has none.
    """
    said = list(warnings)
    field = image_field
    if mask is not None:
        field = mask_field
        weights, source = _read_mask(mask, mask_field, said)
        if image_alpha is not None:
            weights = _open_where_empty(weights, image_alpha, image_field, said)
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


def _read_mask(mask: MaskPixels, field: str, said: list[str]) -> tuple[Image.Image, MaskSource]:
    alpha = alpha_of(mask.pixels)
    if mask.mode is MaskMode.ALPHA and mask.pixels.mode not in ("LA", "RGBA"):
        raise OutpaintError.wrong_value(
            "mask_mode",
            mask.mode,
            f"{field} has no alpha channel; send a mask with transparency, or mask_mode=luminance",
        )
    if mask.mode is MaskMode.ALPHA or (mask.mode is MaskMode.AUTO and alpha is not None):
        return alpha or mask.pixels.getchannel("A"), MaskSource.MASK_ALPHA
    weights = _luminance(mask.pixels, alpha)
    source = MaskSource.MASK_LUMINANCE
    if mask.mode is MaskMode.INVERTED_LUMINANCE:
        weights, source = ImageChops.invert(weights), MaskSource.MASK_INVERTED_LUMINANCE
    elif mask.mode is MaskMode.AUTO:
        said.append(
            f"{field} has no transparency, so its brightness was read: white is kept, black is painted; "
            "send mask_mode=inverted_luminance if it is meant the other way round."
        )
    return weights.point(_SNAP) if mask.lossy else weights, source


def _luminance(pixels: Image.Image, alpha: Image.Image | None) -> Image.Image:
    """Brightness as L (ITU-R BT.601 weights); transparent pixels count as black, whatever colour they hide."""
    if pixels.mode == "LA":
        grey = pixels.getchannel("L")
    else:
        grey = pixels if pixels.mode == "L" else pixels.convert("RGB").convert("L")
    return grey if alpha is None else ImageChops.multiply(grey, alpha)


def _open_where_empty(weights: Image.Image, image_alpha: Image.Image, field: str, said: list[str]) -> Image.Image:
    """The mask wins, but where the image's alpha is 0 there is nothing to keep."""
    opened = ImageChops.darker(weights, known_area(image_alpha, 1))
    if opened.histogram() != weights.histogram():
        said.append(f"The mask keeps pixels that are fully transparent in {field}; they were painted.")
    if sum(image_alpha.histogram()[1:255]):
        said.append(f"{field} is half transparent in places; there the mask alone decided.")
    return opened


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
