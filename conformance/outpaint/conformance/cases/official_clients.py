"""Whole requests of the vendor's official clients, and answers as those clients read them
(docs/facts/wire.md#client-habits).
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from outpaint.conformance.proving import clauses, drawn_pictures
from outpaint.conformance.proving.answer_reading import (
    finished,
    json_object,
    kept_closely,
    painted,
    pending,
    text_member,
    words_of,
)
from outpaint.conformance.proving.api import Api
from outpaint.conformance.proving.case import case, critical, variants
from outpaint.conformance.proving.expectations import contains, equal, holds, one_of
from outpaint.conformance.proving.raw_requests import FormPart, multipart, multipart_type
from outpaint.contracts.paths_and_headers import API_KEY, INFERENCE_PATH, OUTPAINT_PATH

_OCTETS: Final = "application/octet-stream"
_WITHOUT_BOUNDARY: Final = {"Content-Type": "multipart/form-data"}
"""The official clients' polls carry it, without a body."""
_PLUGIN: Final = "X-Picsart-Plugin"
_MASK_URI: Final = drawn_pictures.data_uri(drawn_pictures.alpha_mask())
_PHOTO_URI: Final = drawn_pictures.data_uri(drawn_pictures.photo())
_CANVAS_URI: Final = drawn_pictures.data_uri(drawn_pictures.canvas())
_WISH: Final = {"prompt": "a lake & a boat", "negative_prompt": "", "count": "1", "format": "PNG"}
_python_client = partial(critical, clauses.CLIENT_QUIRKS, credits=1)


def _form(mode: str) -> bytes:
    """The Python client's form for two files: whole paths as their names, no label of a picture, every field."""
    files = [
        FormPart("image", drawn_pictures.photo(), "/home/me/pictures/a.png", _OCTETS),
        FormPart("mask", drawn_pictures.alpha_mask(), "/home/me/pictures/mask.png", _OCTETS),
    ]
    return multipart(*(FormPart(name, value) for name, value in {**_WISH, "mode": mode}.items()), *files)


def _polled_as_the_client_does(api: Api, inference_id: str) -> dict[str, Any]:
    """The last answer to the client's polls; each has a list as `data`, which it iterates over."""

    def ask() -> Any:
        answer = api.poll(inference_id, headers=_WITHOUT_BOUNDARY)
        one_of(answer.status_code, (200, 202), "the status of a poll")
        holds(isinstance(json_object(answer).get("data"), list), "data is a list")
        return answer

    return json_object(api.until(ask, lambda answer: answer.status_code == 200, "the job's end"))


@_python_client(
    when="the Python client posts an image and a mask as files, with every field that it knows",
    then="what the mask keeps is kept, and the rest is painted",
)
def pythons_form_of_two_files_is_painted(api: Api) -> None:
    (received,) = api.files_of(api.post_body(_form("sync"), multipart_type()))
    kept_closely(drawn_pictures.photo(), received)
    painted(drawn_pictures.photo(), received)


@_python_client(
    when="the Python client posts the same with mode async, and polls as it does",
    then="every answer has an id or pictures, and a list as data",
)
def pythons_async_form_is_polled_to_its_end(api: Api) -> None:
    inference_id = pending(api.post_body(_form("async"), multipart_type()))
    ended = _polled_as_the_client_does(api, inference_id)
    equal(ended.get("status"), "success", "the status word")
    (item,) = ended["data"]
    for name in ("id", "url"):
        text_member(item, name)


@_python_client(
    when="the Python client posts an image as a file and its mask as an address",
    then="what the mask leaves open is painted",
)
def pythons_form_of_a_file_and_an_address_is_painted(api: Api) -> None:
    fields = {**_WISH, "mask_url": _MASK_URI, "mode": "sync"}
    body = multipart(
        *(FormPart(name, value) for name, value in fields.items()),
        FormPart("image", drawn_pictures.photo(), "/home/me/pictures/a.png", _OCTETS),
    )
    (received,) = api.files_of(api.post_body(body, multipart_type()))
    painted(drawn_pictures.photo(), received)


@critical(
    clauses.URLENCODED,
    when="the Python client posts an image and a mask by address, urlencoded, with every field that it knows",
    then="what the mask leaves open is painted",
    credits=1,
)
def pythons_urlencoded_addresses_are_painted(api: Api) -> None:
    fields = {**_WISH, "image_url": _PHOTO_URI, "mask_url": _MASK_URI, "mode": "sync"}
    (received,) = api.files_of(api.post_form(fields))
    painted(drawn_pictures.photo(), received)


_BLANK: Final = ("mask_url", "negative_prompt", "format", "mode")
_BLANK_FILES: Final = ("mask", "image")


@case(
    clauses.SDK_BLANKS,
    when="each optional field of the vendor's that is not given is sent blank, or as null in JSON",
    then="the request is taken as if they were left out",
    credits=1,
    each=variants(kind=["multipart", "urlencoded", "json", "json-null"]),
)
def blanks_of_the_python_client_mean_nothing(api: Api, kind: str) -> None:
    given = {"image_url": _CANVAS_URI, "prompt": "a lake", "count": "1"}
    blank = given | dict.fromkeys(_BLANK, "")
    if kind == "multipart":
        # As an HTML form writes a file input that was left empty.
        files = [FormPart(name, b"", "", _OCTETS) for name in _BLANK_FILES]
        body = multipart(*(FormPart(name, value) for name, value in blank.items()), *files)
        answer = api.post_body(body, multipart_type())
    elif kind == "urlencoded":
        answer = api.post_form(blank)
    elif kind == "json":
        answer = api.post_json(blank)
    else:
        answer = api.post_json(given | dict.fromkeys(_BLANK + _BLANK_FILES))
    equal(len(finished(answer)), 1, "the number of pictures")


@case(
    clauses.PREFLIGHT_PLUGIN,
    given="a page that uses the vendor's plugin",
    when="its browser asks beforehand whether it may send the plugin's headers",
    then="it may",
    each={
        "outpaint": {"path": OUTPAINT_PATH, "method": "POST"},
        "poll": {"path": INFERENCE_PATH.format(inference_id="some-id"), "method": "GET"},
    },
)
def preflight_of_the_plugin_is_allowed(api: Api, path: str, method: str) -> None:
    asked = ("content-type", API_KEY.lower(), _PLUGIN.lower())
    sent = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": ",".join(asked),
    }
    answer = api.with_key(None).request("OPTIONS", path, headers=sent)
    one_of(answer.status_code, (200, 204), "the status")
    for name in asked:
        contains(words_of(answer, "Access-Control-Allow-Headers"), name, "Access-Control-Allow-Headers")
