"""Fields of the mask: both spellings of each, at most one mask, and how it is read."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from PIL import Image

from outpaint.conformance.proving import clauses, drawn_pictures
from outpaint.conformance.proving.answer_reading import (
    changed_pixels,
    finished,
    kept_closely,
    kept_exactly,
    only_picture,
    painted,
    refused,
    result_of,
)
from outpaint.conformance.proving.api import Api
from outpaint.conformance.proving.case import case, costs_nothing, critical, refused_by_us_costs_nothing, variants
from outpaint.conformance.proving.expectations import contains, equal, holds, within
from outpaint.conformance.proving.field_clauses import FIELD_CLAUSES
from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.masks_and_formats import MaskSource

_ADDRESS: Final = "https://example.com/a.png"
_MASK: Final = drawn_pictures.alpha_mask()
_GREY: Final = drawn_pictures.luminance_mask()
_URI: Final = drawn_pictures.data_uri(_MASK)
_SPELLINGS: Final[dict[str, Any]] = {"mask_image": _MASK, "mask": _MASK, "mask_image_url": _URI, "mask_url": _URI}
_TWO_MASKS: Final[dict[str, dict[str, Any]]] = {
    "mask-and-mask-image": {"mask": _MASK, "mask_image": _MASK},
    "mask-and-mask-url": {"mask": _MASK, "mask_url": _URI},
    "mask-url-and-mask-image-url": {"mask_url": _ADDRESS, "mask_image_url": _ADDRESS},
    "mask-id-and-mask-image-id": {"mask_id": "a.png", "mask_image_id": "a.png"},
    "mask-image-and-mask-id": {"mask_image": _MASK, "mask_id": "a.png"},
}
_OTHER_MODES: Final = ("invert", "yes")
_mask_mode = partial(case, clauses.MASK_READING)


@critical(
    clauses.MASK_SPELLINGS,
    when="an opaque image comes with a mask, under any of its names",
    then="what the mask leaves open is painted",
    credits=1,
    each=variants(name=[*_SPELLINGS]),
)
def mask_counts_under_every_name(api: Api, name: str) -> None:
    sent = drawn_pictures.photo()
    received = api.picture(image=sent, **{name: _SPELLINGS[name]})
    kept_closely(sent, received)
    holds(changed_pixels(sent, received, drawn_pictures.strip_above()), "what is open was painted")


@_mask_mode(
    when="an opaque image comes with a mask that has transparency, under any of its names",
    then="the answer says that its alpha was read",
    credits=1,
    each=variants(name=[*_SPELLINGS]),
)
def mask_with_transparency_is_said_to_be_read_by_alpha(api: Api, name: str) -> None:
    result = result_of(api.outpaint(image=drawn_pictures.photo(), **{name: _SPELLINGS[name]}))
    equal(result.mask_interpretation.source, MaskSource.MASK_ALPHA, "what the mask was read from")


@case(
    clauses.IDS,
    given="an earlier result",
    when="its id is sent as the mask's, in either spelling",
    then="the request is taken",
    credits=2,
    each=variants(name=["mask_image_id", "mask_id"]),
)
def mask_id_counts_under_both_names(api: Api, name: str) -> None:
    # Without a mask this image has nothing to paint: if the id were overlooked, the answer would be 422.
    earlier = only_picture(api.outpaint())
    finished(api.outpaint(image=drawn_pictures.photo(), **{name: earlier.id}))


@_mask_mode(
    given="an earlier result, which is opaque",
    when="its id is sent as the mask's, in either spelling",
    then="the answer says that its brightness was read",
    credits=2,
    each=variants(name=["mask_image_id", "mask_id"]),
)
def earlier_result_is_read_by_brightness(api: Api, name: str) -> None:
    earlier = result_of(api.outpaint())
    result = result_of(api.outpaint(image=drawn_pictures.photo(), **{name: earlier.data[0].id}))
    equal(result.mask_interpretation.source, MaskSource.MASK_LUMINANCE, "what the mask was read from")


@critical(
    clauses.ONE_MASK,
    when="two masks are sent at once",
    then="the answer is 422",
    each=variants(
        masks={"files": _TWO_MASKS["mask-and-mask-image"], "addresses": _TWO_MASKS["mask-url-and-mask-image-url"]}
    ),
)
def two_masks_are_422(api: Api, masks: dict[str, Any]) -> None:
    equal(api.outpaint(image=drawn_pictures.photo(), **masks).status_code, 422, "the status")


@case(
    clauses.REFUSAL_NAMES_FIELD,
    when="two masks are sent at once",
    then="the refusal is conflicting_parameters and its detail names both",
    each=variants(masks=_TWO_MASKS),
)
def two_masks_are_refused_naming_both(api: Api, masks: dict[str, Any]) -> None:
    detail = refused(api.outpaint(image=drawn_pictures.photo(), **masks), ErrorCode.CONFLICTING_PARAMETERS)
    for name in masks:
        contains(detail, name, "the detail")


@_mask_mode(
    when="a mask is posted with the way to read it",
    then="the answer says that it was read so",
    credits=1,
    each={
        "auto": {"mask": _GREY, "mode": "auto", "source": MaskSource.MASK_LUMINANCE},
        "luminance": {"mask": _GREY, "mode": "luminance", "source": MaskSource.MASK_LUMINANCE},
        "inverted-luminance": {
            "mask": _GREY,
            "mode": "inverted_luminance",
            "source": MaskSource.MASK_INVERTED_LUMINANCE,
        },
        "auto-with-alpha": {"mask": _MASK, "mode": "auto", "source": MaskSource.MASK_ALPHA},
        "alpha": {"mask": _MASK, "mode": "alpha", "source": MaskSource.MASK_ALPHA},
    },
)
def mask_mode_says_how_the_mask_is_read(api: Api, mask: bytes, mode: str, source: MaskSource) -> None:
    result = result_of(api.outpaint(image=drawn_pictures.photo(), mask=mask, mask_mode=mode))
    equal(result.mask_interpretation.source, source, "what the mask was read from")


@_mask_mode(
    given="a mask that is white everywhere, and transparent around its middle",
    when="it is posted to be read by brightness",
    then="its transparency counts as black",
    credits=1,
)
def transparency_counts_as_black_by_brightness(api: Api) -> None:
    mask = Image.new("RGBA", drawn_pictures.SIZE, (255, 255, 255, 0))
    mask.paste((255, 255, 255, 255), drawn_pictures.KEEP_BOX)
    sent = drawn_pictures.photo()
    received = api.picture(image=sent, mask=drawn_pictures.encode(mask), mask_mode="luminance")
    kept_exactly(sent, received)
    holds(changed_pixels(sent, received, drawn_pictures.strip_above()), "what is transparent was painted")


@_mask_mode(
    given="a mask in black and white whose alpha is a little less than opaque in one pixel",
    when="it is posted",
    then="its brightness is read, and the answer says why",
    credits=1,
)
def stray_alpha_decides_nothing(api: Api) -> None:
    mask = drawn_pictures.decode(_GREY).convert("RGBA")
    alpha = Image.new("L", mask.size, 255)
    alpha.putpixel((0, 0), 254)
    mask.putalpha(alpha)
    sent = drawn_pictures.noisy_photo()
    answer = api.outpaint(image=sent, mask=drawn_pictures.encode(mask))
    interpretation = result_of(answer).mask_interpretation
    equal(interpretation.source, MaskSource.MASK_LUMINANCE, "what the mask was read from")
    contains(" ".join(interpretation.warnings), "brightness", "the warnings")
    (received,) = api.files_of(answer)
    kept_exactly(sent, received)
    painted(sent, received)


@_mask_mode(
    when="a mask without an alpha channel is to be read by its alpha",
    then="the refusal is invalid_parameter and names mask_mode",
)
def alpha_of_a_mask_without_any_is_refused(api: Api) -> None:
    answer = api.outpaint(image=drawn_pictures.photo(), mask=_GREY, mask_mode="alpha")
    refused(answer, ErrorCode.INVALID_PARAMETER, field="mask_mode")


@case(
    FIELD_CLAUSES["mask_mode"],
    when="a mask_mode is asked for that does not exist",
    then="the refusal is invalid_parameter and names mask_mode",
    each=variants(mask_mode=_OTHER_MODES),
)
def other_mask_mode_is_refused(api: Api, mask_mode: str) -> None:
    refused(api.outpaint(mask_mode=mask_mode), ErrorCode.INVALID_PARAMETER, field="mask_mode")


@costs_nothing(
    when="two masks at once are posted, in every way",
    then="each is refused and nothing is charged",
)
def refused_masks_cost_nothing(api: Api) -> None:
    with api.charged(0):
        for name, masks in _TWO_MASKS.items():
            within(api.outpaint(image=drawn_pictures.photo(), **masks).status_code, 400, 499, f"the status of {name}")


@refused_by_us_costs_nothing(
    when="mask modes that do not exist are posted", then="each is refused and nothing is charged"
)
def other_mask_modes_cost_nothing(api: Api) -> None:
    with api.charged(0):
        for mode in _OTHER_MODES:
            within(api.outpaint(mask_mode=mode).status_code, 400, 499, f"the status of {mode}")
