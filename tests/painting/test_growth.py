"""Where growth starts, how far each pass goes, and which windows it is seen through."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from outpaint.painting.painters import windows

masks = arrays.arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.booleans()).filter(
    lambda mask: bool(mask.any())
)


def picture(mask: np.ndarray) -> Image.Image:
    return Image.fromarray(np.where(mask, np.uint8(255), np.uint8(0)))


@given(masks)
@settings(max_examples=60, deadline=None)
def test_distances_are_those_to_the_nearest_known_pixel(mask: np.ndarray) -> None:
    found = windows.measure(picture(mask)).cells
    known = np.argwhere(mask)
    for place in np.ndindex(*mask.shape):
        assert found[place] == pytest.approx(np.sqrt(((known - place) ** 2).sum(axis=1).min()), abs=1e-4)


@given(st.floats(0, 1e4), st.floats(1, 1e4))
def test_every_pass_grows_by_the_factor_at_most(farthest: float, reach: float) -> None:
    steps = windows.thresholds(farthest, reach, 1.35)
    assert steps == sorted(steps)
    assert steps[-1] == math.inf
    extents = [reach, *(reach + 2 * step for step in steps[:-1]), reach + 2 * farthest]
    ratios = [after / before for before, after in pairwise(extents)]
    assert max(ratios) <= 1.35 + 1e-6 or len(steps) == windows.MAX_PASSES
    assert max(ratios) == pytest.approx(min(ratios))


def test_a_doubled_canvas_takes_three_passes() -> None:
    known = Image.new("L", (1024, 1024))
    known.paste(255, (256, 256, 768, 768))
    distances = windows.measure(known)
    assert len(windows.thresholds(float(distances.cells.max()), distances.reach, 1.35)) == 3


def test_a_large_picture_is_measured_on_a_coarse_grid_in_its_own_pixels() -> None:
    known = Image.new("L", (8000, 500))
    known.paste(255, (0, 0, 800, 500))
    distances = windows.measure(known)
    assert max(distances.cells.shape) <= 1000
    assert min(distances.cells.shape) == windows.GRID_SHORT
    assert distances.cells.max() == pytest.approx(7200, rel=0.01)


@given(masks, st.floats(0.5, 60))
@settings(max_examples=60, deadline=None)
def test_windows_cover_all_that_is_fresh_and_little_else(mask: np.ndarray, step: float) -> None:
    distances = windows.measure(picture(mask))
    reached = distances.whole | (distances.cells <= step)
    fresh = reached & ~distances.whole
    if not fresh.any():
        return
    planned = windows.plan(distances, fresh, reached)
    covered = np.zeros(mask.shape, dtype=bool)
    for window, part in planned:
        assert 0 <= window.left <= part.left < part.right <= window.right <= mask.shape[1]
        assert 0 <= window.top <= part.top < part.bottom <= window.bottom <= mask.shape[0]
        covered[window.top : window.bottom, window.left : window.right] = True
    assert covered[fresh].all()
    assert len(planned) <= windows.MOST


def test_a_long_canvas_is_seen_in_parts_from_the_kept_area_outward() -> None:
    known = Image.new("L", (4000, 200))
    known.paste(255, (1900, 0, 2100, 200))
    distances = windows.measure(known)
    reached = np.ones_like(distances.whole)
    planned = windows.plan(distances, reached & ~distances.whole, reached)
    assert len(planned) > 2
    away = [abs((part.left + part.right) / 2 - 2000) for _, part in planned]
    assert away == sorted(away)


def test_far_holes_get_windows_of_their_own() -> None:
    known = Image.new("L", (1024, 1024), 255)
    known.paste(0, (100, 100, 180, 180))
    known.paste(0, (800, 820, 900, 900))
    distances = windows.measure(known)
    reached = np.ones_like(distances.whole)
    planned = windows.plan(distances, ~distances.whole, reached)
    assert len(planned) == 2
    assert max(max(window.width, window.height) for window, _ in planned) < 400
