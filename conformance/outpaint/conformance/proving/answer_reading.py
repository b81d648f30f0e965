"""What cases read out of answers: the vendor's bodies, painted pictures."""

from __future__ import annotations

from typing import Any, Final

import httpx

from outpaint.conformance.proving import drawn_pictures
from outpaint.conformance.proving.api import Api, Item, files_of, finished
from outpaint.conformance.proving.expectations import Unmet, equal, holds, one_of, within

Box = tuple[int, int, int, int]

LOOKS_THE_SAME = 16.0
"""Levels, 0 to 255, that kept channels may move on average for a person to see the same picture."""


def painted_png(api: Api, sent: bytes, **fields: Any) -> bytes:
    """The one PNG that is made of this image."""
    (received,) = files_of(api, api.outpaint(image=sent, format="PNG", **fields))
    return received


def kept_exactly(sent: bytes, received: bytes, box: Box = drawn_pictures.KEEP_BOX, what: str = "kept pixels") -> None:
    """Every pixel of the box is as it was sent."""
    equal(drawn_pictures.changed_pixels(sent, received, box), 0, f"the {what} that were changed")


def kept_closely(
    sent: bytes, received: bytes, box: Box = drawn_pictures.KEEP_BOX, most: float = LOOKS_THE_SAME
) -> None:
    """The box looks as it was sent: its channels moved by at most so many levels on average."""
    within(drawn_pictures.mean_difference(sent, received, box), 0, most, "how far kept channels moved on average")


def painted(sent: bytes, received: bytes, box: Box | None = None) -> None:
    """Most of the box (the strip above the kept part) is not as it was sent: chance hits a pixel, not half of them."""
    left, top, right, bottom = box or drawn_pictures.strip_above()
    area = (right - left) * (bottom - top)
    changed = drawn_pictures.changed_pixels(sent, received, (left, top, right, bottom))
    holds(
        changed > area / 2, f"most of the {area} pixels of {(left, top, right, bottom)} were painted ({changed} were)"
    )


_ACCEPTED_WORDS: Final = ("processing", "success")


def pending(response: httpx.Response) -> str:
    """The `inference_id` of a 202; `data` is there and empty, and the status word is one of 2025 or 2026."""
    equal(response.status_code, 202, "the status")
    document = json_object(response)
    one_of(document.get("status"), _ACCEPTED_WORDS, "the status word")
    equal(document.get("data", "no such member"), [], "data")
    return text_member(document, "inference_id")


def only_picture(response: httpx.Response) -> Item:
    """The picture of a 200 that has one."""
    items = finished(response)
    equal(len(items), 1, "the number of pictures")
    return items[0]


def failed(response: httpx.Response) -> tuple[str, str]:
    """`message` and `detail` of a poll on a job that ended without pictures."""
    equal(response.status_code, 200, "the status")
    document = json_object(response)
    equal(document.get("status"), "error", "the status word")
    return text_member(document, "message"), text_member(document, "detail")


def rejected(response: httpx.Response, status: int, *, message: str | None = None) -> str:
    """The `detail` of a refusal with this status and, where given, this message."""
    equal(response.status_code, status, "the status")
    document = json_object(response)
    if message is not None:
        equal(document.get("message"), message, "message")
    return text_member(document, "detail")


def json_object(response: httpx.Response) -> dict[str, Any]:
    """The body, which must be a JSON object."""
    try:
        document = response.json()
    except ValueError:
        raise Unmet(f"the body: no JSON: {response.content[:100]!r}") from None
    if not isinstance(document, dict):
        raise Unmet(f"the body: expected a JSON object, got {document!r}")
    return document


def text_member(document: dict[str, Any], name: str) -> str:
    """This member of a body, which must be text and not empty."""
    value = document.get(name)
    holds(isinstance(value, str) and value, f"{name} is text and not empty")
    return str(value)
