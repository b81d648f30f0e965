"""The layers painter: any mask, any size, no weights; each layer goes on as itself, and the subject is not copied."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from painting.keep_maps import centred, keep_maps
from PIL import Image, ImageDraw, ImageFilter

from outpaint.contracts.masks_and_formats import MaskInterpretation, MaskSource
from outpaint.contracts.requests import Wish
from outpaint.painting.canvas import Brief, Canvas
from outpaint.painting.painters.layers import LayersPainter
from outpaint.painting.painters.pixel_arrays import beside, blurred, nearest
from outpaint.painting.painters.subject_map import subject_map


def canvas_of(picture: np.ndarray, keep: np.ndarray) -> Canvas:
    return Canvas.of(
        Image.fromarray(picture),
        Image.fromarray(keep),
        None,
        MaskInterpretation(source=MaskSource.IMAGE_ALPHA, painted_share=float((keep == 0).mean())),
    )


def noise(size: tuple[int, int], lowest: int, highest: int) -> np.ndarray:
    return np.random.default_rng(7).integers(lowest, highest, (size[1], size[0], 3), dtype=np.uint8)


def paint(canvas: Canvas, *seeds: int) -> list[np.ndarray]:
    return [np.asarray(each) for each in LayersPainter().paint(canvas, Brief(Wish(prompt="a green field"), seeds))]


@given(keep_maps)
@settings(max_examples=30)
def test_any_mask_is_painted_from_what_is_kept(keep: np.ndarray) -> None:
    (painted,) = paint(canvas_of(noise(keep.shape[::-1], 100, 160), keep), 1)
    assert painted.shape == (*keep.shape, 3)
    # Everything kept lies between 100 and 160, so black would be a hole left open, and white an invention.
    values = painted[keep == 0]
    assert not len(values) or (values.min() >= 40 and values.max() <= 220)


@pytest.mark.parametrize(
    ("size", "kept"),
    [((16, 16), (1, 1)), ((2000, 16), (20, 16)), ((16, 1200), (4, 4)), ((300, 200), (300, 20)), ((64, 64), (63, 64))],
)
def test_extreme_shapes_are_painted(size: tuple[int, int], kept: tuple[int, int]) -> None:
    (painted,) = paint(canvas_of(noise(size, 60, 255), centred(size, kept)), 3)
    assert painted.shape[:2] == size[::-1]
    assert painted.max(axis=2).min() > 0


def test_a_seed_makes_one_picture_whatever_other_seeds_are_asked_for() -> None:
    canvas = canvas_of(noise((120, 96), 60, 255), centred((120, 96), (60, 48)))
    one, two = paint(canvas, 5, 6)
    assert (paint(canvas, 6)[0] == two).all()
    assert (one != two).any()


def test_layers_go_on_at_their_height() -> None:
    """Sky beside sky, ground beside ground."""
    picture = noise((192, 128), 0, 30)
    picture[:64] += np.array([60, 120, 200], dtype=np.uint8)
    picture[64:] += np.array([90, 60, 20], dtype=np.uint8)
    keep = centred((192, 128), (96, 128))
    (painted,) = paint(canvas_of(picture, keep), 1)
    side = np.concatenate([painted[:, :44], painted[:, -44:]], axis=1).astype(int)
    bluish = side[..., 2] - side[..., 0]
    assert (bluish[:54] > 60).mean() > 0.97
    assert (bluish[74:] < 0).mean() > 0.97


def test_a_texture_stays_as_sharp_as_it_is() -> None:
    size = (512, 512)
    smooth = Image.fromarray(noise(size, 60, 200)).filter(ImageFilter.GaussianBlur(1))
    keep = centred(size, (256, 256))
    (painted,) = paint(canvas_of(np.asarray(smooth).copy(), keep), 1)

    def sharpness(part: np.ndarray) -> float:
        return float(np.abs(np.diff(part.astype(int), axis=1)).mean())

    assert sharpness(painted[:, :100]) >= 0.75 * sharpness(np.asarray(smooth)[:, :100])


def with_a_subject() -> np.ndarray:
    """A red disc in the middle of green noise."""
    picture = Image.fromarray(noise((256, 256), 0, 40) + np.array([30, 110, 40], dtype=np.uint8))
    ImageDraw.Draw(picture).ellipse((104, 104, 152, 152), fill=(230, 30, 30))
    return np.asarray(picture).copy()


def test_the_subject_is_not_copied() -> None:
    keep = centred((256, 256), (128, 128))
    for painted in paint(canvas_of(with_a_subject(), keep), 1, 2):
        red = (painted[..., 0].astype(int) - painted[..., 1]) > 80
        assert not red[keep == 0].any()


def test_a_sound_subject_map_shows_the_disc_alone() -> None:
    picture = Image.fromarray(with_a_subject()).resize((128, 128), Image.Resampling.BOX)
    known = np.zeros((128, 128), dtype=bool)
    known[32:96, 32:96] = True
    found = subject_map(picture, known)
    assert found[64, 64] > 0.9
    assert found[~known].max() == 0
    assert found[34:94, 34:44].max() < 0.2


def test_a_smooth_sky_goes_on_without_a_step() -> None:
    rows = np.linspace(90, 200, 256)[:, None, None]
    picture = np.broadcast_to(np.rint(rows * np.array([0.6, 0.8, 1.0])), (256, 256, 3)).astype(np.uint8)
    keep = centred((256, 256), (128, 256))
    (painted,) = paint(canvas_of(picture.copy(), keep), 1)
    step = np.abs(painted[:, 62:64].astype(int).mean(axis=1) - picture[:, 64:66].astype(int).mean(axis=1))
    assert step.mean() < 3
    assert np.abs(painted[:, :60].astype(int) - picture[:, :60]).mean() < 12


def test_nothing_is_copied_from_beside_a_free_shape() -> None:
    """What is not kept is black, and lies beside what is kept everywhere."""
    size = (256, 192)
    shape = Image.new("L", size, 0)
    ImageDraw.Draw(shape).ellipse((60, 40, 196, 152), fill=255)
    keep = np.asarray(shape).copy()
    (painted,) = paint(canvas_of(noise(size, 120, 200), keep), 1)
    assert painted[keep == 0].min() > 80


marks = arrays.arrays(np.bool_, st.tuples(st.integers(1, 20), st.integers(1, 20))).filter(lambda marked: marked.any())


@given(marks, st.floats(0.25, 4), st.floats(0.25, 4))
def test_the_nearest_marked_place_is_the_nearest(marked: np.ndarray, width: float, height: float) -> None:
    distance, rows, columns = nearest(marked, (width, height))
    assert marked[rows, columns].all()
    here = np.indices(marked.shape)
    found = np.hypot((rows - here[0]) * height, (columns - here[1]) * width)
    every = np.argwhere(marked)
    apart = np.hypot((every[:, 0, None, None] - here[0]) * height, (every[:, 1, None, None] - here[1]) * width).min(
        axis=0
    )
    assert np.allclose(distance, apart, rtol=1e-4, atol=1e-4)
    assert np.allclose(found, apart, rtol=1e-4, atol=1e-4)


@given(marks, st.integers(1, 4))
def test_what_is_beside_a_mark_is_what_a_square_around_it_covers(marked: np.ndarray, reach: int) -> None:
    expected = np.zeros_like(marked)
    for row, column in np.argwhere(marked):
        expected[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1] = True
    assert (beside(marked, reach) == expected).all()


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 30))
def test_a_blur_keeps_what_is_even_and_stays_within_its_values(high: int, wide: int, radius: int) -> None:
    even = np.full((high, wide, 2), 7.0, dtype=np.float32)
    assert np.allclose(blurred(even, radius), even, atol=1e-3)
    values = np.random.default_rng(high * 61 + wide).uniform(0, 1, (high, wide)).astype(np.float32)
    assert blurred(values, radius).min() >= values.min() - 1e-4
    assert blurred(values, radius).max() <= values.max() + 1e-4
