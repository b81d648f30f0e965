"""Half transparent pixels: each is a blend of what was sent and what is painted, by its alpha or brightness."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from PIL import Image, ImageChops, ImageDraw

from outpaint.conformance.proving import clauses, drawn_pictures
from outpaint.conformance.proving.answer_reading import kept_exactly, painted, result_of
from outpaint.conformance.proving.api import Api
from outpaint.conformance.proving.case import case, critical, variants
from outpaint.conformance.proving.expectations import contains, holds, within

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


_in_black_and_white = partial(
    case, clauses.JPEG_MASK, given="a mask of a white disc on black, saved as JPEG and perhaps as PNG after that"
)
_SAVED: Final = ("jpeg", "jpeg-saved-as-png")


@critical(
    clauses.JPEG_MASK,
    given="a mask of a white disc on black, saved as JPEG and perhaps as PNG after that",
    when="it is posted with a picture of noise",
    then="the disc is kept exactly, up to two pixels from its edge",
    credits=1,
    each=variants("-", saved=_SAVED, quality=[40, 75, 95]),
)
def compressed_white_is_still_white(api: Api, saved: str, quality: int) -> None:
    sent = drawn_pictures.noisy_photo()
    received = api.picture(image=sent, mask=_disc(saved, quality))
    for row, (left, right) in _rows_of_the_disc():
        kept_exactly(sent, received, (left, row, right, row + 1))


@_in_black_and_white(
    when="it is posted with one seed and two pictures that differ outside of the disc",
    then="nothing of either shows two pixels outside of the disc and further",
    credits=2,
    each=variants("-", saved=_SAVED, quality=[40, 75, 95]),
)
def compressed_black_is_still_black(api: Api, saved: str, quality: int) -> None:
    inside = Image.new("L", drawn_pictures.SIZE, 0)
    ImageDraw.Draw(inside).ellipse(_around(2), fill=255)
    results = []
    for colour in ((255, 255, 255), (0, 0, 0)):
        picture = drawn_pictures.noisy_scene()
        picture.paste(colour, (0, 0), ImageChops.invert(inside))
        received = api.picture(image=drawn_pictures.encode(picture), mask=_disc(saved, quality), seed=5)
        results.append(drawn_pictures.decode(received).convert("RGB"))
    apart = ImageChops.difference(*results)
    apart.paste((0, 0, 0), (0, 0), inside)
    holds(apart.getbbox() is None, "outside of the disc both results are the same")


@_in_black_and_white(
    when="it is posted",
    then="the answer says that its greys were read as black or white",
    credits=1,
    each=variants(saved=_SAVED),
)
def what_compression_did_is_said(api: Api, saved: str) -> None:
    result = result_of(api.outpaint(image=drawn_pictures.photo(), mask=_disc(saved, 75)))
    words = " ".join(result.mask_interpretation.warnings)
    contains(words, "compression", "the warnings")


@case(
    clauses.SOFT_IS_BLENDED,
    given="a mask in a few greys",
    when="it is posted with a white and a black picture and one seed",
    then="at every grey the results are as far apart as it says",
    credits=2,
)
def few_greys_are_weights(api: Api) -> None:
    greys = (0, 48, 96, 144, 192, 255)
    width = _WIDTH // len(greys)
    mask = Image.new("L", drawn_pictures.SIZE, greys[-1])
    for number, grey in enumerate(greys[:-1]):
        mask.paste(grey, (number * width, 0, (number + 1) * width, _HEIGHT))
    white, black = (
        drawn_pictures.decode(
            api.picture(
                image=drawn_pictures.encode(Image.new("RGB", drawn_pictures.SIZE, (level, level, level))),
                mask=drawn_pictures.encode(mask),
                seed=7,
            )
        ).convert("RGB")
        for level in (255, 0)
    )
    apart = ImageChops.subtract(white, black)
    for number, grey in enumerate(greys):
        values = apart.crop((number * width, 0, (number + 1) * width, _HEIGHT)).tobytes()
        within(min(values), grey - 1, 255, f"white less black at grey {grey}")


def _around(more: int) -> tuple[int, int, int, int]:
    """The box of the disc, with so many pixels more on each side."""
    return (_WIDTH // 2 - 17 - more, _HEIGHT // 2 - 17 - more, _WIDTH // 2 + 16 + more, _HEIGHT // 2 + 16 + more)


def _disc(saved: str, quality: int) -> bytes:
    mask = Image.new("L", drawn_pictures.SIZE, 0)
    ImageDraw.Draw(mask).ellipse(_around(0), fill=255)
    jpeg = drawn_pictures.encode(mask, "JPEG", quality=quality)
    return jpeg if saved == "jpeg" else drawn_pictures.encode(drawn_pictures.decode(jpeg))


def _rows_of_the_disc() -> Iterator[tuple[int, tuple[int, int]]]:
    """Each row of the disc with the columns, right one exclusive, that are two pixels and more from its edge."""
    inner = Image.new("L", drawn_pictures.SIZE, 0)
    ImageDraw.Draw(inner).ellipse(_around(-2), fill=255)
    for row in range(_HEIGHT):
        box = inner.crop((0, row, _WIDTH, row + 1)).getbbox()
        if box is not None:
            yield row, (box[0], box[2])
