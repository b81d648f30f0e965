"""Kinds and colours of pictures that are taken, and which metadata may reach the result."""

from __future__ import annotations

from functools import partial
from io import BytesIO
from typing import Any, Final

from PIL import Image, ImageChops, ImageCms

from outpaint.conformance.proving import clauses, drawn_pictures
from outpaint.conformance.proving.answer_reading import (
    finished,
    kept_closely,
    kept_exactly,
    metadata_of,
    painted,
    result_of,
)
from outpaint.conformance.proving.api import Api
from outpaint.conformance.proving.case import case, critical, minor, variants
from outpaint.conformance.proving.expectations import contains, equal, holds, lacks
from outpaint.conformance.proving.picture_structure import structure_of
from outpaint.contracts.masks_and_formats import Format, MaskSource

_MASK: Final = drawn_pictures.alpha_mask()
_OUTSIDE: Final = ImageChops.invert(drawn_pictures.box_mask())
_MARKER: Final = "outpaint-marker-7391"

_KINDS: Final[dict[str, dict[str, Any]]] = {
    "png": {"image": drawn_pictures.canvas()},
    "webp": {"image": drawn_pictures.encode(drawn_pictures.canvas_image(), "WEBP", lossless=True, exact=True)},
    "tiff": {"image": drawn_pictures.encode(drawn_pictures.canvas_image(), "TIFF")},
    "bmp": {"image": drawn_pictures.encode(drawn_pictures.scene(), "BMP"), "mask": _MASK},
    "jpeg": {"image": drawn_pictures.jpeg(), "mask": _MASK},
}
_critical_input = partial(critical, credits=1)
_colours = partial(_critical_input, clauses.COLOURS_IN)
_of_each_kind = partial(_critical_input, each=variants(sent=_KINDS))


def _grey_with_alpha() -> bytes:
    grey = drawn_pictures.scene().convert("L")
    grey.putalpha(drawn_pictures.box_mask())
    return drawn_pictures.encode(grey)


def _palette() -> Image.Image:
    """The scene in at most 63 colours, without dithering."""
    return drawn_pictures.scene().quantize(63, dither=Image.Dither.NONE)


def _palette_with_one_transparent_colour() -> bytes:
    picture = _palette()
    picture.putpalette([*(picture.getpalette() or [])[: 63 * 3], 255, 0, 255])
    picture.paste(63, (0, 0), _OUTSIDE)
    return drawn_pictures.encode(picture, transparency=63)


def _colour_that_counts_as_transparent() -> bytes:
    picture = drawn_pictures.scene()
    picture.paste((1, 254, 3), (0, 0), _OUTSIDE)
    return drawn_pictures.encode(picture, transparency=(1, 254, 3))


_COLOURS: Final[dict[str, dict[str, Any]]] = {
    "grey": {"image": drawn_pictures.encode(drawn_pictures.scene().convert("L")), "mask": _MASK},
    "grey-with-alpha": {"image": _grey_with_alpha()},
    "palette": {"image": drawn_pictures.encode(_palette()), "mask": _MASK},
    "palette-with-a-transparent-colour": {"image": _palette_with_one_transparent_colour()},
    "rgb-with-a-transparent-colour": {"image": _colour_that_counts_as_transparent()},
    "one-bit": {"image": drawn_pictures.encode(drawn_pictures.scene().convert("1")), "mask": _MASK},
}


def _wide_grey() -> bytes:
    """The scene in grey at 16 bits, each value a little above its value at 8."""
    eight = drawn_pictures.scene().convert("L").tobytes()
    values = b"".join((value * 257 + 100).to_bytes(3, "little")[:2] for value in eight)
    return drawn_pictures.encode(Image.frombytes("I;16", drawn_pictures.SIZE, values))


_WIDE: Final[dict[str, dict[str, Any]]] = {
    "rgba": {"image": drawn_pictures.png_of_16_bits()},
    "rgba-tiff-in-planes": {"image": drawn_pictures.tiff_of_16_bits_in_planes()},
    "grey": {"image": _wide_grey(), "mask": _MASK},
}
_CMYK: Final = drawn_pictures.encode(drawn_pictures.scene().convert("CMYK"), "JPEG", quality=95)


