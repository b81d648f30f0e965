"""The three content types of a request, and those that are not taken."""

from __future__ import annotations

import gzip
import json
from urllib.parse import urlencode

import pytest
from outpaint_contracts import headers
from outpaint_contracts.errors import ErrorCode
from outpaint_contracts.pictures import MaskSource
from wire_kit import pictures
from wire_kit.api import Api, accepted_of, refused, result_of
from wire_kit.forms import Part, multipart, multipart_type
from wire_kit.providers import Provider

IMAGE = pictures.data_uri(pictures.canvas())


def test_multipart_is_taken(api: Api) -> None:
    result_of(api.outpaint())


def test_urlencoded_is_taken_as_the_python_sdk_sends_it(provider: Provider, api: Api) -> None:
    image, mask = provider.publish(pictures.photo()), provider.publish(pictures.alpha_mask())
    answer = api.post_form(
        {
            "image_url": image,
            "mask_url": mask,
            "prompt": "a lake & a boat",
            "negative_prompt": "",
            "count": "1",
            "format": "JPG",
            "mode": "async",
        }
    )
    accepted = accepted_of(answer)
    assert accepted.mask_interpretation.source is MaskSource.MASK_ALPHA
    api.end_of(accepted.inference_id)


def test_json_is_taken_with_numbers_as_numbers(api: Api) -> None:
    result = result_of(api.post_json({"image_url": IMAGE, "prompt": "a lake", "count": 3, "seed": 9, "format": "PNG"}))
    assert [item.seed for item in result.data] == [9, 10, 11]


def test_json_is_taken_with_numbers_as_text_and_nothing_as_null(api: Api) -> None:
    result = result_of(
        api.post_json({"image_url": IMAGE, "prompt": "a lake", "count": "1", "mask_url": None, "seed": None})
    )
    assert len(result.data) == 1


def test_mode_in_json_makes_it_async(api: Api) -> None:
    api.end_of(accepted_of(api.post_json({"image_url": IMAGE, "prompt": "a", "mode": "async"})).inference_id)


@pytest.mark.parametrize(
    "charset", ["", "; charset=utf-8", "; charset=UTF-8", '; charset="utf-8"', ";charset=us-ascii"]
)
def test_a_charset_we_read_is_taken(api: Api, charset: str) -> None:
    body = json.dumps({"image_url": IMAGE, "prompt": "a lake", "count": 1}).encode()
    result_of(api.post_body(body, f"application/json{charset}"))


@pytest.mark.parametrize("content_type", ["Application/JSON", "APPLICATION/X-WWW-FORM-URLENCODED"])
def test_content_types_are_read_in_any_case(api: Api, content_type: str) -> None:
    fields = {"image_url": IMAGE, "prompt": "a lake", "count": "1"}
    body = json.dumps(fields) if "json" in content_type.lower() else urlencode(fields)
    result_of(api.post_body(body.encode(), content_type))


@pytest.mark.parametrize("charset", ["utf-16", "latin-1", "shift_jis"])
def test_another_charset_is_refused(api: Api, charset: str) -> None:
    with api.charged(0):
        answer = api.post_body(b"{}", f"application/json; charset={charset}")
    refused(answer, ErrorCode.UNSUPPORTED_CONTENT_TYPE, field="Content-Type")


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "text/csv",
        "image/png",
        "application/octet-stream",
        "multipart/mixed; boundary=x",
        "application/xml",
        "nonsense",
        "",
    ],
)
def test_another_content_type_is_refused_415_and_told_what_is_taken(api: Api, content_type: str) -> None:
    with api.charged(0):
        answer = api.post_body(b"image=x", content_type)
    detail = refused(answer, ErrorCode.UNSUPPORTED_CONTENT_TYPE, field="Content-Type")
    assert "multipart/form-data" in detail


def test_a_body_without_a_content_type_is_refused(api: Api) -> None:
    with api.charged(0):
        refused(api.post_body(b"image=x", None), ErrorCode.UNSUPPORTED_CONTENT_TYPE, field="Content-Type")


def test_a_compressed_body_is_refused(api: Api) -> None:
    body = gzip.compress(json.dumps({"image_url": IMAGE, "prompt": "a lake"}).encode())
    with api.charged(0):
        answer = api.post_body(body, "application/json", headers={"Content-Encoding": "gzip"})
    refused(answer, ErrorCode.UNSUPPORTED_CONTENT_TYPE, field="Content-Encoding")


def test_unknown_members_of_any_shape_are_accepted_in_json(api: Api) -> None:
    document = {"image_url": IMAGE, "prompt": "a lake", "count": 1, "meta": {"order": [1, 2]}, "tags": ["a"]}
    answer = api.post_json(document)
    result_of(answer)
    assert "meta" in answer.headers[headers.WARNING]


def test_field_order_does_not_matter(api: Api) -> None:
    body = multipart(
        Part("prompt", "a lake"), Part("count", "1"), Part("image", pictures.canvas(), "a.png", "image/png")
    )
    result_of(api.post_body(body, multipart_type()))
