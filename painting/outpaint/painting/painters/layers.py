"""The `layers` painter: continues a photo layer by layer with patches of its own; needs no weights.

A small layout is painted by PatchMatch, which may not copy the subject and in which every place prefers what stands at
its own height in the photo: sky goes on as sky, ground as ground. The layout becomes offsets into the photo, which are
refined at twice the size and carried out on the photo itself, so that what is painted is as sharp as the photo. Steps
of colour along the border are levelled at the end (docs/facts/pixels.md#layered-patches).
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

import numpy as np
import patchmatch
from numpy.typing import NDArray
from PIL import Image

from outpaint.contracts.errors import OutpaintError
from outpaint.contracts.responses import PainterCard
from outpaint.painting.canvas import Brief, Canvas
from outpaint.painting.painters.half_transparency import paint_in_layers
from outpaint.painting.painters.patch_search import Guide, Offsets, PatchLevel
from outpaint.painting.painters.pixel_arrays import (
    Flags,
    Floats,
    Indices,
    as_ycc,
    beside,
    blurred,
    from_ycc,
    nearest,
    scaled,
)
from outpaint.painting.painters.subject_map import subject_map
from outpaint.painting.painters.working_copy import smoothed, working_copy

WORK_SIDE: Final = 512
"""The longer side in pixels of the picture that offsets are refined in; the layout has half of it."""

_GUIDE_SIDE: Final = 128  # longer side of the guide and the subject map
_LEAST_PATCHES: Final = 100  # of the layout: with fewer there is nothing to continue
_SHORTEST: Final = 112  # pixels: the library's pyramid ends where a side does
_LAYER: Final = 0.05  # weight of height in the layout
_ACROSS: Final = 0.5  # of the horizontal place, relative to that of height
_REACH: Final = 0.35  # of the kept side: how deep mirrored places lie
_FAR: Final = 0.25  # of the kept side: from there on a place is far out
_CRISP: Final = 1.5  # how much shorter than a grid cell the seams between sources are
_TINT: Final = 24.0  # of 255: how far sources' colours are moved to those of the refined picture
_LINEAR: Final = Image.Resampling.BILINEAR
_BAND: Final = 64  # rows that are rendered at a time
# For levelling:
_CALM: Final = 7.0  # of 255: rougher borders are trusted less
_TRUSTED: Final = 30.0  # of 255: larger steps are other objects rather than another tint
_FADE: Final = 0.6  # of the kept side: how far a step is carried
_SCALES: Final = (3, 6, 12, 24, 48)  # pixels of the working copy


class LayersPainter:
    """Paints by patches on a copy whose longer side is WORK_SIDE, and copies from the photo at its full size.

    Raises OutpaintError where pypatchmatch's native part, which its wheel brings, does not load.
    """

    card: Final = PainterCard(
        name="layers", model=f"layered patches, pypatchmatch {version('pypatchmatch')}", reads_prompt=False
    )

    def __init__(self) -> None:
        if not patchmatch.patchmatch_available:
            raise OutpaintError.unavailable(
                "The layers painter's library pypatchmatch does not load here: reinstall it, or choose migan."
            )

    def paint(self, canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        return paint_in_layers(_paint, canvas, brief)


def _paint(canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
    scene = _Scene.of(canvas)
    if scene is None:
        # There is too little to continue: the colours around, blurred.
        start = working_copy(canvas, min(1.0, WORK_SIDE / max(canvas.size)))
        ground = smoothed(start, 2 * max(start.size)).convert("RGB").resize(canvas.size, Image.Resampling.BICUBIC)
        yield from (ground.copy() for _ in brief.seeds)
        return
    for seed in brief.seeds:
        yield scene.painted(seed)


@dataclass(frozen=True, slots=True)
class _Scene:
    """A canvas made ready: what all its pictures have in common, whatever their seed.

    `small` is the picture in RGB at the layout's size; `near` are the rows and columns of each pixel's nearest known
    one there.
    """

    canvas: Canvas
    small: Image.Image
    near: tuple[Indices, Indices]
    subject: Floats
    layout: PatchLevel
    work: PatchLevel
    work_picture: Image.Image
    distance: Floats

    @classmethod
    def of(cls, canvas: Canvas) -> _Scene | None:
        """None where too little is kept to copy from."""
        work_size = _size(canvas, WORK_SIDE)
        layout_size = _size(canvas, WORK_SIDE // 2)
        guide_size = _size(canvas, _GUIDE_SIDE)
        known = _known(canvas, guide_size)
        if not known.any() or known.all():
            return None
        guide, distance = _guide(known, subject_map(_shrunk(canvas, guide_size), known))
        small, work_picture = _shrunk(canvas, layout_size), _shrunk(canvas, work_size)
        layout = _level(small, _known(canvas, layout_size), guide)
        work = _level(work_picture, _known(canvas, work_size), guide)
        if len(layout.source_rows) < _LEAST_PATCHES or work.is_empty:
            return None
        _, *near = nearest(layout.known)
        return cls(
            canvas=canvas,
            small=small,
            near=(near[0], near[1]),
            subject=guide.at(layout_size).subject,
            layout=layout,
            work=work,
            work_picture=work_picture,
            distance=scaled(distance, work_size, _LINEAR) * np.float32(max(work_size) / max(guide_size)),
        )

    def painted(self, seed: int) -> Image.Image:
        """The picture of one seed."""
        draw = np.random.default_rng(seed)
        seen = as_ycc(Image.fromarray(self._laid_out(seed)))
        seen = np.where(self.layout.known[..., None], self.layout.colours, seen)
        coarse = Offsets(self.layout, *self.layout.guided(), draw)
        for rounds in (4, 2):
            coarse.look_at(seen)
            coarse.search(rounds, max(self.layout.size) / 2)
            seen = coarse.vote(seen)
        fine = Offsets(self.work, *coarse.carried(self.work), draw)
        seen = scaled(seen, self.work.size, Image.Resampling.BICUBIC)
        seen = np.where(self.work.known[..., None], self.work.colours, seen)
        fine.look_at(seen)
        seen = fine.vote(seen)
        for _ in range(2):
            fine.look_at(seen)
            fine.search(2, max(self.work.size) / 16)
            seen = fine.vote(seen)
        return self._rendered(fine, seen)

    def _laid_out(self, seed: int) -> NDArray[np.uint8]:
        """The layout by PatchMatch, RGB [rows, columns, 3]; the subject is no source."""
        known = self.layout.known
        high, wide = known.shape
        rows, columns = self.near
        base = np.asarray(self.small)[rows, columns]
        longer = max(high, wide)
        place = np.dstack([rows / longer, columns / longer * _ACROSS, np.zeros_like(known)]).astype(np.float32)
        spared = known & (blurred((self.subject > 0.4).astype(np.float32), max(1, longer // 100)) > 0.2)
        if np.count_nonzero(known & ~spared) < _LEAST_PATCHES:
            spared = np.zeros_like(known)
        pad = ((0, max(0, _SHORTEST - high)), (0, max(0, _SHORTEST - wide)))
        patchmatch.set_random_seed(seed & 0xFFFFFFFF)
        found = patchmatch.inpaint_regularity(
            np.pad(base, (*pad, (0, 0)), mode="symmetric"),
            np.pad(~known, pad, mode="symmetric"),
            np.pad(place, (*pad, (0, 0)), mode="symmetric"),
            global_mask=np.pad(spared, pad, mode="symmetric"),
            patch_size=3,
            guide_weight=_LAYER,
        )
        return np.asarray(found[:high, :wide], dtype=np.uint8)

    def _rendered(self, offsets: Offsets, seen: Floats) -> Image.Image:
        """The photo itself copied by the offsets, in the tints of the refined picture `seen`, steps levelled."""
        down, across = offsets.on_grid()
        plain = from_ycc(seen)
        copied = _copied(self.canvas, self.work, down, across, plain)
        small = np.asarray(copied.resize(self.work.size, Image.Resampling.BOX), dtype=np.float32)
        tint = np.clip(blurred(np.asarray(plain, dtype=np.float32) - small, 2), -_TINT, _TINT)
        shift = tint + _levelled(small + tint, self.work_picture, self.work.known, self.distance)
        _add(copied, shift)
        return copied


def _size(canvas: Canvas, longer: int) -> tuple[int, int]:
    """The canvas's size on a copy whose longer side is at most this; no side is below 8 pixels."""
    factor = min(1.0, longer / max(canvas.size))
    return max(8, round(canvas.size[0] * factor)), max(8, round(canvas.size[1] * factor))


