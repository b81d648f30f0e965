"""Pictures that are sent by address, data: URI or id."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import httpx

from outpaint.conformance.proving import clauses, drawn_pictures
from outpaint.conformance.proving.answer_reading import finished, kept_exactly, refused, rejected
from outpaint.conformance.proving.api import UNKNOWN_ID, Api
from outpaint.conformance.proving.case import case, critical, minor, refused_by_us_costs_nothing, variants
from outpaint.conformance.proving.expectations import equal, holds, one_of, within
from outpaint.conformance.proving.provider import Need
from outpaint.contracts.errors import ErrorCode

_BROKEN_URIS: Final = {
    "scheme-alone": "data:",
    "type-alone": "data:image/png",
    "no-comma": "data:image/png;base64",
    "nothing": "data:image/png;base64,",
    "not-base64": "data:image/png,raw",
    "asterisks": "data:image/png;base64,***",
    "a-letter-left-over": "data:image/png;base64,abcde",
}
_NO_PICTURE_URI: Final = drawn_pictures.data_uri(b"no picture")
_SPELLINGS: Final[dict[str, Callable[[str], str]]] = {
    "lines-of-76": lambda uri: re.sub("(.{76})", r"\1\n", uri),
    "lines-that-end-in-cr-lf": lambda uri: re.sub("(.{64})", r"\1\r\n", uri) + "\r\n",
    "blank-behind-the-comma": lambda uri: uri.replace(",", ", "),
    "blanks-around-it": lambda uri: f" \n{uri}\t ",
    "no-padding": lambda uri: uri.rstrip("="),
    "base64url": lambda uri: uri[:22] + uri[22:].replace("+", "-").replace("/", "_"),
    "a-parameter-and-blanks": lambda uri: uri.replace(";base64", ";charset=utf-8; base64 "),
}
_PADDED_BOX: Final = (8, 8, 40, 40)
_PADDED: Final = next(
    image for side in range(48, 64) if len(image := drawn_pictures.noisy_canvas((side, 48), _PADDED_BOX)) % 3
)
"""A picture whose base64 has padding, and letters of every kind."""
_FENCED: Final = {
    "loopback-http": "http://127.0.0.1:9/a.png",
    "loopback": "https://127.0.0.1/a.png",
    "localhost": "https://localhost/a.png",
    "loopback-v6": "https://[::1]/a.png",
    "loopback-mapped": "https://[::ffff:127.0.0.1]/a.png",
    "cloud-metadata": "https://169.254.169.254/latest/meta-data/",
    "private-10": "https://10.0.0.1/a.png",
    "private-172": "https://172.16.0.1/a.png",
    "private-192": "https://192.168.1.1/a.png",
    "decimal": "https://2130706433/a.png",
    "hexadecimal": "https://0x7f.1/a.png",
    "zero": "https://0/a.png",
    "carrier-nat": "https://100.64.0.1/a.png",
    "nat64": "https://[64:ff9b::7f00:1]/a.png",
    "6to4": "https://[2002:7f00:1::]/a.png",
    "unique-local-v6": "https://[fd00::1]/a.png",
    "ssh-port": "https://127.0.0.1:22/",
}
_NOT_TRIED: Final = ("cloud-metadata", "private-10", "private-172", "private-192", "carrier-nat", "unique-local-v6")
_NO_ADDRESSES: Final = {
    "ftp": "ftp://example.com/a.png",
    "file": "file:///etc/passwd",
    "gopher": "gopher://x",
    "relative": "a.png",
    "no-scheme": "//example.com/a.png",
    "scheme-alone": "https://",
    "no-host": "https:///a",
    "script": "javascript:alert(1)",
    "blank-in-host": "https://exa mple.com/",
    "port-out-of-range": "https://example.com:99999/",
    "open-bracket": "http://[::1",
    "line-break": "\r\nHost: x",
}
_NO_IDS: Final = {
    "well-formed": f"{UNKNOWN_ID}.png",
    "upward": "../../x",
    "a-path": "inputs/a/image",
    "too-long": "x" * 201,
    "nul": "\0",
}
_SMALL_MASK: Final = drawn_pictures.data_uri(drawn_pictures.alpha_mask((32, 32)))
_TOO_LONG: Final = "https://example.com/" + "a" * 2083
_NO_PICTURES: Final = {"html": b"<html>not found</html>", "nothing": b""}
_BOX: Final = (32, 32, 224, 224)
_refusal = partial(case, clauses.ADDRESS_CODES)
_fence = partial(critical, clauses.FENCE)
_at_an_address = partial(critical, needs=[Need.SOURCES])


def _by_url(api: Api, url: object) -> httpx.Response:
    return api.post_json({"image_url": url, "prompt": "a lake", "count": 1, "format": "PNG"})


def _by_id(api: Api, id_: str) -> httpx.Response:
    return api.post_json({"image_id": id_, "prompt": "a lake"})


@critical(clauses.DATA_URI, when="a short data: URI is posted as the image's address", then="it is painted", credits=1)
def data_uri_is_read(api: Api) -> None:
    finished(_by_url(api, drawn_pictures.data_uri(drawn_pictures.canvas((16, 16), (4, 4, 12, 12)))))


@critical(
    clauses.DATA_URI_LENGTH,
    when="a data: URI of far more than 2,083 characters is posted",
    then="all of it is read, and its kept pixels come back exactly",
    credits=1,
)
def data_uri_counts_as_an_upload_however_long(api: Api) -> None:
    image = drawn_pictures.noisy_canvas((256, 256), _BOX)
    uri = drawn_pictures.data_uri(image)
    holds(len(uri) > 20 * 2083, "the URI of this case is long")
    (received,) = api.files_of(_by_url(api, uri))
    kept_exactly(image, received, _BOX)


@case(
    clauses.DATA_URI_LENGTH,
    when="a data: URI of more than 2,083 characters stands in a form of either kind",
    then="it is read",
    credits=1,
    each=variants(kind=["urlencoded", "multipart"]),
)
def data_uri_may_stand_in_any_form(api: Api, kind: str) -> None:
    uri = drawn_pictures.data_uri(drawn_pictures.noisy_canvas((200, 200), (50, 50, 150, 150)))
    if kind == "urlencoded":
        finished(api.post_form({"image_url": uri, "prompt": "a lake", "count": "1"}))
    else:
        finished(api.outpaint(image=None, image_url=uri))


@minor(
    clauses.DATA_URI,
    when="a data: URI is written in another case, or labelled as another picture",
    then="it is read by its bytes",
    credits=1,
    each=variants(start={"upper": "DATA:image/png;base64,", "another-label": "data:image/jpeg;base64,"}),
)
def data_uri_is_read_whatever_its_label(api: Api, start: str) -> None:
    finished(_by_url(api, start + drawn_pictures.data_uri(drawn_pictures.canvas()).partition(",")[2]))


@case(
    clauses.SPELLINGS,
    when="a data: URI is spelled as browsers take it, or in base64url",
    then="its kept pixels come back exactly",
    credits=1,
    each=variants(spelling=list(_SPELLINGS)),
)
def data_uri_is_read_however_it_is_spelled(api: Api, spelling: str) -> None:
    (received,) = api.files_of(_by_url(api, _SPELLINGS[spelling](drawn_pictures.data_uri(_PADDED))))
    kept_exactly(_PADDED, received, _PADDED_BOX)


@_refusal(
    when="a data: URI holds no base64",
    then="the refusal is invalid_parameter and names image_url",
    each=variants(uri=_BROKEN_URIS),
)
def data_uri_without_base64_is_refused(api: Api, uri: str) -> None:
    refused(_by_url(api, uri), ErrorCode.INVALID_PARAMETER, field="image_url")


@_refusal(when="a data: URI holds no picture", then="the refusal is unsupported_image_type and names image_url")
def data_uri_without_a_picture_is_refused(api: Api) -> None:
    refused(_by_url(api, _NO_PICTURE_URI), ErrorCode.UNSUPPORTED_IMAGE_TYPE, field="image_url")


@_at_an_address(
    clauses.ADDRESS,
    given="a picture at an address",
    when="the address is posted",
    then="the picture is painted",
    credits=1,
)
def picture_is_read_from_its_address(api: Api) -> None:
    finished(_by_url(api, api.provider.publish(drawn_pictures.canvas())))


@case(
    clauses.SPELLINGS,
    given="a picture at an address",
    when="the address is posted with blanks or line breaks around it",
    then="the picture is painted",
    credits=1,
    needs=[Need.SOURCES],
    each=variants(around={"line-break": ("", "\n"), "blanks": (" \t", "  "), "cr-lf": ("\r\n", "\r\n")}),
)
def address_is_read_without_what_stands_around_it(api: Api, around: tuple[str, str]) -> None:
    before, behind = around
    finished(_by_url(api, before + api.provider.publish(drawn_pictures.canvas()) + behind))


@_at_an_address(
    clauses.KEPT_IS_EXACT,
    given="a picture at an address",
    when="the address is posted",
    then="its kept pixels come back exactly",
    credits=1,
)
def picture_from_an_address_keeps_its_pixels(api: Api) -> None:
    image = drawn_pictures.canvas()
    (received,) = api.files_of(_by_url(api, api.provider.publish(image)))
    kept_exactly(image, received)


@_at_an_address(
    clauses.ADDRESS_UNREACHABLE,
    given="an address that answers an error",
    when="it is posted",
    then="the answer is 422",
)
def address_that_does_not_answer_is_422(api: Api) -> None:
    url = api.provider.publish(ErrorCode.SOURCE_UNAVAILABLE)
    equal(_by_url(api, url).status_code, 422, "the status")


@_refusal(
    given="an address that answers an error",
    when="it is posted",
    then="the refusal is source_unavailable and names image_url",
    needs=[Need.SOURCES],
)
def address_that_does_not_answer_is_named(api: Api) -> None:
    url = api.provider.publish(ErrorCode.SOURCE_UNAVAILABLE)
    refused(_by_url(api, url), ErrorCode.SOURCE_UNAVAILABLE, field="image_url")


@_refusal(
    given="an address where there is no picture",
    when="it is posted",
    then="the refusal is unsupported_image_type and names image_url",
    needs=[Need.SOURCES],
    each=variants(content=_NO_PICTURES),
)
def address_without_a_picture_is_refused(api: Api, content: bytes) -> None:
    refused(_by_url(api, api.provider.publish(content)), ErrorCode.UNSUPPORTED_IMAGE_TYPE, field="image_url")


@refused_by_us_costs_nothing(
    given="addresses that answer an error, or something else than a picture",
    when="they are posted",
    then="each is refused and nothing is charged",
    needs=[Need.SOURCES],
)
def addresses_without_a_picture_cost_nothing(api: Api) -> None:
    with api.charged(0):
        contents: list[bytes | ErrorCode] = [ErrorCode.SOURCE_UNAVAILABLE, *_NO_PICTURES.values()]
        for content in contents:
            answer = _by_url(api, api.provider.publish(content))
            within(answer.status_code, 400, 499, f"the status of {content!r}")


def _fenced(answer: httpx.Response, field: str) -> None:
    equal(answer.status_code, 422, "the status")
    document = answer.json()
    equal(document.get("field"), field, "the offending field")
    allowed = ("source_refused", "source_unavailable", "invalid_parameter")
    one_of(document.get("error_code"), allowed, "the error code")


@_fence(
    when="an address of a private, local or reserved network is posted as the image's",
    then="it is refused by 422, not read",
    each=variants(url=_FENCED),
)
def address_behind_the_fence_is_not_read(api: Api, url: str) -> None:
    _fenced(_by_url(api, url), "image_url")


@_fence(
    when="an address of a private or reserved network is posted, on another machine than the provider's",
    then="it is refused for what it is, source_refused, and not for an answer that did not come",
    each=variants(url={kind: _FENCED[kind] for kind in _NOT_TRIED}),
)
def address_behind_the_fence_is_not_even_tried(api: Api, url: str) -> None:
    refused(_by_url(api, url), ErrorCode.SOURCE_REFUSED, field="image_url")


@_fence(
    when="an address of a private or local network is posted as the mask's, in either spelling",
    then="it is refused by 422, not read",
    each=variants(
        "-",
        name={"mask-url": "mask_url", "mask-image-url": "mask_image_url"},
        url={kind: _FENCED[kind] for kind in ("loopback", "cloud-metadata")},
    ),
)
def mask_behind_the_fence_is_not_read(api: Api, name: str, url: str) -> None:
    _fenced(api.outpaint(image=drawn_pictures.photo(), **{name: url}), name)


@_refusal(
    when="something that is no web address is posted as one",
    then="the answer is 422 and names image_url",
    each=variants(url=_NO_ADDRESSES),
)
def what_is_no_web_address_is_refused(api: Api, url: str) -> None:
    rejected(_by_url(api, url), 422, field="image_url")


@case(clauses.ADDRESS_LENGTH, when="an address of more than 2,083 characters is posted", then="the answer is 422")
def address_that_is_too_long_is_422(api: Api) -> None:
    equal(_by_url(api, _TOO_LONG).status_code, 422, "the status")


@_refusal(
    when="an address of more than 2,083 characters is posted",
    then="the refusal is invalid_parameter and names image_url",
)
def address_that_is_too_long_is_named(api: Api) -> None:
    refused(_by_url(api, _TOO_LONG), ErrorCode.INVALID_PARAMETER, field="image_url")


@minor(
    clauses.FENCE,
    when="a fenced address of exactly 2,083 characters is posted",
    then="its place is the reason for the refusal, not its length",
)
def address_of_the_greatest_length_is_not_too_long(api: Api) -> None:
    url = "https://10.0.0.1/".ljust(2083, "a")
    code = _by_url(api, url).json().get("error_code")
    one_of(code, ("source_refused", "source_unavailable"), "the error code")


@case(
    clauses.IDS,
    when="an id is sent that is none of the account's",
    then="the refusal is invalid_parameter and names image_id",
    each=variants(id_=_NO_IDS),
)
def unknown_id_is_refused(api: Api, id_: str) -> None:
    refused(_by_id(api, id_), ErrorCode.INVALID_PARAMETER, field="image_id")


@case(
    clauses.SIZES_MATCH,
    when="a mask of another size comes in a data: URI",
    then="the refusal is size_mismatch and names mask_url",
)
def mask_of_another_size_is_named_by_its_own_field(api: Api) -> None:
    refused(api.outpaint(image=drawn_pictures.photo(), mask_url=_SMALL_MASK), ErrorCode.SIZE_MISMATCH, field="mask_url")


def _refused_urls() -> dict[str, Any]:
    return (
        {f"data: URI, {name}": uri for name, uri in _BROKEN_URIS.items()}
        | {f"fenced, {name}": url for name, url in _FENCED.items()}
        | {f"no address, {name}": url for name, url in _NO_ADDRESSES.items()}
        | {"no picture": _NO_PICTURE_URI, "too long": _TOO_LONG}
    )


@refused_by_us_costs_nothing(
    when="every bad address and id that these cases know is posted",
    then="each is refused and nothing is charged",
)
def bad_sources_cost_nothing(api: Api) -> None:
    with api.charged(0):
        for name, url in _refused_urls().items():
            within(_by_url(api, url).status_code, 400, 499, f"the status of {name}")
        for name, id_ in _NO_IDS.items():
            within(_by_id(api, id_).status_code, 400, 499, f"the status of the id {name}")
        answer = api.outpaint(image=drawn_pictures.photo(), mask_url=_SMALL_MASK)
        within(answer.status_code, 400, 499, "the status of a mask of another size")
