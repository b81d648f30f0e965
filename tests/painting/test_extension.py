"""Canvases made for the user: by margins, to a size, to an aspect ratio."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.masks_and_formats import MaskSource, PictureLimits
from outpaint.painting.inputs.extension import Margins, TargetAspect, TargetSize, canvas_file, extend
from outpaint.painting.inputs.inspection import read_canvas


@pytest.mark.parametrize(
    ("text", "margins"),
    [
        ("1,2,3,4", Margins(1, 2, 3, 4)),
        (" 256 , 0,256,0 ", Margins(256, 0, 256, 0)),
        ("64", Margins(64, 64, 64, 64)),
    ],
)
def test_margins_are_read(text, margins):
    assert Margins.parse(text) == margins


@pytest.mark.parametrize("text", ["", "1,2", "1,2,3", "1,2,3,4,5", "-1,0,0,0", "a", "1.5", "12345678", "\u0661"])
def test_other_margins_are_refused(refusal, text):
    error = refusal(Margins.parse, text)
    assert (error.code, error.field) == (ErrorCode.INVALID_PARAMETER, "extend")
    assert "left,top,right,bottom" in error.detail


@pytest.mark.parametrize("text", ["640x480", "640X480", " 640 x 480 ", "640*480"])
def test_a_size_is_read(text):
    assert TargetSize.parse(text) == TargetSize(640, 480)


@pytest.mark.parametrize("text", ["", "640", "640x", "x480", "640x480x3", "-1x5", "640,480"])
def test_other_sizes_are_refused(refusal, text):
    assert refusal(TargetSize.parse, text).field == "size"


@pytest.mark.parametrize("text", ["", "16", "16:", "0:9", "16:0", "0.0:1", "a:b", "-1:2"])
def test_other_ratios_are_refused(refusal, text):
    assert refusal(TargetAspect.parse, text).field == "aspect"


def test_a_size_smaller_than_the_picture_is_refused(files, refusal):
    error = refusal(extend, files.encoded(files.noise()), TargetSize.parse("23x100"))
    assert (error.code, error.field) == (ErrorCode.INVALID_PARAMETER, "size")
    assert "24x20" in error.detail


def test_a_canvas_over_the_limits_is_refused(files, refusal):
    error = refusal(extend, files.encoded(files.noise()), Margins.parse("9000"))
    assert (error.code, error.field) == (ErrorCode.DIMENSIONS_OUT_OF_RANGE, "image")
    assert "the extended canvas is 18024x18020" in error.detail


def test_no_margin_on_an_opaque_picture_is_nothing_to_paint(files, refusal):
    assert refusal(extend, files.encoded(files.noise()), Margins.parse("0")).code is ErrorCode.NOTHING_TO_PAINT


@settings(max_examples=50, deadline=None)
@given(
    margins=st.builds(Margins, *[st.integers(0, 30)] * 4),
    kind=st.sampled_from(["PNG", "TIFF"]),
    mode=st.sampled_from(["L", "RGB"]),
)
def test_the_picture_lies_where_the_margins_say(files, margins, kind, mode):
    if margins == Margins(0, 0, 0, 0):
        return
    picture = files.noise(mode)
    canvas = extend(files.encoded(picture, kind), margins)
    assert canvas.size == margins.around(picture.size)
    box = (margins.left, margins.top, margins.left + 24, margins.top + 20)
    assert canvas.picture.crop(box).tobytes() == picture.convert("RGB").tobytes()
    assert canvas.keep.getbbox() == box
    assert canvas.keep.crop(box).getextrema() == (255, 255)
    assert canvas.interpretation.source is MaskSource.IMAGE_ALPHA
    share = 1 - 24 * 20 / (canvas.size[0] * canvas.size[1])
    assert canvas.interpretation.painted_share == pytest.approx(share, abs=0.0001)


def test_transparency_of_its_own_stays_open(files):
    picture = files.noise("RGBA")
    canvas = extend(files.encoded(picture), Margins(3, 4, 5, 6))
    assert canvas.keep.crop((3, 4, 27, 24)).tobytes() == picture.getchannel("A").tobytes()


def test_a_turned_picture_is_extended_as_it_is_shown(files):
    data = files.encoded(files.noise(), "JPEG", exif=files.exif(6))
    assert extend(data, Margins(1, 0, 0, 0)).size == (21, 24)
    assert extend(data, TargetSize(40, 24)).size == (40, 24)


@given(
    size=st.tuples(st.integers(16, 4_000), st.integers(16, 4_000)),
    across=st.integers(1, 40),
    down=st.integers(1, 40),
)
def test_a_ratio_is_reached_by_growing_one_side(size, across, down):
    margins = TargetAspect(across, down).margins(size)
    width, height = margins.around(size)
    assert min(margins.left, margins.top, margins.right, margins.bottom) >= 0
    assert width == size[0] or height == size[1]
    assert abs(width * down - height * across) <= max(across, down)
    assert 0 <= margins.right - margins.left <= 1
    assert 0 <= margins.bottom - margins.top <= 1


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1_000))
def test_a_canvas_written_as_a_file_reads_back_as_itself(files, seed):
    profile = files.profile(b"RGB ")
    canvas = read_canvas(files.encoded(files.noise("RGBA", seed=seed), icc_profile=profile))
    again = read_canvas(canvas_file(canvas))
    assert again.picture.tobytes() == canvas.picture.tobytes()
    assert again.keep.tobytes() == canvas.keep.tobytes()
    assert again.icc_profile == profile
    assert again.interpretation == canvas.interpretation


def test_limits_apply_to_the_picture_too(files, refusal):
    error = refusal(extend, files.encoded(files.noise()), Margins(1, 1, 1, 1), limits=PictureLimits(max_side=20))
    assert error.code is ErrorCode.DIMENSIONS_OUT_OF_RANGE
