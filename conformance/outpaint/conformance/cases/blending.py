"""Half transparent pixels: each is a blend of what was sent and what is painted, by its weight."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from PIL import Image

from outpaint.conformance.proving import clauses, drawn_pictures
from outpaint.conformance.proving.answer_reading import kept_exactly, painted, painted_png
from outpaint.conformance.proving.api import Api
from outpaint.conformance.proving.case import Severity, case
from outpaint.conformance.proving.expectations import holds, within

_WIDTH, _HEIGHT = drawn_pictures.SIZE


def _ramp() -> Image.Image:
    """Every weight from 0 to 255, from left to right, four rows of each."""
    return Image.frombytes("L", (256, 16), bytes(range(256)) * 16)


def _soft(by: str, colour: int) -> dict[str, Any]:
    """A picture of one grey and the ramp as its weights, by the image's alpha, a mask's alpha or its brightness."""
    ramp = _ramp()
    picture = Image.new("RGB", ramp.size, (colour, colour, colour))
    if by == "image":
        picture.putalpha(ramp)
        return {"sent": drawn_pictures.encode(picture)}
    mask = ramp
    if by == "alpha":
        mask = Image.new("RGBA", ramp.size, (0, 255, 0, 0))
        mask.putalpha(ramp)
    return {"sent": drawn_pictures.encode(picture), "mask": drawn_pictures.encode(mask)}


_SOFT_BY: Final = ("image", "alpha", "luminance")


def _columns(data: bytes) -> Iterator[tuple[int, list[int]]]:
    """Each weight with the channel values of its column."""
    picture = drawn_pictures.decode(data).convert("RGB")
    for x in range(picture.width):
        yield x, list(picture.crop((x, 0, x + 1, picture.height)).tobytes())


@case(
    clauses.SOFT_IS_BLENDED,
    given="a white picture whose weights go from 0 to 255",
    when="it is posted",
    then="each pixel has at least its weight's share of white, and at most white",
    credits=1,
    each=[{"by": by} for by in _SOFT_BY],
)
def soft_white_keeps_its_share(api: Api, by: str) -> None:
    for weight, values in _columns(painted_png(api, **_soft(by, 255))):
        within(min(values), weight - 1, 255, f"the darkest channel at weight {weight}")


@case(
    clauses.SOFT_IS_BLENDED,
    given="a black picture whose weights go from 0 to 255",
    when="it is posted",
    then="each pixel has at most the share of colour that its weight leaves",
    credits=1,
    each=[{"by": by} for by in _SOFT_BY],
)
def soft_black_keeps_its_share(api: Api, by: str) -> None:
    for weight, values in _columns(painted_png(api, **_soft(by, 0))):
        within(max(values), 0, 255 - weight + 1, f"the brightest channel at weight {weight}")


@case(
    clauses.SOFT_IS_BLENDED,
    given="a white and a black picture whose weights go from 0 to 255",
    when="both are posted with one seed",
    then="at every weight their results are as far apart as it says",
    severity=Severity.CRITICAL,
    credits=2,
    each=[{"by": by} for by in _SOFT_BY],
)
def soft_weights_are_linear(api: Api, by: str) -> None:
    # What a painter does with the colours beside is its own affair; of one seed most paint the same over both.
    white, black = (painted_png(api, seed=7, **_soft(by, colour)) for colour in (255, 0))
    for (weight, bright), (_, dark) in zip(_columns(white), _columns(black), strict=True):
        for high, low in zip(bright, dark, strict=True):
            within(high - low, weight - 1, 255, f"white less black at weight {weight}")


@case(
    clauses.SOFT_IS_BLENDED,
    given="a picture of noise, half transparent",
    when="it is posted",
    then="something else shows through it",
    credits=1,
    each=[{"weight": 32}, {"weight": 128}, {"weight": 224}],
)
def soft_pixels_are_not_kept_whole(api: Api, weight: int) -> None:
    picture = drawn_pictures.noisy_scene()
    picture.putalpha(weight)
    sent = drawn_pictures.encode(picture)
    painted(sent, painted_png(api, sent), (0, 0, _WIDTH, _HEIGHT))


@case(
    clauses.SOFT_IS_BLENDED,
    given="weights of every strength",
    when="they are sent once as the image's alpha and once as a mask's, with one seed",
    then="both results are the same",
    credits=2,
)
def image_alpha_and_mask_alpha_weigh_the_same(api: Api) -> None:
    ramp = _ramp()
    picture = drawn_pictures.noisy_scene(ramp.size)
    opaque = drawn_pictures.encode(picture)
    picture.putalpha(ramp)
    sent = drawn_pictures.encode(picture)
    holds(
        painted_png(api, sent, seed=3) == painted_png(api, opaque, mask=sent, seed=3),
        "both files are the same, byte for byte",
    )


@case(
    clauses.JPEG_MASK,
    given="a JPEG mask that is nearly white on its left and nearly black on its right",
    when="it is posted with a picture of noise",
    then="the left is kept exactly",
    severity=Severity.CRITICAL,
    credits=1,
)
def ringing_of_a_jpeg_mask_is_still_white(api: Api) -> None:
    sent = drawn_pictures.encode(drawn_pictures.noisy_scene())
    kept_exactly(sent, painted_png(api, sent, mask=_jpeg_mask()), (0, 0, 32, _HEIGHT))


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
        received = painted_png(api, drawn_pictures.encode(picture), mask=_jpeg_mask(), seed=5)
        rights.append(drawn_pictures.decode(received).crop((32, 0, _WIDTH, _HEIGHT)).tobytes())
    holds(rights[0] == rights[1], "the right halves are the same")


def _jpeg_mask() -> bytes:
    # Flat blocks of eight pixels survive JPEG as they are.
    mask = Image.new("L", drawn_pictures.SIZE, 5)
    mask.paste(250, (0, 0, 32, _HEIGHT))
    return drawn_pictures.encode(mask, "JPEG", quality=95)
