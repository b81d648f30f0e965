"""Which pixels are kept and which are painted, by the image's transparency and by masks."""

from __future__ import annotations

from functools import partial
from typing import Final

from PIL import Image, ImageChops

from outpaint.conformance.proving import clauses, drawn_pictures
from outpaint.conformance.proving.answer_reading import kept_closely, kept_exactly, painted, result_of
from outpaint.conformance.proving.api import Api
from outpaint.conformance.proving.case import case, critical, variants
from outpaint.conformance.proving.expectations import equal, holds, lacks, within
from outpaint.contracts.masks_and_formats import Format, MaskSource

_WIDTH, _HEIGHT = drawn_pictures.SIZE
_ABOVE: Final = drawn_pictures.strip_above()
_LEFT, _TOP, _RIGHT, _BOTTOM = drawn_pictures.KEEP_BOX
_RING: Final = {
    "above": (_LEFT, _TOP - 1, _RIGHT, _TOP),
    "below": (_LEFT, _BOTTOM, _RIGHT, _BOTTOM + 1),
    "left": (_LEFT - 1, _TOP, _LEFT, _BOTTOM),
    "right": (_RIGHT, _TOP, _RIGHT + 1, _BOTTOM),
}
_LARGE: Final = (160, 120)
_LARGE_BOX: Final = (40, 32, 120, 88)
_INNER_BOX: Final = (56, 48, 104, 72)
"""Two blocks of a JPEG away from what is painted."""
_BRIGHT: Final = Image.new("RGB", drawn_pictures.SIZE, (255, 0, 255))
_CLOSE: Final = 4.0
"""Levels that quality 90 may move a smooth picture by, on average."""
_critical_picture = partial(critical, credits=1)
_opaque_is_kept = partial(_critical_picture, clauses.OPAQUE_IS_KEPT)
_exact = partial(_critical_picture, clauses.KEPT_IS_EXACT)


def _noise_is_painted_over(api: Api, box: drawn_pictures.Box | None = None, mask: bytes | None = None) -> None:
    """Post noise under transparency; inside the box (the strip above the kept part) none of it must show."""
    hidden = drawn_pictures.noisy_scene()
    painted(drawn_pictures.encode(hidden), api.picture(image=drawn_pictures.canvas_over(hidden), mask=mask), box)


# Kept


@_opaque_is_kept(
    when="a picture is posted whose outside is transparent",
    then="the opaque part looks as before",
    each=variants(wanted=Format),
)
def opaque_part_of_the_image_is_kept(api: Api, wanted: Format) -> None:
    sent = drawn_pictures.canvas(_LARGE, _LARGE_BOX)
    kept_closely(sent, api.picture(image=sent, format=wanted), _INNER_BOX)


@_opaque_is_kept(
    when="an opaque picture is posted with a mask that is opaque in the middle",
    then="the middle looks as before",
    each=variants(wanted=Format),
)
def opaque_part_of_the_mask_is_kept(api: Api, wanted: Format) -> None:
    sent = drawn_pictures.photo(_LARGE)
    received = api.picture(image=sent, mask=drawn_pictures.alpha_mask(_LARGE, _LARGE_BOX), format=wanted)
    kept_closely(sent, received, _INNER_BOX)


@_opaque_is_kept(
    when="an opaque picture is posted with a mask that is opaque in the middle",
    then="what is around the middle is painted",
)
def transparent_part_of_the_mask_is_painted(api: Api) -> None:
    sent = drawn_pictures.noisy_photo()
    painted(sent, api.picture(image=sent, mask=drawn_pictures.alpha_mask()))


@_exact(
    when="two PNGs are asked for of a picture whose outside is transparent",
    then="every kept pixel of both comes back byte-identical, to the last row and column",
    credits=2,
)
def kept_pixels_are_exact_in_png(api: Api) -> None:
    sent = drawn_pictures.canvas()
    for received in api.files_of(api.outpaint(image=sent, format="PNG", count=2)):
        kept_exactly(sent, received)


@_exact(
    when="a picture of noise is posted, whose every other pixel is transparent",
    then="every opaque pixel comes back byte-identical",
)
def single_kept_pixels_are_exact(api: Api) -> None:
    picture = drawn_pictures.noisy_scene()
    alpha = Image.frombytes(
        "L", drawn_pictures.SIZE, bytes(255 * ((x + y) % 2) for y in range(_HEIGHT) for x in range(_WIDTH))
    )
    sent = picture.copy()
    sent.putalpha(alpha)
    received = drawn_pictures.decode(api.picture(image=drawn_pictures.encode(sent))).convert("RGB")
    black = Image.new("RGB", drawn_pictures.SIZE)
    before, after = (Image.composite(whole, black, alpha).tobytes() for whole in (picture, received))
    holds(before == after, "every opaque pixel is as it was")


@_exact(
    when="a PNG is asked for of an opaque picture and a mask",
    then="every pixel that the mask keeps comes back byte-identical",
    each=variants(mask={"alpha": drawn_pictures.alpha_mask(), "luminance": drawn_pictures.luminance_mask()}),
)
def pixels_kept_by_a_mask_are_exact_in_png(api: Api, mask: bytes) -> None:
    sent = drawn_pictures.photo()
    kept_exactly(sent, api.picture(image=sent, mask=mask))


