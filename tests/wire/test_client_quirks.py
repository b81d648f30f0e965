"""What the vendor's own clients send (wire.md), and must not stumble over."""

from __future__ import annotations

import pytest
from outpaint_contracts.errors import ErrorCode
from wire_kit import pictures
from wire_kit.api import BALANCE, Api, accepted_of, refused, result_of
from wire_kit.forms import Part, multipart, multipart_type


@pytest.mark.parametrize(
    "label", ["application/octet-stream", "image/jpeg", "text/plain", "image/png, image/jpeg", "", None]
)
def test_file_parts_are_read_whatever_their_label(api: Api, label: str | None) -> None:
    body = multipart(Part("image", pictures.canvas(), "a.png", label), Part("prompt", "a lake"), Part("count", "1"))
    result_of(api.post_body(body, multipart_type()))


@pytest.mark.parametrize(
    "filename",
    [
        "/home/me/pictures/a.png",
        "C:\\\\Users\\\\me\\\\a.png",
        "../../../etc/passwd",
        "",
        "ü.png",
        "x" * 2000,
        "a;b=c.png",
    ],
)
def test_a_filename_may_be_a_whole_path(api: Api, filename: str) -> None:
    body = multipart(
        Part("image", pictures.canvas(), filename, "image/png"), Part("prompt", "a lake"), Part("count", "1")
    )
    result_of(api.post_body(body, multipart_type()))


def test_a_filename_in_the_extended_spelling_is_read(api: Api) -> None:
    body = multipart(Part("image", pictures.canvas(), "a.png"), Part("prompt", "a lake"), Part("count", "1"))
    result_of(api.post_body(body.replace(b'filename="a.png"', b"filename*=UTF-8''%C3%BC.png"), multipart_type()))


@pytest.mark.parametrize("content_type", ["multipart/form-data", "application/json"])
def test_a_get_may_carry_a_content_type_without_a_body(api: Api, content_type: str) -> None:
    assert api.get(BALANCE, headers={"Content-Type": content_type}).status_code == 200
    accepted = accepted_of(api.outpaint(mode="async"))
    answer = api.get(f"/v1/painting/{accepted.inference_id}", headers={"Content-Type": content_type})
    assert answer.status_code in (200, 202)


def test_an_exhausted_file_handle_is_a_clear_422(api: Api) -> None:
    body = multipart(Part("image", b"", "a.png", "image/png"), Part("prompt", "a lake"))
    with api.charged(0):
        detail = refused(api.post_body(body, multipart_type()), ErrorCode.INVALID_PARAMETER, field="image")
    assert "rewound" in detail


def test_the_sdks_form_with_everything_it_always_sends_is_taken(api: Api) -> None:
    result = result_of(
        api.outpaint(
            image=pictures.photo(), mask=pictures.alpha_mask(), negative_prompt="", count=2, format="JPG", mode="sync"
        )
    )
    assert len(result.data) == 2


def test_blank_optional_fields_count_as_left_out(api: Api) -> None:
    result = result_of(api.outpaint(image_url="", mask_url="", mask_id="", seed="", count="2", format="", mode=""))
    assert len(result.data) == 2


def test_a_client_that_iterates_over_data_finds_a_list_in_every_success(api: Api) -> None:
    for answer in (api.outpaint(mode="async"), api.outpaint()):
        assert isinstance(answer.json()["data"], list)


def test_line_breaks_before_the_first_boundary_and_text_after_the_last_are_ignored(api: Api) -> None:
    body = multipart(Part("image", pictures.canvas(), "a.png"), Part("prompt", "a lake"), Part("count", "1"))
    result_of(api.post_body(b"\r\n" + body + b"epilogue\r\n", multipart_type()))
