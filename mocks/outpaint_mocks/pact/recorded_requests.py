"""A call's request as a pact has it: what the contract gives a meaning, and nothing else that was sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from outpaint_contracts.errors import OutpaintError
from outpaint_contracts.headers import API_KEY, IDEMPOTENCY_KEY, PREFER
from outpaint_contracts.requests import IdSource
from outpaint_functions.http.bodies import check_content_type, read_fields
from outpaint_functions.http.routes import Route, match

from outpaint_mocks.effects import On
from outpaint_mocks.pact import matchers
from outpaint_mocks.pact.forms import addresses, body_document, body_rules, known_pairs, summary

if TYPE_CHECKING:
    from outpaint_mocks.calls import Call

MAX_BODY: Final = 4 * 1024 * 1024
"""Bytes. A contract holds an example, and brokers take no films."""
_PLACES: Final = {
    Route.OUTPAINT: "pictures",
    Route.INFERENCE: "a job",
    Route.BALANCE: "the balance",
    Route.FILE: "a finished picture",
    Route.UPLOADS: "a place to send a picture to",
}


class LeftOutError(Exception):
    """A call that makes no interaction, and why."""


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """The request of an interaction, and what it is called: alike requests have one `summary`."""

    document: dict[str, Any]
    summary: str
    held_path: str | None = None
    """What stands for the path where the provider state has the job or file that it names."""
    held_query: tuple[str, ...] = ()
    """The query's names whose values the state gives then."""
    addresses: tuple[str, ...] = ()
    """Where pictures are fetched from."""

    def held(self) -> dict[str, Any]:
        """The document of a request for what the provider state has."""
        generators = dict(self.document.get("generators", {}))
        if self.held_path is not None:
            generators["path"] = matchers.from_state(self.held_path)
        if self.held_query:
            generators["query"] = {name: matchers.from_state(f"${{{name}}}") for name in self.held_query}
        return self.document | {"generators": generators}


class _Building:
    """A request's document while it grows; rules and generators by category."""

    def __init__(self, method: str, path: str) -> None:
        self.document: dict[str, Any] = {"method": method, "path": path}
        self.headers: dict[str, list[str]] = {}
        self.rules: dict[str, Any] = {}
        self.generators: dict[str, Any] = {}
        self.words = [method]
        self.held_path: str | None = None
        self.held_query: list[str] = []
        self.addresses: tuple[str, ...] = ()

    def header(self, name: str, value: str, pattern: str | None = None, generator: Any = None) -> None:
        self.headers[name] = [value]
        if pattern is not None:
            self.rules.setdefault("header", {})[name] = matchers.regex(pattern)
        if generator is not None:
            self.generators.setdefault("header", {})[name] = generator

    def query(self, name: str, value: str, pattern: str | None = None) -> None:
        self.document.setdefault("query", {})[name] = [value]
        if pattern is not None:
            self.rules.setdefault("query", {})[name] = matchers.regex(pattern)

    def done(self) -> RecordedRequest:
        for name, what in (("headers", self.headers), ("matchingRules", self.rules), ("generators", self.generators)):
            if what:
                self.document[name] = what
        return RecordedRequest(
            self.document, " ".join(self.words), self.held_path, tuple(self.held_query), self.addresses
        )


def recorded_request(call: Call) -> RecordedRequest:
    """What a call asked for; raises `LeftOutError` for what no consumer contract is about."""
    found = match(call.path)
    if call.route is On.UPLOAD and found is not None and found.route is Route.UPLOAD:
        raise LeftOutError("it goes to the picture store, which is not part of the API")
    if found is None or call.route is None or found.route not in _PLACES:
        raise LeftOutError("it is no call of the API")
    building = _Building(call.method, call.path)
    building.words.append(_PLACES[found.route])
    if found.route is Route.INFERENCE:
        building.document["path"] = f"/v1/painting/{matchers.JOB_ID}"
        building.rules["path"] = matchers.regex(f"/v1/painting/{matchers.ID}")
        building.held_path = "/v1/painting/${inference_id}"
    elif found.route is Route.FILE:
        _file(building, found.id, call.head.query)
    _request_headers(building, call)
    if found.route is Route.OUTPAINT:
        for name, value in parse_qsl(call.head.query):
            if name == "mode":
                building.query(name, value)
                building.words.append(f"?mode={value}")
    if call.method == "POST":
        _body(building, call)
    return building.done()


def _file(building: _Building, file_id: str, query: str) -> None:
    extension = file_id.rpartition(".")[2]
    building.document["path"] = f"/v1/files/{matchers.file_id(extension)}"
    building.rules["path"] = matchers.regex(f"/v1/files/{matchers.ID}[.]{extension}")
    building.held_path = "/v1/files/${file_id}"
    sent = dict(parse_qsl(query))
    # The signature is a key to the picture: it is never written down.
    for name, example, pattern in (
        ("expires", "1767312000", matchers.DIGITS),
        ("signature", matchers.SIGNATURE, matchers.VISIBLE),
    ):
        if name in sent:
            building.query(name, example, pattern)
            building.held_query.append(name)


def _request_headers(building: _Building, call: Call) -> None:
    head, words = call.head, building.words
    if call.route is not On.FILE:
        if not (call.api_key or "").strip():
            words.append("without a key")
        else:
            building.header(
                API_KEY, matchers.API_KEY_EXAMPLE, matchers.VISIBLE, matchers.from_state("${api_key}")
            )  # fmt: skip
    accept = head.header("accept") or ""
    if "problem+json" in accept:
        building.header("Accept", accept)
        words.append("as problem details")
    if call.idempotency_key is not None:
        building.header(
            IDEMPOTENCY_KEY, matchers.IDEMPOTENCY_KEY_EXAMPLE, matchers.VISIBLE, matchers.fresh_uuid()
        )  # fmt: skip
        words.append("with an idempotency key")
    prefer = ", ".join(head.header_values("prefer"))
    if prefer:
        building.header(PREFER, prefer)
        words.append(f"preferring {prefer}")


def _body(building: _Building, call: Call) -> None:
    if call.body is None:
        if call.body_size:
            raise LeftOutError("its body is no longer kept: let the journal keep more bodies")
        return
    if call.body_size > MAX_BODY:
        raise LeftOutError(f"its body has {call.body_size} bytes: test with pictures of less than {MAX_BODY}")
    try:
        check_content_type(call.head)
        fields = read_fields(call.head, call.body)
    except OutpaintError as error:
        raise LeftOutError(f"its body says nothing: {error.detail}") from None
    request = call.request
    if request is not None and (isinstance(request.image, IdSource) or isinstance(request.mask, IdSource)):
        raise LeftOutError("it names a picture by id, and every provider has ids of its own")
    media_type = (call.head.header("content-type") or "").partition(";")[0].strip().lower()
    pairs = known_pairs(fields)
    document, content_type = body_document(media_type, pairs)
    building.document["body"] = document
    building.header(
        "Content-Type", content_type, matchers.WITH_BOUNDARY if "boundary" in content_type else f"{content_type}(;.*)?"
    )
    rules = body_rules(media_type, pairs)
    if rules:
        building.rules["body"] = rules
    building.addresses = addresses(pairs)
    building.words.append(f"as {media_type}: {summary(pairs)}")
