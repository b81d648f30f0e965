"""Bodies that cannot be parsed, or should not be: a 4xx, at once, at no charge, and the next request is served."""

from __future__ import annotations

import json
import random

import pytest
from outpaint_contracts.errors import ErrorCode
from wire_kit import pictures
from wire_kit.api import Api, refused, result_of
from wire_kit.forms import BOUNDARY, Part, multipart, multipart_type

IMAGE = Part("image", pictures.canvas(), "a.png", "image/png")
PROMPT = Part("prompt", "a lake")
WHOLE = multipart(IMAGE, PROMPT, Part("count", "1"))
URI = pictures.data_uri(pictures.canvas())


@pytest.mark.parametrize("kept", [0, 1, 20, 60, 200, len(WHOLE) // 2, len(WHOLE) - 60, len(WHOLE) - 10, len(WHOLE) - 4])
def test_a_multipart_body_cut_short_is_400(api: Api, kept: int) -> None:
    with api.charged(0):
        refused(api.post_body(WHOLE[:kept], multipart_type()), ErrorCode.MALFORMED_BODY)


def test_a_multipart_body_without_its_last_boundary_is_400(api: Api) -> None:
    with api.charged(0):
        refused(api.post_body(multipart(IMAGE, PROMPT, closed=False), multipart_type()), ErrorCode.MALFORMED_BODY)


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
        "multipart/form-data; charset=utf-8",
    ],
)
def test_multipart_without_a_boundary_is_400(api: Api, content_type: str) -> None:
    with api.charged(0):
        detail = refused(api.post_body(WHOLE, content_type), ErrorCode.MALFORMED_BODY)
    assert "boundary" in detail


def test_another_boundary_than_the_bodys_is_400(api: Api) -> None:
    with api.charged(0):
        refused(api.post_body(WHOLE, multipart_type("another")), ErrorCode.MALFORMED_BODY)


def test_a_quoted_boundary_is_read(api: Api) -> None:
    result_of(api.post_body(WHOLE, f'multipart/form-data; boundary="{BOUNDARY}"'))


def test_a_file_that_contains_the_boundarys_text_is_not_cut(api: Api) -> None:
    # A tEXt chunk may hold anything; only CRLF, two dashes and the boundary end a part.
    image = pictures.canvas() + f"--{BOUNDARY}--".encode()
    with api.charged(1):
        result_of(api.post_body(multipart(Part("image", image, "a.png"), PROMPT, Part("count", "1")), multipart_type()))


@pytest.mark.parametrize(
    "part",
    [
        b"\r\n\r\nnaked",
        b"Content-Disposition: form-data\r\n\r\nno name",
        b'Content-Disposition: attachment; name="prompt"\r\n\r\nno form-data',
        b'Content-Disposition: form-data; name="prompt"\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ==',
        b"no colon in here\r\n\r\nx",
    ],
    ids=["no headers", "no name", "attachment", "base64", "no colon"],
)
def test_a_part_that_is_no_form_field_is_400(api: Api, part: bytes) -> None:
    body = b"--" + BOUNDARY.encode() + b"\r\n" + part + b"\r\n--" + BOUNDARY.encode() + b"--\r\n"
    with api.charged(0):
        refused(api.post_body(body, multipart_type()), ErrorCode.MALFORMED_BODY)


def test_a_thousand_parts_are_refused(api: Api) -> None:
    with api.charged(0):
        answer = api.post_body(multipart(*(Part(f"f{n}", "x") for n in range(1000))), multipart_type())
    assert answer.status_code in (400, 413)


@pytest.mark.parametrize("name", ["prompt", "count", "colour"])
def test_a_text_field_of_a_megabyte_is_refused(api: Api, name: str) -> None:
    with api.charged(0):
        answer = api.post_body(
            multipart(IMAGE, PROMPT if name != "prompt" else IMAGE, Part(name, "x" * 2**20)), multipart_type()
        )
    assert answer.status_code in (400, 413, 422)


@pytest.mark.parametrize(
    "data", [b"\xff\xfe", b"\xed\xa0\x80", b"a\xc3"], ids=["utf-16", "surrogate", "half a character"]
)
def test_text_that_is_not_utf_8_is_refused(api: Api, data: bytes) -> None:
    with api.charged(0):
        answer = api.post_body(multipart(IMAGE, Part("prompt", data)), multipart_type())
    assert answer.status_code in (400, 422)


