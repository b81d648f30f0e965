"""Kept pixels come back as they were, and nothing but pixels and their profile leaves."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.masks_and_formats import Format
from outpaint.contracts.requests import Wish
from outpaint.contracts.responses import PainterCard
from outpaint.painting.canvas import Brief
from outpaint.painting.finish import composite, encode, outpaint
from outpaint.painting.inputs.inspection import read_canvas
from outpaint.painting.painters.flat import FlatPainter


class Fixed:
    """A painter that gives the pictures it was made with, whatever is asked."""

    card = PainterCard(name="fixed", model="none", reads_prompt=False)

    def __init__(self, *pictures: Image.Image) -> None:
        self._pictures = pictures

    def paint(self, canvas, brief):
        yield from self._pictures


def opened(data: bytes) -> Image.Image:
    picture = Image.open(BytesIO(data))
    picture.load()
    return picture


def finished(canvas, painter, wanted: Format = Format.PNG, seeds: tuple[int, ...] = (1,)) -> list[bytes]:
    return list(outpaint(canvas, Brief(Wish(prompt="a lake"), seeds), painter, wanted))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), width=st.integers(16, 40), height=st.integers(16, 40))
def test_every_pixel_is_the_blend_of_kept_and_painted(files, seed, width, height):
    size = (width, height)
    original = files.noise("RGBA", size, seed)
    painted = files.noise("RGB", size, seed + 1)
    canvas = read_canvas(files.encoded(original))
    (data,) = finished(canvas, Fixed(painted.copy()))
    result = opened(data)
    assert (result.mode, result.size) == ("RGB", size)
    weights = [k for k in original.getchannel("A").tobytes() for _ in range(3)]
    values = zip(weights, original.convert("RGB").tobytes(), painted.tobytes(), result.tobytes(), strict=True)
    for k, kept, new, found in values:
        assert abs(255 * found - (k * kept + (255 - k) * new)) <= 128
        if k == 255:
            assert found == kept
        if k == 0:
            assert found == new


@pytest.mark.parametrize("wanted", list(Format))
def test_kept_pixels_are_exact_before_encoding(files, wanted):
    picture = files.cut_out((64, 48))
    canvas = read_canvas(files.encoded(picture))
    result = composite(canvas, Image.new("RGB", (64, 48), (1, 2, 3)))
    box = (16, 12, 48, 36)
    assert result.crop(box).tobytes() == picture.convert("RGB").crop(box).tobytes()
    assert opened(encode(result, wanted)).size == (64, 48)


@pytest.mark.parametrize(("wanted", "kind"), [(Format.JPG, "JPEG"), (Format.PNG, "PNG"), (Format.WEBP, "WEBP")])
def test_each_format_is_what_it_says_and_opaque(files, wanted, kind):
    canvas = read_canvas(files.encoded(files.cut_out()))
    (data,) = finished(canvas, FlatPainter(), wanted)
    picture = opened(data)
    assert picture.format == kind
    assert picture.mode == "RGB"
    assert picture.size == canvas.size


@pytest.mark.parametrize(("wanted", "furthest"), [(Format.JPG, 12), (Format.WEBP, 24)])
def test_colours_hardly_move_in_the_lossy_formats(wanted, furthest):
    stripes = Image.new("RGB", (64, 64), (220, 40, 30))
    for x in range(0, 64, 16):
        stripes.paste((30, 60, 220), (x, 0, x + 8, 64))
    difference = ImageChops.difference(opened(encode(stripes.copy(), wanted)).convert("RGB"), stripes)
    assert max(high for _, high in difference.resize((16, 1)).getextrema()) <= furthest


@pytest.mark.parametrize("wanted", list(Format))
def test_the_profile_goes_along_and_nothing_else(files, wanted):
    profile = files.profile(b"RGB ")
    source = files.with_chunk(
        files.encoded(files.cut_out(), exif=files.exif(1), icc_profile=profile, dpi=(300, 300)),
        b"tEXt",
        b"Comment\0secret place",
    )
    canvas = read_canvas(source)
    canvas.picture.info["comment"] = b"secret place"
    painted = Image.new("RGB", canvas.size)
    painted.info = {"comment": b"secret place", "exif": files.exif(6), "xmp": b"secret place", "dpi": (300, 300)}
    (data,) = finished(canvas, Fixed(painted), wanted)
    assert b"secret" not in data
    assert b"Exif" not in data
    assert b"EXIF" not in data
    picture = opened(data)
    assert picture.info.get("icc_profile") == profile
    assert dict(picture.getexif()) == {}
    known = {"icc_profile", "jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert set(picture.info) - known <= {"loop", "background", "timestamp", "duration"}
    assert (
        opened(finished(read_canvas(files.encoded(files.cut_out())), FlatPainter(), wanted)[0]).info.get("icc_profile")
        is None
    )


def test_one_file_for_each_seed_as_it_is_ready(files):
    canvas = read_canvas(files.encoded(files.cut_out()))
    parts = outpaint(canvas, Brief(Wish(prompt="a lake"), (1, 2, 3)), FlatPainter(), Format.PNG)
    first = next(parts)
    assert len({first, *parts}) == 3


@pytest.mark.parametrize(
    ("pictures", "said"),
    [
        ([Image.new("RGB", (24, 21))], "24x21"),
        ([Image.new("RGBA", (24, 20))], "RGBA"),
        ([Image.new("RGB", (24, 20))] * 3, "more than 2"),
        ([Image.new("RGB", (24, 20))], "1 instead of 2"),
        ([], "0 instead of 2"),
    ],
)
def test_a_painter_that_gives_something_else_has_failed(files, refusal, pictures, said):
    canvas = read_canvas(files.encoded(files.cut_out()))
    error = refusal(finished, canvas, Fixed(*pictures), seeds=(1, 2))
    assert error.code is ErrorCode.PAINTING_FAILED
    assert said in error.detail


@settings(max_examples=40, deadline=None)
@given(
    first=st.tuples(st.text(max_size=20), st.integers(0, 2**32 - 1), st.text(max_size=5)),
    second=st.tuples(st.text(max_size=20), st.integers(0, 2**32 - 1), st.text(max_size=5)),
)
@example(first=("", 0, ""), second=("", 0, "\r"))
def test_the_flat_fill_is_a_function_of_prompt_and_seed(files, first, second):
    canvas = read_canvas(files.encoded(files.cut_out()))
    # What the model of a wish takes for the same, such as a blank negative prompt and none, is filled the same.
    asked = [(Wish(prompt=prompt, negative_prompt=negative), seed) for prompt, seed, negative in (first, second, first)]
    fills = []
    for wish, seed in asked:
        (picture,) = FlatPainter().paint(canvas, Brief(wish, (seed,)))
        assert (picture.mode, picture.size) == ("RGB", canvas.size)
        fills.append(picture.tobytes())
    assert fills[0] == fills[2]
    assert (fills[0] == fills[1]) == (asked[0] == asked[1])


def test_a_seed_gives_the_same_flat_fill_whatever_stands_beside_it(files):
    canvas = read_canvas(files.encoded(files.cut_out()))
    alone = [p.tobytes() for p in FlatPainter().paint(canvas, Brief(Wish(prompt="x"), (7,)))]
    among = [p.tobytes() for p in FlatPainter().paint(canvas, Brief(Wish(prompt="x"), (6, 7, 8)))]
    assert among[1:2] == alone
    assert len(set(among)) == 3
    assert FlatPainter().card.reads_prompt
