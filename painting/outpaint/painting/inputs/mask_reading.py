"""Reads a mask as its maker meant it: by alpha or brightness, black and white though compression made greys of them.

What it was taken for is said in words wherever that was a guess (docs/facts/pixels.md#masks-as-people-make-them).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageChops

from outpaint.contracts.errors import OutpaintError
from outpaint.contracts.masks_and_formats import MaskMode, MaskSource
from outpaint.painting.inputs.decoding import alpha_of

# Alpha that carries no shape:
_STRAY_SHARE: Final = 0.01  # of the picture: alpha that opens more is what the mask is about
_OUTWEIGHED: Final = 4  # times as much must the brightness open and keep
_GREY: Final = 24  # of 255: how far channels of a grey may be apart
_COLOURED_SHARE: Final = 0.01  # of the visible pixels: a mask in greys has no more others
_DISTINCT: Final = 16  # levels: more, and not near black or white, are a photograph

# Black and white under compression:
_NEAR: Final = 32  # of 255: a mask's black and white lie so near to the ends, as 16 and 235 of video do
_NEAR_FEW: Final = 24  # of 255: the same where a mask has so few levels that they may have been drawn
_TOUCHED: Final = 8  # of 255: what compression does to flat black and white
_SNAPPED: Final = 112  # of 255: at JPEG quality 30 ringing reaches 84 two pixels from an edge, 103 at thin parts [M]
_RINGING: Final = 2  # times as many pixels lie next to the ends as in the middle; below 1 at edges drawn smooth
_EDGE_WIDTH: Final = 1  # pixels of the middle for each of an edge: a wider one was drawn soft
_ALONG_EDGES: Final = 12  # grey pixels for each of an edge: a block of 8 on either side, corners more
_FEW: Final = 6  # levels: so few, and one of them not near an end, were drawn
_SNAP: Final = [0 if k <= _TOUCHED else 255 if k >= 255 - _TOUCHED else k for k in range(256)]


@dataclass(frozen=True, slots=True)
class MaskPixels:
    """A decoded mask (L, LA, RGB or RGBA), whether its file format is lossy, and how the client says to read it."""

    pixels: Image.Image
    lossy: bool
    mode: MaskMode


@dataclass(frozen=True, slots=True)
class MaskReading:
    """A mask's weights (L: 255 keeps, 0 paints), what they were read from, and what a person would want to know."""

    weights: Image.Image
    source: MaskSource
    warnings: tuple[str, ...]


def read_mask(mask: MaskPixels, field: str) -> MaskReading:
    """What a mask says, by the rules of docs/facts/pixels.md#masks-as-people-make-them.

    Weights read from alpha are that alpha. Brightness is ITU-R BT.601's, and black and white are told from the traces
    of compression by `_black_and_white`. Raises INVALID_PARAMETER where `mask_mode` is `alpha` and the mask has none.
    """
    alpha = alpha_of(mask.pixels)
    said: list[str] = []
    if mask.mode is MaskMode.ALPHA:
        if mask.pixels.mode not in ("LA", "RGBA"):
            raise OutpaintError.wrong_value(
                "mask_mode",
                mask.mode,
                f"{field} has no alpha channel; send a mask with transparency, or mask_mode=luminance",
            )
        return MaskReading(alpha or mask.pixels.getchannel("A"), MaskSource.MASK_ALPHA, ())
    if mask.mode is MaskMode.AUTO:
        if alpha is None:
            said.append(
                f"{field} has no transparency, so its brightness was read: white is kept, black is painted; "
                "send mask_mode=inverted_luminance if it is meant the other way round."
            )
        elif _is_stray(alpha, mask.pixels):
            said.append(
                f"{field} is drawn in greys and hardly transparent anywhere, so its brightness was read: white is "
                "kept, black is painted; send mask_mode=alpha if its transparency is meant."
            )
            alpha = None
        else:
            return MaskReading(alpha, MaskSource.MASK_ALPHA, ())
    weights = _luminance(mask.pixels, alpha)
    snapped = _black_and_white(weights)
    if snapped is not None:
        said.append(
            f"{field} is black and white with traces of compression or of a narrower range: its greys were read as the "
            "black or white that they are near; send the weights as alpha if they are meant."
        )
        weights = snapped
    elif mask.lossy:
        weights = weights.point(_SNAP)
    source = MaskSource.MASK_LUMINANCE
    if mask.mode is MaskMode.INVERTED_LUMINANCE:
        weights, source = ImageChops.invert(weights), MaskSource.MASK_INVERTED_LUMINANCE
    return MaskReading(weights, source, tuple(said))


