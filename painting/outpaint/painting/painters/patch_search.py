"""Nearest patches: for places on a grid, offsets into the known area of a picture, and the picture they vote for.

Patches are 7 pixels wide and compared by 16 principal components of their pixels and by their mean colours, on top of
which stands what a `Guide` says about where to copy from. Offsets are found by propagation from neighbours and by
random search (PatchMatch: Barnes, Shechtman, Finkelstein, Goldman, SIGGRAPH 2009), all places at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from outpaint.painting.painters.pixel_arrays import COLOUR_WEIGHTS, Flags, Floats, Indices, beside, scaled

SIDE: Final = 7
"""Width and height of a patch in pixels."""

_RADIUS: Final = SIDE // 2
_COMPONENTS: Final = 16
_SAMPLES: Final = 3000  # patches that the components are learned from
_MEAN: Final = 0.6  # weight of mean colours beside the components
_SHIFT: Final = 8.0  # of 255: how far a copied patch's colour may be moved towards what stands there
_ACROSS: Final = 0.002  # cost of a square pixel (of 256) off the guide's place, along the border
_INWARD: Final = 0.0005  # the same towards and away from the border
_BARRED: Final = 2000.0  # cost of a patch of the subject far out in the open area
_COHERENT: Final = 0.92  # a neighbour's offset is taken unless it is so much worse
_BELL: Final = 1.6  # pixels: how much a patch's middle counts more than its rim in the vote


@dataclass(frozen=True, slots=True)
class Guide:
    """Where patches should come from; all are float32 [rows, columns].

    `rows` and `columns` are the place that each pixel is to be copied from, if all else is equal. `depth` is 0 at the
    border of the known area and 1 far out; `subject` is 0 to 1, how surely a pixel is what must not be copied.
    """

    rows: Floats
    columns: Floats
    depth: Floats
    subject: Floats

    def at(self, size: tuple[int, int]) -> Guide:
        """The guide for another size (width, height) of the picture."""
        high, wide = self.rows.shape
        linear = Image.Resampling.BILINEAR
        return Guide(
            scaled(self.rows, size, linear) * np.float32(size[1] / high),
            scaled(self.columns, size, linear) * np.float32(size[0] / wide),
            scaled(self.depth, size, linear),
            scaled(self.subject, size, linear),
        )


class PatchLevel:
    """A picture at one size: the patches that can be copied, and the places on a grid that want one.

    `colours` is Y, Cb, Cr, [rows, columns, 3], 0 where not `known`; places are `step` pixels apart. `is_empty` where
    no patch is known as a whole.
    """

    def __init__(self, colours: Floats, known: Flags, guide: Guide, step: int) -> None:
        self.colours = colours
        self.known = known
        self.step = step
        high, wide = known.shape
        self.size = (wide, high)
        whole = ~beside(~np.pad(known, _RADIUS), _RADIUS)[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS]
        self.source_rows, self.source_columns = (found.astype(np.int32) for found in np.nonzero(whole))
        self.is_empty = not len(self.source_rows)
        wanting = beside(~known, _RADIUS)[::step, ::step]
        self.grid = wanting.shape
        self.places = np.flatnonzero(wanting)
        grid_rows, grid_columns = np.divmod(self.places, self.grid[1])
        self.grid_rows, self.grid_columns = grid_rows.astype(np.int32), grid_columns.astype(np.int32)
        self.rows, self.columns = self.grid_rows * np.int32(step), self.grid_columns * np.int32(step)
        if self.is_empty:
            return
        self._learn(whole, guide)

    def _learn(self, whole: Flags, guide: Guide) -> None:
        """Prepare what offsets are judged by."""
        rows, columns = self.source_rows, self.source_columns
        self._top, self._left = int(rows.min()), int(columns.min())
        box = np.s_[self._top : int(rows.max()) + 1, self._left : int(columns.max()) + 1]
        self._high, self._wide = whole[box].shape
        self._projection = self._components()
        framed = np.pad(self.colours, ((_RADIUS, _RADIUS), (_RADIUS, _RADIUS), (0, 0)), mode="symmetric")
        around = framed[self._top : self._top + self._high + SIDE - 1, self._left : self._left + self._wide + SIDE - 1]
        self._features = _projected(around, self._projection, 1)
        self._copyable = np.ascontiguousarray(whole[box]).ravel()
        barred = np.ascontiguousarray(guide.subject[box]).ravel() * np.float32(_BARRED)
        self._barred = barred if barred.any() else None
        at = (self.rows, self.columns)
        self._guide_rows, self._guide_columns = guide.rows[at], guide.columns[at]
        self._depth = guide.depth[at]
        down, across = self._guide_rows - self.rows, self._guide_columns - self.columns
        length = np.maximum(np.hypot(down, across), np.float32(1e-3))
        self._down, self._across = down / length, across / length
        self._scale = np.float32(256 / max(self.size))

    def _components(self) -> Floats:
        """[SIDE, SIDE * 3, components + 3]: by it a patch's rows of pixels become its features.

        Distances between features are those between patches, a pixel: the mean square difference of what the
        components hold, and `_MEAN` times the means' difference.
        """
        chosen = np.linspace(0, len(self.source_rows) - 1, min(_SAMPLES, len(self.source_rows))).astype(np.intp)
        views = np.lib.stride_tricks.sliding_window_view(self.colours, (SIDE, SIDE), axis=(0, 1))
        corner = (self.source_rows[chosen] - _RADIUS, self.source_columns[chosen] - _RADIUS)
        patches = views[corner] * COLOUR_WEIGHTS[:, None, None]
        patches = (patches - patches.mean(axis=(2, 3), keepdims=True)).transpose(0, 2, 3, 1).reshape(len(chosen), -1)
        basis = np.linalg.eigh(patches.T @ patches)[1][:, : -_COMPONENTS - 1 : -1]
        basis = basis.reshape(SIDE * SIDE, 3, _COMPONENTS)
        # Without their means, so that what they are multiplied with may keep its own.
        basis = (basis - basis.mean(axis=0, keepdims=True)) * COLOUR_WEIGHTS[:, None] / SIDE
        means = np.broadcast_to(np.diag(COLOUR_WEIGHTS * _MEAN / SIDE**2), (SIDE * SIDE, 3, 3))
        return np.concatenate([basis, means], axis=2).reshape(SIDE, SIDE * 3, -1).astype(np.float32)

    def features(self, seen: Floats) -> Floats:
        """[places, components + 3] of the patches around all places in a picture like `colours`."""
        framed = np.pad(seen, ((_RADIUS, _RADIUS), (_RADIUS, _RADIUS), (0, 0)), mode="symmetric")
        return _projected(framed, self._projection, self.step)[self.places]

    def cost(self, wanted: Floats, rows: Indices, columns: Indices) -> Floats:
        """What it costs each place, which wants these features, to copy the patch around (row, column) there."""
        at, valid = self._found(rows, columns)
        apart = wanted - self._features[at]
        cost: Floats = np.einsum("ij,ij->i", apart, apart)
        off_down = (rows - self._guide_rows) * self._scale
        off_across = (columns - self._guide_columns) * self._scale
        inward = off_down * self._down + off_across * self._across
        sideways = off_down * self._across - off_across * self._down
        cost += np.float32(_ACROSS) * sideways * sideways
        cost += np.float32(_INWARD) * inward * inward
        if self._barred is not None:
            cost += self._barred[at] * self._depth
        cost[~valid] = np.inf
        return cost

    def copyable(self, rows: Indices, columns: Indices) -> Flags:
        """Whether the patch around each (row, column) is known as a whole."""
        return self._found(rows, columns)[1]

    def _found(self, rows: Indices, columns: Indices) -> tuple[Indices, Flags]:
        """Where the patches' features are, and whether there are any; 0 where there are none."""
        down, across = rows - np.int32(self._top), columns - np.int32(self._left)
        valid = (down >= 0) & (down < self._high) & (across >= 0) & (across < self._wide)
        at = down * np.int32(self._wide) + across
        at[~valid] = 0
        valid &= self._copyable[at]
        return at, valid

    def colour_shift(self, wanted: Floats, rows: Indices, columns: Indices) -> Floats:
        """[places, 3] what to add to a copied patch's colours, so that they come nearer to those that stand there."""
        at, _ = self._found(rows, columns)
        apart = (wanted[:, _COMPONENTS:] - self._features[at, _COMPONENTS:]) / np.float32(_MEAN)
        return np.asarray(np.clip(apart, -_SHIFT, _SHIFT) / COLOUR_WEIGHTS, dtype=np.float32)

    def sources(self, draw: np.random.Generator, count: int) -> tuple[Indices, Indices]:
        """Rows and columns of patches drawn from all that can be copied."""
        drawn = draw.integers(0, len(self.source_rows), count)
        return self.source_rows[drawn], self.source_columns[drawn]

    def guided(self) -> tuple[Indices, Indices]:
        """Rows and columns of the places that the guide names."""
        return np.rint(self._guide_rows).astype(np.int32), np.rint(self._guide_columns).astype(np.int32)


