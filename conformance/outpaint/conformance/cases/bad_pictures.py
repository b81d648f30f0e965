"""Pictures that cannot be outpainted: refused by a typed error, at no charge."""

from __future__ import annotations

import random
from io import BytesIO
from typing import Final

import httpx
from PIL import Image

from outpaint.conformance.proving import clauses, drawn_pictures
from outpaint.conformance.proving.answer_reading import finished, kept_exactly, refused
from outpaint.conformance.proving.api import Api
from outpaint.conformance.proving.case import case, critical, minor, refused_by_us_costs_nothing, variants
from outpaint.conformance.proving.expectations import contains, equal, one_of, within
from outpaint.conformance.proving.raw_requests import FormPart, multipart, multipart_type
from outpaint.contracts.errors import ErrorCode

_OTHER_FILES: Final = {
    "text": b"this is text, whatever its label says",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='64' height='48'/>",
    "pdf": b"%PDF-1.7\n%...",
    "gif": drawn_pictures.gif(),
    "heic": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic",
    "zeros": bytes(1000),
}
_DAMAGED: Final = {
    "signature-alone": b"\x89PNG\r\n\x1a\n",
    "cut-in-its-header": drawn_pictures.canvas()[:60],
    "cut-in-its-pixels": drawn_pictures.canvas()[:-40],
    "16-megapixels-of-nothing": drawn_pictures.png_that_declares(4000, 4000),
}
_JPEG_END: Final = b"\xff\xd9"
_PHOTO: Final = (160, 120)
_PHOTO_BOX: Final = (40, 32, 120, 88)
_SIZES: Final = {
    "100000x100000": (100_000, 100_000),
    "16385-wide": (16_385, 100),
    "65-megapixels": (8125, 8000),
    "15-wide": (15, 400),
    "15-high": (400, 15),
    "the-largest-numbers": (2**31 - 1, 2**31 - 1),
}
_BLACK: Final = drawn_pictures.encode(Image.new("L", drawn_pictures.SIZE, 0))
_WHITE: Final = drawn_pictures.encode(Image.new("L", drawn_pictures.SIZE, 255))


def _two_frames(kind: str) -> bytes:
    return drawn_pictures.encode(
        drawn_pictures.canvas_image(),
        kind,
        save_all=True,
        append_images=[drawn_pictures.canvas_image(keep=(0, 0, 20, 20))],
    )


_FRAMES: Final = {
    "10000-frames": drawn_pictures.png_that_declares_frames(10_000),
    "animated-webp": drawn_pictures.animated_webp(),
    "animated-png": _two_frames("PNG"),
    "tiff-of-two-pages": _two_frames("TIFF"),
}
_OPAQUE: Final = {
    "opaque-everywhere": drawn_pictures.opaque_everywhere(),
    "jpeg-without-a-mask": drawn_pictures.jpeg(),
}
_OTHER_SIZE: Final = drawn_pictures.alpha_mask((32, 32))
_MASKS: Final = {
    "a mask of another size": _OTHER_SIZE,
    "a mask that keeps everything": _WHITE,
    "a mask that keeps nothing": _BLACK,
    "a mask that is no picture": b"no picture",
}


def _posted(api: Api, data: bytes) -> httpx.Response:
    """The file, labelled as a PNG."""
    body = multipart(FormPart("image", data, "photo.png", "image/png"), FormPart("prompt", "a lake"))
    return api.post_body(body, multipart_type())


@case(
    clauses.NO_PICTURE,
    when="a file that is labelled image/png is none of the pictures that are taken",
    then="the answer is 415",
    each=variants(data={kind: _OTHER_FILES[kind] for kind in ("text", "gif", "pdf")}),
)
def stranger_is_415(api: Api, data: bytes) -> None:
    equal(_posted(api, data).status_code, 415, "the status")


