"""Bodies as the vendor's clients read them, without what ours add; `api.finished` reads the pictures so."""

from __future__ import annotations

from typing import Any, Final

import httpx

from outpaint_contracts.proving.api import Item, finished
from outpaint_contracts.proving.expectations import Unmet, equal, holds, one_of

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
