"""Weights between 0 and 255 through every painter: no cliff, nothing solid, nothing hidden that shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from outpaint.contracts.masks_and_formats import MaskInterpretation, MaskSource
from outpaint.contracts.requests import Wish
from outpaint.painting.canvas import Brief, Canvas
from outpaint.painting.finish import composite
from outpaint.painting.inputs.inspection import read_canvas
from outpaint.painting.painters import migan
from outpaint.painting.painters.half_transparency import known_level, paint_in_layers, strongest
from outpaint.painting.painters.migan import MiganPainter
from outpaint.painting.painters.painter_table import load_painter

SIZE = (64, 48)
INSIDE = (16, 12, 48, 36)


class MirrorFiller:
    """Stands where the network stands: fills with what is given, mirrored, and grey where neither is."""

    def fill(self, picture: np.ndarray, known: np.ndarray) -> np.ndarray:
        mirrored = np.where(known[::-1, ::-1, None], picture[::-1, ::-1], np.uint8(100))
        return np.where(known[..., None], picture, mirrored)


@pytest.fixture(params=["layers", "backdrop", "migan", "patch", "flat"])
def painter(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setattr(migan, "network_of", lambda path: MirrorFiller())
    if request.param == "migan":
        return MiganPainter(Path("none"))
    return load_painter(request.param)


def weighed(inside: int, outside: int) -> Image.Image:
    weights = Image.new("L", SIZE, outside)
    weights.paste(inside, INSIDE)
    return weights


def canvas_of(weights: Image.Image, seed: int = 3) -> Canvas:
    """Soft shapes in colour, with these weights."""
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 10, 3), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize(weights.size, Image.Resampling.BICUBIC)
    return Canvas.of(picture, weights, None, MaskInterpretation(source=MaskSource.IMAGE_ALPHA, painted_share=0.5))


def result(painter: object, canvas: Canvas, seed: int = 1) -> np.ndarray:
    (painted,) = painter.paint(canvas, Brief(Wish(prompt="a green field"), (seed,)))
    return np.asarray(composite(canvas, painted)).astype(int)


@settings(max_examples=200, deadline=None)
@given(
    alpha=st.integers(0, 254),
    original=st.tuples(*[st.integers(0, 255)] * 3),
    painted=st.tuples(*[st.integers(0, 255)] * 3),
)
def test_a_step_of_alpha_moves_a_pixel_no_further_than_its_share(alpha, original, painted):
    one, next_one = (
        composite(
            Canvas(Image.new("RGB", (1, 1), original), Image.new("L", (1, 1), weight), None, None),
            Image.new("RGB", (1, 1), painted),
        ).getpixel((0, 0))
        for weight in (alpha, alpha + 1)
    )
    for before, after, kept, new in zip(one, next_one, original, painted, strict=True):
        assert abs(after - before) <= 1 + abs(kept - new) / 255


@pytest.mark.parametrize(("less", "more"), [(1, 2), (127, 128), (249, 250), (253, 254)])
def test_one_step_of_alpha_all_over_the_border_changes_next_to_nothing(painter, less, more):
    first, second = (result(painter, canvas_of(weighed(255, outside))) for outside in (less, more))
    assert np.abs(first - second).mean() <= 2


@pytest.mark.parametrize(("less", "more"), [(1, 2), (127, 128), (249, 250)])
@pytest.mark.parametrize("inside_alone", [True, False])
def test_one_step_of_alpha_of_all_that_is_kept_changes_next_to_nothing(painter, less, more, inside_alone):
    first, second = (
        result(painter, canvas_of(weighed(weight, 0 if inside_alone else weight))) for weight in (less, more)
    )
    assert np.abs(first - second).mean() <= 2


@pytest.mark.parametrize("weight", [40, 224])
@pytest.mark.parametrize("outside", [0, None])
def test_what_is_half_transparent_never_turns_solid(painter, weight, outside):
    """Something painted shows through: alone over an open border, and all over the picture."""
    canvas = canvas_of(weighed(weight, weight if outside is None else outside))
    (painted,) = painter.paint(canvas, Brief(Wish(prompt="a green field"), (1,)))
    off = np.abs(np.asarray(painted).astype(int) - np.asarray(canvas.picture))
    box = (slice(INSIDE[1], INSIDE[3]), slice(INSIDE[0], INSIDE[2]))
    assert off[box].mean() > 15


def test_from_files_the_smaller_weight_goes_through_every_painter(files, painter):
    picture = files.noise("RGB", SIZE)
    picture.putalpha(weighed(128, 0))
    canvas = read_canvas(files.encoded(picture), files.encoded(Image.new("L", SIZE, 255)))
    assert canvas.keep.tobytes() == weighed(128, 0).tobytes()
    (painted,) = painter.paint(canvas, Brief(Wish(prompt="a green field"), (1,)))
    wanted = np.asarray(canvas.picture) * (128 / 255) + np.asarray(painted) * (127 / 255)
    box = (slice(INSIDE[1], INSIDE[3]), slice(INSIDE[0], INSIDE[2]))
    found = np.asarray(composite(canvas, painted))
    assert np.abs(found - wanted)[box].max() <= 0.51


# What a painter is shown


class Spy:
    """Keeps what it is shown, and paints one colour for each seed."""

    def __init__(self) -> None:
        self.shown: list[Canvas] = []

    def paint(self, canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        self.shown.append(canvas)
        for seed in brief.seeds:
            yield Image.new("RGB", canvas.size, (seed, seed, seed))


@pytest.fixture
def shown() -> Callable[..., list[Canvas]]:
    def call(canvas: Canvas, *seeds: int) -> list[Canvas]:
        spy = Spy()
        pictures = list(paint_in_layers(spy.paint, canvas, Brief(Wish(prompt="x"), seeds or (1,))))
        assert [picture.getpixel((0, 0))[0] for picture in pictures] == list(seeds or (1,))
        return spy.shown

    return call


def test_a_canvas_without_soft_weights_is_shown_as_it_is(shown):
    canvas = canvas_of(weighed(255, 0))
    (seen,) = shown(canvas, 4, 5)
    assert seen is canvas


def test_a_soft_border_is_open_and_black_to_the_painter(shown):
    (seen,) = shown(canvas_of(weighed(255, 200)))
    assert seen.keep.tobytes() == weighed(255, 0).tobytes()
    assert not np.asarray(seen.picture)[np.asarray(seen.keep) == 0].any()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 500), least=st.integers(0, 255), most=st.integers(0, 255))
def test_colours_of_open_pixels_reach_no_painter(files, seed, least, most):
    weights = files.noise("L", SIZE, seed).point(lambda v: min(255, least + v * most // 255))
    if weights.getbbox() is None:
        return
    level = known_level(strongest(weights.histogram()))
    one, other = canvas_of(weights, 1), canvas_of(weights, 1)
    hidden = np.asarray(weights) < level
    changed = np.asarray(other.picture).copy()
    changed[hidden] = 255 - changed[hidden]
    other = Canvas(Image.fromarray(changed), weights, None, other.interpretation)
    seen = []
    for canvas in (one, other):
        spy = Spy()
        list(paint_in_layers(spy.paint, canvas, Brief(Wish(prompt="x"), (1, 2))))
        seen.append([(each.picture.tobytes(), each.keep.tobytes()) for each in spy.shown])
        assert all(set(np.unique(np.asarray(each.keep))) <= {0, 255} for each in spy.shown)
        assert all(each.keep.getbbox() is not None for each in spy.shown)
    assert seen[0] == seen[1]


def test_a_subject_that_is_half_transparent_is_shown_first_and_painted_behind_then(shown):
    canvas = canvas_of(weighed(128, 0))
    first, behind, behind_too = shown(canvas, 7, 9)
    assert first.keep.tobytes() == weighed(255, 0).tobytes()
    assert np.array_equal(np.asarray(first.picture), np.asarray(canvas.picture))
    for seed, seen in ((7, behind), (9, behind_too)):
        assert seen.keep.tobytes() == weighed(0, 255).tobytes()
        assert seen.picture.getpixel((0, 0)) == (seed, seed, seed)


def test_a_stray_solid_pixel_does_not_hide_the_subject(shown):
    weights = weighed(252, 0)
    weights.putpixel((30, 30), 255)
    (seen,) = shown(canvas_of(weights))
    assert seen.keep.tobytes() == weighed(255, 0).tobytes()
    weights = weighed(200, 0)
    weights.putpixel((30, 30), 255)
    first, behind = shown(canvas_of(weights))
    assert first.keep.tobytes() == weighed(255, 0).tobytes()
    assert behind.keep.getpixel((30, 30)) == 255
    assert behind.picture.getpixel((30, 30)) == canvas_of(weights).picture.getpixel((30, 30))


def test_inside_of_networks_cut_outs_is_known(shown):
    noise = np.random.default_rng(1).integers(250, 256, (SIZE[1], SIZE[0]), dtype=np.uint8)
    weights = Image.composite(Image.fromarray(noise), Image.new("L", SIZE, 0), weighed(255, 0))
    (seen,) = shown(canvas_of(weights))
    assert seen.keep.tobytes() == weighed(255, 0).tobytes()