@case(
    clauses.REFUSAL_NAMES_FIELD,
    when="a file that is labelled image/png is none of the pictures that are taken",
    then="the refusal is 415 unsupported_image_type and names the image",
    each=variants(data=_OTHER_FILES),
)
def stranger_is_refused_by_its_code(api: Api, data: bytes) -> None:
    refused(_posted(api, data), ErrorCode.UNSUPPORTED_IMAGE_TYPE, field="image")


@case(
    clauses.DAMAGED,
    when="a PNG is cut off or has no pixels behind its header",
    then="the refusal is 422 unreadable_image and names the image",
    each=variants(data=_DAMAGED),
)
def unreadable_picture_is_refused(api: Api, data: bytes) -> None:
    refused(_posted(api, data), ErrorCode.UNREADABLE_IMAGE, field="image")


@case(
    clauses.DAMAGED,
    when="a small JPEG has thousands of scans, each of which would be decoded over the whole picture",
    then="the refusal is 422 unreadable_image and names the image",
    each=variants(
        data={
            "progressive": drawn_pictures.jpeg_of_scans(3000),
            "behind-a-comment-that-holds-an-end": drawn_pictures.jpeg_of_scans(3000, comment=b"\xff\xd9"),
        }
    ),
)
def jpeg_of_thousands_of_scans_is_refused(api: Api, data: bytes) -> None:
    refused(_posted(api, data), ErrorCode.UNREADABLE_IMAGE, field="image")


