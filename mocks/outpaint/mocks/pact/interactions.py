"""Calls as the interactions of a pact: request, response and provider states."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final
from urllib.parse import parse_qsl

from outpaint.contracts import paths_and_headers as names
from outpaint.contracts.errors import OutpaintError
from outpaint.contracts.paths_and_headers import API_KEY, IDEMPOTENCY_KEY, PREFER
from outpaint.contracts.requests import IdSource
from outpaint.functions.http.bodies import check_content_type, read_fields
from outpaint.functions.http.routes import Route, match
from outpaint.mocks.pact import matching_rules
from outpaint.mocks.pact.matching_rules import (
    addresses,
    body_document,
    body_rules,
    body_summary,
    described,
    known_pairs,
    model_of,
)
from outpaint.mocks.pact.provider_states import ProviderState, StateName, by_request, states_met
from outpaint.mocks.scenarios.effect import On
from outpaint.mocks.world.mock_answers import MockResponse
from outpaint.mocks.world.recorded_call import Call

MAX_BODY: Final = 4 * 1024 * 1024
"""Bytes of a body in a pact, which holds examples only."""
_PLACES: Final = {
    Route.OUTPAINT: "pictures",
    Route.INFERENCE: "a job",
    Route.BALANCE: "the balance",
    Route.FILE: "a finished picture",
    Route.UPLOADS: "a place to send a picture to",
}
_SPOILED: Final = ("gateway", "wrong_shape", "content_type", "cut", "reset", "refuse")
_HELD: Final = frozenset({StateName.PROCESSING, StateName.SUCCEEDED, StateName.FAILED, StateName.EXPIRED_URL})
"""The states that have a job or a file."""
_SHORTEST_KEY: Final = 6
_COUNTERS: Final = (names.RATE_LIMIT, names.RATE_AVAILABLE, names.RATE_RESET, names.CREDIT_AVAILABLE, names.RETRY_AFTER)
# One pixel each: what is promised of a file is its type, which Pact's engine sees in the bytes.
_PIXELS: Final = {
    "image/jpeg": "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAP//////////////////////////////////////////////////////////////"
    "////////////////////////wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAA//EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEA"
    "AD8AN//Z",
    "image/png": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "image/webp": "UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASoBAAEAAUAmJaQAA3AA/v02aAA=",
}


class LeftOutError(Exception):
    """A call that makes no interaction, and why."""


@dataclass(slots=True)
class RecordedRequest:
    """The request of an interaction while it is put together; rules and generators by category."""

    method: str
    path: str
    words: list[str]
    query: dict[str, list[str]] = field(default_factory=dict)
    headers: dict[str, list[str]] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    rules: dict[str, Any] = field(default_factory=dict)
    generators: dict[str, Any] = field(default_factory=dict)
    held_path: str | None = None
    """The path where the provider state has the job or file that it names."""
    held_query: dict[str, Any] = field(default_factory=dict)
    """The generators of query values that the state gives then."""
    addresses: tuple[str, ...] = ()
    """Where pictures are fetched from."""

    @property
    def summary(self) -> str:
        """The request in words; alike requests have the same."""
        return " ".join(self.words)

    def set_header(self, name: str, value: str, pattern: str | None = None, generator: Any = None) -> None:
        """Set a header, with the pattern that others match and the generator of a verifier's."""
        self.headers[name] = [value]
        if pattern is not None:
            self.rules.setdefault("header", {})[name] = matching_rules.regex(pattern)
        if generator is not None:
            self.generators.setdefault("header", {})[name] = generator

    def document(self, *, held: bool) -> dict[str, Any]:
        """The request as a pact has it; with `held` for the job or file that the provider state has."""
        generators = dict(self.generators)
        if held and self.held_path is not None:
            generators["path"] = matching_rules.from_state(self.held_path)
        if held and self.held_query:
            generators["query"] = self.held_query
        parts = {
            "query": self.query,
            "headers": self.headers,
            "body": self.body,
            "matchingRules": self.rules,
            "generators": generators,
        }
        return {"method": self.method, "path": self.path} | {name: part for name, part in parts.items() if part}


def recorded_request(call: Call) -> RecordedRequest:
    """What a call asked for; raises `LeftOutError` for what no consumer contract is about."""
    found = match(call.path)
    if call.route is On.UPLOAD and found is not None and found.route is Route.UPLOAD:
        raise LeftOutError("it goes to the picture store, which is not part of the API")
    if found is None or call.route is None or found.route not in _PLACES:
        raise LeftOutError("it is no call of the API")
    request = RecordedRequest(call.method, call.path, [call.method, _PLACES[found.route]])
    if found.route is Route.INFERENCE:
        request.path = f"/v1/painting/{matching_rules.JOB_ID}"
        request.rules["path"] = matching_rules.regex(f"/v1/painting/{matching_rules.ID}")
        request.held_path = "/v1/painting/${inference_id}"
    elif found.route is Route.FILE:
        _set_file(request, found.id, call.request_head.query)
    _set_headers(request, call)
    if found.route is Route.OUTPAINT:
        for name, value in parse_qsl(call.request_head.query):
            if name == "mode":
                request.query[name] = [value]
                request.words.append(f"?mode={value}")
    if call.method == "POST":
        _set_body(request, call)
    return request