def test_a_prompt_with_nul_in_it_is_a_result_or_a_refusal(api: Api) -> None:
    assert api.outpaint(prompt="a\0b").status_code in (200, 422)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"3",
        b"{'image_url': 1}",
        b'{"prompt": NaN}',
        b'{"prompt": "a"} {"prompt": "b"}',
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf{}",
        b'{"count": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    ],
    ids=[
        "empty",
        "cut",
        "list",
        "string",
        "null",
        "number",
        "python",
        "nan",
        "two",
        "utf-16",
        "bom",
        "digits",
        "deep list",
        "deep object",
    ],
)
def test_a_json_body_that_is_no_object_is_a_refusal(api: Api, body: bytes) -> None:
    with api.charged(0):
        answer = api.post_body(body, "application/json")
    assert answer.status_code in (400, 422)


def test_broken_json_is_400(api: Api) -> None:
    refused(api.post_body(b'{"image_url": ', "application/json"), ErrorCode.MALFORMED_BODY)


def test_a_member_sent_twice_in_json_is_refused(api: Api) -> None:
    body = f'{{"image_url": "{URI}", "prompt": "a", "prompt": "b"}}'.encode()
    with api.charged(0):
        refused(api.post_body(body, "application/json"), ErrorCode.CONFLICTING_PARAMETERS, field="prompt")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("prompt", 3),
        ("prompt", True),
        ("prompt", ["a"]),
        ("prompt", {"a": 1}),
        ("count", True),
        ("count", 1.5),
        ("count", [2]),
        ("image_url", 5),
        ("image_url", {"url": "x"}),
        ("format", 1),
        ("mode", False),
        ("seed", 1.0),
        ("seed", "0x1"),
        ("image", "a.png"),
        ("image_id", 7),
    ],
)
def test_a_json_value_of_another_type_is_refused_by_its_name(api: Api, name: str, value: object) -> None:
    document = {"image_url": URI, "prompt": "a lake", "count": 1} | (
        {"image_url": None} if name.startswith("image") else {}
    )
    with api.charged(0):
        answer = api.post_json({**document, name: value})
    assert answer.status_code == 422
    assert answer.json()["field"] == name


@pytest.mark.parametrize("name", ["prompt", "negative_prompt", "image_url", "format", "mode", "mask_url", "image_id"])
def test_half_a_character_in_json_is_refused_and_never_our_fault(api: Api, name: str) -> None:
    document = {"image_url": URI, "prompt": "a lake", "count": 1} | (
        {"image_url": None} if name.startswith("image") else {}
    )
    body = json.dumps({**document, name: "\ud83d"}).encode()
    with api.charged(0):
        answer = api.post_body(body, "application/json")
    assert answer.status_code in (400, 422)


def test_half_a_character_in_an_unknown_members_name_is_never_our_fault(api: Api) -> None:
    body = json.dumps({"image_url": URI, "prompt": "a lake", "count": 1, "\udc00": 1}).encode()
    assert api.post_body(body, "application/json").status_code in (200, 400, 422)


@pytest.mark.parametrize(
    "body",
    [b"prompt=%ff", b"prompt=\xff", b"&".join(b"a%d=1" % n for n in range(5000)), b"=&=&="],
    ids=["not utf-8", "raw bytes", "5000 fields", "no names"],
)
def test_a_form_that_cannot_be_read_is_a_refusal(api: Api, body: bytes) -> None:
    with api.charged(0):
        answer = api.post_body(body, "application/x-www-form-urlencoded")
    assert answer.status_code in (400, 422)


def test_an_empty_form_is_told_what_is_missing(api: Api) -> None:
    refused(api.post_body(b"", "application/x-www-form-urlencoded"), ErrorCode.MISSING_PARAMETER, field="image")


@pytest.mark.parametrize("query", ["mode=async&" * 500, "%ff=%fe", "mode", "&&&==&", "mode=%00"])
def test_a_strange_query_is_never_our_fault(api: Api, query: str) -> None:
    answer = api.request(
        "POST", f"/v1/painting/outpaint?{query}", files={"image": pictures.canvas()}, data={"prompt": "a", "count": "1"}
    )
    assert answer.status_code in (200, 202, 400, 422)


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_form_is_a_result_or_a_refusal_and_never_our_fault(api: Api, seed: int) -> None:
    chance = random.Random(seed)
    body = bytearray(WHOLE)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(body))
        if chance.random() < 0.5:
            body[place] = chance.randrange(256)
        else:
            del body[place : place + chance.randint(1, 40)]
    answer = api.post_body(bytes(body), multipart_type())
    assert answer.status_code in (200, 400, 413, 415, 422)


def test_after_all_that_a_good_request_is_served(api: Api) -> None:
    with api.charged(1):
        result_of(api.outpaint())