@case(
    clauses.COMPLETE,
    given="a JPEG of which the last 70 % are lost",
    when="it is posted with and without an end marker",
    then="the refusal is 422 unreadable_image and names the image",
    each=variants("-", progressive=[False, True], ended=[True, False]),
)
def jpeg_without_its_rest_is_refused(api: Api, progressive: bool, ended: bool) -> None:
    whole = drawn_pictures.encode(drawn_pictures.noisy_scene(_PHOTO), "JPEG", quality=90, progressive=progressive)
    sent = whole[: len(whole) * 3 // 10] + (_JPEG_END if ended else b"")
    answer = api.outpaint(image=sent, mask=drawn_pictures.alpha_mask(_PHOTO, _PHOTO_BOX))
    refused(answer, ErrorCode.UNREADABLE_IMAGE, field="image")


@case(
    clauses.COMPLETE,
    given="a picture with all its pixels, whose file lacks its end",
    when="it is posted",
    then="its kept pixels come back exactly",
    credits=1,
    each=variants(kind=["jpeg-with-a-trailer", "progressive-jpeg-with-a-trailer", "png-without-a-checksum"]),
)
def picture_without_its_end_is_taken(api: Api, kind: str) -> None:
    picture = drawn_pictures.noisy_scene(_PHOTO)
    if kind == "png-without-a-checksum":
        whole = drawn_pictures.encode(picture)
        sent = whole[:-14]
    else:
        whole = drawn_pictures.encode(picture, "JPEG", quality=90, progressive=kind.startswith("progressive"))
        sent = whole.removesuffix(_JPEG_END) + b"SEFH\x6a\0\0\0SEFT"
    received = api.picture(image=sent, mask=drawn_pictures.alpha_mask(_PHOTO, _PHOTO_BOX))
    kept_exactly(whole, received, _PHOTO_BOX)


@critical(
    clauses.DIMENSIONS,
    when="a PNG's header declares a size out of range, and no pixels follow",
    then="the refusal is 422 dimensions_out_of_range and names the image",
    each=variants(size=_SIZES),
)
def size_out_of_range_is_refused_from_the_header(api: Api, size: tuple[int, int]) -> None:
    answer = _posted(api, drawn_pictures.png_that_declares(*size))
    refused(answer, ErrorCode.DIMENSIONS_OUT_OF_RANGE, field="image")


@case(clauses.DAMAGED, when="a PNG declares to have no pixels at all", then="the answer is 422")
def picture_of_no_pixels_is_422(api: Api) -> None:
    equal(_posted(api, drawn_pictures.png_that_declares(0, 0)).status_code, 422, "the status")


@case(
    clauses.DIMENSIONS,
    when="a picture of the smallest side, or of the greatest that every host takes, is posted",
    then="it is painted",
    credits=1,
    each=variants(size={"16x16": (16, 16), "8192x16": (8192, 16), "16x8192": (16, 8192)}),
)
def size_at_the_limit_is_taken(api: Api, size: tuple[int, int]) -> None:
    width, height = size
    finished(api.outpaint(image=drawn_pictures.canvas(size, (4, 4, width - 4, height - 4)), format="JPG"))


@case(
    clauses.ANIMATED,
    when="a picture has more than one frame",
    then="the refusal is 422 animated and names the image",
    each=variants(data=_FRAMES),
)
def animation_is_refused(api: Api, data: bytes) -> None:
    refused(_posted(api, data), ErrorCode.ANIMATED, field="image")


@case(
    clauses.NOTHING_TO_PAINT,
    when="a picture that is opaque everywhere is posted without a mask",
    then="the refusal is 422 nothing_to_paint and names the image",
    each=variants(image=_OPAQUE),
)
def opaque_picture_without_a_mask_is_refused(api: Api, image: bytes) -> None:
    refused(_posted(api, image), ErrorCode.NOTHING_TO_PAINT, field="image")


@minor(
    clauses.NOTHING_TO_PAINT,
    when="a picture that is opaque everywhere is posted without a mask",
    then="the detail gives the way out, a mask",
)
def nothing_to_paint_comes_with_the_way_out(api: Api) -> None:
    detail = refused(api.outpaint(image=drawn_pictures.photo()), ErrorCode.NOTHING_TO_PAINT, field="image")
    contains(detail, "mask", "the detail")


@case(
    clauses.NOTHING_TO_KEEP,
    when="a picture that is transparent everywhere is posted without a mask",
    then="the refusal is 422 nothing_to_keep and names the image",
)
def transparent_picture_is_refused(api: Api) -> None:
    refused(_posted(api, drawn_pictures.transparent_everywhere()), ErrorCode.NOTHING_TO_KEEP, field="image")


@minor(
    clauses.NO_PICTURE_WORDS,
    when="an HTML page is posted as a picture",
    then="the detail says that it is HTML and that PNG is taken",
)
def stranger_is_told_what_it_was_taken_for(api: Api) -> None:
    answer = api.outpaint(image=b"<html><body>504 Gateway Timeout</body></html>")
    detail = refused(answer, ErrorCode.UNSUPPORTED_IMAGE_TYPE)
    contains(detail, "HTML", "the detail")
    contains(detail, "PNG", "the detail")


@case(
    clauses.SIZES_MATCH,
    when="a mask of another size than the image's is posted",
    then="the refusal is 422 size_mismatch and names the mask's field",
    each=variants(name=["mask", "mask_image"]),
)
def mask_of_another_size_is_refused(api: Api, name: str) -> None:
    answer = api.outpaint(image=drawn_pictures.photo(), **{name: _OTHER_SIZE})
    refused(answer, ErrorCode.SIZE_MISMATCH, field=name)


@minor(
    clauses.SIZES_MATCH,
    when="a mask of another size than the image's is posted",
    then="the detail names both sizes",
    each=variants(name=["mask", "mask_image"]),
)
def mask_of_another_size_is_told_both_sizes(api: Api, name: str) -> None:
    answer = api.outpaint(image=drawn_pictures.photo(), **{name: _OTHER_SIZE})
    detail = refused(answer, ErrorCode.SIZE_MISMATCH)
    contains(detail, "64x48", "the detail")
    contains(detail, "32x32", "the detail")


@case(
    clauses.SIZES_MATCH,
    given="an image that its EXIF turns on its side",
    when="it is posted with a mask of its size before it is turned",
    then="the refusal is 422 size_mismatch",
)
def sizes_are_compared_upright(api: Api) -> None:
    image = drawn_pictures.stored_turned(drawn_pictures.scene((48, 64)), 6, "JPEG")
    answer = api.outpaint(image=image, mask=drawn_pictures.alpha_mask((64, 48)))
    refused(answer, ErrorCode.SIZE_MISMATCH, field="mask")


@case(
    clauses.NOTHING_TO_PAINT,
    when="a mask that keeps everything is posted",
    then="the refusal is 422 nothing_to_paint and names the mask",
)
def mask_that_keeps_everything_is_refused(api: Api) -> None:
    answer = api.outpaint(image=drawn_pictures.photo(), mask=_WHITE)
    refused(answer, ErrorCode.NOTHING_TO_PAINT, field="mask")


@case(
    clauses.NOTHING_TO_KEEP,
    when="a mask that keeps nothing is posted",
    then="the refusal is 422 nothing_to_keep and names the mask",
)
def mask_that_keeps_nothing_is_refused(api: Api) -> None:
    answer = api.outpaint(image=drawn_pictures.photo(), mask=_BLACK)
    refused(answer, ErrorCode.NOTHING_TO_KEEP, field="mask")


@case(
    clauses.REFUSAL_NAMES_FIELD,
    when="a mask that is no picture is posted",
    then="the refusal is 415 unsupported_image_type and names the mask",
)
def mask_that_is_no_picture_is_refused_under_its_own_name(api: Api) -> None:
    answer = api.outpaint(image=drawn_pictures.photo(), mask=b"no picture")
    refused(answer, ErrorCode.UNSUPPORTED_IMAGE_TYPE, field="mask")


@case(
    clauses.EXHAUSTED_HANDLE_WORDS,
    given="a file handle that was read to its end before",
    when="it is posted as the image",
    then="the refusal is 422 invalid_parameter, names the image and says that it has no bytes",
)
def exhausted_handle_is_refused(api: Api) -> None:
    handle = BytesIO(drawn_pictures.canvas())
    handle.read()
    detail = refused(api.outpaint(image=handle.read()), ErrorCode.INVALID_PARAMETER, field="image")
    contains(detail, "no bytes", "the detail")


def _damaged(seed: int) -> bytes:
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    kind = chance.choice(["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
    data = bytearray(drawn_pictures.encode(drawn_pictures.scene(), kind))
    for _ in range(chance.randint(1, 12)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data[: chance.randint(len(data) // 2, len(data))])


@critical(
    clauses.ABUSIVE_BODY,
    when="a picture of any kind was damaged in a few places and cut",
    then="the answer is a result or a refusal",
    credits=1,
    each=variants(seed={f"damage-{seed:02}": seed for seed in range(40)}),
)
def damaged_picture_is_a_result_or_a_refusal(api: Api, seed: int) -> None:
    answer = api.outpaint(image=_damaged(seed), mask=drawn_pictures.alpha_mask())
    one_of(answer.status_code, (200, 413, 415, 422), "the status")


@refused_by_us_costs_nothing(
    when="every picture and mask that these cases know to be bad is posted",
    then="each is refused and nothing is charged",
)
def bad_pictures_cost_nothing(api: Api) -> None:
    declared = {name: drawn_pictures.png_that_declares(*size) for name, size in (_SIZES | {"0x0": (0, 0)}).items()}
    files = _OTHER_FILES | _DAMAGED | declared | _FRAMES | _OPAQUE
    files |= {"transparent everywhere": drawn_pictures.transparent_everywhere(), "no bytes": b""}
    with api.charged(0):
        for name, data in files.items():
            within(_posted(api, data).status_code, 400, 499, f"the status of {name}")
        for name, mask in _MASKS.items():
            answer = api.outpaint(image=drawn_pictures.photo(), mask=mask)
            within(answer.status_code, 400, 499, f"the status of {name}")
