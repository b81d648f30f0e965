"""Pictures that cannot be outpainted: refused by a typed error, at no charge."""

from __future__ import annotations

import random
from io import BytesIO

import pytest
from outpaint_contracts.errors import ErrorCode
from PIL import Image
from wire_kit import pictures
from wire_kit.api import Api, refused
from wire_kit.forms import Part, multipart, multipart_type


def post_as_png(api: Api, data: bytes) -> object:
    body = multipart(Part("image", data, "photo.png", "image/png"), Part("prompt", "a lake"))
    return api.post_body(body, multipart_type())


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"this is text, whatever its label says", ErrorCode.UNSUPPORTED_IMAGE_TYPE),
        (b"<svg xmlns='http://www.w3.org/2000/svg' width='64' height='48'/>", ErrorCode.UNSUPPORTED_IMAGE_TYPE),
        (b"%PDF-1.7\n%...", ErrorCode.UNSUPPORTED_IMAGE_TYPE),
        (pictures.gif(), ErrorCode.UNSUPPORTED_IMAGE_TYPE),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", ErrorCode.UNSUPPORTED_IMAGE_TYPE),
        (bytes(1000), ErrorCode.UNSUPPORTED_IMAGE_TYPE),
        (b"\x89PNG\r\n\x1a\n", ErrorCode.UNREADABLE_IMAGE),
        (pictures.canvas()[:60], ErrorCode.UNREADABLE_IMAGE),
        (pictures.canvas()[:-40], ErrorCode.UNREADABLE_IMAGE),
        (pictures.png_that_declares(100_000, 100_000), ErrorCode.DIMENSIONS_OUT_OF_RANGE),
        (pictures.png_that_declares(8193, 100), ErrorCode.DIMENSIONS_OUT_OF_RANGE),
        (pictures.png_that_declares(8000, 8000), ErrorCode.DIMENSIONS_OUT_OF_RANGE),
        (pictures.png_that_declares(15, 400), ErrorCode.DIMENSIONS_OUT_OF_RANGE),
        (pictures.png_that_declares(0, 0), None),
        (pictures.png_that_declares(2**31 - 1, 2**31 - 1), ErrorCode.DIMENSIONS_OUT_OF_RANGE),
        (pictures.png_that_declares(4000, 4000), ErrorCode.UNREADABLE_IMAGE),
        (pictures.png_that_declares_frames(10_000), ErrorCode.ANIMATED),
        (pictures.animated_webp(), ErrorCode.ANIMATED),
        (pictures.opaque_everywhere(), ErrorCode.NOTHING_TO_PAINT),
        (pictures.jpeg(), ErrorCode.NOTHING_TO_PAINT),
        (pictures.transparent_everywhere(), ErrorCode.NOTHING_TO_KEEP),
    ],
    ids=[
        "text",
        "svg",
        "pdf",
        "gif",
        "heic",
        "zeros",
        "signature alone",
        "cut in its header",
        "cut in its pixels",
        "100000x100000",
        "8193 wide",
        "64 megapixels",
        "15 wide",
        "0x0",
        "the largest numbers",
        "16 megapixels of nothing",
        "10000 frames",
        "animated webp",
        "opaque everywhere",
        "a jpeg without a mask",
        "transparent everywhere",
    ],
)
def test_a_picture_that_cannot_be_outpainted_is_refused_at_no_charge(
    api: Api, data: bytes, code: ErrorCode | None
) -> None:
    with api.charged(0):
        body = multipart(Part("image", data, "photo.png", "image/png"), Part("prompt", "a lake"))
        answer = api.post_body(body, multipart_type())
    if code is None:
        assert answer.status_code == 422
    else:
        refused(answer, code, field="image")


def test_text_labelled_as_a_picture_is_told_what_it_was_taken_for(api: Api) -> None:
    answer = api.outpaint(image=b"<html><body>504 Gateway Timeout</body></html>")
    detail = refused(answer, ErrorCode.UNSUPPORTED_IMAGE_TYPE)
    assert "HTML" in detail
    assert "PNG" in detail


def test_nothing_to_paint_comes_with_the_way_out(api: Api) -> None:
    detail = refused(api.outpaint(image=pictures.photo()), ErrorCode.NOTHING_TO_PAINT, field="image")
    assert "mask" in detail


@pytest.mark.parametrize("name", ["mask", "mask_image"])
def test_a_mask_of_another_size_is_refused_naming_both_sizes(api: Api, name: str) -> None:
    with api.charged(0):
        answer = api.outpaint(image=pictures.photo(), **{name: pictures.alpha_mask((32, 32))})
    detail = refused(answer, ErrorCode.SIZE_MISMATCH, field=name)
    assert "64x48" in detail
    assert "32x32" in detail


def test_a_mask_that_keeps_everything_is_refused(api: Api) -> None:
    mask = pictures.encode(Image.new("L", pictures.SIZE, 255))
    with api.charged(0):
        refused(api.outpaint(image=pictures.photo(), mask=mask), ErrorCode.NOTHING_TO_PAINT, field="mask")


def test_a_mask_that_keeps_nothing_is_refused(api: Api) -> None:
    mask = pictures.encode(Image.new("L", pictures.SIZE, 0))
    with api.charged(0):
        refused(api.outpaint(image=pictures.photo(), mask=mask), ErrorCode.NOTHING_TO_KEEP, field="mask")


def test_a_mask_that_is_no_picture_is_refused_under_its_own_name(api: Api) -> None:
    with api.charged(0):
        refused(
            api.outpaint(image=pictures.photo(), mask=b"no picture"), ErrorCode.UNSUPPORTED_IMAGE_TYPE, field="mask"
        )


def test_an_empty_part_is_refused_as_an_exhausted_file_handle_is(api: Api) -> None:
    handle = BytesIO(pictures.canvas())
    handle.read()
    with api.charged(0):
        detail = refused(api.outpaint(image=handle.read()), ErrorCode.INVALID_PARAMETER, field="image")
    assert "no bytes" in detail


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_picture_is_a_result_or_a_refusal_and_never_our_fault(api: Api, seed: int) -> None:
    chance = random.Random(seed)
    kind = chance.choice(["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
    data = bytearray(pictures.encode(pictures.scene(), kind))
    for _ in range(chance.randint(1, 12)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    answer = api.outpaint(image=bytes(data[: chance.randint(len(data) // 2, len(data))]), mask=pictures.alpha_mask())
    assert answer.status_code in (200, 413, 415, 422)
