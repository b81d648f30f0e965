"""Any picture through passes of a few sizes: plan, prefill, seams, and the pixel rules at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.requests import Wish
from outpaint.painting.canvas import Brief
from outpaint.painting.finish import composite
from outpaint.painting.painters.diffusion.diffusion_painter import (
    DiffusionPainter,
    painted_by,
    spread_colours,
)
from outpaint.painting.painters.diffusion.pass_plan import GROWTH, SHARP, buckets, plan_passes, view_of
from outpaint.painting.painters.diffusion.passes import OutOfMemory, Pass, PassTicket
from outpaint.painting.painters.flat import FlatPainter
from outpaint.painting.painters.seams import join, match_colours
from outpaint.painting.painters.windows import Box

WINDOW = 64


@pytest.fixture
def painter(model: Any, scheduler: Any) -> DiffusionPainter:
    return DiffusionPainter(model, scheduler.submit, window=WINDOW, smallest_window=32)


def known(size: tuple[int, int], kept: tuple[int, int, int, int]) -> Image.Image:
    picture = Image.new("L", size, 0)
    picture.paste(255, kept)
    return picture


def test_the_buckets_of_1024_are_the_shapes_the_models_know() -> None:
    sizes = set(buckets(1024))
    assert {(1024, 1024), (1152, 896), (832, 1216), (1344, 768), (640, 1536), (512, 512)} <= sizes
    assert len(sizes) == 27
    assert all(width % 16 == 0 and height % 16 == 0 for width, height in sizes)


@given(st.integers(1, 400), st.integers(1, 400))
def test_a_view_fits_its_bucket_and_is_never_enlarged(width: int, height: int) -> None:
    seen = view_of(Box(0, 0, width, height), WINDOW)
    assert seen.bucket in buckets(WINDOW)
    assert seen.shown[0] <= min(width, seen.bucket[0])
    assert seen.shown[1] <= min(height, seen.bucket[1])


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_plan_covers_every_open_pixel_at_full_size(data: st.DataObject) -> None:
    width, height = data.draw(st.integers(16, 500)), data.draw(st.integers(16, 500))
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    right, bottom = data.draw(st.integers(left + 1, width)), data.draw(st.integers(top + 1, height))
    map_ = known((width, height), (left, top, right, bottom))
    painted = np.zeros((height, width), dtype=bool)
    sharp = np.zeros((height, width), dtype=bool)
    for step in plan_passes(map_, WINDOW):
        box = step.view.box
        assert 0 <= box.left < box.right <= width
        assert 0 <= box.top < box.bottom <= height
        area = (slice(box.top, box.bottom), slice(box.left, box.right))
        if step.refine:
            assert painted[area].all() or np.asarray(map_)[area][~painted[area]].all()
            assert step.view.scale >= 0.9
        painted[area] = True
        if step.refine or step.view.scale >= SHARP:
            sharp[area] = True
    assert (sharp | (np.asarray(map_) == 255)).all()


def test_the_known_area_grows_by_no_more_than_the_limit_a_pass() -> None:
    steps = [step for step in plan_passes(known((1000, 700), (400, 300, 500, 400)), WINDOW) if not step.refine]
    sizes = [(100, 100)] + [(step.view.box.width, step.view.box.height) for step in steps]
    assert sizes[-1] == (1000, 700)
    for before, after in pairwise(sizes):
        assert after[0] <= max(WINDOW, GROWTH * before[0])
        assert after[1] <= max(WINDOW, GROWTH * before[1])


def test_a_picture_that_fits_takes_one_pass_for_each_variant_and_one_scene(
    painter: DiffusionPainter, model: Any, canvas_of: Callable[..., Any]
) -> None:
    canvas = canvas_of((60, 50), (20, 10, 40, 40))
    pictures = list(painter.paint(canvas, Brief(Wish(prompt="x"), (1, 2, 3))))
    assert [picture.size for picture in pictures] == [(60, 50)] * 3
    assert sum(len(batch) for batch in model.batches) == 3
    assert model.scenes_encoded == 1


@pytest.mark.parametrize("size", [(60, 50), (70, 66), (200, 150), (33, 400)])
def test_kept_pixels_are_exact_and_open_ones_painted(
    painter: DiffusionPainter, model: Any, canvas_of: Callable[..., Any], size: tuple[int, int]
) -> None:
    model.tint = 9
    width, height = size
    canvas = canvas_of(size, (width // 3, height // 3, 2 * width // 3, 2 * height // 3))
    before = np.asarray(canvas.picture).copy()
    keep = np.asarray(canvas.keep)
    for picture in painter.paint(canvas, Brief(Wish(prompt="x"), (1, 2))):
        result = np.asarray(composite(canvas, picture))
        assert (result[keep == 255] == before[keep == 255]).all()
        assert (result[keep == 0].sum(axis=-1) > 0).mean() > 0.99
    assert (np.asarray(canvas.picture) == before).all()


def test_seeds_reproduce_and_differ_whatever_stands_beside_them(
    painter: DiffusionPainter, canvas_of: Callable[..., Any]
) -> None:
    canvas = canvas_of((150, 120), (40, 40, 80, 80))
    together = [picture.tobytes() for picture in painter.paint(canvas, Brief(Wish(prompt="x"), (5, 6, 7)))]
    alone = [next(iter(painter.paint(canvas, Brief(Wish(prompt="x"), (seed,))))).tobytes() for seed in (5, 6, 7)]
    assert together == alone
    assert len(set(together)) == 3


def test_later_passes_of_a_picture_do_not_repeat_the_first_ones_noise(
    painter: DiffusionPainter, model: Any, canvas_of: Callable[..., Any]
) -> None:
    list(painter.paint(canvas_of((200, 150), (80, 60, 120, 90)), Brief(Wish(prompt="x"), (5,))))
    seeds = [each.seed for batch in model.batches for each in batch]
    assert seeds[0] == 5
    assert len(seeds) == len(set(seeds)) > 4
    strengths = {each.strength for batch in model.batches for each in batch}
    assert strengths == {1.0, 0.5}


def test_a_pass_too_large_for_the_device_is_painted_in_smaller_windows(
    painter: DiffusionPainter, model: Any, canvas_of: Callable[..., Any]
) -> None:
    def small_only(passes: Sequence[Pass]) -> None:
        if passes[0].scene.size[0] * passes[0].scene.size[1] > 48 * 48:
            raise OutOfMemory("no")

    model.before = small_only
    pictures = list(painter.paint(canvas_of((60, 60), (20, 20, 40, 40)), Brief(Wish(prompt="x"), (1, 2))))
    assert [picture.size for picture in pictures] == [(60, 60)] * 2


def test_a_device_on_which_nothing_fits_is_said(
    painter: DiffusionPainter, model: Any, canvas_of: Callable[..., Any]
) -> None:
    def nothing(passes: Sequence[Pass]) -> None:
        raise OutOfMemory("no")

    model.before = nothing
    with pytest.raises(OutpaintError) as caught:
        list(painter.paint(canvas_of((60, 60), (20, 20, 40, 40)), Brief(Wish(prompt="x"), (1,))))
    assert caught.value.code is ErrorCode.UNAVAILABLE


def test_what_a_consumer_leaves_is_given_up(model: Any, canvas_of: Callable[..., Any]) -> None:
    submitted: list[Future[Image.Image]] = []

    def submit(work: Pass, ticket: PassTicket) -> Future[Image.Image]:
        future: Future[Image.Image] = Future()
        if not submitted:
            future.set_result(Image.new("RGB", work.scene.size))
        submitted.append(future)
        return future

    painter = DiffusionPainter(model, submit, window=WINDOW)
    pictures = iter(painter.paint(canvas_of((60, 60), (20, 20, 40, 40)), Brief(Wish(prompt="x"), (1, 2, 3))))
    next(pictures)
    pictures.close()  # type: ignore[attr-defined]
    assert [future.cancelled() for future in submitted] == [False, True, True]


def test_prefilling_keeps_what_is_known_and_leaves_nothing_black() -> None:
    picture = Image.new("RGB", (90, 60))
    picture.paste((200, 100, 50), (30, 20, 60, 40))
    filled = np.asarray(spread_colours(picture, known((90, 60), (30, 20, 60, 40)))).astype(int)
    assert (filled[20:40, 30:60] == (200, 100, 50)).all()
    assert np.abs(filled - (200, 100, 50)).max() <= 8


def test_prefilling_by_a_painter_keeps_what_is_known() -> None:
    picture = Image.new("RGB", (90, 60), (1, 2, 3))
    filled = painted_by(FlatPainter())(picture, known((90, 60), (30, 20, 60, 40)))
    assert filled.getpixel((31, 21)) == (1, 2, 3)
    assert filled.getpixel((0, 0)) != (0, 0, 0)
    assert picture.getpixel((0, 0)) == (1, 2, 3)


def test_a_tint_is_matched_to_the_surroundings(canvas_of: Callable[..., Any]) -> None:
    seen = canvas_of((128, 128), (0, 0, 128, 128)).picture
    open_area = known((128, 128), (64, 0, 128, 128))
    shifted = Image.fromarray(np.clip(np.asarray(seen).astype(int) + 8, 0, 255).astype(np.uint8))
    matched = match_colours(shifted, seen, open_area)
    before = np.abs(np.asarray(shifted).astype(int) - np.asarray(seen))[:, 64:].mean()
    after = np.abs(np.asarray(matched).astype(int) - np.asarray(seen))[:, 64:].mean()
    assert before > 7
    assert after < 0.2 * before


def test_a_window_fades_outside_the_kept_area_alone() -> None:
    picture = Image.new("RGB", (200, 100), (0, 0, 0))
    window = Image.new("RGB", (200, 100), (255, 255, 255))
    open_area = known((200, 100), (100, 0, 200, 100))
    kept = known((200, 100), (0, 0, 90, 100))
    join(picture, window, (0, 0), open_area, kept)
    row = np.asarray(picture)[50, :, 0].astype(int)
    assert (row[:90] == 0).all()
    assert (row[100:] == 255).all()
    assert (np.diff(row[90:100]) >= 0).all()
    assert 0 < row[90] < 255


@pytest.mark.parametrize(("less", "more"), [(1, 2), (127, 128), (253, 254)])
@pytest.mark.parametrize("size", [(60, 50), (150, 120)])
def test_one_step_of_alpha_all_over_the_border_changes_next_to_nothing(
    painter: DiffusionPainter, canvas_of: Callable[..., Any], size: tuple[int, int], less: int, more: int
) -> None:
    results = []
    for outside in (less, more):
        canvas = canvas_of(size, (size[0] // 3, size[1] // 3, 2 * size[0] // 3, 2 * size[1] // 3))
        canvas.keep.paste(outside, (0, 0), ImageChops.invert(canvas.keep))
        canvas.picture.paste((200, 30, 90), (0, 0, size[0], 9))
        (picture,) = painter.paint(canvas, Brief(Wish(prompt="x"), (1,)))
        results.append(np.asarray(composite(canvas, picture)).astype(int))
    assert np.abs(results[0] - results[1]).mean() <= 2


def test_a_soft_border_is_open_in_every_scene_and_hidden(
    painter: DiffusionPainter, model: Any, canvas_of: Callable[..., Any]
) -> None:
    kept = (20, 10, 40, 40)
    scenes = []
    for colour in ((0, 0, 0), (255, 0, 255)):
        canvas = canvas_of((64, 48), kept)
        canvas.keep.paste(200, (0, 0), ImageChops.invert(canvas.keep))
        canvas.picture.paste(colour, (0, 0), canvas.keep.point([255] * 255 + [0]))
        list(painter.paint(canvas, Brief(Wish(prompt="x"), (1,))))
        scenes.append(model.batches[-1][-1].scene)
    assert scenes[0].picture.tobytes() == scenes[1].picture.tobytes()
    assert scenes[0].open.tobytes() == ImageChops.invert(known((64, 48), kept)).tobytes()
