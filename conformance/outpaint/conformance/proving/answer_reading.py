"""Readers of answers and of their pictures: each raises `Unmet` where what it reads is not as it must be.

`finished`, `pending`, `failed` and `rejected` read the vendor's members alone, so that they hold for the vendor too.
`result_of`, `accepted_of`, `failure_of` and `refused` read the whole body by our models.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import httpx
from PIL import ImageChops, ImageStat
from pydantic import BaseModel, ValidationError

from outpaint.conformance.proving.drawn_pictures import KEEP_BOX, Box, decode, strip_above
from outpaint.conformance.proving.expectations import Unmet, equal, holds, lacks, one_of, within
from outpaint.contracts.errors import ERROR_KINDS, ErrorBody, ErrorCode, first_invalid
from outpaint.contracts.paths_and_headers import FILE_PATH, IDEMPOTENT_REPLAYED
from outpaint.contracts.responses import Accepted, FailedJob, Result

_ACCEPTED_WORDS: Final = ("processing", "success")
"""The status words that the vendor's 202 has had: since 2026, and in 2025."""
READING_AND_WRITING: Final = frozenset({"get", "head", "post", "put", "patch", "delete"})
"""The methods of RFC 9110 and RFC 5789 that an API may have, in lower case."""
PLAIN_FAMILIES: Final = {200: "content-types.multipart-is-taken", 202: "asynchronous.mode-async-is-202"}
"""The cases that send a plain request and nothing else, by the status that it is answered with."""
BALANCE_FAMILY: Final = "credits.balance-has-one-member"
"""The case that is about the balance itself."""
ANY_HEADER: Final = "*"
"""What a header of CORS may say instead of every name, to a request without credentials (Fetch, 3.3.3)."""
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Item:
    """A finished picture as far as the vendor's clients read it."""

    id: str
    url: str


# The vendor's members


def finished(response: httpx.Response) -> list[Item]:
    """The pictures of a 200."""
    _has_status(response, 200)
    try:
        document = response.json()
        status, items = document["status"], [Item(item["id"], item["url"]) for item in document["data"]]
    except (ValueError, KeyError, TypeError) as error:
        says = f"the body: expected status and data with id and url, got {error!r}"
        raise Unmet(says, cause=no_json(200) if isinstance(error, ValueError) else says) from None
    equal(status, "success", "the status word")
    for item in items:
        if not (isinstance(item.id, str) and item.id and isinstance(item.url, str) and item.url):
            raise Unmet(f"an item of data: expected id and url as text, got {item}", cause="an item of data")
    return items


def only_picture(response: httpx.Response) -> Item:
    """The picture of a 200 that has one."""
    items = finished(response)
    equal(len(items), 1, "the number of pictures")
    return items[0]


def pending(response: httpx.Response) -> str:
    """The `inference_id` of a 202, whose `data` is present and empty."""
    _has_status(response, 202)
    document = json_object(response)
    one_of(document.get("status"), _ACCEPTED_WORDS, "the status word")
    equal(document.get("data", "no such member"), [], "data")
    return text_member(document, "inference_id")


def balance_of(response: httpx.Response) -> int:
    """The credits of a balance; whether it has other members is asked by one case."""
    try:
        equal(response.status_code, 200, "the status of the balance")
        credits_ = json_object(response).get("credits")
        if type(credits_) is not int:
            raise Unmet(f"credits: expected a whole number, got {credits_!r}")
    except Unmet as unmet:
        raise Unmet(str(unmet), cause=f"the balance: {unmet}", guarded_by=BALANCE_FAMILY) from None
    return credits_


def failed(response: httpx.Response) -> tuple[str, str]:
    """`message` and `detail` of a poll on a job that ended without pictures."""
    equal(response.status_code, 200, "the status")
    document = json_object(response)
    equal(document.get("status"), "error", "the status word")
    return text_member(document, "message"), text_member(document, "detail")