def _shrunk(canvas: Canvas, size: tuple[int, int]) -> Image.Image:
    return canvas.picture.resize(size, Image.Resampling.BOX)


def _known(canvas: Canvas, size: tuple[int, int]) -> Flags:
    """Which pixels of a copy are known as a whole: those that mix in open ones, which are black, are not."""
    known: Flags = np.asarray(canvas.keep.resize(size, Image.Resampling.BOX)) == 255
    return known


def _level(picture: Image.Image, known: Flags, guide: Guide) -> PatchLevel:
    colours = as_ycc(picture)
    colours[~known] = 0
    return PatchLevel(colours, known, guide.at(picture.size), 1 if max(picture.size) <= _GUIDE_SIDE else 2)


def _guide(known: Flags, subject: Floats) -> tuple[Guide, Floats]:
    """Places mirrored in the border of the known area, ever less deep, and the distance from it in pixels."""
    distance, rows, columns = nearest(known)
    side = float(np.sqrt(np.count_nonzero(known)))
    deepest = np.float32(_REACH * side)
    depth = deepest * (1 - np.exp(-distance / deepest)) / np.maximum(distance, np.float32(1e-6))
    here_rows, here_columns = np.mgrid[0 : known.shape[0], 0 : known.shape[1]].astype(np.float32)
    guide = Guide(
        (rows + (rows - here_rows) * depth).astype(np.float32),
        (columns + (columns - here_columns) * depth).astype(np.float32),
        np.minimum(1, distance / np.float32(_FAR * side)).astype(np.float32),
        subject,
    )
    return guide, distance


