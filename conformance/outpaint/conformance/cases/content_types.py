"""The three content types of a request, and those that are refused."""

from __future__ import annotations

import gzip
import json
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

import httpx

from outpaint.conformance.proving import clauses, drawn_pictures
from outpaint.conformance.proving.answer_reading import accepted_of, finished, pending, refused, rejected, result_of
from outpaint.conformance.proving.api import Api
from outpaint.conformance.proving.case import case, costs_nothing, critical, minor, variants
from outpaint.conformance.proving.expectations import contains, equal, holds, within
from outpaint.conformance.proving.provider import Need
from outpaint.conformance.proving.raw_requests import FormPart, multipart, multipart_type
from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.masks_and_formats import MaskSource
from outpaint.contracts.paths_and_headers import WARNING

_IMAGE: Final = drawn_pictures.data_uri(drawn_pictures.canvas())
_JSON: Final = "application/json"
_OTHERS: Final = {
    "text": "text/plain",
    "csv": "text/csv",
    "picture": "image/png",
    "octet-stream": "application/octet-stream",
    "multipart-mixed": "multipart/mixed; boundary=x",
    "xml": "application/xml",
    "nonsense": "nonsense",
    "empty": "",
    "none": None,
}
_CHARSETS: Final = ("utf-16", "latin-1", "shift_jis")
_other_content_type = partial(case, clauses.OTHER_CONTENT_TYPE_CODE)
_one_picture = partial(case, credits=1)


def _compressed(api: Api) -> httpx.Response:
    body = gzip.compress(json.dumps({"image_url": _IMAGE, "prompt": "a lake"}).encode())
    return api.post_body(body, _JSON, headers={"Content-Encoding": "gzip"})


@critical(clauses.MULTIPART, when="a request is posted as multipart/form-data", then="it is taken", credits=1)
def multipart_is_taken(api: Api) -> None:
    equal(len(finished(api.outpaint())), 1, "the number of pictures")


def _as_the_sdk_posts_it(api: Api) -> httpx.Response:
    return api.post_form(
        {
            "image_url": api.provider.publish(drawn_pictures.photo()),
            "mask_url": api.provider.publish(drawn_pictures.alpha_mask()),
            "prompt": "a lake & a boat",
            "negative_prompt": "",
            "count": "1",
            "format": "JPG",
            "mode": "async",
        }
    )


@critical(
    clauses.URLENCODED,
    given="an image and a mask at addresses of their own",
    when="they are posted urlencoded, as the Python SDK does",
    then="the job is taken and ends with its picture",
    needs=[Need.SOURCES],
    credits=1,
)
def urlencoded_is_taken_as_the_sdk_sends_it(api: Api) -> None:
    inference_id = pending(_as_the_sdk_posts_it(api))
    equal(len(finished(api.end_of(inference_id))), 1, "the number of pictures")


@_one_picture(
    clauses.MASK_READING,
    given="an image and a mask at addresses of their own",
    when="they are posted urlencoded, as the Python SDK does",
    then="the 202 says that the mask was read by its alpha",
    needs=[Need.SOURCES],
)
def urlencoded_mask_is_understood(api: Api) -> None:
    accepted = accepted_of(_as_the_sdk_posts_it(api))
    equal(accepted.mask_interpretation.source, MaskSource.MASK_ALPHA, "what the mask was read from")
    api.end_of(accepted.inference_id)


@critical(
    clauses.JSON_BODY,
    when="a request is posted as JSON, with a number as its count",
    then="as many pictures come back",
    credits=3,
)
def json_is_taken(api: Api) -> None:
    answer = api.post_json({"image_url": _IMAGE, "prompt": "a lake", "count": 3, "format": "PNG"})
    equal(len(finished(answer)), 3, "the number of pictures")


@minor(
    clauses.JSON_BODY,
    when="a request is posted as JSON, with a count or a seed that is whole and written with a point or an exponent",
    then="it is taken for the whole number that it is",
    credits=1,
    each=variants(
        numbers={
            "count-with-point": '"count": 1.0',
            "count-with-exponent": '"count": 1e0',
            "seed-with-point": '"count": 1, "seed": 9.0',
        }
    ),
)
def json_whole_number_may_have_a_point(api: Api, numbers: str) -> None:
    body = f'{{"image_url": "{_IMAGE}", "prompt": "a lake", "format": "PNG", {numbers}}}'
    equal(len(finished(api.post_body(body.encode(), _JSON))), 1, "the number of pictures")


@minor(
    clauses.JSON_BODY,
    when="a request is posted as JSON, with a count that is no whole number",
    then="the refusal is 422 and names the count",
    each=variants(count=("1.5", "1e300", "true", "-0.5")),
)
def json_broken_number_is_refused(api: Api, count: str) -> None:
    body = f'{{"image_url": "{_IMAGE}", "prompt": "a lake", "count": {count}}}'
    detail = rejected(api.post_body(body.encode(), _JSON), 422, message="Validation Failed")
    holds(detail.startswith("count has wrong value "), "the detail names the count")


@case(
    clauses.SEEDS,
    when="a request is posted as JSON, with numbers as count and seed",
    then="its pictures count on from the seed",
    credits=3,
)
def json_seed_is_taken_as_a_number(api: Api) -> None:
    result = result_of(api.post_json({"image_url": _IMAGE, "prompt": "a lake", "count": 3, "seed": 9, "format": "PNG"}))
    equal([item.seed for item in result.data], [9, 10, 11], "the seeds")


