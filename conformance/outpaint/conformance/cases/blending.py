"""Half transparent pixels: each is a blend of what was sent and what is painted, by its alpha or brightness."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from PIL import Image

from outpaint.conformance.proving import clauses, drawn_pictures
from outpaint.conformance.proving.answer_reading import kept_exactly, painted
from outpaint.conformance.proving.api import Api
from outpaint.conformance.proving.case import case, critical, variants
from outpaint.conformance.proving.expectations import holds, within

_WIDTH, _HEIGHT = drawn_pictures.SIZE
_RAMP: Final = Image.frombytes("L", (256, 16), bytes(range(256)) * 16)
"""Every weight from 0 to 255, from left to right, sixteen rows of each."""
_SOFT_BY: Final = ("image", "alpha", "luminance")
_soft = partial(case, clauses.SOFT_IS_BLENDED, when="it is posted", credits=1, each=variants(by=_SOFT_BY))


def _ramp_in(colour: int, by: str) -> dict[str, bytes]:
    """A picture of one grey and the ramp as its weights, by the image's alpha, a mask's alpha or its brightness."""
    picture = Image.new("RGB", _RAMP.size, (colour, colour, colour))
    if by == "image":
        picture.putalpha(_RAMP)
        return {"image": drawn_pictures.encode(picture)}
    mask = _RAMP
    if by == "alpha":
        mask = Image.new("RGBA", _RAMP.size, (0, 255, 0, 0))
        mask.putalpha(_RAMP)
    return {"image": drawn_pictures.encode(picture), "mask": drawn_pictures.encode(mask)}


def _columns(data: bytes) -> Iterator[tuple[int, list[int]]]:
    """Each weight with the channel values of its column."""
    picture = drawn_pictures.decode(data).convert("RGB")
    for x in range(picture.width):
        yield x, list(picture.crop((x, 0, x + 1, picture.height)).tobytes())


@_soft(
    given="a white picture whose weights go from 0 to 255",
    then="each pixel has at least its weight's share of white, and at most white",
)
def soft_white_keeps_its_share(api: Api, by: str) -> None:
    for weight, values in _columns(api.picture(**_ramp_in(255, by))):
        within(min(values), weight - 1, 255, f"the darkest channel at weight {weight}")


@_soft(
    given="a black picture whose weights go from 0 to 255",
    then="each pixel has at most the share of colour that its weight leaves",
)
def soft_black_keeps_its_share(api: Api, by: str) -> None:
    for weight, values in _columns(api.picture(**_ramp_in(0, by))):
        within(max(values), 0, 255 - weight + 1, f"the brightest channel at weight {weight}")


@critical(
    clauses.SOFT_IS_BLENDED,
    given="a white and a black picture whose weights go from 0 to 255",
    when="both are posted with one seed",
    then="at every weight their results are as far apart as it says",
    credits=2,
    each=variants(by=_SOFT_BY),
)
def soft_weights_are_linear(api: Api, by: str) -> None:
    # A painter may look at the colours beside; with one seed most paint the same over both.
    white, black = (api.picture(seed=7, **_ramp_in(colour, by)) for colour in (255, 0))
    for (weight, bright), (_, dark) in zip(_columns(white), _columns(black), strict=True):
        for high, low in zip(bright, dark, strict=True):
            within(high - low, weight - 1, 255, f"white less black at weight {weight}")


@case(
    clauses.SOFT_IS_BLENDED,
    given="a picture of noise, half transparent",
    when="it is posted",
    then="something else shows through it",
    credits=1,
    each=variants(weight=[32, 128, 224]),
)
def soft_pixels_are_not_kept_whole(api: Api, weight: int) -> None:
    picture = drawn_pictures.noisy_scene()
    picture.putalpha(weight)
    sent = drawn_pictures.encode(picture)
    painted(sent, api.picture(image=sent), (0, 0, _WIDTH, _HEIGHT))


@case(
    clauses.SOFT_IS_BLENDED,
    given="weights of every strength",
    when="they are sent once as the image's alpha and once as a mask's, with one seed",
    then="both results are the same",
    credits=2,
)
def image_alpha_and_mask_alpha_weigh_the_same(api: Api) -> None:
    picture = drawn_pictures.noisy_scene(_RAMP.size)
    opaque = drawn_pictures.encode(picture)
    picture.putalpha(_RAMP)
    sent = drawn_pictures.encode(picture)
    by_image, by_mask = api.picture(image=sent, seed=3), api.picture(image=opaque, mask=sent, seed=3)
    holds(by_image == by_mask, "both files are the same, byte for byte")


@critical(
    clauses.JPEG_MASK,
    given="a JPEG mask that is nearly white on its left and nearly black on its right",
    when="it is posted with a picture of noise",
    then="the left is kept exactly",
    credits=1,
)
def ringing_of_a_jpeg_mask_is_still_white(api: Api) -> None:
    sent = drawn_pictures.noisy_photo()
    kept_exactly(sent, api.picture(image=sent, mask=_jpeg_mask()), (0, 0, 32, _HEIGHT))


@case(
    clauses.JPEG_MASK,
    given="a JPEG mask that is nearly white on its left and nearly black on its right",
    when="it is posted with one seed and two pictures that differ on the right",
    then="the right shows nothing of either",
    credits=2,
)
def ringing_of_a_jpeg_mask_is_still_black(api: Api) -> None:
    rights = []
    for colour in ((255, 255, 255), (0, 0, 0)):
        picture = drawn_pictures.noisy_scene()
        picture.paste(colour, (32, 0, _WIDTH, _HEIGHT))
        received = api.picture(image=drawn_pictures.encode(picture), mask=_jpeg_mask(), seed=5)
        rights.append(drawn_pictures.decode(received).crop((32, 0, _WIDTH, _HEIGHT)).tobytes())
    holds(rights[0] == rights[1], "the right halves are the same")


def _jpeg_mask() -> bytes:
    # Flat blocks of eight pixels survive JPEG as they are.
    mask = Image.new("L", drawn_pictures.SIZE, 5)
    mask.paste(250, (0, 0, 32, _HEIGHT))
    return drawn_pictures.encode(mask, "JPEG", quality=95)