def _copied(canvas: Canvas, level: PatchLevel, down: Indices, across: Indices, plain: Image.Image) -> Image.Image:
    """Each pixel from the sources of the four nearest places on the grid, blended; `plain` where none is kept.

    Done in bands of rows, two at a time, so that memory stays small.
    """
    width, height = canvas.size
    pixels = _with_alpha(canvas)
    factor = height / level.size[1], width / level.size[0]
    down = np.rint(down * factor[0]).astype(np.int32)
    across = np.rint(across * factor[1]).astype(np.int32)
    columns, column_weights = _between(np.arange(width), level.step * factor[1], factor[1], down.shape[1])
    here = np.arange(width, dtype=np.int32)
    result = Image.new("RGB", canvas.size)

    def band(top: int) -> NDArray[np.uint8]:
        lines = np.arange(top, min(height, top + _BAND), dtype=np.int32)
        rows, row_weights = _between(lines, level.step * factor[0], factor[0], down.shape[0])
        colours = np.zeros((len(lines), width, 3), dtype=np.float32)
        share = np.zeros((len(lines), width), dtype=np.float32)
        for row, row_weight in zip(rows, row_weights, strict=True):
            for column, column_weight in zip(columns, column_weights, strict=True):
                cell = (row[:, None], column[None])
                from_rows = np.clip(lines[:, None] + down[cell], 0, height - 1)
                from_columns = np.clip(here[None] + across[cell], 0, width - 1)
                found = pixels[from_rows, from_columns].view(np.uint8).reshape(len(lines), width, 4)
                weight = row_weight[:, None] * column_weight[None] * (found[..., 3] == 255)
                colours += found[..., :3] * weight[..., None]
                share += weight
        colours /= np.maximum(share, np.float32(1e-6))[..., None]
        box = (0, top * level.size[1] / height, level.size[0], (top + len(lines)) * level.size[1] / height)
        missing = share < 1e-3
        if missing.any():
            around = np.asarray(plain.resize((width, len(lines)), _LINEAR, box=box))
            colours[missing] = around[missing]
        return np.rint(colours).astype(np.uint8)

    tops = range(0, height, _BAND)
    with ThreadPoolExecutor(2) as threads:
        for top, made in zip(tops, threads.map(band, tops), strict=True):
            result.paste(Image.fromarray(made), (0, top))
    return result


