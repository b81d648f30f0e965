"""The mask's fields: both spellings of each, one mask at a time, and how it is read."""

from __future__ import annotations

from typing import Any, Final

from PIL import Image

from outpaint.conformance.proving import clauses, drawn_pictures
from outpaint.conformance.proving.api import Api, files_of, finished, refused, result_of
from outpaint.conformance.proving.case import Severity, case
from outpaint.conformance.proving.expectations import contains, equal, holds, within
from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.masks_and_formats import MaskSource

_ADDRESS: Final = "https://example.com/a.png"
_SPELLINGS: Final[dict[str, Any]] = {
    "mask_image": drawn_pictures.alpha_mask(),
    "mask": drawn_pictures.alpha_mask(),
    "mask_image_url": drawn_pictures.data_uri(drawn_pictures.alpha_mask()),
    "mask_url": drawn_pictures.data_uri(drawn_pictures.alpha_mask()),
}
_TWO_MASKS: Final[dict[str, dict[str, Any]]] = {
    "mask-and-mask-image": {"mask": drawn_pictures.alpha_mask(), "mask_image": drawn_pictures.alpha_mask()},
    "mask-and-mask-url": {
        "mask": drawn_pictures.alpha_mask(),
        "mask_url": drawn_pictures.data_uri(drawn_pictures.alpha_mask()),
    },
    "mask-url-and-mask-image-url": {"mask_url": _ADDRESS, "mask_image_url": _ADDRESS},
    "mask-id-and-mask-image-id": {"mask_id": "a.png", "mask_image_id": "a.png"},
    "mask-image-and-mask-id": {"mask_image": drawn_pictures.alpha_mask(), "mask_id": "a.png"},
}
_OTHER_MODES: Final = ("invert", "yes")


@case(
    clauses.MASK_SPELLINGS,
    when="an opaque image comes with a mask, under any of its names",
    then="what the mask leaves open is painted",
    severity=Severity.CRITICAL,
    credits=1,
    each=[{"name": name} for name in _SPELLINGS],
)
def mask_counts_under_every_name(api: Api, name: str) -> None:
    sent = drawn_pictures.photo()
    (received,) = files_of(api, api.outpaint(image=sent, **{name: _SPELLINGS[name]}))
    within(drawn_pictures.mean_difference(sent, received), 0, 16, "how far what is kept was changed on average")
    holds(drawn_pictures.mean_difference(sent, received, drawn_pictures.strip_above()) > 0, "what is open was painted")


@case(
    clauses.MASK_MODE,
    when="an opaque image comes with a mask that has transparency, under any of its names",
    then="the answer says that its alpha was read",
    credits=1,
    each=[{"name": name} for name in _SPELLINGS],
)
def mask_with_transparency_is_said_to_be_read_by_alpha(api: Api, name: str) -> None:
    result = result_of(api.outpaint(image=drawn_pictures.photo(), **{name: _SPELLINGS[name]}))
    equal(result.mask_interpretation.source, MaskSource.MASK_ALPHA, "what the mask was read from")


@case(
    clauses.MASK_SPELLINGS,
    given="an earlier result",
    when="its id is sent as the mask's, in either spelling",
    then="the request is taken",
    credits=2,
    each=[{"name": "mask_image_id"}, {"name": "mask_id"}],
)
def mask_id_counts_under_both_names(api: Api, name: str) -> None:
    # Without a mask this image has nothing to paint: an id that was overlooked is told by 422.
    earlier = finished(api.outpaint(format="PNG"))[0]
    finished(api.outpaint(image=drawn_pictures.photo(), **{name: earlier.id}))


@case(
    clauses.MASK_MODE,
    given="an earlier result, which is opaque",
    when="its id is sent as the mask's, in either spelling",
    then="the answer says that its brightness was read",
    credits=2,
    each=[{"name": "mask_image_id"}, {"name": "mask_id"}],
)
def earlier_result_is_read_by_brightness(api: Api, name: str) -> None:
    earlier = result_of(api.outpaint(format="PNG"))
    result = result_of(api.outpaint(image=drawn_pictures.photo(), **{name: earlier.data[0].id}))
    equal(result.mask_interpretation.source, MaskSource.MASK_LUMINANCE, "what the mask was read from")


@case(
    clauses.ONE_MASK,
    when="two masks are sent at once",
    then="the answer is 422",
    severity=Severity.CRITICAL,
    each=[{"masks": _TWO_MASKS[both]} for both in ("mask-and-mask-image", "mask-url-and-mask-image-url")],
    named=["files", "addresses"],
)
def two_masks_are_422(api: Api, masks: dict[str, Any]) -> None:
    equal(api.outpaint(image=drawn_pictures.photo(), **masks).status_code, 422, "the status")


