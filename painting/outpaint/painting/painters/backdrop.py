"""The `backdrop` painter: a plain studio ground with a shadow behind a cut-out; needs no prompt and no weights.

What a person expects behind a product on transparency is a ground in a colour that it stands out from, lit from above,
and a shadow where it stands, rather than more of what the product is made of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import numpy as np
from PIL import Image

from outpaint.contracts.errors import OutpaintError
from outpaint.contracts.responses import PainterCard
from outpaint.painting.canvas import Brief, Canvas
from outpaint.painting.painters.pixel_arrays import Flags, Floats, as_ycc, beside, blurred, from_ycc

_SIDE: Final = 512  # longer side of the ground before it is enlarged: it is smooth
_RECTANGLE: Final = 0.88  # share of its box from which on a kept shape with two corners is a picture
_STRAIGHT: Final = 0.97  # share of an outline from which on it is that of pictures
_TURNED: Final = 0.95  # share of a turned rectangle from which on a kept area is one
_TIP: Final = 0.02  # of the longer side
_EDGE: Final = 0.9  # share of an edge of the canvas from which on what is kept is a picture that was erased in part
_SOLID: Final = 0.95  # of the keep weight: whose colours are the object's
_LIGHT: Final = 226.0  # brightness of the ground behind what is darker than
_BRIGHT: Final = 165.0
_DIM: Final = 96.0  # brightness of the ground behind what is lighter
_COMPLEMENT: Final = 0.10  # of the object's own chroma, turned around
_NOISE: Final = 0.8  # of 255: enough that no bands show
_CONTACT: Final = (0.04, 0.014, 0.60, 0.012)  # shadow close to the object
_AMBIENT: Final = (0.22, 0.045, 0.32, 0.05)  # and around it: reach, thickness, darkness, softness
_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")
_ROWS: Final = 256  # rows enlarged at a time


class BackdropPainter:
    """Paints a ground that is neutral but for a touch of the complementary colour; seeds change its grain alone.

    `colour`, `#RRGGBB`, is the ground's own where it is given; `shadow` is how dark shadows are, 0 (none) to 1. Raises
    OutpaintError INVALID_PARAMETER for any others.
    """

    card: Final = PainterCard(name="backdrop", model="studio ground with contact shadow, version 1", reads_prompt=False)

    def __init__(self, colour: str | None = None, shadow: float = 1.0) -> None:
        if colour is not None and _COLOUR.fullmatch(colour) is None:
            raise OutpaintError.wrong_value("backdrop_colour", colour, "write it as #RRGGBB, such as #f4f1ec")
        if not 0 <= shadow <= 1:
            raise OutpaintError.wrong_value("backdrop_shadow", shadow, "it is 0 (none) to 1")
        self._colour = None if colour is None else as_ycc(Image.new("RGB", (1, 1), colour))[0, 0]
        self._shadow = shadow

    def paint(self, canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        ground = _ground(canvas, self._colour, self._shadow)
        for seed in brief.seeds:
            yield _enlarged(ground, canvas.size, np.random.default_rng(seed))


def is_cutout(canvas: Canvas) -> bool:
    """Whether what is kept is an object of free shape, as product cut-outs are, rather than a part of a picture.

    A picture keeps an edge of the canvas, the corners of its own box or its straight sides, or is turned as a whole.
    An object that is itself an upright rectangle cannot be told from one.
    """
    width, height = canvas.size
    factor = min(1.0, _SIDE / max(canvas.size))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    kept = np.asarray(canvas.keep.resize(size, Image.Resampling.BOX)) >= 128
    if not kept.any() or _is_of_a_picture(kept):
        return False
    rows, columns = np.flatnonzero(kept.any(axis=1)), np.flatnonzero(kept.any(axis=0))
    box = kept[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    corners = int(box[:: max(1, len(box) - 1), :: max(1, box.shape[1] - 1)].sum())
    return corners == 0 or (corners <= 2 and box.mean() < _RECTANGLE)


def _is_of_a_picture(kept: Flags) -> bool:
    """Whether a kept area shows that it is a picture: by an edge of the canvas, straight sides, or as one turned."""
    edges = (kept[0], kept[-1], kept[:, 0], kept[:, -1])
    if max(edge.mean() for edge in edges) >= _EDGE or _straight(kept) >= _STRAIGHT:
        return True
    # A picture that was straightened touches all edges of its canvas with its corners, whose tips are faint.
    near = max(2, round(_TIP * max(kept.shape)))
    reached = (kept[:near], kept[-near:], kept[:, :near], kept[:, -near:])
    return all(edge.any() for edge in reached) and _turned_share(kept) >= _TURNED


def _straight(kept: Flags) -> float:
    """The share of the outline that runs along rows and columns for a tenth of the kept side or more."""
    shortest = max(3.0, 0.1 * float(np.sqrt(np.count_nonzero(kept))))
    framed = np.pad(kept, 1).astype(np.int8)
    straight = whole = 0
    for crossings in (np.diff(framed, axis=0), np.diff(framed, axis=1).T):
        for side in (1, -1):
            # Each run begins and ends where the crossings of one row do; a row more keeps runs apart.
            changes = np.diff(np.pad((crossings == side).astype(np.int8), ((0, 0), (1, 1))).ravel())
            runs = np.flatnonzero(changes == -1) - np.flatnonzero(changes == 1)
            straight += int(runs[runs >= shortest].sum())
            whole += int(runs.sum())
    return straight / max(1, whole)


def _turned_share(kept: Flags) -> float:
    """The share that a kept area has of the smallest rectangle around it, turned by whole degrees."""
    outline = np.argwhere(kept & beside(~kept, 1) | kept & _frame(kept.shape)).astype(np.float32)
    angles = np.deg2rad(np.arange(90, dtype=np.float32))
    across = outline @ np.stack([np.sin(angles), np.cos(angles)])
    down = outline @ np.stack([np.cos(angles), -np.sin(angles)])
    smallest = ((np.ptp(across, axis=0) + 1) * (np.ptp(down, axis=0) + 1)).min()
    return float(np.count_nonzero(kept) / smallest)


def _frame(shape: tuple[int, ...]) -> Flags:
    """The outermost rows and columns."""
    frame = np.ones(shape, dtype=bool)
    frame[1:-1, 1:-1] = False
    return frame


def _ground(canvas: Canvas, wanted: Floats | None, darkness: float) -> Floats:
    """Y, Cb and Cr of the ground, [rows, columns, 3], on a copy whose longer side is `_SIDE`.

    `wanted` is its colour in Y, Cb and Cr, where one is; `darkness` is that of the shadows, 0 to 1.
    """
    width, height = canvas.size
    factor = _SIDE / max(canvas.size)
    wide, high = max(8, round(width * factor)), max(8, round(height * factor))
    weight = np.asarray(canvas.keep.resize((wide, high), Image.Resampling.BOX), dtype=np.float32) / np.float32(255)
    there = weight > 0.5
    if not there.any():
        there = weight >= weight.max()
    colour = _typical(canvas, (wide, high), weight, there)
    rows, columns = np.nonzero(there)
    top, foot, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    tall, broad = foot - top, right - left
    down, across = np.mgrid[0:high, 0:wide].astype(np.float32)
    # Wall and floor meet without a line, a little above the object's foot.
    floor = 1 / (1 + np.exp(-np.clip((down - (foot - 0.10 * tall)) / (0.06 * high), -50, 50)))
    pool = np.exp(
        -(((across - (left + right) / 2) / (0.75 * wide)) ** 2) - ((down - (top + 0.55 * tall)) / (0.75 * high)) ** 2
    )
    light = (_LIGHT if colour[0] < _BRIGHT else _DIM) if wanted is None else float(wanted[0])
    light = light * (0.86 + 0.13 * pool + 0.05 * floor) - 6 * down / high
    if foot < high - 1:
        light = light * (1 - np.float32(darkness) * _shadow(there, int(foot), int(tall), int(broad)))
    tint = 128 - _COMPLEMENT * (colour[1:] - 128) if wanted is None else wanted[1:]
    return np.dstack([light, np.full_like(light, tint[0]), np.full_like(light, tint[1])]).astype(np.float32)


def _typical(canvas: Canvas, size: tuple[int, int], weight: Floats, there: Flags) -> Floats:
    """The object's median colour in Y, Cb and Cr."""
    colours = as_ycc(canvas.picture.resize(size, Image.Resampling.BOX))
    solid = weight > _SOLID
    return np.asarray(np.median(colours[solid if solid.any() else there], axis=0), dtype=np.float32)


