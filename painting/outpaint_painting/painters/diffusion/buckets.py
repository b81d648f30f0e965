"""The few sizes that passes have, so that requests of many sizes share batches and compiled kernels."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from outpaint_painting.painters.windows import Box

# Times 1024x1024 this gives 1152x896, 1216x832, 1344x768 and 1536x640: shapes that such models were trained on.
_RATIOS: Final = (1.0, 1.29, 1.46, 1.75, 2.4)
_GRID: Final = 16  # steps of a side, as a share of the window
_GRAIN: Final = 16  # pixels: what every model's latents divide a side into

_NEARLY: Final = 0.95

SHARP: Final = 0.75
"""What is painted at this scale or above is left as it is; below, it is painted over at full size."""


@dataclass(frozen=True, slots=True)
class View:
    """A part of the picture as a pass sees it: `box` in the picture's pixels, shown at `shown` pixels in `bucket`."""

    box: Box
    shown: tuple[int, int]
    bucket: tuple[int, int]

    @property
    def scale(self) -> float:
        """Pixels seen for each of the picture's."""
        return min(self.shown[0] / self.box.width, self.shown[1] / self.box.height)


def buckets(window: int) -> tuple[tuple[int, int], ...]:
    """Every size a pass may have, smallest area first: shapes of window² pixels or less, of 3/4 and half the side.

    `window` is 1024 for all models here, and 32 at least; every side is a multiple of 16.
    """
    sizes = set()
    for side in (window, window * 3 // 4, window // 2):
        grid = max(_GRAIN, side // _GRID // _GRAIN * _GRAIN)
        for ratio in _RATIOS:
            long, short = (max(1, int(length / grid)) * grid for length in (side * sqrt(ratio), side / sqrt(ratio)))
            sizes |= {(long, short), (short, long)}
    return tuple(sorted(sizes, key=lambda size: (size[0] * size[1], size)))


def view(box: Box, window: int) -> View:
    """How a pass sees this part of the picture: in the smallest bucket that nearly holds it, or else in the best one.

    Nothing is shown enlarged. A picture a little larger than a bucket is shown a little smaller (`_NEARLY`), since
    the next bucket would waste half of its pixels; what fits none is shown at the largest scale any of them allows.
    """
    sizes = buckets(window)
    scales = {size: min(1.0, size[0] / box.width, size[1] / box.height) for size in sizes}
    best = next((size for size in sizes if scales[size] >= _NEARLY), None) or max(
        sizes, key=lambda size: (scales[size], -size[0] * size[1])
    )
    scale = scales[best]
    shown = (min(best[0], max(1, round(box.width * scale))), min(best[1], max(1, round(box.height * scale))))
    return View(box, shown, best)