class Offsets:
    """The patch that each place of a level copies: its middle's `rows` and `columns`, and what that costs.

    Places to which `rows` and `columns` give no patch get any. `draw` decides all that is random.
    """

    def __init__(self, level: PatchLevel, rows: Indices, columns: Indices, draw: np.random.Generator) -> None:
        self._level = level
        self._draw = draw
        high, wide = level.known.shape
        self.rows, self.columns = np.clip(rows, 0, high - 1), np.clip(columns, 0, wide - 1)
        none = ~level.copyable(self.rows, self.columns)
        self.rows[none], self.columns[none] = level.sources(draw, int(np.count_nonzero(none)))
        self._wanted: Floats = np.empty(0, dtype=np.float32)
        self.best: Floats = np.empty(0, dtype=np.float32)

    def look_at(self, seen: Floats) -> None:
        """Judge the offsets by what stands in a picture now."""
        self._wanted = self._level.features(seen)
        self.best = self._level.cost(self._wanted, self.rows, self.columns)

    def search(self, rounds: int, reach: float, draws: int = 3) -> None:
        """Improve the offsets: from neighbours, and at random up to `reach` pixels away, ever nearer in `draws` steps.

        A reach of more than an eighth of the picture draws from all of it, too.
        """
        level, draw = self._level, self._draw
        down, across = (np.zeros(level.grid[0] * level.grid[1], dtype=np.int32) for _ in range(2))
        for number in range(rounds):
            for distance in (1, 3) if number == 0 else (1,):
                for up, left in ((-distance, 0), (0, -distance), (distance, 0), (0, distance)):
                    # A place that wants no patch has the offset 0: itself, which none can copy.
                    down[level.places], across[level.places] = self.rows - level.rows, self.columns - level.columns
                    there = np.clip(level.grid_rows + up, 0, level.grid[0] - 1) * level.grid[1]
                    there += np.clip(level.grid_columns + left, 0, level.grid[1] - 1)
                    self._try(level.rows + down[there], level.columns + across[there], _COHERENT)
            for step in range(draws):
                within = max(1.0, reach / 3**step)
                moves = np.rint(draw.uniform(-within, within, (2, len(self.rows)))).astype(np.int32)
                self._try(self.rows + moves[0], self.columns + moves[1])
            if reach > max(level.size) / 8:
                self._try(*level.sources(draw, len(self.rows)))

    def _try(self, rows: Indices, columns: Indices, favour: float = 1.0) -> None:
        """Take the patches that cost less than those there are, their cost times `favour`."""
        cost = self._level.cost(self._wanted, rows, columns)
        better = cost * np.float32(favour) < self.best
        np.copyto(self.rows, rows, where=better)
        np.copyto(self.columns, columns, where=better)
        np.copyto(self.best, cost, where=better)

    def vote(self, seen: Floats) -> Floats:
        """The picture that the copied patches make: where several overlap, those that fit better count more.

        `seen` stands where no patch reaches.
        """
        level = self._level
        high, wide = level.known.shape
        framed = wide + 2 * _RADIUS
        sums = np.zeros(((high + 2 * _RADIUS) * framed, 4), dtype=np.float32)
        target = (level.rows + np.int32(_RADIUS)) * np.int32(framed) + level.columns + np.int32(_RADIUS)
        source = self.rows * np.int32(wide) + self.columns
        colours = np.concatenate([level.colours, np.ones((high, wide, 1), np.float32)], axis=2).reshape(-1, 4)
        shift = np.zeros((len(source), 4), dtype=np.float32)
        shift[:, :3] = level.colour_shift(self._wanted, self.rows, self.columns)
        finite = np.minimum(self.best, np.float32(1e4))
        fit = np.exp(-finite / (2 * np.median(finite) + 1e-3)).astype(np.float32) + np.float32(0.02)
        for down in range(-_RADIUS, _RADIUS + 1):
            for across in range(-_RADIUS, _RADIUS + 1):
                part = colours.take(source + np.int32(down * wide + across), axis=0)
                part += shift
                part *= (fit * np.float32(np.exp(-(down**2 + across**2) / (2 * _BELL**2))))[:, None]
                sums[target + np.int32(down * framed + across)] += part
        sums = sums.reshape(high + 2 * _RADIUS, framed, 4)[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS]
        voted = sums[..., :3] / np.maximum(sums[..., 3:], np.float32(1e-6))
        voted = np.where(sums[..., 3:] > 1e-6, voted, seen)
        return np.where(level.known[..., None], level.colours, voted)

    def carried(self, level: PatchLevel) -> tuple[Indices, Indices]:
        """Rows and columns for the places of another size's level that copy from the same parts of the picture."""
        down, across = self.on_grid()
        factor = level.size[1] / self._level.size[1]
        rows = np.minimum((level.rows / factor / self._level.step).astype(np.intp), down.shape[0] - 1)
        columns = np.minimum((level.columns / factor / self._level.step).astype(np.intp), down.shape[1] - 1)
        return (
            np.rint(level.rows + down[rows, columns] * factor).astype(np.int32),
            np.rint(level.columns + across[rows, columns] * factor).astype(np.int32),
        )

    def on_grid(self) -> tuple[Indices, Indices]:
        """The offsets, down and across, in pixels of the level; 0 at places that want no patch."""
        level = self._level
        down, across = (np.zeros(level.grid[0] * level.grid[1], dtype=np.int32) for _ in range(2))
        down[level.places], across[level.places] = self.rows - level.rows, self.columns - level.columns
        return down.reshape(level.grid), across.reshape(level.grid)


def _projected(framed: Floats, projection: Floats, step: int) -> Floats:
    """[n, features] of the patches around every `step`th pixel of every `step`th row, in rows.

    `framed` has half a patch more on every side.
    """
    high, wide = framed.shape[0] - SIDE + 1, framed.shape[1] - SIDE + 1
    rows, columns = -(-high // step), -(-wide // step)
    found = np.zeros((rows * columns, projection.shape[2]), dtype=np.float32)
    for line in range(SIDE):
        lines = np.ascontiguousarray(framed[line : line + high : step]).reshape(rows, -1)
        windows = np.lib.stride_tricks.sliding_window_view(lines, 3 * SIDE, axis=1)[:, :: 3 * step]
        found += np.ascontiguousarray(windows).reshape(rows * columns, 3 * SIDE) @ projection[line]
    return found
