"""Pictures that are elsewhere: addresses, data: URIs and ids."""

from __future__ import annotations

import base64

import pytest
from outpaint_contracts.errors import ErrorCode
from wire_kit import pictures
from wire_kit.api import Api, refused, result_of
from wire_kit.providers import Provider


def by_url(api: Api, url: object) -> object:
    return api.post_json({"image_url": url, "prompt": "a lake", "count": 1})


def test_a_data_uri_counts_as_an_upload_however_long_it_is(api: Api) -> None:
    image = pictures.noisy_canvas((256, 256), (32, 32, 224, 224))
    uri = pictures.data_uri(image)
    assert len(uri) > 2083
    result = result_of(api.post_json({"image_url": uri, "prompt": "a lake", "count": 1, "format": "PNG"}))
    assert pictures.changed_pixels(image, api.fetch(result.data[0].url).content, (32, 32, 224, 224)) == 0


def test_a_data_uri_may_stand_in_a_form_and_in_multipart(api: Api) -> None:
    uri = pictures.data_uri(pictures.noisy_canvas((200, 200), (50, 50, 150, 150)))
    result_of(api.post_form({"image_url": uri, "prompt": "a lake", "count": "1"}))
    result_of(api.outpaint(image=None, image_url=uri))


@pytest.mark.parametrize(
    "uri",
    [
        "data:",
        "data:image/png",
        "data:image/png;base64",
        "data:image/png;base64,",
        "data:image/png,raw",
        "data:image/png;base64,***",
        "data:image/png;base64,abc",
    ],
)
def test_a_data_uri_that_holds_no_base64_is_refused(api: Api, uri: str) -> None:
    with api.charged(0):
        answer = by_url(api, uri)
    refused(answer, ErrorCode.INVALID_PARAMETER, field="image_url")


def test_a_data_uri_that_holds_no_picture_is_refused(api: Api) -> None:
    uri = f"data:image/png;base64,{base64.b64encode(b'no picture').decode()}"
    with api.charged(0):
        refused(by_url(api, uri), ErrorCode.UNSUPPORTED_IMAGE_TYPE, field="image_url")


def test_a_picture_is_read_from_its_address(provider: Provider, api: Api) -> None:
    image = pictures.canvas()
    url = provider.publish(image)
    result = result_of(api.post_json({"image_url": url, "prompt": "a lake", "count": 1, "format": "PNG"}))
    assert pictures.changed_pixels(image, api.fetch(result.data[0].url).content) == 0


def test_an_address_that_does_not_answer_is_422_and_not_charged(provider: Provider, api: Api) -> None:
    url = provider.publish(ErrorCode.SOURCE_UNAVAILABLE)
    with api.charged(0):
        refused(by_url(api, url), ErrorCode.SOURCE_UNAVAILABLE, field="image_url")


@pytest.mark.parametrize("content", [b"<html>not found</html>", b""], ids=["html", "nothing"])
def test_an_address_that_answers_with_no_picture_is_refused(provider: Provider, api: Api, content: bytes) -> None:
    with api.charged(0):
        answer = by_url(api, provider.publish(content))
    refused(answer, ErrorCode.UNSUPPORTED_IMAGE_TYPE, field="image_url")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/a.png",
        "https://127.0.0.1/a.png",
        "https://localhost/a.png",
        "https://[::1]/a.png",
        "https://[::ffff:127.0.0.1]/a.png",
        "https://169.254.169.254/latest/meta-data/",
        "https://10.0.0.1/a.png",
        "https://192.168.1.1/a.png",
        "https://2130706433/a.png",
        "https://0x7f.1/a.png",
        "https://0/a.png",
        "https://100.64.0.1/a.png",
        "https://[64:ff9b::7f00:1]/a.png",
        "https://[2002:7f00:1::]/a.png",
        "https://127.0.0.1:22/",
    ],
)
def test_an_address_behind_the_fence_is_not_read(api: Api, url: str) -> None:
    with api.charged(0):
        answer = by_url(api, url)
    assert answer.status_code == 422
    assert answer.json()["field"] == "image_url"
    assert answer.json()["error_code"] in ("source_refused", "source_unavailable", "invalid_parameter")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/a.png",
        "file:///etc/passwd",
        "gopher://x",
        "a.png",
        "//example.com/a.png",
        "https://",
        "https:///a",
        "javascript:alert(1)",
        "https://exa mple.com/",
        "https://example.com:99999/",
        "http://[::1",
        "\r\nHost: x",
    ],
)
def test_what_is_no_web_address_is_refused(api: Api, url: str) -> None:
    with api.charged(0):
        answer = by_url(api, url)
    assert answer.status_code == 422
    assert answer.json()["field"] == "image_url"


def test_an_address_of_more_than_2083_characters_is_refused(api: Api) -> None:
    with api.charged(0):
        refused(by_url(api, "https://example.com/" + "a" * 2083), ErrorCode.INVALID_PARAMETER, field="image_url")


@pytest.mark.parametrize(
    "file_id", ["00000000-0000-4000-8000-000000000000.png", "../../x", "inputs/a/image", "x" * 201, "\0"]
)
def test_an_id_that_is_none_of_ours_is_422(api: Api, file_id: str) -> None:
    with api.charged(0):
        answer = api.post_json({"image_id": file_id, "prompt": "a lake"})
    refused(answer, ErrorCode.INVALID_PARAMETER, field="image_id")


def test_another_mask_size_is_named_by_the_spelling_it_came_under(api: Api) -> None:
    uri = pictures.data_uri(pictures.alpha_mask((32, 32)))
    with api.charged(0):
        answer = api.outpaint(image=pictures.photo(), mask_url=uri)
    refused(answer, ErrorCode.SIZE_MISMATCH, field="mask_url")