@_one_picture(
    clauses.JSON_LENIENT,
    when="a JSON request has its numbers as text, and null for what it leaves out",
    then="it is taken",
)
def json_takes_text_for_numbers_and_null_for_nothing(api: Api) -> None:
    answer = api.post_json({"image_url": _IMAGE, "prompt": "a lake", "count": "1", "mask_url": None, "seed": None})
    equal(len(finished(answer)), 1, "the number of pictures")


@critical(clauses.MODE, when="a JSON request says mode async", then="the answer is 202, and the job ends", credits=2)
def mode_in_json_makes_it_async(api: Api) -> None:
    api.end_of(pending(api.post_json({"image_url": _IMAGE, "prompt": "a", "mode": "async"})))


@_one_picture(
    clauses.CONTENT_TYPE_CASE,
    when="JSON comes with a charset that is UTF-8 or part of it",
    then="it is read",
    each=variants(
        charset={
            "none": "",
            "lower": "; charset=utf-8",
            "upper": "; charset=UTF-8",
            "quoted": '; charset="utf-8"',
            "ascii": ";charset=us-ascii",
        }
    ),
)
def charset_that_is_utf_8_is_read(api: Api, charset: str) -> None:
    body = json.dumps({"image_url": _IMAGE, "prompt": "a lake", "count": 1}).encode()
    finished(api.post_body(body, f"application/json{charset}"))


@_one_picture(
    clauses.CONTENT_TYPE_CASE,
    when="a content type is written in another case",
    then="it is the same",
    each=variants(content_type={"json": "Application/JSON", "urlencoded": "APPLICATION/X-WWW-FORM-URLENCODED"}),
)
def content_type_is_read_in_any_case(api: Api, content_type: str) -> None:
    fields = {"image_url": _IMAGE, "prompt": "a lake", "count": "1"}
    body = json.dumps(fields) if "json" in content_type.lower() else urlencode(fields)
    finished(api.post_body(body.encode(), content_type))


@_other_content_type(
    when="JSON comes in a charset that is not UTF-8",
    then="the refusal is 415 unsupported_content_type and names Content-Type",
    each=variants(charset=_CHARSETS),
)
def another_charset_is_refused(api: Api, charset: str) -> None:
    answer = api.post_body(b"{}", f"application/json; charset={charset}")
    refused(answer, ErrorCode.UNSUPPORTED_CONTENT_TYPE, field="Content-Type")


@case(
    clauses.OTHER_CONTENT_TYPE,
    when="a body comes under another content type, or under none",
    then="the answer is 415",
    each=variants(content_type={kind: _OTHERS[kind] for kind in ("text", "picture", "xml", "none")}),
)
def another_content_type_is_415(api: Api, content_type: str | None) -> None:
    equal(api.post_body(b"image=x", content_type).status_code, 415, "the status")


@_other_content_type(
    when="a body comes under another content type, or under none",
    then="the refusal is 415 unsupported_content_type, names Content-Type and says what is taken",
    each=variants(content_type=_OTHERS),
)
def another_content_type_is_refused_by_its_code(api: Api, content_type: str | None) -> None:
    answer = api.post_body(b"image=x", content_type)
    detail = refused(answer, ErrorCode.UNSUPPORTED_CONTENT_TYPE, field="Content-Type")
    contains(detail, "multipart/form-data", "the detail")


@_other_content_type(
    when="a body comes compressed",
    then="the refusal is 415 unsupported_content_type and names Content-Encoding",
)
def compressed_body_is_refused(api: Api) -> None:
    refused(_compressed(api), ErrorCode.UNSUPPORTED_CONTENT_TYPE, field="Content-Encoding")


@costs_nothing(
    when="every content type, charset and encoding that is not taken is tried",
    then="each is refused and nothing is charged",
)
def refused_content_types_cost_nothing(api: Api) -> None:
    with api.charged(0):
        for content_type in _OTHERS.values():
            equal(api.post_body(b"image=x", content_type).status_code, 415, f"the status of {content_type}")
        for charset in _CHARSETS:
            answer = api.post_body(b"{}", f"application/json; charset={charset}")
            within(answer.status_code, 400, 499, f"the status of {charset}")
        within(_compressed(api).status_code, 400, 499, "the status of gzip")


_WITH_UNKNOWN_MEMBERS: Final[dict[str, Any]] = {
    "image_url": _IMAGE,
    "prompt": "a lake",
    "count": 1,
    "meta": {"order": [1, 2]},
    "tags": ["a"],
}


@critical(clauses.UNKNOWN_FIELDS, when="a JSON request has unknown members of any shape", then="it is taken", credits=1)
def unknown_json_members_are_accepted(api: Api) -> None:
    finished(api.post_json(_WITH_UNKNOWN_MEMBERS))


@minor(
    clauses.UNKNOWN_FIELDS_WARNING,
    when="a JSON request has unknown members of any shape",
    then="the warning header names them",
    credits=1,
)
def unknown_json_members_are_named_in_a_warning(api: Api) -> None:
    warning = api.post_json(_WITH_UNKNOWN_MEMBERS).headers.get(WARNING, "")
    contains(warning, "meta", WARNING)
    contains(warning, "tags", WARNING)


@_one_picture(clauses.MULTIPART, when="the fields come before the file", then="the request is taken")
def field_order_does_not_matter(api: Api) -> None:
    body = multipart(
        FormPart("prompt", "a lake"),
        FormPart("count", "1"),
        FormPart("image", drawn_pictures.canvas(), "a.png", "image/png"),
    )
    finished(api.post_body(body, multipart_type()))