@_critical_picture(
    clauses.LUMINANCE,
    when="an opaque picture is posted with a mask of black and white",
    then="what is black is painted",
)
def black_is_painted(api: Api) -> None:
    sent = drawn_pictures.noisy_photo()
    painted(sent, api.picture(image=sent, mask=drawn_pictures.luminance_mask()))


@case(
    clauses.LUMINANCE,
    when="a mask of black and white comes in RGB, in one bit, or in RGBA that is opaque everywhere",
    then="its white is kept and its black is painted",
    credits=1,
    each=variants(mode=["RGB", "1", "RGBA"]),
)
def mask_without_transparency_is_read_by_brightness(api: Api, mode: str) -> None:
    sent = drawn_pictures.noisy_photo()
    mask = drawn_pictures.encode(drawn_pictures.decode(drawn_pictures.luminance_mask()).convert(mode))
    received = api.picture(image=sent, mask=mask)
    kept_exactly(sent, received)
    painted(sent, received)


@_critical_picture(
    clauses.MASK_READING,
    when="a mask of black and white is to be read inverted",
    then="what is black is kept exactly",
)
def inverted_mask_keeps_what_is_black(api: Api) -> None:
    sent = drawn_pictures.photo()
    received = api.picture(image=sent, mask=drawn_pictures.luminance_mask(), mask_mode="inverted_luminance")
    kept_exactly(sent, received, _ABOVE)


@_critical_picture(
    clauses.MASK_READING, when="a mask of black and white is to be read inverted", then="what is white is painted"
)
def inverted_mask_paints_what_is_white(api: Api) -> None:
    sent = drawn_pictures.noisy_photo()
    received = api.picture(image=sent, mask=drawn_pictures.luminance_mask(), mask_mode="inverted_luminance")
    painted(sent, received, drawn_pictures.KEEP_BOX)


@_critical_picture(
    clauses.MASK_COLOURS_IGNORED,
    given="a mask that is black where it is opaque and white where it is transparent",
    when="it is posted with an opaque picture",
    then="what is opaque is kept and what is transparent is painted",
)
def masks_alpha_counts_and_not_its_colours(api: Api) -> None:
    sent = drawn_pictures.noisy_photo()
    received = api.picture(image=sent, mask=drawn_pictures.alpha_mask())
    kept_closely(sent, received)
    painted(sent, received)


@case(
    clauses.MASK_READING,
    given="a mask that is black where it is opaque and white where it is transparent",
    when="it is posted with an opaque picture",
    then="the answer says that alpha was read, and how much is painted",
    credits=1,
)
def painted_share_is_told(api: Api) -> None:
    result = result_of(api.outpaint(image=drawn_pictures.photo(), mask=drawn_pictures.alpha_mask()))
    equal(result.mask_interpretation.source, MaskSource.MASK_ALPHA, "what the mask was read from")
    kept = (_RIGHT - _LEFT) * (_BOTTOM - _TOP) / (_WIDTH * _HEIGHT)
    within(result.mask_interpretation.painted_share, 1 - kept - 0.001, 1 - kept + 0.001, "the painted share")


@_critical_picture(
    clauses.KEPT_IS_CLOSE,
    when="a lossy format is asked for",
    then="kept pixels away from the seam are moved by the encoding alone",
    each=variants("-by-", wanted={"jpg": Format.JPG, "webp": Format.WEBP}, by=["image", "mask"]),
)
def kept_pixels_are_close_in_lossy_formats(api: Api, wanted: Format, by: str) -> None:
    if by == "image":
        sent, mask = drawn_pictures.canvas(_LARGE, _LARGE_BOX), None
    else:
        sent, mask = drawn_pictures.photo(_LARGE), drawn_pictures.alpha_mask(_LARGE, _LARGE_BOX)
    received = api.picture(image=sent, mask=mask, format=wanted)
    kept_closely(sent, received, _INNER_BOX, _CLOSE)


# Painted


@_opaque_is_kept(
    when="a picture is posted whose outside is transparent",
    then="its outside is painted, and not left black",
)
def what_is_painted_is_painted(api: Api) -> None:
    border = drawn_pictures.decode(api.picture(image=drawn_pictures.canvas())).convert("RGB").crop(_ABOVE)
    holds(border.getextrema() != ((0, 0), (0, 0), (0, 0)), "something else than black is above the kept part")


@_critical_picture(
    clauses.HIDDEN_STAYS_HIDDEN,
    given="a picture with noise under its transparency",
    when="it is posted",
    then="the noise does not show in the result",
)
def hidden_colours_do_not_show(api: Api) -> None:
    _noise_is_painted_over(api)


@_critical_picture(
    clauses.HIDDEN_STAYS_HIDDEN,
    given="two pictures that differ only under their transparency",
    when="both are posted with one seed",
    then="both results are the same",
    credits=2,
)
def hidden_colours_make_no_difference(api: Api) -> None:
    one, other = (
        api.picture(image=drawn_pictures.canvas_over(hidden), seed=11)
        for hidden in (drawn_pictures.noisy_scene(), _BRIGHT)
    )
    holds(one == other, "both files are the same, byte for byte")


