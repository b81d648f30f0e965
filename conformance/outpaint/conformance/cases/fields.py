"""The plain fields of a request: which values are taken or refused, and with which message."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import httpx

from outpaint.conformance.proving import clauses, drawn_pictures
from outpaint.conformance.proving.answer_reading import finished, refused, rejected
from outpaint.conformance.proving.api import Api
from outpaint.conformance.proving.case import (
    case,
    costs_nothing,
    critical,
    minor,
    refused_by_us_costs_nothing,
    variants,
)
from outpaint.conformance.proving.expectations import contains, equal, holds, lacks, within
from outpaint.conformance.proving.field_clauses import FIELD_CLAUSES
from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.masks_and_formats import Format
from outpaint.contracts.paths_and_headers import OUTPAINT_PATH, WARNING

_ADDRESS: Final = "https://example.com/a.png"
_TWO_IMAGES: Final[dict[str, dict[str, Any]]] = {
    "image-and-image-url": {"image_url": _ADDRESS},
    "image-and-image-id": {"image_id": "a.png"},
    "image-url-and-image-id": {"image": None, "image_url": _ADDRESS, "image_id": "a.png"},
}
_BLANKS: Final = {"nothing": "", "blanks": "   ", "line-break": "\t\n"}
_COUNTS: Final = {
    "zero": "0",
    "eleven": "11",
    "negative": "-1",
    "half": "1.5",
    "exponent": "1e1",
    "word": "two",
    "hexadecimal": "0x2",
    "arabic-digit": "٣",
    "huge": "99999999999999999999999",
    "nan": "NaN",
}
_FORMATS: Final = {"gif": "GIF", "media-type": "image/png", "number": "1"}
_MODES: Final = ("auto", "later", "1")
_TOO_LONG: Final = "x" * 20_001
_TWICE: Final = {"prompt": "a lake", "count": "1", "format": "PNG", "mode": "sync", "seed": "1"}
_UNKNOWN: Final = {"text": {"strength": "0.7", "colour": "blue"}, "file": {"reference": b"whatever"}}
_SMALL_FORM: Final = {"count": "1", "prompt": "a lake", "image_url": drawn_pictures.data_uri(drawn_pictures.canvas())}

_WRONG: Final[dict[str, dict[str, Any]]] = {
    "count-0": {"count": "0"},
    "count-11": {"count": "11"},
    "count-of-words": {"count": "two"},
    "half-a-picture": {"count": "1.5"},
    "gif": {"format": "GIF"},
    "mode-auto": {"mode": "auto"},
    "mode-later": {"mode": "later"},
}
_refusal = partial(case, clauses.REFUSAL_NAMES_FIELD)
_unknown_fields = partial(minor, clauses.UNKNOWN_FIELDS_WARNING, credits=1)


@critical(
    clauses.ONE_IMAGE,
    when="a request has no image, or two of them",
    then="the answer is 422",
    each=variants(fields={"none": {"image": None}, "two": _TWO_IMAGES["image-and-image-url"]}),
)
def one_image_is_required(api: Api, fields: dict[str, Any]) -> None:
    equal(api.outpaint(**fields).status_code, 422, "the status")


@critical(
    FIELD_CLAUSES["prompt"],
    when="a request has no prompt, or an empty one",
    then="the answer is 422",
    each=variants(prompt={"none": None, "empty": ""}),
)
def prompt_is_required(api: Api, prompt: str | None) -> None:
    equal(api.outpaint(prompt=prompt).status_code, 422, "the status")


@critical(
    clauses.WRONG_VALUE,
    when="a count, a format or a mode is asked for that does not exist",
    then="the answer is 422",
    each=variants(fields=_WRONG),
)
def wrong_value_is_422(api: Api, fields: dict[str, Any]) -> None:
    equal(api.outpaint(**fields).status_code, 422, "the status")


@_refusal(
    when="a request has two images",
    then="the refusal is conflicting_parameters",
    each=variants(images=_TWO_IMAGES),
)
def two_images_are_refused(api: Api, images: dict[str, Any]) -> None:
    refused(api.outpaint(**images), ErrorCode.CONFLICTING_PARAMETERS)


@_refusal(when="a request has no image", then="the refusal is missing_parameter and names the image")
def no_image_is_refused(api: Api) -> None:
    refused(api.outpaint(image=None), ErrorCode.MISSING_PARAMETER, field="image")


@_refusal(when="a request has no prompt", then="the refusal is missing_parameter and names the prompt")
def no_prompt_is_refused(api: Api) -> None:
    refused(api.outpaint(prompt=None), ErrorCode.MISSING_PARAMETER, field="prompt")


@_refusal(when="a prompt is blank", then="the answer is 422 and names the prompt", each=variants(prompt=_BLANKS))
def blank_prompt_is_refused(api: Api, prompt: str) -> None:
    rejected(api.outpaint(prompt=prompt), 422, field="prompt")


@case(
    clauses.PROMPT_TEXT,
    when="a prompt holds text of any script and any length that is allowed",
    then="the request is taken",
    credits=1,
    each=variants(
        prompt={
            "umlaut": "ü",
            "japanese": "山の湖",
            "emoji": "🏔️ and 🛶",
            "joiner": "a\u200db",
            "20000-characters": "x" * 20_000,
        }
    ),
)
def prompt_may_be_any_text(api: Api, prompt: str) -> None:
    finished(api.outpaint(prompt=prompt))


@case(
    clauses.PROMPT_TEXT,
    when="a prompt has more than 20,000 characters",
    then="the refusal is invalid_parameter and names the prompt",
)
def prompt_that_is_too_long_is_refused(api: Api) -> None:
    refused(api.outpaint(prompt=_TOO_LONG), ErrorCode.INVALID_PARAMETER, field="prompt")


@critical(
    FIELD_CLAUSES["negative_prompt"],
    when="a negative prompt is sent, empty or not",
    then="the request is taken",
    credits=1,
    each=variants(negative_prompt={"empty": "", "words": "people, text"}),
)
def negative_prompt_is_taken(api: Api, negative_prompt: str) -> None:
    finished(api.outpaint(negative_prompt=negative_prompt))


@critical(
    FIELD_CLAUSES["count"],
    when="so many pictures are asked for",
    then="so many come back, each with an id and an address of its own",
    credits=3,
    each=variants(count=[1, 3]),
)
def count_is_how_many_pictures_come_back(api: Api, count: int) -> None:
    _as_many_as_asked_for(api, count)


@case(FIELD_CLAUSES["count"], when="ten pictures are asked for, the most that may be", then="ten come back", credits=10)
def count_may_be_ten(api: Api) -> None:
    _as_many_as_asked_for(api, 10)


def _as_many_as_asked_for(api: Api, count: int) -> None:
    items = finished(api.outpaint(count=count))
    equal(len(items), count, "the number of pictures")
    equal(len({item.id for item in items}), count, "the number of different ids")
    equal(len({item.url for item in items}), count, "the number of different addresses")


@critical(FIELD_CLAUSES["count"], when="no count is sent", then="two pictures come back", credits=2)
def count_is_two_where_it_is_left_out(api: Api) -> None:
    equal(len(finished(api.outpaint(count=None))), 2, "the number of pictures")


@_refusal(
    when="a count is no whole number from 1 to 10",
    then="the refusal is 422 invalid_parameter, names the count and begins in the vendor's words",
    each=variants(count=_COUNTS),
)
def count_out_of_range_is_refused(api: Api, count: str) -> None:
    detail = refused(api.outpaint(count=count), ErrorCode.INVALID_PARAMETER, field="count")
    holds(detail.startswith("count has wrong value "), "the detail begins in the vendor's words")


@minor(
    clauses.WRONG_VALUE_WORDS,
    when="a count is no whole number from 1 to 10",
    then="the detail begins as the vendor's does, with the field that has a wrong value",
    each=variants(count={kind: _COUNTS[kind] for kind in ("zero", "eleven", "word")}),
)
def wrong_count_is_worded_as_the_vendor_words_it(api: Api, count: str) -> None:
    answer = api.outpaint(count=count)
    equal(answer.status_code, 422, "the status")
    holds(answer.json()["detail"].startswith("count has wrong value "), "the detail begins in the vendor's words")


@case(
    clauses.WRONG_VALUE_WORDS,
    when="eleven pictures are asked for",
    then="status, message and detail are the vendor's",
)
def wrong_value_is_told_in_the_vendors_members(api: Api) -> None:
    answer = api.outpaint(count=11)
    equal(answer.status_code, 422, "the status")
    document = answer.json()
    equal(document.get("status"), "error", "the status word")
    equal(document.get("message"), "Validation Failed", "the message")
    holds(document["detail"].startswith("count has wrong value 11: "), "the detail names field and value")


@_refusal(
    when="eleven pictures are asked for",
    then="the body has code 422, error_code invalid_parameter and field count",
)
def wrong_value_has_our_members_too(api: Api) -> None:
    document = api.outpaint(count=11).json()
    equal(document.get("code"), 422, "the code")
    equal(document.get("error_code"), "invalid_parameter", "the error code")
    equal(document.get("field"), "count", "the offending field")


@critical(
    FIELD_CLAUSES["format"],
    when="a format is asked for",
    then="the file really is of that format, and the id ends in it",
    credits=1,
    each={
        "jpg": {"wanted": "JPG", "decoded": "JPEG"},
        "png": {"wanted": "PNG", "decoded": "PNG"},
        "webp": {"wanted": "WEBP", "decoded": "WEBP"},
        "left-out": {"wanted": None, "decoded": "JPEG"},
    },
)
def file_is_of_the_format_asked_for(api: Api, wanted: str | None, decoded: str) -> None:
    answer = api.outpaint(format=wanted)
    (data,) = api.files_of(answer)
    equal(drawn_pictures.decode(data).format, decoded, "the format of the file")
    extension = Format(wanted or "JPG").extension
    holds(finished(answer)[0].id.endswith(f".{extension}"), f"the id ends in .{extension}")


@case(
    clauses.WORDS_IN_ANY_CASE,
    when="a format is written in another case, or between blanks",
    then="it is the same format",
    credits=1,
    each=variants(wanted={"lower": "jpg", "mixed": "Png", "blanks": " WEBP "}),
)
def format_may_be_written_in_any_case(api: Api, wanted: str) -> None:
    (item,) = finished(api.outpaint(format=wanted))
    extension = wanted.strip().lower()
    holds(item.id.endswith(extension), f"the id ends in {extension}")


@case(
    clauses.JPEG_IS_JPG,
    when="a format is asked for by the word JPEG, in any case",
    then="the picture is a JPG, and a warning says which word to write",
    credits=1,
    each=variants(wanted={"upper": "JPEG", "lower": "jpeg", "blanks": " Jpeg "}),
)
def jpeg_is_read_as_jpg(api: Api, wanted: str) -> None:
    answer = api.outpaint(format=wanted)
    (item,) = finished(answer)
    holds(item.id.endswith(".jpg"), "the id ends in .jpg")
    contains(answer.headers.get(WARNING, ""), "write JPG", WARNING)


@_refusal(
    when="a format is asked for that is not written",
    then="the refusal is invalid_parameter and names the format",
    each=variants(wanted=_FORMATS),
)
def other_format_is_refused(api: Api, wanted: str) -> None:
    refused(api.outpaint(format=wanted), ErrorCode.INVALID_PARAMETER, field="format")


@case(
    clauses.MODE_WORDS,
    when="the query asks for a mode that does not exist, auto too",
    then="the answer is 422",
    each=variants(mode=_MODES),
)
def other_mode_in_the_query_is_422(api: Api, mode: str) -> None:
    equal(api.outpaint(params={"mode": mode}).status_code, 422, "the status")


@_refusal(
    when="a mode is asked for that does not exist, auto too",
    then="the refusal is invalid_parameter and names the mode",
    each=variants("-in-the-", mode=_MODES, place=["body", "query"]),
)
def other_mode_is_refused(api: Api, mode: str, place: str) -> None:
    answer = api.outpaint(mode=mode) if place == "body" else api.outpaint(params={"mode": mode})
    refused(answer, ErrorCode.INVALID_PARAMETER, field="mode")


@critical(
    clauses.UNKNOWN_FIELDS,
    when="a form has fields or a file that the contract does not know",
    then="the request is taken",
    credits=1,
    each=variants(unknown=_UNKNOWN),
)
def unknown_fields_are_accepted(api: Api, unknown: dict[str, Any]) -> None:
    finished(api.outpaint(**unknown))


@_unknown_fields(
    when="a form has fields or a file that the contract does not know",
    then="the warning header names each of them",
    each=variants(unknown=_UNKNOWN),
)
def unknown_fields_are_named_in_a_warning(api: Api, unknown: dict[str, Any]) -> None:
    warning = api.outpaint(**unknown).headers.get(WARNING, "")
    for name in unknown:
        contains(warning, name, WARNING)


@critical(
    clauses.UNKNOWN_FIELDS_WARNING,
    when="an unknown field has a name that no header could carry",
    then="the request is taken, and the warning is short and makes no other header",
    credits=1,
    each=variants(name={"latin": "naïve", "crlf": "a\r\nSet-Cookie: x=1", "long": "x" * 4000, "snowman": "☃"}),
)
def strange_unknown_name_makes_no_strange_header(api: Api, name: str) -> None:
    answer = api.post_form({**_SMALL_FORM, name: "1"})
    finished(answer)
    # A balancer may well set a cookie of its own.
    lacks([cookie.partition("=")[0].strip() for cookie in answer.headers.get_list("Set-Cookie")], "x", "the cookies")
    contains(answer.headers, WARNING, "the headers")
    within(len(answer.headers[WARNING]), 1, 999, f"the length of {WARNING}")


@_unknown_fields(when="a request has no unknown field", then="there is no warning header")
def known_request_has_no_warning(api: Api) -> None:
    lacks(api.outpaint().headers, WARNING, "the headers")


def _sent_twice(api: Api, name: str) -> httpx.Response:
    data = {**_TWICE, name: [_TWICE[name], _TWICE[name]]}
    return api.request("POST", OUTPAINT_PATH, files={"image": drawn_pictures.canvas()}, data=data)


def _image_sent_twice(api: Api) -> httpx.Response:
    files = [("image", ("a.png", drawn_pictures.canvas())), ("image", ("b.png", drawn_pictures.canvas()))]
    return api.request("POST", OUTPAINT_PATH, files=files, data={"prompt": "a lake"})


@case(
    clauses.SENT_TWICE,
    when="a field is sent twice",
    then="the refusal is conflicting_parameters and names it",
    each=variants(name=[*_TWICE]),
)
def field_sent_twice_is_refused(api: Api, name: str) -> None:
    refused(_sent_twice(api, name), ErrorCode.CONFLICTING_PARAMETERS, field=name)


@case(
    clauses.SENT_TWICE,
    when="two files are sent as the image",
    then="the refusal is conflicting_parameters and names the image",
)
def image_sent_twice_is_refused(api: Api) -> None:
    refused(_image_sent_twice(api), ErrorCode.CONFLICTING_PARAMETERS, field="image")


@_refusal(
    when="the image is sent as text, an address say",
    then="the refusal is invalid_parameter, names the image and points to image_url",
)
def image_sent_as_text_is_refused_with_a_hint(api: Api) -> None:
    detail = refused(api.outpaint(image=_ADDRESS), ErrorCode.INVALID_PARAMETER, field="image")
    contains(detail, "image_url", "the detail")


@_refusal(when="the prompt is sent as a file", then="the refusal is invalid_parameter and names the prompt")
def prompt_sent_as_a_file_is_refused(api: Api) -> None:
    refused(api.outpaint(prompt=b"a lake"), ErrorCode.INVALID_PARAMETER, field="prompt")


@case(
    clauses.FIELD_NAMES,
    when="the prompt is sent under a name in another case",
    then="the refusal is missing_parameter and names the prompt",
)
def field_names_are_not_matched_in_another_case(api: Api) -> None:
    refused(api.outpaint(prompt=None, Prompt="a lake"), ErrorCode.MISSING_PARAMETER, field="prompt")


def _refused_requests() -> dict[str, dict[str, Any]]:
    return (
        _WRONG
        | _TWO_IMAGES
        | {f"count: {name}": {"count": count} for name, count in _COUNTS.items()}
        | {f"format: {name}": {"format": wanted} for name, wanted in _FORMATS.items()}
        | {f"mode {mode}": {"mode": mode} for mode in _MODES}
        | {f"mode {mode} in the query": {"params": {"mode": mode}} for mode in _MODES}
        | {"no image": {"image": None}, "no prompt": {"prompt": None}, "an empty prompt": {"prompt": ""}}
    )


def _refused_by_us() -> dict[str, dict[str, Any]]:
    return {f"prompt of {name}": {"prompt": prompt} for name, prompt in _BLANKS.items()} | {
        "a long prompt": {"prompt": _TOO_LONG},
        "an image as text": {"image": _ADDRESS},
        "a prompt as a file": {"prompt": b"a lake"},
        "a name in another case": {"prompt": None, "Prompt": "a lake"},
    }


@costs_nothing(when="every wrong field that these cases know is posted", then="each is refused and nothing is charged")
def wrong_fields_cost_nothing(api: Api) -> None:
    with api.charged(0):
        for name, fields in _refused_requests().items():
            within(api.outpaint(**fields).status_code, 400, 499, f"the status of {name}")


@refused_by_us_costs_nothing(
    when="every field that our own rules refuse is posted, and fields sent twice",
    then="each is refused and nothing is charged",
)
def fields_that_our_rules_refuse_cost_nothing(api: Api) -> None:
    with api.charged(0):
        for name, fields in _refused_by_us().items():
            within(api.outpaint(**fields).status_code, 400, 499, f"the status of {name}")
        for name in _TWICE:
            within(_sent_twice(api, name).status_code, 400, 499, f"the status of {name} sent twice")
        within(_image_sent_twice(api).status_code, 400, 499, "the status of an image sent twice")