@case(
    clauses.REFUSAL_NAMES_FIELD,
    when="two masks are sent at once",
    then="the refusal is conflicting_parameters and its detail names both",
    each=[{"masks": masks} for masks in _TWO_MASKS.values()],
    named=list(_TWO_MASKS),
)
def two_masks_are_refused_naming_both(api: Api, masks: dict[str, Any]) -> None:
    detail = refused(api.outpaint(image=drawn_pictures.photo(), **masks), ErrorCode.CONFLICTING_PARAMETERS)
    for name in masks:
        contains(detail, name, "the detail")


@case(
    clauses.MASK_MODE,
    when="a mask is posted with the way to read it",
    then="the answer says that it was read so",
    credits=1,
    each=[
        {"mask": drawn_pictures.luminance_mask(), "mode": "auto", "source": MaskSource.MASK_LUMINANCE},
        {"mask": drawn_pictures.luminance_mask(), "mode": "luminance", "source": MaskSource.MASK_LUMINANCE},
        {
            "mask": drawn_pictures.luminance_mask(),
            "mode": "inverted_luminance",
            "source": MaskSource.MASK_INVERTED_LUMINANCE,
        },
        {"mask": drawn_pictures.alpha_mask(), "mode": "auto", "source": MaskSource.MASK_ALPHA},
        {"mask": drawn_pictures.alpha_mask(), "mode": "alpha", "source": MaskSource.MASK_ALPHA},
    ],
    named=["auto", "luminance", "inverted-luminance", "auto-with-alpha", "alpha"],
)
def mask_mode_says_how_the_mask_is_read(api: Api, mask: bytes, mode: str, source: MaskSource) -> None:
    result = result_of(api.outpaint(image=drawn_pictures.photo(), mask=mask, mask_mode=mode))
    equal(result.mask_interpretation.source, source, "what the mask was read from")


@case(
    clauses.MASK_MODE,
    given="a mask that is white everywhere, and transparent around its middle",
    when="it is posted to be read by brightness",
    then="its transparency counts as black",
    credits=1,
)
def transparency_counts_as_black_by_brightness(api: Api) -> None:
    mask = Image.new("RGBA", drawn_pictures.SIZE, (255, 255, 255, 0))
    mask.paste((255, 255, 255, 255), drawn_pictures.KEEP_BOX)
    sent = drawn_pictures.photo()
    answer = api.outpaint(image=sent, mask=drawn_pictures.encode(mask), mask_mode="luminance", format="PNG")
    (received,) = files_of(api, answer)
    equal(drawn_pictures.changed_pixels(sent, received), 0, "the pixels changed where the mask is opaque")
    holds(
        drawn_pictures.changed_pixels(sent, received, drawn_pictures.strip_above()) > 0,
        "what is transparent was painted",
    )


@case(
    clauses.MASK_MODE,
    when="a mask without an alpha channel is to be read by its alpha",
    then="the refusal is invalid_parameter and names mask_mode",
)
def alpha_of_a_mask_without_any_is_refused(api: Api) -> None:
    answer = api.outpaint(image=drawn_pictures.photo(), mask=drawn_pictures.luminance_mask(), mask_mode="alpha")
    refused(answer, ErrorCode.INVALID_PARAMETER, field="mask_mode")


@case(
    clauses.REFUSAL_NAMES_FIELD,
    when="a mask_mode is asked for that does not exist",
    then="the refusal is invalid_parameter and names mask_mode",
    each=[{"mask_mode": mode} for mode in _OTHER_MODES],
)
def other_mask_mode_is_refused(api: Api, mask_mode: str) -> None:
    refused(api.outpaint(mask_mode=mask_mode), ErrorCode.INVALID_PARAMETER, field="mask_mode")


@case(
    clauses.REFUSED_FREE,
    when="two masks at once, and mask modes that do not exist, are posted",
    then="each is refused and nothing is charged",
    severity=Severity.CRITICAL,
    watches_account=True,
)
def refused_masks_cost_nothing(api: Api) -> None:
    with api.charged(0):
        for name, masks in _TWO_MASKS.items():
            within(api.outpaint(image=drawn_pictures.photo(), **masks).status_code, 400, 499, f"the status of {name}")
        for mode in _OTHER_MODES:
            within(api.outpaint(mask_mode=mode).status_code, 400, 499, f"the status of {mode}")