@_of_each_kind(clauses.TAKEN_FORMATS, when="a picture of a kind that is taken is posted", then="it is painted")
def picture_of_each_kind_is_taken(api: Api, sent: dict[str, bytes]) -> None:
    finished(api.outpaint(**sent))


@_of_each_kind(
    clauses.BY_BYTES,
    given="a file that is called image.png, whatever it is",
    when="it is posted",
    then="it is read as what it is, and its kept pixels look as before",
)
def picture_is_known_by_its_bytes(api: Api, sent: dict[str, bytes]) -> None:
    kept_closely(sent["image"], api.picture(**sent))


@_of_each_kind(
    clauses.KEPT_IS_EXACT,
    when="a PNG is asked for of a picture of a kind that is taken",
    then="its kept pixels are exact",
)
def kept_pixels_are_exact_of_each_kind(api: Api, sent: dict[str, bytes]) -> None:
    kept_exactly(sent["image"], api.picture(**sent))


@_colours(
    when="a picture in grey, with a palette, or of one bit is posted",
    then="its kept pixels come back exactly, as RGB",
    each=variants(sent=_COLOURS),
)
def colours_come_in_without_loss(api: Api, sent: dict[str, bytes]) -> None:
    received = api.picture(**sent)
    equal(drawn_pictures.decode(received).mode, "RGB", "the mode of the result")
    kept_exactly(sent["image"], received)


@case(
    clauses.COLOURS_IN,
    when="a picture whose outside has a colour that counts as transparent is posted",
    then="its outside is painted",
    credits=1,
    each=variants(
        image={"palette": _palette_with_one_transparent_colour(), "rgb": _colour_that_counts_as_transparent()}
    ),
)
def transparent_colour_is_painted_over(api: Api, image: bytes) -> None:
    painted(image, api.picture(image=image))


@_colours(
    when="a PNG of 16 bits a channel, or a TIFF of them in planes, is posted",
    then="its kept pixels come back rounded to 8 bits",
    each=variants(sent=_WIDE),
)
def sixteen_bits_are_rounded(api: Api, sent: dict[str, bytes]) -> None:
    expected = _COLOURS["grey"]["image"] if "mask" in sent else drawn_pictures.canvas()
    kept_exactly(expected, api.picture(**sent))


@_colours(when="a CMYK JPEG is posted with a mask", then="the result is RGB, and its kept part looks about as before")
def cmyk_becomes_rgb(api: Api) -> None:
    received = api.picture(image=_CMYK, mask=_MASK)
    equal(drawn_pictures.decode(received).mode, "RGB", "the mode of the result")
    kept_closely(drawn_pictures.photo(), received, most=40.0)


@minor(
    clauses.CHANGED_WITH_A_WORD,
    when="a picture of 16 bits a channel or in CMYK is posted",
    then="a warning of the answer says what was changed",
    credits=1,
    each={
        "16-bits": {"sent": _WIDE["rgba"], "word": "16 bits"},
        "cmyk": {"sent": {"image": _CMYK, "mask": _MASK}, "word": "CMYK"},
    },
)
def change_of_values_is_told(api: Api, sent: dict[str, bytes], word: str) -> None:
    contains(" ".join(result_of(api.outpaint(**sent)).mask_interpretation.warnings), word, "the warnings")


@_critical_input(
    clauses.OPAQUE_IS_KEPT,
    given="a mask with a palette, of which one colour is transparent",
    when="it is posted with an opaque picture",
    then="what has that colour is painted, and the rest is kept",
)
def transparent_colour_of_a_mask_counts(api: Api) -> None:
    sent = drawn_pictures.noisy_photo()
    received = api.picture(image=sent, mask=_palette_with_one_transparent_colour())
    kept_closely(sent, received)
    painted(sent, received)


@case(
    clauses.MASK_READING,
    given="a mask with a palette, of which one colour is transparent",
    when="it is posted with an opaque picture",
    then="the answer says that its alpha was read",
    credits=1,
)
def transparent_colour_of_a_mask_is_told_as_alpha(api: Api) -> None:
    answer = api.outpaint(image=drawn_pictures.photo(), mask=_palette_with_one_transparent_colour())
    equal(result_of(answer).mask_interpretation.source, MaskSource.MASK_ALPHA, "what the mask was read from")


