"""Whether the contract covers an interaction: takes its request, can give its answer, knows its provider states."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from outpaint.conformance.pact_check.pact_reading import ExpectedInteraction, tokens_of
from outpaint.contracts import paths_and_headers as names
from outpaint.contracts.errors import ERROR_KINDS, ErrorBody, ErrorCode, ProblemDetails, first_invalid
from outpaint.contracts.openapi import document
from outpaint.contracts.responses import Accepted, Balance, FailedJob, Result, UploadTicket
from outpaint.functions.http.messages import RequestHead, Response
from outpaint.functions.http.routes import METHODS, PUBLIC, Match, Route, match
from outpaint.mocks.exchange.mock_application import MockApplication
from outpaint.mocks.pact.matching_rules import described
from outpaint.mocks.pact.provider_states import BY_REQUEST, StateError, StateName, stage
from outpaint.mocks.scenarios.grammar import nearest
from outpaint.mocks.world.world import Studio, World


def uncovered(model: type[BaseModel], body: Any, path: str = "$") -> Iterator[str]:
    """One line for each member that the model does not have so; an expected body may leave members out."""
    if not isinstance(body, dict):
        yield f"{path} is {_shown(body)}, and the contract answers with an object"
        return
    for name, value in body.items():
        field = model.model_fields.get(name)
        if field is None:
            yield f"{path} has no member {name[:60]}: {nearest(name[:60], model.model_fields)}"
        else:
            yield from _member(field, value, f"{path}.{name}")


def _member(field: FieldInfo, value: Any, path: str) -> Iterator[str]:
    inner = _model_in(field.annotation)
    if inner is not None and isinstance(value, dict):
        yield from uncovered(inner, value, path)
        return
    if inner is not None and isinstance(value, list):
        if value and any(getattr(one, "max_length", None) == 0 for one in field.metadata):
            yield f"{path} has items, and the contract answers with none here"
            return
        for place, item in enumerate(value):
            yield from uncovered(inner, item, f"{path}[{place}]")
        return
    try:
        member: Any = Annotated[field.annotation, field]
        adapter: TypeAdapter[Any] = TypeAdapter(member)
        # As JSON has it: a date is a text there, a number is none.
        adapter.validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        yield f"{path} is {_shown(value)}: {first_invalid(error)[2]}"


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that a member is, or is a list of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) is tuple:
        return _model_in(get_args(annotation)[0])
    return None


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


Found = Iterator[tuple[str, bool]]
"""Objections in one line each, and whether each is only a warning."""

TEMPLATES: Final = {
    Route.OUTPAINT: names.OUTPAINT_PATH,
    Route.INFERENCE: names.INFERENCE_PATH,
    Route.BALANCE: names.BALANCE_PATH,
    Route.FILE: names.FILE_PATH,
    Route.UPLOADS: names.UPLOADS_PATH,
}
"""The operations that pacts are about, as the OpenAPI document has them."""
_BODIES: Final[dict[tuple[Route, int], tuple[type[BaseModel], ...]]] = {
    (Route.OUTPAINT, 200): (Result,),
    (Route.OUTPAINT, 202): (Accepted,),
    (Route.INFERENCE, 200): (Result, FailedJob),
    (Route.INFERENCE, 202): (Accepted,),
    (Route.BALANCE, 200): (Balance,),
    (Route.UPLOADS, 200): (UploadTicket,),
}
# Headers of HTTP itself, beside the contract's.
_HTTP: Final = frozenset(
    {
        *("content-type", "content-length", "cache-control", "vary", "www-authenticate", "x-content-type-options"),
        *("allow", "location", "retry-after"),
    }
)
_COUNTERS: Final = frozenset(
    {names.RATE_LIMIT.lower(), names.RATE_AVAILABLE.lower(), names.RATE_RESET.lower()}
    | {names.CREDIT_AVAILABLE.lower(), names.RETRY_AFTER.lower()}
)
_VARYING: Final = _COUNTERS | {names.CORRELATION_ID.lower(), "location", "content-length", "date"}


def answer_coverage(interaction: ExpectedInteraction, route: Route | None) -> Found:
    """What of an expected answer the contract does not cover; `route` is None where nothing is at the path."""
    if route is not None and (operation := _operation(route, interaction.method)) is not None:
        status, statuses = str(interaction.status), operation["responses"]
        if status not in statuses:
            asked = f"{interaction.method} {TEMPLATES[route]}"
            yield f"{asked} is never answered with {status}: its answers are {', '.join(statuses)}", False
            return
        yield from _headers(interaction, statuses[status])
    response = interaction.response
    if response.body is None or interaction.method == "HEAD":
        return
    models = _models(interaction, route)
    if not models:
        return
    if response.json is None:
        yield "the contract answers with JSON here, and the pact expects something else", False
        return
    against = [(list(uncovered(model, response.json)), model) for model in models]
    lines, model = min(against, key=lambda one: len(one[0]))
    for line in lines:
        yield line, False
    if not lines:
        yield from _pinned(interaction, model)
        yield from _code(interaction)


def _models(interaction: ExpectedInteraction, route: Route | None) -> tuple[type[BaseModel], ...]:
    if interaction.status >= 400:
        return ErrorBody, ProblemDetails
    return () if route is None else _BODIES.get((route, interaction.status), ())


def _headers(interaction: ExpectedInteraction, answer: dict[str, Any]) -> Found:
    promised = {name.lower() for name in answer.get("headers", {})}
    for name, value in interaction.response.headers:
        lower = name.lower()
        if lower not in promised | _HTTP and not lower.startswith("access-control-"):
            yield f"its answer has no header {name[:60]}: {nearest(name[:60], answer.get('headers', {}))}", False
            continue
        if lower == "content-type":
            media_type = value.partition(";")[0].strip().lower()
            known = list(answer.get("content", {}))
            if known and media_type not in known:
                yield f"its answer is {' or '.join(known)}, and the pact expects {media_type[:60]}", False
        elif lower in _COUNTERS and not value.strip().isdigit():
            yield f"{name} is a whole number, and the pact expects {value[:60]!r}", False
        elif lower in _VARYING and not interaction.response.rules.frees_header(name):
            yield f"it pins {name} to {value[:60]}, which differs from answer to answer: match it by pattern", True


def _pinned(interaction: ExpectedInteraction, model: type[BaseModel]) -> Found:
    """Values that differ from run to run, and that the pact expects to stay."""
    if not isinstance(interaction.response.json, dict):
        return
    body = {"error_code": ErrorCode.INTERNAL.value, **interaction.response.json}
    _, rules = described(model, body)
    for path in rules:
        if path.endswith((".data", ".painter.*")) or not _has_value(interaction.response.json, path):
            continue
        if not interaction.response.rules.frees(tokens_of(path)):
            yield f"it pins {path}, which differs from answer to answer: match it by type or pattern", True


def _has_value(body: Any, path: str) -> bool:
    for step in tokens_of(path):
        if isinstance(body, list) and body:
            body = body[0]
        elif isinstance(body, dict) and step in body:
            body = body[step]
        else:
            return False
    return True


def _code(interaction: ExpectedInteraction) -> Found:
    """Whether an error's code and its status belong together."""
    body = interaction.response.json
    if interaction.status < 400 or not isinstance(body, dict) or "error_code" not in body:
        return
    kind = ERROR_KINDS[ErrorCode(body["error_code"])]
    if kind.status != interaction.status:
        yield f"{body['error_code']} has status {kind.status.value}, and the pact expects {interaction.status}", False


