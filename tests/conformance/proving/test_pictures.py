"""The pictures that cases send are what they claim to be."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image, ImageOps

from outpaint.conformance.proving import drawn_pictures
from outpaint.conformance.proving.answer_reading import changed_pixels, mean_difference, metadata_of


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_stored_turned_is_upright_once_its_tag_is_applied(orientation: int, kind: str) -> None:
    upright = drawn_pictures.scene((64, 48))
    stored = drawn_pictures.decode(drawn_pictures.stored_turned(upright, orientation, kind, quality=95))
    assert (stored.size == upright.size) is (orientation < 5)
    turned = ImageOps.exif_transpose(stored)
    assert turned.size == upright.size
    assert mean_difference(drawn_pictures.encode(upright), drawn_pictures.encode(turned), (0, 0, 64, 48)) < 2


def test_a_broken_tag_has_the_type_that_is_wrong() -> None:
    exif = Image.Exif()
    exif.load(drawn_pictures.orientation_exif(0, long=True))
    assert exif[0x0112] == 0
    assert drawn_pictures.orientation_exif(0, long=True) != drawn_pictures.orientation_exif(0)


def test_16_bits_are_8_bits_once_rounded_and_not_once_cut() -> None:
    data = drawn_pictures.png_of_16_bits()
    assert data[24] == 16
    cut = drawn_pictures.decode(data)
    assert cut.size == drawn_pictures.SIZE
    assert changed_pixels(drawn_pictures.canvas(), data) > 0
    assert mean_difference(drawn_pictures.canvas(), data) < 1


def test_a_canvas_over_something_keeps_the_scene_and_hides_the_rest() -> None:
    hidden = drawn_pictures.noisy_scene()
    data = drawn_pictures.canvas_over(hidden)
    picture = drawn_pictures.decode(data)
    assert changed_pixels(drawn_pictures.photo(), data) == 0
    assert changed_pixels(drawn_pictures.encode(hidden), data, drawn_pictures.strip_above()) == 0
    assert picture.getchannel("A").crop(drawn_pictures.strip_above()).getextrema() == (0, 0)
    assert drawn_pictures.noisy_scene().tobytes() == hidden.tobytes()


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_metadata_is_there_to_be_lost(kind: str) -> None:
    data = drawn_pictures.with_metadata("a-marker", kind)
    told = metadata_of(data)
    assert told.count("a-marker") >= 4
    assert dict(Image.open(BytesIO(data)).getexif().get_ifd(0x8825))[2] == (52.0, 31.0, 12.0)
    assert "a-marker" not in metadata_of(drawn_pictures.canvas())


def test_the_mean_difference_is_in_levels() -> None:
    black, grey = (
        drawn_pictures.encode(Image.new("RGB", drawn_pictures.SIZE, (level, level, level))) for level in (0, 9)
    )
    assert mean_difference(black, black) == 0
    assert mean_difference(black, grey) == pytest.approx(9)