def _set_file(request: RecordedRequest, file_id: str, query: str) -> None:
    extension = file_id.rpartition(".")[2]
    request.path = f"/v1/files/{matching_rules.file_id(extension)}"
    request.rules["path"] = matching_rules.regex(f"/v1/files/{matching_rules.ID}[.]{extension}")
    request.held_path = "/v1/files/${file_id}"
    sent = dict(parse_qsl(query))
    # The signature is a key to the picture: it is never written down.
    for name, example, pattern in (
        ("expires", "1767312000", matching_rules.DIGITS),
        ("signature", matching_rules.SIGNATURE, matching_rules.VISIBLE),
    ):
        if name in sent:
            request.query[name] = [example]
            request.rules.setdefault("query", {})[name] = matching_rules.regex(pattern)
            request.held_query[name] = matching_rules.from_state(f"${{{name}}}")


def _set_headers(request: RecordedRequest, call: Call) -> None:
    visible = matching_rules.VISIBLE
    if call.route is not On.FILE:
        if not (call.api_key or "").strip():
            request.words.append("without a key")
        else:
            from_state = matching_rules.from_state("${api_key}")
            request.set_header(API_KEY, matching_rules.API_KEY_EXAMPLE, visible, from_state)
    accept = call.request_head.header("accept") or ""
    if "problem+json" in accept:
        request.set_header("Accept", accept)
        request.words.append("as problem details")
    if call.idempotency_key is not None:
        request.set_header(IDEMPOTENCY_KEY, matching_rules.IDEMPOTENCY_KEY_EXAMPLE, visible, {"type": "Uuid"})
        request.words.append("with an idempotency key")
    prefer = ", ".join(call.request_head.header_values("prefer"))
    if prefer:
        request.set_header(PREFER, prefer)
        request.words.append(f"preferring {prefer}")


def _set_body(request: RecordedRequest, call: Call) -> None:
    if call.body is None:
        if call.body_size:
            raise LeftOutError("its body is no longer kept: let the journal keep more bodies")
        return
    if call.body_size > MAX_BODY:
        raise LeftOutError(f"its body has {call.body_size} bytes: test with pictures of less than {MAX_BODY}")
    try:
        check_content_type(call.request_head)
        fields = read_fields(call.request_head, call.body)
    except OutpaintError as error:
        raise LeftOutError(f"its body says nothing: {error.detail}") from None
    asked = call.request
    if asked is not None and (isinstance(asked.image, IdSource) or isinstance(asked.mask, IdSource)):
        raise LeftOutError("it names a picture by id, and every provider has ids of its own")
    media_type = (call.request_head.header("content-type") or "").partition(";")[0].strip().lower()
    pairs = known_pairs(fields)
    request.body, content_type = body_document(media_type, pairs)
    pattern = matching_rules.WITH_BOUNDARY if "boundary" in content_type else f"{content_type}(;.*)?"
    request.set_header("Content-Type", content_type, pattern)
    rules = body_rules(media_type, pairs)
    if rules:
        request.rules["body"] = rules
    request.addresses = addresses(pairs)
    request.words.append(f"as {media_type}: {body_summary(pairs)}")


@dataclass(frozen=True, slots=True)
class RecordedResponse:
    """The answer of an interaction; `summary` is its text in the description."""

    document: dict[str, Any]
    summary: str
    body: dict[str, Any]
    """The answer's JSON; empty where it had none."""


def recorded_response(call: Call) -> RecordedResponse:
    """What a call was answered; raises `LeftOutError` for what is no answer of the API."""
    response = call.response
    status = call.status
    if response is None or status is None or call.abandoned:
        raise LeftOutError("no answer reached the client")
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
        rules["Content-Type"] = matching_rules.regex(f"{content_type.replace('+', '[+]')}(;.*)?")
    if content_type in _PIXELS and call.route is On.FILE:
        document["body"] = {"content": _PIXELS[content_type], "contentType": content_type, "encoded": "base64"}
        body_rules = {"$": matching_rules.matcher("contentType", value=content_type)}
        summary += f" {content_type}"
    elif content_type:
        said = call.json_object
        if not said:
            raise LeftOutError("its answer is not of the API: no JSON object")
        if not by_request(call):
            # A scenario's error names no field, and a provider's own may.
            said.pop("field", None)
        model = model_of(status, said)
        if model is None:
            raise LeftOutError("its answer has a shape that no contract knows")
        example, body_rules = described(model, said)
        document["body"] = {"content": example, "contentType": content_type, "encoded": False}
        summary += _in_words(said, call.error_code)
    document["headers"] = headers
    document["matchingRules"] = {"header": rules, **({"body": body_rules} if body_rules else {})}
    return RecordedResponse(document, summary, said)


