"""EXIF orientation: image and mask are put upright, each by its own tag, and the result has none."""

from __future__ import annotations

from typing import Any, Final

from PIL import Image

from outpaint.conformance.proving import clauses, drawn_pictures
from outpaint.conformance.proving.answer_reading import kept_closely, kept_exactly, painted, painted_png
from outpaint.conformance.proving.api import Api, files_of
from outpaint.conformance.proving.case import Severity, case
from outpaint.conformance.proving.expectations import equal

_BOX: Final = (4, 6, 30, 20)
"""In a corner, so that no turn leaves it where it was."""
_TURNS: Final = [{"orientation": value} for value in range(2, 9)]
_BROKEN: Final = {
    "long-0": drawn_pictures.orientation_exif(0, long=True),
    "short-0": drawn_pictures.orientation_exif(0),
    "nine": drawn_pictures.orientation_exif(9),
    "no-exif-at-all": b"Exif\0\0this is no TIFF header",
}


def _noise() -> Image.Image:
    return drawn_pictures.noisy_scene()


@case(
    clauses.UPRIGHT,
    given="an image that is stored turned, with EXIF that tells so, and a mask that is upright",
    when="both are posted",
    then="the result is upright, and what the mask keeps is exact",
    severity=Severity.CRITICAL,
    credits=1,
    each=_TURNS,
)
def image_is_put_upright(api: Api, orientation: int) -> None:
    received = painted_png(
        api, drawn_pictures.stored_turned(_noise(), orientation), mask=drawn_pictures.alpha_mask(keep=_BOX)
    )
    equal(drawn_pictures.decode(received).size, drawn_pictures.SIZE, "the size of the result")
    kept_exactly(drawn_pictures.encode(_noise()), received, _BOX)


@case(
    clauses.UPRIGHT,
    given="a mask that is stored turned, with EXIF that tells so, and an image that is upright",
    when="both are posted",
    then="what the upright mask keeps is exact",
    severity=Severity.CRITICAL,
    credits=1,
    each=_TURNS,
)
def mask_is_put_upright(api: Api, orientation: int) -> None:
    sent = drawn_pictures.encode(_noise())
    mask = drawn_pictures.stored_turned(drawn_pictures.decode(drawn_pictures.alpha_mask(keep=_BOX)), orientation)
    kept_exactly(sent, painted_png(api, sent, mask=mask), _BOX)


@case(
    clauses.UPRIGHT,
    given="a mask that is stored turned, with EXIF that tells so, and an image that is upright",
    when="both are posted",
    then="what the upright mask opens is painted",
    severity=Severity.CRITICAL,
    credits=1,
    each=_TURNS,
)
def what_the_upright_mask_opens_is_painted(api: Api, orientation: int) -> None:
    sent = drawn_pictures.encode(_noise())
    mask = drawn_pictures.stored_turned(drawn_pictures.decode(drawn_pictures.alpha_mask(keep=_BOX)), orientation)
    painted(sent, painted_png(api, sent, mask=mask), (_BOX[2], 0, *drawn_pictures.SIZE))


@case(
    clauses.UPRIGHT,
    given="an image and a mask that are stored turned, each in its own way",
    when="both are posted",
    then="each is put upright by its own tag, and what is kept is exact",
    credits=1,
)
def image_and_mask_are_put_upright_each_by_its_own(api: Api) -> None:
    image = drawn_pictures.stored_turned(_noise(), 6)
    mask = drawn_pictures.stored_turned(drawn_pictures.decode(drawn_pictures.alpha_mask(keep=_BOX)), 3)
    kept_exactly(drawn_pictures.encode(_noise()), painted_png(api, image, mask=mask), _BOX)


@case(
    clauses.UPRIGHT,
    given="an image with transparency that is stored on its side",
    when="it is posted without a mask",
    then="its alpha is put upright with it",
    severity=Severity.CRITICAL,
    credits=1,
)
def alpha_is_put_upright_too(api: Api) -> None:
    upright = drawn_pictures.canvas_image(keep=_BOX)
    received = painted_png(api, drawn_pictures.stored_turned(upright, 6))
    equal(drawn_pictures.decode(received).size, drawn_pictures.SIZE, "the size of the result")
    kept_exactly(drawn_pictures.encode(upright), received, _BOX)


@case(
    clauses.UPRIGHT,
    given="an image that a camera stored on its side, as cameras do, in JPEG",
    when="it is posted with a mask that is upright",
    then="the result is upright in every format",
    severity=Severity.CRITICAL,
    credits=1,
    each=[{"wanted": "JPG"}, {"wanted": "PNG"}, {"wanted": "WEBP"}],
)
def cameras_jpeg_is_put_upright(api: Api, wanted: str) -> None:
    upright = drawn_pictures.scene((120, 160))
    image = drawn_pictures.stored_turned(upright, 6, "JPEG", quality=95)
    box = (24, 16, 72, 64)
    mask = drawn_pictures.alpha_mask(upright.size, box)
    (received,) = files_of(api, api.outpaint(image=image, mask=mask, format=wanted))
    equal(drawn_pictures.decode(received).size, upright.size, "the size of the result")
    kept_closely(drawn_pictures.encode(upright), received, (32, 24, 64, 56), 8.0)


@case(
    clauses.UPRIGHT,
    given="an image that is stored on its side, with EXIF that tells so",
    when="it is posted",
    then="the result, which is upright, has no orientation any more",
    severity=Severity.CRITICAL,
    credits=1,
    each=[{"wanted": "JPG"}, {"wanted": "PNG"}, {"wanted": "WEBP"}],
)
def result_has_no_orientation(api: Api, wanted: str) -> None:
    image = drawn_pictures.stored_turned(drawn_pictures.canvas_image(), 6)
    (received,) = files_of(api, api.outpaint(image=image, format=wanted))
    equal(drawn_pictures.decode(received).getexif().get(0x0112, 1), 1, "the orientation of the result")


def _with_broken_orientation(api: Api, exif: bytes) -> bytes:
    image = drawn_pictures.encode(drawn_pictures.scene(), "JPEG", quality=95, exif=exif)
    return painted_png(api, image, mask=drawn_pictures.alpha_mask())


@case(
    clauses.BROKEN_ORIENTATION,
    given="a JPEG whose orientation tag is not valid, as in the vendor's test picture",
    when="it is posted with a mask",
    then="it is taken as it is stored",
    severity=Severity.CRITICAL,
    credits=1,
    each=[{"exif": exif} for exif in _BROKEN.values()],
    named=list(_BROKEN),
)
def broken_orientation_is_ignored(api: Api, exif: Any) -> None:
    received = _with_broken_orientation(api, exif)
    equal(drawn_pictures.decode(received).size, drawn_pictures.SIZE, "the size of the result")
    kept_closely(drawn_pictures.photo(), received)