def _shadow(there: Flags, foot: int, tall: int, broad: int) -> Floats:
    """How dark the ground is, 0 to 1: where the object touches it, and softly around."""
    high, wide = there.shape
    down = np.arange(high, dtype=np.float32)[:, None]
    lowest = np.where(there, down, -1).max(axis=0)
    hanging = np.where(lowest >= 0, foot - 1 - lowest, 1e4) / tall
    longer = max(tall, broad)
    dark = np.zeros((high, wide), dtype=np.float32)
    for reach, thickness, darkness, softness in (_CONTACT, _AMBIENT):
        under = np.exp(-((hanging / reach) ** 2)).astype(np.float32)[None]
        deep = thickness * longer * (0.4 + 0.6 * under) + 1
        band = np.exp(-(((down - (foot - 0.012 * tall)) / deep) ** 2) / 2).astype(np.float32) * under
        dark = 1 - (1 - dark) * (1 - np.float32(darkness) * blurred(band, max(1, round(softness * longer))))
    return dark


def _enlarged(ground: Floats, size: tuple[int, int], draw: np.random.Generator) -> Image.Image:
    """The ground at the canvas's size, with a little noise so that no bands show; in bands of rows."""
    width, height = size
    high, wide = ground.shape[:2]
    result = Image.new("RGB", size)
    planes = [Image.fromarray(np.ascontiguousarray(ground[..., channel])) for channel in range(3)]
    for top in range(0, height, _ROWS):
        lines = min(height, top + _ROWS) - top
        box = (0, top * high / height, wide, (top + lines) * high / height)
        band = np.stack(
            [np.asarray(plane.resize((width, lines), Image.Resampling.BICUBIC, box=box)) for plane in planes], axis=2
        )
        band[..., 0] += draw.normal(0, _NOISE, (lines, width)).astype(np.float32)
        result.paste(from_ycc(band), (0, top))
    return result