@case(
    clauses.HIDDEN_STAYS_HIDDEN,
    given="a picture with noise under its transparency",
    when="it is posted",
    then="the very next pixels around the kept part are painted",
    credits=1,
    each=variants(box=_RING),
)
def painting_begins_where_keeping_ends(api: Api, box: drawn_pictures.Box) -> None:
    _noise_is_painted_over(api, box)


@_critical_picture(
    clauses.HIDDEN_STAYS_HIDDEN,
    given="a picture with one bright colour under its transparency",
    when="it is posted",
    then="no line of black, white or that colour is drawn around the kept part",
    each=variants(box=_RING),
)
def kept_part_has_no_frame(api: Api, box: drawn_pictures.Box) -> None:
    received = api.picture(image=drawn_pictures.canvas_over(_BRIGHT), seed=11)
    line = drawn_pictures.decode(received).convert("RGB").crop(box)
    for name, colour in (("black", (0, 0, 0)), ("white", (255, 255, 255)), ("hidden", _BRIGHT.getpixel((0, 0)))):
        apart = ImageChops.difference(line, Image.new("RGB", line.size, colour)).tobytes()
        holds(max(apart) > 4, f"the line beside the kept part is not {name}")


@_critical_picture(
    clauses.SMALLER_WEIGHT,
    given="a picture that is transparent, over noise, where its mask keeps",
    when="both are posted",
    then="the transparent part is painted, and the noise does not show",
)
def mask_cannot_keep_what_is_transparent(api: Api) -> None:
    _noise_is_painted_over(api, mask=drawn_pictures.alpha_mask(keep=(0, 0, _WIDTH, _BOTTOM)))


@case(
    clauses.SMALLER_WEIGHT,
    given="a white and a black picture that are half transparent where their mask keeps",
    when="both are posted with one seed",
    then="where the mask keeps, half of each shows",
    credits=2,
    each=variants(mask={"alpha": drawn_pictures.alpha_mask(), "luminance": drawn_pictures.luminance_mask()}),
)
def mask_does_not_make_soft_pixels_solid(api: Api, mask: bytes) -> None:
    white, black = (
        drawn_pictures.decode(
            api.picture(
                image=drawn_pictures.encode(Image.new("RGBA", drawn_pictures.SIZE, (grey, grey, grey, 128))),
                mask=mask,
                seed=7,
            )
        ).convert("RGB")
        for grey in (255, 0)
    )
    apart = ImageChops.subtract(white, black).crop(drawn_pictures.KEEP_BOX).tobytes()
    within(min(apart), 127, 129, "the least that white is brighter than black")
    within(max(apart), 127, 129, "the most that white is brighter than black")


@case(
    clauses.SMALLER_WEIGHT,
    given="a picture whose outside is transparent, and a mask that opens part of its inside",
    when="both are posted",
    then="that part of the inside is painted",
    credits=1,
)
def mask_opens_what_is_opaque(api: Api) -> None:
    picture = drawn_pictures.noisy_scene()
    picture.putalpha(drawn_pictures.box_mask())
    sent = drawn_pictures.encode(picture)
    half = (_LEFT, _TOP, _RIGHT, (_TOP + _BOTTOM) // 2)
    received = api.picture(image=sent, mask=drawn_pictures.alpha_mask(keep=half))
    painted(sent, received, (_LEFT, half[3], _RIGHT, _BOTTOM))


# The result


@_critical_picture(
    clauses.SIZE_STAYS,
    when="a picture of any size is posted",
    then="its result has the same size, to the pixel",
    each=variants(
        "-",
        size={"64x48": (64, 48), "17x31": (17, 31), "301x199": (301, 199)},
        wanted={wanted.lower(): wanted for wanted in Format},
    ),
)
def result_has_the_size_that_was_sent(api: Api, size: tuple[int, int], wanted: Format) -> None:
    width, height = size
    sent = drawn_pictures.canvas(size, (4, 4, width - 4, height - 4))
    equal(drawn_pictures.decode(api.picture(image=sent, format=wanted)).size, size, "the size of the result")


@case(
    clauses.RESULT_IS_OPAQUE,
    when="a picture whose outside is transparent is posted",
    then="its result is RGB, and nothing in it counts as transparent",
    credits=1,
    each=variants(wanted=Format),
)
def result_is_opaque(api: Api, wanted: Format) -> None:
    received = drawn_pictures.decode(api.picture(format=wanted))
    equal(received.mode, "RGB", "the mode of the result")
    lacks(received.info, "transparency", "what the file says beside its pixels")


@_exact(when="five pictures are asked for", then="the kept pixels of each come back exactly", credits=5)
def kept_pixels_are_exact_in_every_variant(api: Api) -> None:
    sent = drawn_pictures.canvas()
    for number, received in enumerate(api.files_of(api.outpaint(image=sent, format="PNG", count=5))):
        kept_exactly(sent, received, what=f"kept pixels of picture {number}")