def _with_alpha(canvas: Canvas) -> NDArray[np.uint32]:
    """The picture with its keep map as alpha, four bytes in one, [rows, columns]; made without a second copy of it."""
    width, height = canvas.size
    pixels = np.empty((height, width, 4), dtype=np.uint8)
    for top in range(0, height, _BAND):
        region = (0, top, width, min(height, top + _BAND))
        pixels[top : region[3], :, :3] = np.asarray(canvas.picture.crop(region))
        pixels[top : region[3], :, 3] = np.asarray(canvas.keep.crop(region))
    return pixels.view(np.uint32).reshape(height, width)


def _between(
    places: NDArray[np.integer], spacing: float, factor: float, count: int
) -> tuple[tuple[Indices, Indices], tuple[Floats, Floats]]:
    """The two grid lines that each place lies between, and their weights, which change within less than a cell."""
    at = (places + 0.5 - 0.5 * factor) / spacing
    before = np.floor(at)
    weight = np.clip((at - before - 0.5) * _CRISP + 0.5, 0, 1).astype(np.float32)
    first = np.clip(before, 0, count - 1).astype(np.int32)
    second = np.clip(before + 1, 0, count - 1).astype(np.int32)
    return (first, second), (1 - weight, weight)


def _levelled(painted: Floats, picture: Image.Image, known: Flags, distance: Floats) -> Floats:
    """What to add to what is painted, so that no step shows along smooth parts of the border; it fades from there."""
    kept = np.asarray(picture, dtype=np.float32)
    inside = known.astype(np.float32)[..., None]
    kept_mean, kept_rough = _side(kept, inside)
    open_mean, open_rough = _side(painted, 1 - inside)
    step = kept_mean - open_mean
    edge = known & beside(~known, 1)
    trust = edge / (1 + ((kept_rough + open_rough) / _CALM) ** 4) / (1 + (np.abs(step).max(axis=2) / _TRUSTED) ** 4)
    told = np.dstack([step * trust[..., None], trust, edge]).astype(np.float32)
    total = np.zeros_like(step)
    weight = np.full(known.shape, np.float32(1e-9))
    for scale in _SCALES:
        near = blurred(told, scale) * np.float32(0.1 / scale**2)  # the finest scale that knows a place decides there
        total += near[..., :3]
        weight += near[..., 3] + np.float32(0.06) * near[..., 4]
    side = np.float32(np.sqrt(np.count_nonzero(known)))
    return np.asarray(total / weight[..., None] * np.exp(-distance / (np.float32(_FADE) * side))[..., None])


def _side(values: Floats, within: Floats) -> tuple[Floats, Floats]:
    """The mean colour of what is `within`, near each pixel, and how rough it is there."""
    share = np.maximum(blurred(within, 2), np.float32(1e-4))
    mean = np.asarray(blurred(values * within, 2) / share, dtype=np.float32)
    square = blurred(values * values * within, 2) / share
    rough = np.sqrt(np.maximum(square - mean * mean, 0)).max(axis=2)
    return mean, np.asarray(rough, dtype=np.float32)


def _add(picture: Image.Image, shift: Floats) -> None:
    """Add a field of colour shifts, of any size, to a picture, in place and in bands of rows."""
    width, height = picture.size
    high, wide = shift.shape[:2]
    fields = [Image.fromarray(np.ascontiguousarray(shift[..., channel])) for channel in range(3)]
    for top in range(0, height, _BAND):
        bottom = min(height, top + _BAND)
        box = (0, top * high / height, wide, bottom * high / height)
        size = (width, bottom - top)
        added = np.stack([np.asarray(field.resize(size, _LINEAR, box=box)) for field in fields], axis=2)
        region = (0, top, width, bottom)
        made = np.asarray(picture.crop(region), dtype=np.float32) + added
        picture.paste(Image.fromarray(np.clip(np.rint(made), 0, 255).astype(np.uint8)), region[:2])