def _luminance(pixels: Image.Image, alpha: Image.Image | None) -> Image.Image:
    """Brightness as L (ITU-R BT.601 weights); transparent pixels count as black, whatever colour they hide."""
    grey = pixels if pixels.mode == "L" else pixels.convert("L")
    return grey if alpha is None else ImageChops.multiply(grey, alpha)


def _is_stray(alpha: Image.Image, pixels: Image.Image) -> bool:
    """Whether the mask is drawn in greys, and what its alpha opens is little beside what they open and keep."""
    width, height = alpha.size
    counts = alpha.histogram()
    opened = sum((255 - value) * count for value, count in enumerate(counts)) / (255 * width * height)
    if opened > _STRAY_SHARE:
        return False
    visible = alpha.point([0] * 128 + [255] * 128)
    seen = sum(counts[128:])
    if pixels.mode == "RGBA":
        for one, other in ("RG", "GB"):
            apart = ImageChops.difference(pixels.getchannel(one), pixels.getchannel(other)).histogram(visible)
            if sum(apart[_GREY + 1 :]) > _COLOURED_SHARE * seen:
                return False
    levels = _luminance(pixels, None).histogram(visible)
    ends = sum(levels[: _NEAR + 1]) + sum(levels[255 - _NEAR :])
    if 2 * ends < seen and sum(count > 0 for count in levels) > _DISTINCT:
        return False
    kept = sum(value * count for value, count in enumerate(levels)) / (255 * seen)
    return min(kept, 1 - kept) >= _OUTWEIGHED * opened


def _black_and_white(grey: Image.Image) -> Image.Image | None:
    """A mask drawn in black and white as it was drawn, 0 and 255; None for one that has these or means its greys.

    Its histogram has two clusters, near both ends, and almost nothing between; and its greys lie along its edges, where
    compression puts them, and nowhere else. What is not in the middle eighth is the end that it is nearer to; the
    eighth, which only pixels on an edge have, becomes a ramp, so that no weight jumps.
    """
    counts = grey.histogram()
    levels = [value for value, count in enumerate(counts) if count]
    if levels[0] == 0 and levels[-1] == 255 and len(levels) <= 2:
        return None
    if levels == [0, 1]:  # written as 0 and 1, as arrays of truth values are
        return grey.point([0] + [255] * 255)
    low = max(range(_NEAR + 1), key=lambda value: counts[value])
    high = max(range(255 - _NEAR, 256), key=lambda value: counts[value])
    if not counts[low] or not counts[high]:
        return None
    stretched = [min(255, max(0, round((value - low) * 255 / (high - low)))) for value in range(256)]
    if len(levels) <= _FEW and any(_NEAR_FEW < stretched[value] < 255 - _NEAR_FEW for value in levels):
        return None
    ends = middle = greys = 0
    for value, count in enumerate(counts):
        distance = min(stretched[value], 255 - stretched[value])
        greys += count if distance else 0
        ends += count if 0 < distance <= _NEAR else 0
        middle += count if distance >= 64 else 0
    if ends < _RINGING * middle:
        return None
    edge = _edge_length(grey, (low + high) // 2)
    if middle > _EDGE_WIDTH * edge or greys > _ALONG_EDGES * edge:
        return None
    eighth = 255 - 2 * _SNAPPED
    ramp = [min(255, max(0, round((value - _SNAPPED) * 255 / eighth))) for value in stretched]
    return grey.point(ramp)


def _edge_length(grey: Image.Image, level: int) -> int:
    """How many pairs of neighbours lie on both sides of `level`: counted in bits, which takes a tenth of the time."""
    width, height = grey.size
    packed = grey.point([0] * (level + 1) + [255] * (255 - level), "1").tobytes()
    sides = int.from_bytes(packed)
    row = len(packed) // height * 8
    with_left = ((1 << (width - 1)) - 1) << (row - width)
    across = (sides ^ (sides >> 1)) & int.from_bytes(with_left.to_bytes(row // 8) * height)
    down = (sides ^ (sides >> row)) & ((1 << row * (height - 1)) - 1)
    return across.bit_count() + down.bit_count()