def rejected(response: httpx.Response, status: int, *, message: str | None = None, field: str | None = None) -> str:
    """The `detail` of a refusal with this status and, where given, this message and our member `field`."""
    equal(response.status_code, status, "the status")
    document = json_object(response)
    if message is not None:
        equal(document.get("message"), message, "message")
    if field is not None:
        equal(document.get("field"), field, "the offending field")
    return text_member(document, "detail")


# Our models


def result_of(response: httpx.Response) -> Result:
    """The body of a 200 with pictures."""
    _has_status(response, 200)
    return parsed(response, Result)


def accepted_of(response: httpx.Response) -> Accepted:
    """The body of a 202."""
    _has_status(response, 202)
    return parsed(response, Accepted)


def failure_of(response: httpx.Response) -> FailedJob:
    """The body of a poll on a job that ended without pictures."""
    equal(response.status_code, 200, "the status")
    return parsed(response, FailedJob)


def refused(response: httpx.Response, code: ErrorCode, *, field: str | None = None) -> str:
    """The `detail` of a refusal with this code, the status that belongs to it and, where given, this field."""
    equal(response.status_code, ERROR_KINDS[code].status.value, "the status")
    body = parsed(response, ErrorBody)
    equal(body.error_code, code, "the error code")
    if field is not None:
        equal(body.field, field, "the offending field")
    return body.detail


def parsed(response: httpx.Response, model: type[Model]) -> Model:
    return model_of(response.content, model, response.status_code)


def model_of(body: bytes, model: type[Model], status: int) -> Model:
    """The body of an answer of this status, which must be JSON, as this model; a number written as text is none."""
    try:
        return model.model_validate_json(body, strict=True)
    except ValidationError as error:
        place, _, reason = first_invalid(error)
        says = f"{model.__name__}: {place or 'the body'}: {reason}"
        kind = error.errors(include_url=False, include_context=False, include_input=False)[0]["type"]
        # Whichever of the pictures it is.
        shape = re.sub(r"[0-9]+", "*", place)
        cause = no_json(status) if kind == "json_invalid" else f"{model.__name__}: {shape}: {reason}"
        raise Unmet(says, cause=cause) from None


def says_the_same(again: Result, first: Result) -> None:
    """A later answer about a job must say what the first one said; URLs and their ends alone are made anew."""
    earlier, later = (_without_urls(result) for result in (first, again))
    for name, value in earlier.items():
        equal(later[name], value, f"{name} of the later answer")


def _without_urls(result: Result) -> dict[str, Any]:
    return result.model_dump(mode="json", exclude={"data": {"__all__": {"url", "expires_at"}}})


# Parts of any answer


def _has_status(response: httpx.Response, status: int) -> None:
    """The answer to a request that should be taken must have this status."""
    got = response.status_code
    if got != status:
        cause = f"a plain request: expected {status}, got {got}"
        raise Unmet(f"the status: expected {status}, got {got}", cause=cause, guarded_by=PLAIN_FAMILIES[status])


def no_json(status: int) -> str:
    """The cause of all failures for answers of this status that are no JSON."""
    return f"no JSON in an answer of {status}"


def json_object(response: httpx.Response) -> dict[str, Any]:
    """The body, which must be a JSON object."""
    try:
        document = response.json()
    except ValueError:
        says = f"the body: no JSON: {response.content[:100]!r}"
        raise Unmet(says, cause=no_json(response.status_code)) from None
    if not isinstance(document, dict):
        raise Unmet(f"the body: expected a JSON object, got {document!r}")
    return document


def members_of(response: httpx.Response, model: type[BaseModel]) -> dict[str, Any]:
    """The members of the body that the contract has in this model; what a provider adds may differ at each answer."""
    return {name: value for name, value in json_object(response).items() if name in model.model_fields}


