"""Whether the answer that a consumer expects is one that the contract can give."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from outpaint_contracts import headers as names
from outpaint_contracts.errors import ERROR_KINDS, ErrorBody, ErrorCode, ProblemDetails
from outpaint_contracts.openapi import document
from outpaint_contracts.responses import Accepted, Balance, FailedJob, Result, UploadTicket
from outpaint_functions.http.routes import Route
from pydantic import BaseModel

from outpaint_mocks.grammar import nearest
from outpaint_mocks.pact.body_coverage import uncovered
from outpaint_mocks.pact.body_rules import described
from outpaint_mocks.pact.paths import tokens_of
from outpaint_mocks.pact.reading import ExpectedInteraction

Found = Iterator[tuple[str, bool]]
"""Lines, and whether each is only a warning."""

TEMPLATES: Final = {
    Route.OUTPAINT: "/v1/painting/outpaint",
    Route.INFERENCE: "/v1/painting/{inference_id}",
    Route.BALANCE: "/v1/balance",
    Route.FILE: "/v1/files/{file_id}",
    Route.UPLOADS: "/v1/uploads",
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
# What HTTP itself has to say, beside the contract's headers.
_HTTP: Final = frozenset(
    {
        "content-type",
        "content-length",
        "cache-control",
        "vary",
        "www-authenticate",
        "x-content-type-options",
        "allow",
        "location",
        "retry-after",
    }
)
_COUNTERS: Final = frozenset(
    name.lower()
    for name in (
        names.RATE_LIMIT,
        names.RATE_AVAILABLE,
        names.RATE_RESET,
        names.CREDIT_AVAILABLE,
        names.RETRY_AFTER,
    )
)
_VARYING: Final = _COUNTERS | {names.CORRELATION_ID.lower(), "location", "content-length", "date"}


def answer_coverage(interaction: ExpectedInteraction, route: Route | None) -> Found:
    """What the contract has against an expected answer; `route` is None where nothing lies at the path."""
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
