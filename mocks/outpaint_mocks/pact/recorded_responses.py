"""A call's answer as a pact has it: status, the headers that are promised, and a body by the contract's models."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from outpaint_contracts import headers as names

from outpaint_mocks.effects import On
from outpaint_mocks.pact import matchers
from outpaint_mocks.pact.body_rules import described, model_of
from outpaint_mocks.pact.provider_states import by_request
from outpaint_mocks.pact.recorded_requests import LeftOutError

if TYPE_CHECKING:
    from outpaint_mocks.answers import MockResponse
    from outpaint_mocks.calls import Call

_COUNTERS: Final = (
    names.RATE_LIMIT,
    names.RATE_AVAILABLE,
    names.RATE_RESET,
    names.CREDIT_AVAILABLE,
    names.RETRY_AFTER,
)
# One pixel each: what is promised of a file is its type, which the engine tells from the bytes.
_PIXELS: Final = {
    "image/jpeg": "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAP//////////////////////////////////////////////////////////////"
    "////////////////////////wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAA//EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEA"
    "AD8AN//Z",
    "image/png": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "image/webp": "UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASoBAAEAAUAmJaQAA3AA/v02aAA=",
}


@dataclass(frozen=True, slots=True)
class RecordedResponse:
    """The answer of an interaction, and what it is called."""

    document: dict[str, Any]
    summary: str
    body: dict[str, Any]
    """What the answer's JSON said; empty where it had none."""


def recorded_response(call: Call) -> RecordedResponse:
    """What a call was answered; raises `LeftOutError` for what is no answer of the API."""
    response = call.response
    status = call.status
    if response is None or status is None or call.abandoned:
        raise LeftOutError("no answer came across")
    if response.header(names.IDEMPOTENT_REPLAYED) is not None:
        raise LeftOutError("it repeats a request under its idempotency key, and is answered as that was")
    headers, rules = _response_headers(response)
    document: dict[str, Any] = {"status": status}
    content_type = (response.header("content-type") or "").partition(";")[0].strip().lower()
    said: dict[str, Any] = {}
    summary = str(status)
    body_rules: dict[str, Any] = {}
    if content_type:
        headers["Content-Type"] = [content_type]
        rules["Content-Type"] = matchers.regex(f"{content_type.replace('+', '[+]')}(;.*)?")
    if content_type in _PIXELS and call.route is On.FILE:
        document["body"] = {"content": _PIXELS[content_type], "contentType": content_type, "encoded": "base64"}
        body_rules = {"$": matchers.media_type(content_type)}
        summary += f" {content_type}"
    elif content_type:
        said = _json(response)
        if not by_request(call, said):
            # A scenario names no field, and a provider that comes to it by itself may.
            said.pop("field", None)
        model = model_of(status, said)
        if model is None:
            raise LeftOutError("its answer has a shape that no contract knows")
        example, body_rules = described(model, said)
        document["body"] = {"content": example, "contentType": content_type, "encoded": False}
        summary += _in_words(said)
    document["headers"] = headers
    document["matchingRules"] = {"header": rules, **({"body": body_rules} if body_rules else {})}
    return RecordedResponse(document, summary, said)


def _response_headers(response: MockResponse) -> tuple[dict[str, list[str]], dict[str, Any]]:
    headers: dict[str, list[str]] = {}
    rules: dict[str, Any] = {}
    for name in _COUNTERS:
        if response.header(name) is not None:
            headers[name] = [str(matchers.COUNTER)]
            rules[name] = matchers.regex(matchers.DIGITS)
    if response.header(names.CORRELATION_ID) is not None:
        headers[names.CORRELATION_ID] = [matchers.JOB_ID]
        rules[names.CORRELATION_ID] = matchers.regex(matchers.VISIBLE)
    if response.header("location") is not None:
        headers["Location"] = [f"/v1/painting/{matchers.JOB_ID}"]
        rules["Location"] = matchers.regex(f".*/v1/painting/{matchers.ID}")
    for name in (names.PREFERENCE_APPLIED, "Allow"):
        value = response.header(name)
        if value is not None:
            headers[name] = [value]
    return headers, rules


def _json(response: MockResponse) -> dict[str, Any]:
    try:
        found = json.loads(response.body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise LeftOutError("its answer is not of the API: no JSON object")
    return found


def _in_words(said: dict[str, Any]) -> str:
    words = []
    if "error_code" in said:
        words.append(str(said["error_code"]))
        if said.get("field"):
            words.append(f"of {said['field']}")
    elif "status" in said:
        words.append(str(said["status"]))
    data = said.get("data")
    if data:
        words.append(f"with {len(data)} {data[0]['id'].rpartition('.')[2].upper()}")
    return f" {' '.join(words)}" if words else ""