_PROFILE: Final = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
_PROFILED: Final = drawn_pictures.encode(drawn_pictures.canvas_image(), icc_profile=_PROFILE)


@case(
    clauses.PROFILE_STAYS,
    given="an RGB picture with an ICC profile",
    when="it is posted",
    then="its result has the same profile",
    credits=1,
    each=variants(wanted=Format),
)
def profile_goes_along(api: Api, wanted: Format) -> None:
    found = drawn_pictures.decode(api.picture(image=_PROFILED, format=wanted)).info.get("icc_profile")
    holds(found == _PROFILE, "the profile is there, byte for byte")


@_critical_input(
    clauses.PROFILE_STAYS,
    given="an RGB picture with an ICC profile",
    when="a PNG is made of it",
    then="its kept pixels are exact: no colour was converted",
)
def values_under_a_profile_are_untouched(api: Api) -> None:
    kept_exactly(_PROFILED, api.picture(image=_PROFILED))


def _in_linear_light(kind: bytes, content: bytes) -> bytes:
    """The canvas with a chunk by which its values are linear light."""
    return drawn_pictures.with_chunk(drawn_pictures.canvas(), kind, content)


@_critical_input(
    clauses.STATED_COLOURS,
    given="a PNG whose values are linear light by a chunk, of sRGB's primaries",
    when="it is posted",
    then="its kept part has the same colours: the result's values, by the result's profile, in sRGB",
    each=variants(
        image={
            "gama": _in_linear_light(b"gAMA", (100_000).to_bytes(4, "big")),
            "cicp": _in_linear_light(b"cICP", bytes([1, 8, 0, 1])),
        }
    ),
)
def stated_colours_look_the_same(api: Api, image: bytes) -> None:
    received = drawn_pictures.decode(api.picture(image=image))
    profile = received.info.get("icc_profile")
    if profile:
        meant = ImageCms.ImageCmsProfile(BytesIO(profile))
        received = ImageCms.profileToProfile(received, meant, ImageCms.createProfile("sRGB")) or received
    # IEC 61966-2-1: the transfer function of sRGB.
    linear = [value / 255 for value in range(256)]
    curve = [round(255 * (12.92 * v if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055)) for v in linear]
    expected = drawn_pictures.encode(drawn_pictures.scene().point(curve * 3))
    kept_closely(expected, drawn_pictures.encode(received))


@minor(
    clauses.NO_OTHER_COLOURS,
    given="a picture that states no colours",
    when="it is posted",
    then="its result states none either, or that they are sRGB",
    credits=1,
    each=variants(wanted=Format),
)
def colours_that_nobody_stated_stay_away(api: Api, wanted: Format) -> None:
    equal(structure_of(api.picture(format=wanted)).colours, (), "what the result states of its colours")


_MARKED: Final = variants(
    "-to-", kind={"png": "PNG", "jpeg": "JPEG"}, wanted={wanted.lower(): wanted for wanted in Format}
)


def _made_of_a_marked_file(api: Api, kind: str, wanted: Format) -> bytes:
    image = drawn_pictures.with_metadata(_MARKER, kind)
    contains(image, _MARKER.encode(), "the file that this case sends")
    return api.picture(image=image, mask=_MASK if kind == "JPEG" else None, format=wanted)


@_critical_input(
    clauses.NO_METADATA,
    given="a picture with texts of its maker in EXIF, XMP and a comment",
    when="it is posted",
    then="none of them is in the result",
    each=_MARKED,
)
def texts_of_a_file_stay_behind(api: Api, kind: str, wanted: Format) -> None:
    received = _made_of_a_marked_file(api, kind, wanted)
    lacks(received, _MARKER.encode(), "the result's bytes")
    lacks(metadata_of(received), _MARKER, "the result's metadata")


@_critical_input(
    clauses.NO_METADATA,
    given="a picture that tells in EXIF where it was taken",
    when="it is posted",
    then="the result does not tell it",
    each=_MARKED,
)
def place_of_a_picture_stays_behind(api: Api, kind: str, wanted: Format) -> None:
    exif = drawn_pictures.decode(_made_of_a_marked_file(api, kind, wanted)).getexif()
    equal(dict(exif.get_ifd(0x8825)), {}, "the result's GPS tags")
    equal(dict(exif), {}, "the result's EXIF tags")
