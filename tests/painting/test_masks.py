"""Masks as people make them (docs/facts/pixels.md#masks-as-people-make-them), and what is said of each guess."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from outpaint.contracts.masks_and_formats import MaskMode, MaskSource
from outpaint.painting.canvas import Canvas
from outpaint.painting.inputs.inspection import read_canvas

SIZE = (64, 64)
INSIDE = (16, 16, 48, 48)


def drawn(outside: int = 0, inside: int = 255, size: tuple[int, int] = SIZE) -> Image.Image:
    mask = Image.new("L", size, outside)
    mask.paste(inside, INSIDE)
    return mask


def circle(scale: int) -> Image.Image:
    """A white disc, its edge averaged from this many times the pixels."""
    mask = Image.new("L", (96 * scale, 96 * scale), 0)
    ImageDraw.Draw(mask).ellipse((20 * scale, 20 * scale, 70 * scale, 70 * scale), fill=255)
    return mask.resize((96, 96), Image.Resampling.BOX)


@pytest.fixture(scope="session")
def read(files):
    def call(mask: Image.Image | bytes, mode: MaskMode = MaskMode.AUTO) -> Canvas:
        data = mask if isinstance(mask, bytes) else files.encoded(mask)
        with Image.open(BytesIO(data)) as opened:
            image = files.encoded(Image.new("RGB", opened.size, (90, 120, 150)))
        return read_canvas(image, data, mask_mode=mode)

    return call


def said(canvas: Canvas, words: str) -> bool:
    return any(words in warning for warning in canvas.interpretation.warnings)


# Alpha that carries no shape


@pytest.mark.parametrize("alpha", [0, 128, 254])
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
@pytest.mark.parametrize("mask", [drawn(), drawn().filter(ImageFilter.BoxBlur(3)), drawn(64, 192)])
def test_stray_alpha_decides_nothing_in_a_mask_drawn_in_greys(read, mask, mode, alpha):
    plain = read(mask).keep.tobytes()
    stray = mask.convert(mode)
    where = Image.new("L", SIZE, 255)
    for place in ((0, 0), (63, 0), (30, 30)):
        where.putpixel(place, alpha)
    stray.putalpha(where)
    canvas = read(stray)
    assert canvas.keep.tobytes() == plain
    assert canvas.interpretation.source is MaskSource.MASK_LUMINANCE
    assert said(canvas, "hardly transparent anywhere")
    by_alpha = read(stray, MaskMode.ALPHA)
    assert by_alpha.keep.tobytes() == where.tobytes()
    assert by_alpha.interpretation.source is MaskSource.MASK_ALPHA


@pytest.mark.parametrize(
    ("colours", "open_box"),
    [
        (Image.new("RGB", SIZE, (255, 255, 255)), (0, 0, 1, 1)),  # a white brush
        (Image.merge("RGB", [drawn(), drawn(), drawn(60, 200)]), (0, 0, 6, 6)),  # in colours
        (drawn().convert("RGB"), (16, 0, 48, 16)),  # black and white, with a shape in its alpha
        (Image.merge("RGB", [Image.linear_gradient("L").resize(SIZE)] * 3), (0, 0, 5, 5)),  # a photograph in greys
    ],
)
def test_alpha_that_carries_a_shape_decides(read, colours, open_box):
    mask, alpha = colours.copy(), Image.new("L", SIZE, 255)
    alpha.paste(0, open_box)
    mask.putalpha(alpha)
    canvas = read(mask)
    assert canvas.keep.tobytes() == alpha.tobytes()
    assert canvas.interpretation.source is MaskSource.MASK_ALPHA


# Black and white through compression


BLOCK = 8
PARTS = st.lists(
    st.tuples(
        st.sampled_from(["rectangle", "ellipse"]),
        st.booleans(),
        st.integers(-20, 150),
        st.integers(-20, 150),
        st.integers(BLOCK, 150),
        st.integers(BLOCK, 150),
    ),
    min_size=1,
    max_size=5,
)


def in_two_values(size: tuple[int, int], black: int, white: int, parts: list) -> Image.Image:
    mask = Image.new("L", size, black)
    draw = ImageDraw.Draw(mask)
    for shape, is_white, left, top, wide, high in parts:
        getattr(draw, shape)((left, top, left + wide, top + high), fill=white if is_white else black)
    return mask


def survives(mask: Image.Image, black: int, white: int) -> bool:
    """Whether each value fills a square of five pixels somewhere."""
    return mask.filter(ImageFilter.MinFilter(5)).getextrema()[1] == white and (
        mask.filter(ImageFilter.MaxFilter(5)).getextrema()[0] == black
    )


def of_one_value(mask: np.ndarray, side: int, step: int) -> np.ndarray:
    """True for pixels whose square (those of a grid where `step` is its side, else the one around) has one value."""
    high, wide = mask.shape
    padded = np.pad(mask, ((side // 2 * (step == 1), side), (side // 2 * (step == 1), side)), mode="edge")
    squares = np.lib.stride_tricks.sliding_window_view(padded, (side, side))[::step, ::step]
    same = squares.min(axis=(2, 3)) == squares.max(axis=(2, 3))
    return same.repeat(step, axis=0).repeat(step, axis=1)[:high, :wide]


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(24, 160), st.integers(24, 160)),
    ends=st.sampled_from([(0, 255), (0, 255), (16, 235), (5, 250)]),
    parts=PARTS,
    quality=st.integers(30, 95),
    subsampling=st.sampled_from([0, 1, 2]),
    mode=st.sampled_from(["L", "RGB"]),
)
def test_a_mask_of_two_values_comes_back_as_it_was_drawn(files, read, size, ends, parts, quality, subsampling, mode):
    mask = in_two_values(size, *ends, parts)
    assume(survives(mask, *ends))
    jpeg = files.encoded(mask.convert(mode), "JPEG", quality=quality, subsampling=subsampling)
    with Image.open(BytesIO(jpeg)) as opened:
        again = files.encoded(opened)
    found, values = np.asarray(read(jpeg).keep), np.asarray(mask)
    assert (found == np.asarray(read(again).keep)).all()
    wrong = found != np.where(values == ends[1], 255, 0)
    # A block of one value is coded by its mean alone, and comes back within the quantisation of that.
    assert not (wrong & of_one_value(values, 8, 8)).any()
    # In a block with an edge ringing goes everywhere, but less than half of the way to the other value. At quality 30
    # waves of several edges add up to more in a pixel of ten million; those of an edge itself may lie on either side.
    assert np.count_nonzero(wrong & of_one_value(values, 3, 1)) <= 2


def test_what_was_made_of_greys_is_said_and_what_is_black_and_white_is_not(files, read):
    jpeg = files.encoded(circle(1), "JPEG", quality=60)
    assert said(read(jpeg), "traces of compression")
    assert said(read(jpeg, MaskMode.LUMINANCE), "traces of compression")
    assert read(jpeg).keep.tobytes() == circle(1).tobytes()
    assert not said(read(circle(1)), "traces of compression")


def test_an_inverted_mask_is_snapped_too(files, read):
    canvas = read(files.encoded(ImageOps.invert(circle(1)), "JPEG", quality=60), MaskMode.INVERTED_LUMINANCE)
    assert canvas.keep.tobytes() == circle(1).tobytes()
    assert canvas.interpretation.source is MaskSource.MASK_INVERTED_LUMINANCE


@pytest.mark.parametrize("ends", [(16, 235), (5, 250), (0, 1), (1, 255)])
def test_two_values_near_black_and_white_are_black_and_white(read, ends):
    canvas = read(drawn(*ends))
    assert canvas.keep.tobytes() == drawn().tobytes()
    assert said(canvas, "narrower range")


@pytest.mark.parametrize("mode", ["1", "P", "L", "LA", "RGB", "RGBA"])
def test_every_way_to_store_black_and_white_reads_alike(read, mode):
    assert read(drawn().convert(mode)).keep.tobytes() == drawn().tobytes()


# Greys that are meant


SOFT = {
    "smooth edge": circle(4),
    "feathered by a line": circle(1).filter(ImageFilter.BoxBlur(6)),
    **{f"feathered by {radius}": circle(1).filter(ImageFilter.GaussianBlur(radius)) for radius in (1, 2, 5, 12)},
    "every weight": Image.frombytes("L", (256, 16), bytes(range(256)) * 16),
    "a vignette": ImageOps.invert(Image.radial_gradient("L")).resize((80, 80)),
    "greys between": drawn(64, 192),
    "half kept": drawn(0, 128),
    "three greys": Image.frombytes("L", (96, 32), (b"\0" * 32 + b"\x80" * 32 + b"\xff" * 32) * 32),
    "dark grey in stripes": Image.frombytes("L", (96, 32), (b"\0" * 40 + b"\x1e" * 4 + b"\xff" * 52) * 32),
}


@pytest.mark.parametrize("name", SOFT)
def test_greys_that_are_meant_stay_as_they_are(read, name):
    canvas = read(SOFT[name])
    assert canvas.keep.tobytes() == SOFT[name].tobytes()
    assert not said(canvas, "traces of compression")


@pytest.mark.parametrize("name", ["feathered by 5", "feathered by 12", "every weight", "greys between", "three greys"])
@pytest.mark.parametrize("quality", [40, 90])
def test_greys_that_are_meant_stay_grey_in_a_jpeg(files, read, name, quality):
    jpeg = files.encoded(SOFT[name], "JPEG", quality=quality)
    canvas = read(jpeg)
    with Image.open(BytesIO(jpeg)) as opened:
        off = np.abs(np.asarray(canvas.keep).astype(int) - np.asarray(opened))
    assert off.max() <= 8
    assert not said(canvas, "traces of compression")
