"""Bodies that cannot be parsed, or should not be: each is refused at no charge, and the next request is served."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

import httpx

from outpaint.conformance.proving import clauses, drawn_pictures
from outpaint.conformance.proving.answer_reading import finished, refused, rejected
from outpaint.conformance.proving.api import Api
from outpaint.conformance.proving.case import case, critical, minor, refused_by_us_costs_nothing, variants
from outpaint.conformance.proving.expectations import contains, equal, one_of, within
from outpaint.conformance.proving.raw_requests import BOUNDARY, FormPart, multipart, multipart_type
from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.paths_and_headers import OUTPAINT_PATH

_JSON: Final = "application/json"
_URLENCODED: Final = "application/x-www-form-urlencoded"
_IMAGE: Final = FormPart("image", drawn_pictures.canvas(), "a.png", "image/png")
_PROMPT: Final = FormPart("prompt", "a lake")
_COUNT: Final = FormPart("count", "1")
_WHOLE: Final = multipart(_IMAGE, _PROMPT, _COUNT)
_URI: Final = drawn_pictures.data_uri(drawn_pictures.canvas())

_CUTS: Final = {
    "nothing": 0,
    "a-byte": 1,
    "in-the-boundary": 20,
    "in-a-header": 60,
    "in-the-file": 200,
    "half": len(_WHOLE) // 2,
    "in-the-last-field": len(_WHOLE) - 60,
    "in-the-last-boundary": len(_WHOLE) - 10,
    "without-its-last-dashes": len(_WHOLE) - 4,
}
_BOUNDARIES: Final = {
    "none": "multipart/form-data",
    "empty": "multipart/form-data; boundary=",
    "empty-in-quotes": 'multipart/form-data; boundary=""',
    "another-parameter": "multipart/form-data; charset=utf-8",
}
_PARTS: Final = {
    "no-headers": b"\r\n\r\nnaked",
    "no-name": b"Content-Disposition: form-data\r\n\r\nno name",
    "attachment": b'Content-Disposition: attachment; name="prompt"\r\n\r\nno form-data',
    "base64": b'Content-Disposition: form-data; name="prompt"\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ==',
    "no-colon": b"no colon in here\r\n\r\nx",
    "two-names": b'Content-Disposition: form-data; name="prompt"; name="seed"\r\n\r\nx',
    "two-file-names": b'Content-Disposition: form-data; name="image"; filename="a.png"; FileName="b.png"\r\n\r\nx',
    "two-dispositions": b'Content-Disposition: form-data; name="prompt"\r\n' * 2 + b"\r\nx",
}
_JSON_BODIES: Final = {
    "empty": b"",
    "cut": b"{",
    "list": b"[]",
    "string": b'"text"',
    "null": b"null",
    "number": b"3",
    "python": b"{'image_url': 1}",
    "nan": b'{"prompt": NaN}',
    "two": b'{"prompt": "a"} {"prompt": "b"}',
    "utf-16": b"\xff\xfe{\x00}\x00",
    "bom": b"\xef\xbb\xbf{}",
    "digits": b'{"count": ' + b"9" * 5000 + b"}",
    "deep-list": b"[" * 100_000,
    "deep-object": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "100000-members": b'{"a": 1' + b', "a": 1' * 100_000 + b"}",
    "100000-objects": b'{"a": [{}' + b", {}" * 100_000 + b"]}",
}
_FORMS: Final = {
    "not-utf-8": b"prompt=%ff",
    "raw-bytes": b"prompt=\xff",
    "5000-fields": b"&".join(b"a%d=1" % n for n in range(5000)),
    "no-names": b"=&=&=",
    "escaped-megabyte": b"prompt=" + b"%41" * 2**20,
}
_TEXTS: Final = {"utf-16": b"\xff\xfe", "surrogate": b"\xed\xa0\x80", "half-a-character": b"a\xc3"}
_TYPES: Final[list[dict[str, Any]]] = [
    {"name": "prompt", "value": 3},
    {"name": "prompt", "value": True},
    {"name": "prompt", "value": ["a"]},
    {"name": "prompt", "value": {"a": 1}},
    {"name": "count", "value": True},
    {"name": "count", "value": 1.5},
    {"name": "count", "value": [2]},
    {"name": "image_url", "value": 5},
    {"name": "image_url", "value": {"url": "x"}},
    {"name": "format", "value": 1},
    {"name": "mode", "value": False},
    {"name": "seed", "value": 1.5},
    {"name": "seed", "value": "0x1"},
    {"name": "image", "value": "a.png"},
    {"name": "image_id", "value": 7},
]
_TEXT_FIELDS: Final = ("prompt", "negative_prompt", "image_url", "format", "mode", "mask_url", "image_id")
_abusive = partial(case, clauses.ABUSIVE_BODY)
_malformed = partial(case, clauses.UNREADABLE_BODY_CODE)


def _part_body(part: bytes) -> bytes:
    return b"--" + BOUNDARY.encode() + b"\r\n" + part + b"\r\n--" + BOUNDARY.encode() + b"--\r\n"


def _document(name: str, value: object) -> dict[str, Any]:
    """A good request but for this one member; a source of its own name is left out."""
    source = None if name.startswith("image") else _URI
    return {"image_url": source, "prompt": "a lake", "count": 1, name: value}


def _with_half_a_character(name: str) -> bytes:
    return json.dumps(_document(name, "\ud83d")).encode()


def _a_megabyte_of(name: str) -> bytes:
    return multipart(_IMAGE, _PROMPT if name != "prompt" else _IMAGE, FormPart(name, "x" * 2**20))


def _a_megabyte_in(kind: str, name: str) -> tuple[bytes, str]:
    """A good request but for this one field."""
    fields = {"image_url": _URI, "prompt": "a lake", "count": "1", name: "x" * 2**20}
    return (json.dumps(fields).encode(), _JSON) if kind == "json" else (urlencode(fields).encode(), _URLENCODED)


def _a_thousand_parts() -> bytes:
    return multipart(*(FormPart(f"f{n}", "x") for n in range(1000)))


@critical(
    clauses.UNREADABLE_BODY,
    when="a multipart body is cut short",
    then="the answer is 400",
    each=variants(kept={place: _CUTS[place] for place in ("in-the-boundary", "in-the-file", "half")}),
)
def multipart_cut_short_is_400(api: Api, kept: int) -> None:
    equal(api.post_body(_WHOLE[:kept], multipart_type()).status_code, 400, "the status")


@_malformed(when="a multipart body is cut short", then="the refusal is 400 malformed_body", each=variants(kept=_CUTS))
def multipart_cut_short_is_malformed_body(api: Api, kept: int) -> None:
    refused(api.post_body(_WHOLE[:kept], multipart_type()), ErrorCode.MALFORMED_BODY)


@_malformed(when="a multipart body comes without its last boundary", then="the refusal is 400 malformed_body")
def multipart_without_its_last_boundary_is_400(api: Api) -> None:
    refused(api.post_body(multipart(_IMAGE, _PROMPT, closed=False), multipart_type()), ErrorCode.MALFORMED_BODY)


@case(clauses.UNREADABLE_BODY, when="the Content-Type of a multipart body names no boundary", then="the answer is 400")
def multipart_without_a_boundary_is_400(api: Api) -> None:
    equal(api.post_body(_WHOLE, _BOUNDARIES["none"]).status_code, 400, "the status")


@minor(
    clauses.UNREADABLE_BODY_CODE,
    when="the Content-Type of a multipart body names no boundary",
    then="the refusal is malformed_body and speaks of the boundary",
    each=variants(content_type=_BOUNDARIES),
)
def multipart_without_a_boundary_is_told_so(api: Api, content_type: str) -> None:
    detail = refused(api.post_body(_WHOLE, content_type), ErrorCode.MALFORMED_BODY)
    contains(detail, "boundary", "the detail")


@_malformed(when="the Content-Type names another boundary than the body has", then="the refusal is 400 malformed_body")
def another_boundary_than_the_bodys_is_400(api: Api) -> None:
    refused(api.post_body(_WHOLE, multipart_type("another")), ErrorCode.MALFORMED_BODY)


@case(clauses.CONTENT_TYPE_CASE, when="the boundary stands in quotes", then="the body is read", credits=1)
def quoted_boundary_is_read(api: Api) -> None:
    equal(len(finished(api.post_body(_WHOLE, f'multipart/form-data; boundary="{BOUNDARY}"'))), 1, "the pictures")


@case(
    clauses.MULTIPART_GRAMMAR,
    when="a file holds the boundary's text, without the line break before it",
    then="the file is not cut there, and one picture is made and charged",
    credits=1,
    watches_account=True,
)
def file_that_holds_the_boundarys_text_is_not_cut(api: Api) -> None:
    image = drawn_pictures.canvas() + f"--{BOUNDARY}--".encode()
    body = multipart(FormPart("image", image, "a.png"), _PROMPT, _COUNT)
    with api.charged(1):
        equal(len(finished(api.post_body(body, multipart_type()))), 1, "the number of pictures")


@case(
    clauses.FORM_PARTS,
    when="a part of a multipart body is no form field, or two",
    then="the refusal is 400 malformed_body",
    each=variants(part=_PARTS),
)
def part_that_is_no_form_field_is_400(api: Api, part: bytes) -> None:
    refused(api.post_body(_part_body(part), multipart_type()), ErrorCode.MALFORMED_BODY)


@_abusive(when="a multipart body has a thousand parts", then="the answer is 400 or 413")
def thousand_parts_are_refused(api: Api) -> None:
    one_of(api.post_body(_a_thousand_parts(), multipart_type()).status_code, (400, 413), "the status")


@_abusive(
    when="a text field has a megabyte",
    then="the answer is 400, 413 or 422",
    each=variants(name=["prompt", "count", "colour"]),
)
def text_field_of_a_megabyte_is_refused(api: Api, name: str) -> None:
    one_of(api.post_body(_a_megabyte_of(name), multipart_type()).status_code, (400, 413, 422), "the status")


@_abusive(
    when="a field has a megabyte of text in a body of another kind",
    then="the answer is 400, 413 or 422",
    each={
        f"{kind}-{name}": {"kind": kind, "name": name}
        for kind in ("json", "urlencoded")
        for name in ("prompt", "count", "colour")
    },
)
def megabyte_of_text_is_refused_in_any_body(api: Api, kind: str, name: str) -> None:
    one_of(api.post_body(*_a_megabyte_in(kind, name)).status_code, (400, 413, 422), "the status")


@_abusive(when="a text field is not UTF-8", then="the answer is 400 or 422", each=variants(data=_TEXTS))
def text_that_is_not_utf_8_is_refused(api: Api, data: bytes) -> None:
    answer = api.post_body(multipart(_IMAGE, FormPart("prompt", data)), multipart_type())
    one_of(answer.status_code, (400, 422), "the status")


@_abusive(when="a prompt has a NUL character in it", then="the answer is a result or 422", credits=1)
def prompt_with_nul_is_a_result_or_a_refusal(api: Api) -> None:
    one_of(api.outpaint(prompt="a\0b").status_code, (200, 422), "the status")


@critical(
    clauses.ABUSIVE_BODY,
    when="a body that is called JSON is no JSON object, or has no picture in it",
    then="the answer is 400 or 422",
    each=variants(body=_JSON_BODIES),
)
def json_body_that_is_no_request_is_refused(api: Api, body: bytes) -> None:
    one_of(api.post_body(body, _JSON).status_code, (400, 422), "the status")


@case(clauses.UNREADABLE_BODY, when="a JSON body breaks off", then="the answer is 400")
def broken_json_is_400(api: Api) -> None:
    equal(api.post_body(b'{"image_url": ', _JSON).status_code, 400, "the status")


@_malformed(when="a JSON body breaks off", then="the refusal is malformed_body")
def broken_json_is_malformed_body(api: Api) -> None:
    refused(api.post_body(b'{"image_url": ', _JSON), ErrorCode.MALFORMED_BODY)


_TWICE: Final = f'{{"image_url": "{_URI}", "prompt": "a", "prompt": "b"}}'.encode()


@case(
    clauses.SENT_TWICE,
    when="a member stands twice in a JSON body",
    then="the refusal is 422 conflicting_parameters and names it",
)
def json_member_sent_twice_is_refused(api: Api) -> None:
    refused(api.post_body(_TWICE, _JSON), ErrorCode.CONFLICTING_PARAMETERS, field="prompt")


@case(
    clauses.JSON_TYPES,
    when="a JSON value has a type that its field does not have",
    then="the answer is 422 and names the field",
    each={f"{each['name'].replace('_', '-')}-{type(each['value']).__name__}": each for each in _TYPES},
)
def json_value_of_another_type_is_refused_by_its_name(api: Api, name: str, value: object) -> None:
    rejected(api.post_json(_document(name, value)), 422, field=name)


@_abusive(
    when="a JSON text holds half a surrogate pair",
    then="the answer is 400 or 422",
    each=variants(name=_TEXT_FIELDS),
)
def half_a_character_in_json_is_refused(api: Api, name: str) -> None:
    one_of(api.post_body(_with_half_a_character(name), _JSON).status_code, (400, 422), "the status")


@_abusive(
    when="the name of an unknown JSON member holds half a surrogate pair",
    then="the answer is a result, 400 or 422",
    credits=1,
)
def half_a_character_in_an_unknown_name_is_never_our_fault(api: Api) -> None:
    body = json.dumps({"image_url": _URI, "prompt": "a lake", "count": 1, "\udc00": 1}).encode()
    one_of(api.post_body(body, _JSON).status_code, (200, 400, 422), "the status")


@_abusive(
    when="an urlencoded form cannot be read, or holds nothing of use",
    then="the answer is 400 or 422",
    each=variants(body=_FORMS),
)
def form_that_cannot_be_read_is_refused(api: Api, body: bytes) -> None:
    one_of(api.post_body(body, _URLENCODED).status_code, (400, 422), "the status")


@case(
    clauses.REFUSAL_NAMES_FIELD,
    when="an urlencoded form is empty",
    then="the refusal is missing_parameter and names the image",
)
def empty_form_is_told_what_is_missing(api: Api) -> None:
    refused(api.post_body(b"", _URLENCODED), ErrorCode.MISSING_PARAMETER, field="image")


@_abusive(
    when="a good request comes with a strange query",
    then="the answer is a result, 202, 400 or 422",
    credits=1,
    each=variants(
        query={
            "500-modes": "mode=async&" * 500,
            "not-utf-8": "%ff=%fe",
            "no-value": "mode",
            "no-names": "&&&==&",
            "nul": "mode=%00",
        }
    ),
)
def strange_query_is_never_our_fault(api: Api, query: str) -> None:
    answer = api.request(
        "POST",
        f"{OUTPAINT_PATH}?{query}",
        files={"image": drawn_pictures.canvas()},
        data={"prompt": "a", "count": "1"},
    )
    one_of(answer.status_code, (200, 202, 400, 422), "the status")


def _damaged(seed: int) -> bytes:
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    body = bytearray(_WHOLE)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(body))
        if chance.random() < 0.5:
            body[place] = chance.randrange(256)
        else:
            del body[place : place + chance.randint(1, 40)]
    return bytes(body)


@critical(
    clauses.ABUSIVE_BODY,
    when="a multipart body was damaged on its way in a few places",
    then="the answer is a result or a refusal",
    credits=1,
    each=variants(seed={f"damage-{seed:02}": seed for seed in range(60)}),
)
def damaged_form_is_a_result_or_a_refusal(api: Api, seed: int) -> None:
    answer = api.post_body(_damaged(seed), multipart_type())
    one_of(answer.status_code, (200, 400, 413, 415, 422), "the status")


def _refused_multipart() -> dict[str, tuple[bytes, str]]:
    label = multipart_type()
    return (
        {f"cut short: {name}": (_WHOLE[:kept], label) for name, kept in _CUTS.items()}
        | {f"boundary: {name}": (_WHOLE, content_type) for name, content_type in _BOUNDARIES.items()}
        | {f"part: {name}": (_part_body(part), label) for name, part in _PARTS.items()}
        | {f"text: {name}": (multipart(_IMAGE, FormPart("prompt", data)), label) for name, data in _TEXTS.items()}
        | {f"a megabyte of {name}": (_a_megabyte_of(name), label) for name in ("prompt", "count", "colour")}
        | {
            "no last boundary": (multipart(_IMAGE, _PROMPT, closed=False), label),
            "another boundary": (_WHOLE, multipart_type("another")),
            "a thousand parts": (_a_thousand_parts(), label),
        }
    )


def _refused_json() -> dict[str, tuple[bytes, str]]:
    return (
        {name: (body, _JSON) for name, body in _JSON_BODIES.items()}
        | {"a member twice": (_TWICE, _JSON)}
        | {f"half a character in {name}": (_with_half_a_character(name), _JSON) for name in _TEXT_FIELDS}
        | {f"{each['name']} as {each['value']!r}": (json.dumps(_document(**each)).encode(), _JSON) for each in _TYPES}
    )


_LISTS: Final[dict[str, Callable[[], dict[str, tuple[bytes, str]]]]] = {
    "multipart": _refused_multipart,
    "json": _refused_json,
    "urlencoded": lambda: {name: (body, _URLENCODED) for name, body in _FORMS.items()},
}


def _post_all(api: Api, kind: str) -> dict[str, httpx.Response]:
    return {name: api.post_body(*sent) for name, sent in _LISTS[kind]().items()}


@refused_by_us_costs_nothing(
    when="every body that these cases know to be bad is posted",
    then="each is refused and nothing is charged",
    each=variants(kind=[*_LISTS]),
)
def bad_bodies_cost_nothing(api: Api, kind: str) -> None:
    with api.charged(0):
        for name, answer in _post_all(api, kind).items():
            within(answer.status_code, 400, 499, f"the status of {name}")


@critical(
    clauses.ABUSIVE_BODY,
    given="a service that was just sent bodies of every bad kind",
    when="a good request comes",
    then="it is served and charged as ever",
    credits=1,
    watches_account=True,
)
def after_bad_bodies_a_good_request_is_served(api: Api) -> None:
    for kind in _LISTS:
        _post_all(api, kind)
    with api.charged(1):
        equal(len(finished(api.outpaint())), 1, "the number of pictures")
