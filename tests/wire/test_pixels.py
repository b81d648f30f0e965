"""What becomes of the pixels, as far as it shows from outside (the rules have their own tests one floor below)."""

from __future__ import annotations

import pytest
from outpaint_contracts.pictures import MaskSource
from wire_kit import pictures
from wire_kit.api import Api, result_of

WIDTH, HEIGHT = pictures.SIZE


def test_kept_pixels_come_back_byte_identical_in_png(api: Api) -> None:
    sent = pictures.canvas()
    for item in result_of(api.outpaint(image=sent, format="PNG", count=2)).data:
        assert pictures.changed_pixels(sent, api.fetch(item.url).content) == 0


@pytest.mark.parametrize("mask", [pictures.alpha_mask(), pictures.luminance_mask()], ids=["alpha", "luminance"])
def test_what_the_mask_keeps_comes_back_byte_identical_in_png(api: Api, mask: bytes) -> None:
    sent = pictures.photo()
    received = api.fetch(result_of(api.outpaint(image=sent, mask=mask, format="PNG")).data[0].url).content
    assert pictures.changed_pixels(sent, received) == 0
    assert pictures.changed_pixels(sent, received, (0, 0, WIDTH, pictures.KEEP_BOX[1])) > 0


def test_an_inverted_mask_keeps_what_is_black(api: Api) -> None:
    sent = pictures.photo()
    answer = api.outpaint(image=sent, mask=pictures.luminance_mask(), mask_mode="inverted_luminance", format="PNG")
    received = api.fetch(result_of(answer).data[0].url).content
    assert pictures.changed_pixels(sent, received, (0, 0, WIDTH, pictures.KEEP_BOX[1])) == 0
    assert pictures.changed_pixels(sent, received) > 0


def test_the_masks_alpha_counts_and_not_its_colours(api: Api) -> None:
    # This mask is black where it is opaque: by brightness it would say the opposite.
    result = result_of(api.outpaint(image=pictures.photo(), mask=pictures.alpha_mask()))
    assert result.mask_interpretation.source is MaskSource.MASK_ALPHA
    assert result.mask_interpretation.painted_share > 0.5


@pytest.mark.parametrize("wanted", ["JPG", "WEBP", "PNG"])
def test_a_result_is_opaque_and_of_the_size_that_was_sent(api: Api, wanted: str) -> None:
    picture = pictures.decode(api.fetch(result_of(api.outpaint(format=wanted)).data[0].url).content)
    assert picture.size == (WIDTH, HEIGHT)
    assert picture.mode == "RGB"


def test_what_is_painted_is_painted(api: Api) -> None:
    received = api.fetch(result_of(api.outpaint(format="PNG", seed=3)).data[0].url).content
    border = pictures.decode(received).crop((0, 0, WIDTH, pictures.KEEP_BOX[1]))
    assert border.getextrema() != ((0, 0), (0, 0), (0, 0))


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "BMP"])
def test_pictures_are_known_by_their_bytes_whatever_they_are_called(api: Api, kind: str) -> None:
    picture = pictures.canvas_image() if kind != "BMP" else pictures.scene()
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    data = pictures.encode(picture, kind, **options)
    extra = {"mask": pictures.alpha_mask()} if kind == "BMP" else {}
    result = result_of(api.outpaint(image=data, format="PNG", **extra))
    assert pictures.changed_pixels(data, api.fetch(result.data[0].url).content) == 0


def test_a_jpeg_with_a_mask_is_taken(api: Api) -> None:
    sent = pictures.jpeg()
    result = result_of(api.outpaint(image=sent, mask=pictures.alpha_mask(), format="PNG"))
    assert pictures.changed_pixels(sent, api.fetch(result.data[0].url).content) == 0