def text_member(document: dict[str, Any], name: str) -> str:
    """This member of a body, which must be text and not empty."""
    value = document.get(name)
    if not (isinstance(value, str) and value):
        says = f"{name}: expected text that is not empty, got {value!r}"
        raise Unmet(says, cause=says)
    return value


def media_type(response: httpx.Response) -> str:
    """The Content-Type without its parameters, in lower case; empty where there is none."""
    return str(response.headers.get("Content-Type", "")).partition(";")[0].strip().lower()


def sent_bytes(response: httpx.Response) -> int:
    """How long the body was as it was sent, packed or not."""
    packed = "Content-Encoding" in response.headers
    return response.num_bytes_downloaded if packed else len(response.content)


def words_of(response: httpx.Response, header: str) -> set[str]:
    """The elements of a header that is a list, in lower case."""
    return {word.strip().lower() for word in response.headers.get(header, "").split(",")}


def is_own_file(url: str, base_url: httpx.URL) -> bool:
    """Whether a picture's URL leads to the API itself; a store or a host beside it has rules of its own."""
    return FILE_PATH.partition("{")[0] in url and httpx.URL(url).netloc == base_url.netloc


def is_replay(response: httpx.Response) -> None:
    """It must be marked as the answer to an earlier request."""
    equal(response.headers.get(IDEMPOTENT_REPLAYED, "").lower(), "true", IDEMPOTENT_REPLAYED)


def is_first(response: httpx.Response) -> None:
    """It must not be marked as the answer to an earlier request."""
    lacks(response.headers, IDEMPOTENT_REPLAYED, "the headers")


# Pictures that came back, beside those that were sent

LOOKS_THE_SAME: Final = 16.0
"""Levels, 0 to 255, that kept channels may move on average for a person to see the same picture."""


def changed_pixels(sent: bytes, received: bytes, box: Box = KEEP_BOX) -> int:
    """How many pixels inside `box` differ in any channel."""
    before, after = (decode(data).convert("RGB").crop(box).tobytes() for data in (sent, received))
    return sum(before[i : i + 3] != after[i : i + 3] for i in range(0, len(before), 3))


def mean_difference(sent: bytes, received: bytes, box: Box = KEEP_BOX) -> float:
    """How far the channels of the pixels inside `box` are apart on average, 0 to 255."""
    before, after = (decode(data).convert("RGB").crop(box) for data in (sent, received))
    return sum(ImageStat.Stat(ImageChops.difference(before, after)).mean) / 3


def kept_exactly(sent: bytes, received: bytes, box: Box = KEEP_BOX, what: str = "kept pixels") -> None:
    """Every pixel of the box must be as it was sent."""
    equal(changed_pixels(sent, received, box), 0, f"the {what} that were changed")


def kept_closely(sent: bytes, received: bytes, box: Box = KEEP_BOX, most: float = LOOKS_THE_SAME) -> None:
    """The box must look as it was sent: its channels moved by at most so many levels on average."""
    within(mean_difference(sent, received, box), 0, most, "how far kept channels moved on average")


def painted(sent: bytes, received: bytes, box: Box | None = None) -> None:
    """Most pixels of the box (by default the strip above the kept part) must not be as they were sent.

    Chance may give a few the same colour, but not half of them.
    """
    left, top, right, bottom = box or strip_above()
    area = (right - left) * (bottom - top)
    changed = changed_pixels(sent, received, (left, top, right, bottom))
    what = f"most of the {area} pixels of {(left, top, right, bottom)} were painted ({changed} were)"
    holds(changed > area / 2, what)


def metadata_of(data: bytes) -> str:
    """All that a file says beside its pixels and their profile, as text: EXIF, texts, XMP."""
    picture = decode(data)
    said = {name: value for name, value in picture.info.items() if name != "icc_profile"}
    exif = picture.getexif()
    return f"{said!r} {dict(exif)!r} {dict(exif.get_ifd(0x8825))!r}"