def _operation(route: Route, method: str) -> dict[str, Any] | None:
    found = document()["paths"][TEMPLATES[route]]
    operation: dict[str, Any] | None = found.get("get" if method == "HEAD" else method.lower())
    return operation


STUDIO: Final = Studio()
"""Pictures and painter of the worlds in which interactions are tried."""


def request_coverage(interaction: ExpectedInteraction, found: Match, path: str) -> Found:
    """What of a request to `path` the contract does not cover; `found` is what is there."""
    key = (interaction.request.header(names.API_KEY) or "").strip()
    if found.route not in PUBLIC and interaction.status != 401:
        if not key:
            yield f"its request has no {names.API_KEY}: whoever verifies it must add one", True
        elif not interaction.request.rules.frees_header(names.API_KEY):
            yield f"its request pins {names.API_KEY}: match it by pattern, and keep real keys out of the file", True
    if found.route not in (Route.OUTPAINT, Route.UPLOADS) or interaction.method != "POST":
        return
    answer = _tried(interaction, path, key)
    refused = ErrorCode(answer[1]["error_code"]) if answer[0] >= 400 else None
    if refused is None:
        yield from _taken(interaction, answer[0])
    elif refused is ErrorCode.MISSING_KEY and interaction.status == 401:
        return
    elif answer[0] != interaction.status:
        yield (
            f"the contract refuses its request with {answer[0]} {refused} ({answer[1]['detail']}), "
            f"and the pact expects {interaction.status}",
            False,
        )


