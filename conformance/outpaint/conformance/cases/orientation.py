"""EXIF orientation: image and mask are put upright, each by its own tag, and the result has none."""

from __future__ import annotations

from functools import partial
from typing import Final

from outpaint.conformance.proving import clauses, drawn_pictures
from outpaint.conformance.proving.answer_reading import kept_closely, kept_exactly, painted
from outpaint.conformance.proving.api import Api
from outpaint.conformance.proving.case import Severity, critical, variants
from outpaint.conformance.proving.expectations import equal
from outpaint.contracts.masks_and_formats import Format

_NOISE: Final = drawn_pictures.noisy_scene()
_BOX: Final = (4, 6, 30, 20)
"""In a corner, so that no turn leaves it where it was."""
_BROKEN: Final = {
    "long-0": drawn_pictures.orientation_exif(0, long=True),
    "short-0": drawn_pictures.orientation_exif(0),
    "nine": drawn_pictures.orientation_exif(9),
    "no-exif-at-all": b"Exif\0\0this is no TIFF header",
}
_upright = partial(critical, clauses.UPRIGHT, when="both are posted", credits=1)
_EACH_TURN: Final = variants(orientation=range(2, 9))


def _turned_mask(orientation: int) -> bytes:
    return drawn_pictures.stored_turned(drawn_pictures.decode(drawn_pictures.alpha_mask(keep=_BOX)), orientation)


@_upright(
    given="an image that is stored turned, with EXIF that tells so, and a mask that is upright",
    then="the result is upright, and what the mask keeps is exact",
    each=_EACH_TURN,
)
def image_is_put_upright(api: Api, orientation: int) -> None:
    image = drawn_pictures.stored_turned(_NOISE, orientation)
    received = api.picture(image=image, mask=drawn_pictures.alpha_mask(keep=_BOX))
    equal(drawn_pictures.decode(received).size, drawn_pictures.SIZE, "the size of the result")
    kept_exactly(drawn_pictures.noisy_photo(), received, _BOX)


@_upright(
    given="a mask that is stored turned, with EXIF that tells so, and an image that is upright",
    then="what the upright mask keeps is exact",
    each=_EACH_TURN,
)
def mask_is_put_upright(api: Api, orientation: int) -> None:
    sent = drawn_pictures.noisy_photo()
    kept_exactly(sent, api.picture(image=sent, mask=_turned_mask(orientation)), _BOX)


@_upright(
    given="a mask that is stored turned, with EXIF that tells so, and an image that is upright",
    then="what the upright mask opens is painted",
    each=_EACH_TURN,
)
def what_the_upright_mask_opens_is_painted(api: Api, orientation: int) -> None:
    sent = drawn_pictures.noisy_photo()
    received = api.picture(image=sent, mask=_turned_mask(orientation))
    painted(sent, received, (_BOX[2], 0, *drawn_pictures.SIZE))


@_upright(
    given="an image and a mask that are stored turned, each in its own way",
    then="each is put upright by its own tag, and what is kept is exact",
    severity=Severity.MAJOR,
)
def image_and_mask_are_put_upright_each_by_its_own(api: Api) -> None:
    image = drawn_pictures.stored_turned(_NOISE, 6)
    kept_exactly(drawn_pictures.noisy_photo(), api.picture(image=image, mask=_turned_mask(3)), _BOX)


@_upright(
    given="an image with transparency that is stored on its side",
    when="it is posted without a mask",
    then="its alpha is put upright with it",
)
def alpha_is_put_upright_too(api: Api) -> None:
    upright = drawn_pictures.canvas_image(keep=_BOX)
    received = api.picture(image=drawn_pictures.stored_turned(upright, 6))
    equal(drawn_pictures.decode(received).size, drawn_pictures.SIZE, "the size of the result")
    kept_exactly(drawn_pictures.encode(upright), received, _BOX)


@_upright(
    given="an image that a camera stored on its side, as cameras do, in JPEG",
    when="it is posted with a mask that is upright",
    then="the result is upright in every format",
    each=variants(wanted=Format),
)
def cameras_jpeg_is_put_upright(api: Api, wanted: Format) -> None:
    upright = drawn_pictures.scene((120, 160))
    image = drawn_pictures.stored_turned(upright, 6, "JPEG", quality=95)
    box = (24, 16, 72, 64)
    mask = drawn_pictures.alpha_mask(upright.size, box)
    received = api.picture(image=image, mask=mask, format=wanted)
    equal(drawn_pictures.decode(received).size, upright.size, "the size of the result")
    kept_closely(drawn_pictures.encode(upright), received, (32, 24, 64, 56), 8.0)


@_upright(
    given="an image that is stored on its side, with EXIF that tells so",
    when="it is posted",
    then="the result, which is upright, has no orientation any more",
    each=variants(wanted=Format),
)
def result_has_no_orientation(api: Api, wanted: Format) -> None:
    image = drawn_pictures.stored_turned(drawn_pictures.canvas_image(), 6)
    exif = drawn_pictures.decode(api.picture(image=image, format=wanted)).getexif()
    equal(exif.get(0x0112, 1), 1, "the orientation of the result")


@critical(
    clauses.BROKEN_ORIENTATION,
    given="a JPEG whose orientation tag is not valid, as in the vendor's test picture",
    when="it is posted with a mask",
    then="it is taken as it is stored",
    credits=1,
    each=variants(exif=_BROKEN),
)
def broken_orientation_is_ignored(api: Api, exif: bytes) -> None:
    image = drawn_pictures.encode(drawn_pictures.scene(), "JPEG", quality=95, exif=exif)
    received = api.picture(image=image, mask=drawn_pictures.alpha_mask())
    equal(drawn_pictures.decode(received).size, drawn_pictures.SIZE, "the size of the result")
    kept_closely(drawn_pictures.photo(), received)