def _response_headers(response: MockResponse) -> tuple[dict[str, list[str]], dict[str, Any]]:
    headers: dict[str, list[str]] = {}
    rules: dict[str, Any] = {}
    for name in _COUNTERS:
        if response.header(name) is not None:
            headers[name] = [str(matching_rules.COUNTER)]
            rules[name] = matching_rules.regex(matching_rules.DIGITS)
    if response.header(names.CORRELATION_ID) is not None:
        headers[names.CORRELATION_ID] = [matching_rules.JOB_ID]
        rules[names.CORRELATION_ID] = matching_rules.regex(matching_rules.VISIBLE)
    if response.header("location") is not None:
        headers["Location"] = [f"/v1/painting/{matching_rules.JOB_ID}"]
        rules["Location"] = matching_rules.regex(f".*/v1/painting/{matching_rules.ID}")
    for name in (names.PREFERENCE_APPLIED, "Allow"):
        value = response.header(name)
        if value is not None:
            headers[name] = [value]
    return headers, rules


def _in_words(said: dict[str, Any], error_code: str | None) -> str:
    words = []
    if error_code is not None:
        words.append(str(error_code))
        if said.get("field"):
            words.append(f"of {said['field']}")
    elif "status" in said:
        words.append(str(said["status"]))
    data = said.get("data")
    if data:
        words.append(f"with {len(data)} {data[0]['id'].rpartition('.')[2].upper()}")
    return f" {' '.join(words)}" if words else ""


@dataclass(frozen=True, slots=True)
class Interaction:
    """One interaction of a pact, as its v4 document; alike ones have the same `key`."""

    document: dict[str, Any] = field(repr=False)

    @property
    def key(self) -> str:
        """The SHA-256 of its description and states, shortened."""
        return str(self.document["key"])

    @property
    def description(self) -> str:
        """What it is about, in words."""
        return str(self.document["description"])

    @property
    def text(self) -> str:
        """The document as JSON, the same for equal documents."""
        return json.dumps(self.document, sort_keys=True, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A call that made no interaction."""

    call: str
    reason: str

    def __str__(self) -> str:
        return f"{self.call}: {self.reason}"


def interaction_of(call: Call) -> Interaction | LeftOut:
    """The interaction that a call makes, or why it makes none."""
    try:
        return _recorded(call)
    except LeftOutError as reason:
        return LeftOut(str(call), str(reason))


def _recorded(call: Call) -> Interaction:
    if call.method in ("OPTIONS", "HEAD"):
        raise LeftOutError(
            f"{call.method} asks nothing of its own: a preflight is a browser's, HEAD is GET without a body"
        )
    spoiled = next((effect for effect in call.effects if effect.startswith(_SPOILED)), None)
    if spoiled is not None:
        raise LeftOutError(f"no provider promises {spoiled}")
    response = recorded_response(call)
    request = recorded_request(call)
    states = states_met(call, response.body, request.addresses)
    names = {state.name for state in states}
    if call.route is On.FILE and StateName.ERROR in names:
        raise LeftOutError("a file's trouble cannot be asked of a provider: its URL carries no key")
    description = f"{request.summary} -> {response.summary}"
    document: dict[str, Any] = {
        "type": "Synchronous/HTTP",
        "key": _digest(description, states),
        "description": description,
        "pending": False,
        "providerStates": [state.document() for state in states],
        "request": request.document(held=bool(names & _HELD)),
        "response": response.document,
    }
    interaction = Interaction(document)
    key = (call.api_key or "").strip()
    if len(key) >= _SHORTEST_KEY and _holds(document, interaction.text, key):
        raise LeftOutError("its API key is elsewhere than in its header")
    return interaction


def _holds(document: dict[str, Any], text: str, secret: str) -> bool:
    """Whether a secret is anywhere in an interaction, its form included."""
    body = document["request"].get("body", {})
    form = base64.b64decode(body["content"]) if body.get("encoded") == "base64" else b""
    return secret in text or secret.encode() in form


def _digest(description: str, states: tuple[ProviderState, ...]) -> str:
    # Requests that differ in their addresses only are alike, as those that differ in their prompts are.
    counted = [state.document() for state in states if state.name is not StateName.ADDRESSES]
    return sha256(json.dumps([description, counted], sort_keys=True).encode()).hexdigest()[:16]
