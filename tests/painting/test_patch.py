"""The patch painter: any mask, any size, no weights; one seed, one picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from painting.keep_maps import centred, keep_maps
from PIL import Image

from outpaint.contracts.masks_and_formats import MaskInterpretation, MaskSource
from outpaint.contracts.requests import Wish
from outpaint.painting.canvas import Brief, Canvas
from outpaint.painting.painters.patch import PatchPainter


def canvas_of(keep: np.ndarray, colour: tuple[int, int] = (60, 255)) -> Canvas:
    """Noise between the two values where anything is kept, black elsewhere."""
    noise = np.random.default_rng(7).integers(*colour, (*keep.shape, 3), dtype=np.uint8)
    noise[keep == 0] = 0
    return Canvas(
        Image.fromarray(noise),
        Image.fromarray(keep),
        None,
        MaskInterpretation(source=MaskSource.IMAGE_ALPHA, painted_share=float((keep == 0).mean())),
    )


def paint(canvas: Canvas, *seeds: int) -> list[Image.Image]:
    return list(PatchPainter().paint(canvas, Brief(Wish(prompt="a green field"), seeds)))


@given(keep_maps)
@settings(max_examples=40, deadline=None)
def test_any_mask_is_painted_from_what_is_kept(keep: np.ndarray) -> None:
    (painted,) = paint(canvas_of(keep, (100, 160)), 1)
    assert painted.mode == "RGB"
    assert painted.size == (keep.shape[1], keep.shape[0])
    # Everything kept lies between 100 and 160, so black would be a hole left open, and white an invention.
    values = np.asarray(painted)[keep == 0]
    assert not len(values) or (values.min() >= 40 and values.max() <= 220)


@pytest.mark.parametrize(
    ("size", "kept"),
    [((16, 16), (1, 1)), ((2000, 16), (20, 16)), ((16, 1200), (4, 4)), ((300, 200), (300, 20))],
)
def test_extreme_shapes_are_painted(size: tuple[int, int], kept: tuple[int, int]) -> None:
    (painted,) = paint(canvas_of(centred(size, kept)), 3)
    assert painted.size == size
    assert np.asarray(painted).max(axis=2).min() > 0


def test_a_seed_makes_one_picture_whatever_other_seeds_are_asked_for() -> None:
    canvas = canvas_of(centred((120, 96), (60, 48)))
    one, two = paint(canvas, 5, 6)
    assert paint(canvas, 6)[0].tobytes() == two.tobytes()
    assert one.tobytes() != two.tobytes()


def test_textures_are_copied_not_invented() -> None:
    keep = centred((128, 128), (64, 64))
    stripes = np.zeros((128, 128, 3), dtype=np.uint8)
    stripes[:, :, :] = np.where(np.arange(128) // 4 % 2, 200, 60)[None, :, None]
    canvas = canvas_of(keep)
    canvas = Canvas(Image.fromarray(stripes * (keep > 0)[..., None]), canvas.keep, None, canvas.interpretation)
    painted = np.asarray(paint(canvas, 2)[0].convert("L")).astype(int)
    above = painted[8:24, 32:96]
    assert np.abs(np.diff(above, axis=1)).mean() > 4 * np.abs(np.diff(above, axis=0)).mean()


def test_the_card_says_that_the_prompt_is_not_read() -> None:
    card = PatchPainter().card
    assert (card.name, card.reads_prompt) == ("patch", False)
    assert card.model.startswith("PatchMatch, pypatchmatch ")