def _taken(interaction: ExpectedInteraction, status: int) -> Found:
    """Which expected answers do not fit a request that is taken."""
    expected = interaction.status
    if expected == 200 and status == 202:
        yield "its request asks for an async job, which is answered 202, and the pact expects 200", False
    if expected >= 400 and StateName.ERROR not in [name for name, _ in interaction.states]:
        possible = [code for code in ErrorCode if ERROR_KINDS[code].status == expected]
        if possible and all(code in BY_REQUEST - {ErrorCode.MISSING_KEY} for code in possible):
            yield f"the contract takes its request, and the pact expects {expected}", False


def _tried(interaction: ExpectedInteraction, path: str, key: str) -> tuple[int, Any]:
    """The mock's answer: its status and JSON, by the service's own rules about requests and pictures."""
    world = World("pact", studio=STUDIO)
    world.scenarios.always("immediate")
    sent = tuple(
        (name.lower(), value) for name, value in interaction.request.headers if name.lower() != "content-length"
    )
    if not key and interaction.status != 401:
        sent = (*(pair for pair in sent if pair[0] != names.API_KEY.lower()), (names.API_KEY.lower(), "any"))
    body = interaction.request.body or b""
    head = RequestHead(
        interaction.method, path, interaction.query, (*sent, ("content-length", str(len(body)))), "http://localhost"
    )
    answer = MockApplication(world).respond(head, body)
    assert isinstance(answer, Response)
    problem = json.loads(answer.body) if answer.body else {}
    return answer.status, problem


@dataclass(frozen=True, slots=True)
class Objection:
    """What the contract does not cover of an interaction, or (`warning`) what differs from run to run."""

    description: str
    text: str
    warning: bool = False

    def __str__(self) -> str:
        return f"{'warning: ' if self.warning else ''}{self.description or '(no description)'}: {self.text}"


def objections(interaction: ExpectedInteraction, base_path: str = "") -> list[Objection]:
    """Every objection to an interaction; none to one that the contract covers.

    `base_path` is put before every path of the pact, such as /v1 for a consumer whose base URL ends in it.
    """
    return [
        Objection(interaction.description, text, warning)
        for text, warning in (*_states(interaction), *_exchange(interaction, base_path.rstrip("/")))
    ]


def _states(interaction: ExpectedInteraction) -> Found:
    for name, params in interaction.states:
        try:
            stage(World("pact", studio=STUDIO), name, params, "http://localhost")
        except StateError as error:
            yield error.detail, False


def _exchange(interaction: ExpectedInteraction, base_path: str) -> Found:
    path = base_path + interaction.path
    found = match(path)
    if found is None or found.route not in TEMPLATES:
        if interaction.status == 404:
            yield from answer_coverage(interaction, None)
            return
        way_out = "" if base_path or match(f"/v1{path}") is None else ": did you mean it with --base-path /v1?"
        yield f"the contract has nothing at {path[:100]}{way_out}", False
        return
    if interaction.method not in METHODS[found.route]:
        if interaction.status != 405:
            taken = " or ".join(METHODS[found.route])
            yield f"{path[:100]} does not take {interaction.method}: use {taken}", False
        else:
            yield from answer_coverage(interaction, found.route)
        return
    yield from request_coverage(interaction, found, path)
    yield from answer_coverage(interaction, found.route)
