"""Mistakes that many clients make: each is refused with a sentence that says what to change."""

from __future__ import annotations

from base64 import b64encode
from functools import partial
from typing import Any, Final

from outpaint.conformance.proving import clauses, drawn_pictures
from outpaint.conformance.proving.answer_reading import finished, rejected
from outpaint.conformance.proving.api import UNKNOWN_ID, Api
from outpaint.conformance.proving.case import case, critical, minor, variants
from outpaint.conformance.proving.expectations import contains, equal, lacks
from outpaint.conformance.proving.raw_requests import BOUNDARY, FormPart, multipart, multipart_type
from outpaint.contracts.paths_and_headers import INFERENCE_PATH, OUTPAINT_PATH

_BASE64: Final = b64encode(drawn_pictures.canvas()).decode()
_FORM: Final = (FormPart("prompt", "a lake"), FormPart("count", "1"))
_explained = partial(minor, clauses.EXPLAINED)
_POLL: Final = INFERENCE_PATH.format(inference_id=UNKNOWN_ID)


@_explained(
    when="an object of JavaScript is sent as the text that it turns into",
    then="the refusal says to pass the object itself",
    each={
        "form-data": {"body": "[object FormData]", "content_type": multipart_type(), "status": 400},
        "json": {"body": "[object Object]", "content_type": "application/json", "status": 400},
        "urlencoded": {
            "body": "[object FormData]",
            "content_type": "application/x-www-form-urlencoded",
            "status": 400,
        },
        "text": {"body": "[object FormData]", "content_type": "text/plain;charset=UTF-8", "status": 415},
    },
)
def object_as_text_is_told(api: Api, body: str, content_type: str, status: int) -> None:
    contains(rejected(api.post_body(body.encode(), content_type), status), "pass a FormData to fetch", "the detail")


@_explained(when="the lines of a multipart body end in LF alone", then="the refusal says how they must end")
def lines_that_end_in_lf_are_told(api: Api) -> None:
    body = multipart(FormPart("image", b"x", "a.png"), *_FORM).replace(b"\r\n", b"\n")
    contains(rejected(api.post_body(body, multipart_type()), 400), "CR LF", "the detail")


@_explained(
    when="a picture comes in base64 where none is taken",
    then="the refusal says that it is one, and how to send it",
    each=variants(name=["image", "image_url"]),
)
def base64_is_told(api: Api, name: str) -> None:
    detail = rejected(api.post_json({name: _BASE64, "prompt": "a lake"}), 422)
    contains(detail, "data:image/png;base64,", "the detail")


@_explained(
    when="a path is asked for with slashes too many, or without /v1",
    then="the refusal says where it should lead",
    each=variants(path={"two-slashes": "/v1/balance//", "slashes-inside": "/v1//balance", "no-version": "/balance"}),
)
def path_nearly_right_is_told(api: Api, path: str) -> None:
    contains(rejected(api.get(path), 404), "did you mean /v1/balance?", "the detail")


@_explained(
    when="a form has a count with a point",
    then="the refusal says how to write it",
    each=variants(count={"1.0": "1.0", "2.00": "2.00"}),
)
def whole_number_with_a_point_is_told(api: Api, count: str) -> None:
    contains(rejected(api.outpaint(count=count), 422), f"write {count[0]}", "the detail")


@_explained(
    when="a verb is sent to a path that another path takes",
    then="the refusal names the verb and the path that fit",
    each={
        "a-picture-to-a-job": {"method": "POST", "path": _POLL, "says": f"POST {OUTPAINT_PATH}", "never": "use GET"},
        "a-poll-of-outpaint": {"method": "GET", "path": OUTPAINT_PATH, "says": INFERENCE_PATH, "never": "use POST"},
        "a-job-to-be-deleted": {"method": "DELETE", "path": _POLL, "says": "GET, HEAD", "never": OUTPAINT_PATH},
    },
)
def wrong_verb_is_told_the_right_one(api: Api, method: str, path: str, says: str, never: str) -> None:
    detail = rejected(api.request(method, path), 405)
    contains(detail, says, "the detail")
    lacks(detail, never, "the detail")


def _with_empty_inputs(image: bytes) -> bytes:
    parts = [FormPart("image", image, "a.png", "image/png"), *_FORM]
    parts += [FormPart(name, b"", "", "application/octet-stream") for name in ("mask", "mask_image", "reference")]
    return multipart(*parts)


@critical(
    clauses.EMPTY_INPUT,
    when="a form's optional file inputs were left empty",
    then="the request is taken as one without them",
    credits=1,
)
def empty_inputs_mean_none(api: Api) -> None:
    answer = api.post_body(_with_empty_inputs(drawn_pictures.canvas()), multipart_type())
    equal(len(finished(answer)), 1, "the number of pictures")


@case(
    clauses.EMPTY_INPUT,
    when="a form's image input was left empty beside an address",
    then="the address is the image",
    credits=1,
)
def empty_image_beside_an_address_is_none(api: Api) -> None:
    parts: list[Any] = [FormPart("image", b"", "", "application/octet-stream"), *_FORM]
    address = FormPart("image_url", drawn_pictures.data_uri(drawn_pictures.canvas()))
    equal(len(finished(api.post_body(multipart(*parts, address), multipart_type()))), 1, "the number of pictures")


@case(
    clauses.ONE_IMAGE,
    when="a form's image input was left empty and nothing else is its image",
    then="the answer is 422",
)
def empty_image_alone_is_422(api: Api) -> None:
    body = multipart(FormPart("image", b"", "", "application/octet-stream"), *_FORM)
    rejected(api.post_body(body, multipart_type(BOUNDARY)), 422)
