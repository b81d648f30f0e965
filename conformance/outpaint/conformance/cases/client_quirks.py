"""Requests as the vendor's own clients send them (docs/facts/wire.md#client-habits), which must be taken."""

from __future__ import annotations

from functools import partial
from typing import Final

from outpaint.conformance.proving import clauses, drawn_pictures
from outpaint.conformance.proving.answer_reading import finished, refused
from outpaint.conformance.proving.api import Api
from outpaint.conformance.proving.case import case, costs_nothing, critical, variants
from outpaint.conformance.proving.expectations import contains, equal, holds, one_of
from outpaint.conformance.proving.raw_requests import FormPart, multipart, multipart_type
from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.paths_and_headers import BALANCE_PATH

_PROMPT: Final = FormPart("prompt", "a lake")
_COUNT: Final = FormPart("count", "1")
_TYPES: Final = {"multipart": "multipart/form-data", "json": "application/json"}
_NO_BYTES: Final = multipart(FormPart("image", b"", "a.png", "image/png"), _PROMPT)
_quirk = partial(case, clauses.CLIENT_QUIRKS, credits=1)


def _read_whole(api: Api, body: bytes) -> None:
    equal(len(finished(api.post_body(body, multipart_type()))), 1, "the number of pictures")


@critical(
    clauses.CLIENT_QUIRKS,
    when="a file part comes under a label that is wrong, empty or missing",
    then="it is read by its bytes",
    credits=1,
    each=variants(
        label={
            "octet-stream": "application/octet-stream",
            "another-picture": "image/jpeg",
            "text": "text/plain",
            "two": "image/png, image/jpeg",
            "empty": "",
            "none": None,
        }
    ),
)
def file_is_read_whatever_its_label(api: Api, label: str | None) -> None:
    _read_whole(api, multipart(FormPart("image", drawn_pictures.canvas(), "a.png", label), _PROMPT, _COUNT))


@_quirk(
    when="a file part's name is a whole path, or anything else",
    then="the file is read",
    each=variants(
        filename={
            "path": "/home/me/pictures/a.png",
            "windows-path": "C:\\\\Users\\\\me\\\\a.png",
            "upward": "../../../etc/passwd",
            "empty": "",
            "umlaut": "ü.png",
            "long": "x" * 2000,
            "parameters": "a;b=c.png",
        }
    ),
)
def filename_may_be_a_whole_path(api: Api, filename: str) -> None:
    _read_whole(api, multipart(FormPart("image", drawn_pictures.canvas(), filename, "image/png"), _PROMPT, _COUNT))


@case(
    clauses.EXTENDED_FILENAME,
    when="a file part's name comes in the extended spelling, filename*",
    then="the file is read",
    credits=1,
)
def filename_in_the_extended_spelling_is_read(api: Api) -> None:
    body = multipart(FormPart("image", drawn_pictures.canvas(), "a.png"), _PROMPT, _COUNT)
    _read_whole(api, body.replace(b'filename="a.png"', b"filename*=UTF-8''%C3%BC.png"))


@critical(
    clauses.CLIENT_QUIRKS,
    when="the balance is asked with a Content-Type and no body",
    then="the answer is 200",
    each=variants(content_type=_TYPES),
)
def balance_may_be_asked_with_a_content_type(api: Api, content_type: str) -> None:
    answer = api.get(BALANCE_PATH, headers={"Content-Type": content_type})
    equal(answer.status_code, 200, "the status")


@critical(
    clauses.CLIENT_QUIRKS,
    when="a job is polled with a Content-Type and no body",
    then="the answer is 200 or 202",
    credits=1,
    each=variants(content_type=_TYPES),
)
def poll_may_carry_a_content_type(api: Api, content_type: str) -> None:
    answer = api.poll(api.start(), headers={"Content-Type": content_type})
    one_of(answer.status_code, (200, 202), "the status of the poll")


@case(
    clauses.EXHAUSTED_HANDLE,
    when="an empty file part is posted, as of a handle that was read before",
    then="the answer is 422",
)
def exhausted_handle_is_422(api: Api) -> None:
    equal(api.post_body(_NO_BYTES, multipart_type()).status_code, 422, "the status")


@case(
    clauses.EXHAUSTED_HANDLE_WORDS,
    when="an empty file part is posted, as of a handle that was read before",
    then="the refusal is invalid_parameter, names the image and says that the handle must be rewound",
)
def exhausted_handle_is_told_what_to_do(api: Api) -> None:
    detail = refused(api.post_body(_NO_BYTES, multipart_type()), ErrorCode.INVALID_PARAMETER, field="image")
    contains(detail, "rewound", "the detail")


@costs_nothing(when="an empty file part is posted, as of a handle that was read before", then="nothing is charged")
def exhausted_handle_costs_nothing(api: Api) -> None:
    with api.charged(0):
        equal(api.post_body(_NO_BYTES, multipart_type()).status_code, 422, "the status")


@case(
    clauses.BLANK_IS_LEFT_OUT,
    when="every optional field is sent blank",
    then="the request is taken as if they were left out",
    credits=2,
)
def blank_optional_fields_count_as_left_out(api: Api) -> None:
    answer = api.outpaint(image_url="", mask_url="", mask_id="", seed="", count="2", format="", mode="")
    equal(len(finished(answer)), 2, "the number of pictures")


@critical(
    clauses.ACCEPTED_BODY,
    when="a picture is posted, waiting or not",
    then="data is a list, which the SDK iterates over",
    credits=1,
    each=variants(mode=["sync", "async"]),
)
def data_is_a_list_in_every_success(api: Api, mode: str) -> None:
    answer = api.outpaint(mode=mode)
    one_of(answer.status_code, (200, 202), "the status")
    holds(isinstance(answer.json().get("data"), list), "data is a list")


@case(
    clauses.MULTIPART_GRAMMAR,
    when="line breaks stand before the first boundary and text after the last",
    then="they are ignored",
    credits=1,
)
def text_around_the_boundaries_is_ignored(api: Api) -> None:
    body = multipart(FormPart("image", drawn_pictures.canvas(), "a.png"), _PROMPT, _COUNT)
    _read_whole(api, b"\r\n" + body + b"epilogue\r\n")
