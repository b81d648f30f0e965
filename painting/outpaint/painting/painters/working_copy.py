"""Painting on a smaller copy, and enlarging the result with the detail that the copy cannot have, its grain.

How strong detail finer than the painted pixels is, relative to what a coarse copy shows at the same place, is learned
from the kept area. Painted areas get as much, taken from kept blocks of like colour and activity: foliage goes on as
foliage, and a smooth sky stays smooth but for its noise. Done in bands of rows, so that memory stays small.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

from outpaint.painting.canvas import Canvas, known_area
from outpaint.painting.painters.seams import resized

_ROWS: Final = 16  # of a smaller copy that are made at a time
_GAP: Final = 8  # pixels
_SOLID: Final = 2  # pixels: what is at least so far inside the known area is solid
_SCATTERED: Final = 0.02  # share of the known pixels
_FULL: Final = 250  # of a smaller copy's alpha: no pixel that mixes known and open
# For grain:
_NEGLIGIBLE: Final = 1.2  # canvas pixels: painted pixels up to so wide need no further detail
_CELLS: Final = 16  # painted pixels along a block of detail
_SAMPLES: Final = 192  # kept blocks looked at
_SAMPLED: Final = 12_000_000  # pixels of them
_ALIKE: Final = 6  # kept blocks most like the place, of which one is drawn
_FIGURED: Final = 0.6  # see _figure: blocks above serve nowhere else
_PEAK: Final = 3.5  # in mean strengths: sparkles draw the eye
_STRENGTH: Final = 0.85  # a little less than the kept area's, since it is not its true detail
_FEWEST: Final = 4  # kept blocks, below which there is nothing to learn from
_STRONGEST: Final = 24.0  # of 255: mean absolute detail added at most


def working_copy(canvas: Canvas, scale: float) -> Image.Image:
    """The picture in RGBA at `scale`, 1 at most; alpha 255 is known, alpha 0 is to be painted.

    The canvas's weights are 0 and 255 alone. Something is always known, however small the kept area is.
    """
    size = (max(1, round(canvas.size[0] * scale)), max(1, round(canvas.size[1] * scale)))
    if canvas.size == size:
        picture = canvas.picture.copy()
        picture.putalpha(canvas.keep)
    else:
        picture = _shrunk(canvas, size)
        picture.putalpha(known_area(picture.getchannel("A"), _FULL))
    # Dots and lines become areas, so that there is something to continue.
    if _is_scattered(picture.getchannel("A")):
        return smoothed(picture, min(_GAP, max(2, min(size) // 16)))
    return picture


def _shrunk(canvas: Canvas, size: tuple[int, int]) -> Image.Image:
    """The picture in RGBA at a smaller size, in strips: Pillow makes two copies of what it averages by its alpha."""
    small = Image.new("RGBA", size)
    (width, height), step = canvas.size, canvas.size[1] / size[1]
    for top in range(0, size[1], _ROWS):
        bottom = min(top + _ROWS, size[1])
        first, end = max(0, math.floor(top * step) - 1), min(height, math.ceil(bottom * step) + 1)
        strip = canvas.picture.crop((0, first, width, end))
        strip.putalpha(canvas.keep.crop((0, first, width, end)))
        box = (0, top * step - first, width, min(bottom * step, height) - first)
        small.paste(strip.resize((size[0], bottom - top), Image.Resampling.BOX, box=box), (0, top))
    return small


def _is_scattered(known: Image.Image) -> bool:
    """Whether the known pixels (255 in the L picture `known`) are only dots and thin lines."""
    solid = known.filter(ImageFilter.BoxBlur(_SOLID)).histogram()[255]
    return solid <= _SCATTERED * known.histogram()[255]


def smoothed(picture: Image.Image, widest: int) -> Image.Image:
    """The RGBA picture with gaps of up to about `widest` pixels filled by the colours around, alpha 255 there.

    Each gap takes the mean of the smallest block around it that has known pixels. In float, since eight bits lose the
    colour of a single pixel.
    """
    values = np.asarray(picture, dtype=np.float32)
    known = (values[..., 3:] >= 128).astype(np.float32)
    levels = [np.concatenate([values[..., :3] * known, known], axis=2)]
    while max(levels[-1].shape[:2]) > 1 and 1 << len(levels) <= widest:
        high, wide = levels[-1].shape[:2]
        even = np.pad(levels[-1], ((0, high % 2), (0, wide % 2), (0, 0)))
        levels.append(even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2])
    level = levels.pop()
    covered = level[..., 3] > 0
    colour = level / np.maximum(level[..., 3:], 1)
    for level in reversed(levels):
        high, wide = level.shape[:2]
        covered = covered.repeat(2, axis=0).repeat(2, axis=1)[:high, :wide]
        # The fourth channel is a weight: what is not covered adds no black.
        colour = resized(colour, (2 * colour.shape[1], 2 * colour.shape[0]))[:high, :wide]
        colour = np.where(covered[..., None], colour / np.maximum(colour[..., 3:], 1e-6), 0)
        here = level[..., 3] > 0
        colour[here] = level[here] / level[here, 3:]
        covered = covered | here
    filled = Image.fromarray(np.rint(colour[..., :3]).astype(np.uint8))
    filled.putalpha(Image.fromarray(np.where(covered, np.uint8(255), np.uint8(0))))
    return filled


@dataclass(frozen=True, slots=True)
class Grain:
    """The detail of kept blocks: `blocks` float32 [n, side, side] of unit strength, `traits` [n, 4] to find them by.

    `share` is the strength of detail per coarse activity, `floor` its strength where there is none, of 255.
    """

    blocks: NDArray[np.float32]
    traits: NDArray[np.float32]
    share: float
    floor: float


def learn_grain(canvas: Canvas, coarse: float) -> Grain | None:
    """The kept area's detail finer than `coarse` canvas pixels; None where there is hardly any or no kept area."""
    if coarse <= _NEGLIGIBLE:
        return None
    small = _CELLS
    side = 2 * round(small * coarse / 2)
    wide, high = canvas.size[0] // side, canvas.size[1] // side
    if not wide or not high:
        return None
    tiled = (0, 0, wide * side, high * side)
    kept = canvas.keep.resize((wide, high), Image.Resampling.BOX, box=tiled)
    rows, columns = np.nonzero(np.asarray(kept) == 255)
    if len(rows) < _FEWEST:
        return None
    most = min(_SAMPLES, max(_FEWEST, _SAMPLED // side**2))
    chosen = np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)
    rows, columns = rows[chosen], columns[chosen]
    corners = [(side * column, side * row) for row, column in zip(rows.tolist(), columns.tolist(), strict=True)]
    kept_blocks = [canvas.picture.crop((x, y, x + side, y + side)).convert("L") for x, y in corners]
    blocks = np.stack([np.asarray(block, dtype=np.float32) for block in kept_blocks])
    down = np.asarray(Image.fromarray(np.eye(side, dtype=np.float32)).resize((side, small), Image.Resampling.BOX))
    up = np.asarray(Image.fromarray(np.eye(small, dtype=np.float32)).resize((small, side), Image.Resampling.BICUBIC))
    smoothing = up @ down
    detail = blocks - smoothing @ blocks @ smoothing.T
    strength = np.abs(detail).mean(axis=(1, 2))
    shrunk = canvas.picture.resize((wide * small, high * small), Image.Resampling.BOX, box=tiled)
    traits, active = _traits(shrunk, (wide, high))
    active = active[rows, columns]
    figured = _figure(detail)
    plain = figured <= max(_FIGURED, float(np.quantile(figured, 0.25)))
    blocks = detail[plain] / np.maximum(strength[plain], 0.5)[:, None, None]
    return Grain(
        blocks=np.clip(blocks, -_PEAK, _PEAK),
        traits=traits[rows, columns][plain],
        share=float((strength * active).sum() / max(float((active * active).sum()), 1e-6)),
        floor=float(np.quantile(strength, 0.1)),
    )


def enlarge(
    painted: Image.Image, canvas: Canvas, coarse: float, grain: Grain | None, draw: np.random.Generator
) -> Image.Image:
    """`painted` at the canvas's size, with grain; `coarse` is the width of a painted pixel in the canvas's."""
    full = painted
    if painted.size != canvas.size:
        full = painted.resize(canvas.size, Image.Resampling.BICUBIC)
    if grain is None:
        return full
    width, height = canvas.size
    size = (max(2, round(width / coarse)), max(2, round(height / coarse)))
    shrunk = painted.resize(size, Image.Resampling.BOX)
    light = painted.convert("L")
    smooth = shrunk.convert("L").resize(painted.size, Image.Resampling.BICUBIC)
    activity = np.asarray(_activity(shrunk.convert("L")), dtype=np.float32)
    present = ImageChops.difference(light, smooth).resize(size, Image.Resampling.BOX)
    there = np.asarray(present.filter(ImageFilter.BoxBlur(2)), dtype=np.float32)
    wanted = _STRENGTH * np.clip(grain.share * activity, grain.floor, _STRONGEST)
    missing = Image.fromarray(np.sqrt(np.maximum(wanted**2 - there**2, 0)).astype(np.float32))
    top = 0
    for band in _texture(grain, shrunk, canvas.size, draw):
        bottom = min(height, top + len(band))
        strength = missing.resize(
            (width, bottom - top),
            Image.Resampling.BILINEAR,
            box=(0, top * size[1] / height, size[0], bottom * size[1] / height),
        )
        region = (0, top, width, bottom)
        added = band[: bottom - top] * np.asarray(strength)
        grey = Image.fromarray(np.clip(np.rint(added) + 128, 0, 255).astype(np.uint8))
        shift = Image.merge("RGB", (grey, grey, grey))
        full.paste(ImageChops.add(full.crop(region), shift, 1.0, -128), (0, top))
        top = bottom
        if top >= height:
            break
    return full


def _activity(light: Image.Image) -> Image.Image:
    """The strength of the finest detail that a coarse copy shows: the mean absolute difference to its blur."""
    lively = ImageChops.difference(light, light.filter(ImageFilter.BoxBlur(1)))
    return lively.filter(ImageFilter.BoxBlur(2))


def _traits(coarse: Image.Image, size: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """For blocks on a grid of `size`: [rows, columns, 4] of colour and activity, and activity alone."""
    activity = _activity(coarse.convert("L")).resize(size, Image.Resampling.BOX)
    active = np.asarray(activity, dtype=np.float32)
    colour = np.asarray(coarse.resize(size, Image.Resampling.BOX), dtype=np.float32)
    return np.concatenate([colour / 24, 4 * np.log1p(active)[..., None]], axis=-1), active


def _figure(detail: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much each block shows a figure rather than a texture: lines that run one way, uneven strength.

    0 for even noise, 1 and more for an edge or a row of tiles, which look torn anywhere but in their place.
    """
    down, across = np.diff(detail, axis=1)[:, :, :-1], np.diff(detail, axis=2)[:, :-1]
    yy, xx, xy = ((a * b).mean(axis=(1, 2)) for a, b in ((down, down), (across, across), (down, across)))
    directed = np.sqrt((yy - xx) ** 2 + 4 * xy**2) / np.maximum(yy + xx, 1e-6)
    quarter = detail.shape[1] // 4
    parts = np.abs(detail[:, : 4 * quarter, : 4 * quarter]).reshape(-1, 4, quarter, 4, quarter).mean(axis=(2, 4))
    uneven = parts.std(axis=(1, 2)) / np.maximum(parts.mean(axis=(1, 2)), 1e-6)
    return np.asarray(directed + uneven, dtype=np.float32)


def _texture(
    grain: Grain, coarse: Image.Image, size: tuple[int, int], draw: np.random.Generator
) -> Iterator[NDArray[np.float32]]:
    """Unit detail all over, in bands of half a block's rows, cross-faded from blocks of like traits.

    Squared fading weights add up to one, so that independent blocks keep their strength where they meet.
    """
    side = grain.blocks.shape[1]
    half = side // 2
    count = size[0] // half + 2
    ramp = np.sin((np.arange(side, dtype=np.float32) + 0.5) * np.float32(np.pi / side))
    fading = ramp[:, None] * ramp[None, :]
    traits, _ = _traits(coarse, (count, size[1] // half + 2))
    weight = (grain.traits**2).sum(axis=1)
    alike = min(_ALIKE, len(grain.blocks))
    held = np.zeros((half, (count + 1) * half), dtype=np.float32)
    for row in traits:
        unlike = weight - 2 * row @ grain.traits.T
        nearest = np.argpartition(unlike, alike - 1, axis=1)[:, :alike]
        picked = nearest[np.arange(count), draw.integers(alike, size=count)]
        blocks = grain.blocks[picked]
        turned = draw.integers(2, size=count).astype(bool)
        blocks = np.where(turned[:, None, None], blocks[:, :, ::-1], blocks) * fading
        lines = np.zeros((side, (count + 1) * half), dtype=np.float32)
        for start in (0, 1):
            part = blocks[start::2]
            strip = part.transpose(1, 0, 2).reshape(side, -1)
            lines[:, start * half : start * half + strip.shape[1]] += strip
        lines[:half] += held
        held = lines[half:]
        yield lines[:half, half : half + size[0]]
