"""oasdiff's rules about all else: operations, parameters, bodies, responses, security, and policies on releases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from oasdiff_rules.rule_row import JSON, Document, OasdiffRule, small_document

GONE: Final = object()
"""What is taken away."""
Change = Mapping[str, Any]
"""Values by their places, words behind each other; `op` is the one operation."""

_OPERATION: Final = "paths /things/{id} post"
_GET: Final[Document] = {"responses": {"200": {"description": "d"}}}
_TEXT: Final[Document] = {"type": "string"}
_BODY: Final = f"op requestBody content {JSON}"
_ANSWER: Final = "op responses 200"
_FIELD_ASKED: Final = f"{_BODY} schema properties f"
_FIELD_TOLD: Final = f"{_ANSWER} content {JSON} schema properties f"
_QUERY: Final = "op parameters 1"
_NEW: Final = "op parameters 4"
_SUNSET: Final[Change] = {"op deprecated": True, "op x-sunset": "2099-01-01"}
_BODY_OF_TEXT: Final[Document] = {"schema": _TEXT}


def changed(change: Change) -> Document:
    """`small_document` with a change."""
    document = small_document()
    for place, value in change.items():
        *path, last = (f"{_OPERATION}{place[2:]}" if place.startswith("op ") else place).split(" ")
        holder: Any = document
        for name in path:
            holder = holder[int(name)] if isinstance(holder, list) else holder.setdefault(name, {})
        if value is GONE:
            del holder[int(last) if isinstance(holder, list) else last]
        elif isinstance(holder, list):
            holder[int(last) : int(last) + 1] = [value]
        else:
            holder[last] = value
    return document


def _rule(id_: str, level: str, codes: str, new: Change, *, old: Change | None = None, why: str = "") -> OasdiffRule:
    return OasdiffRule(id_, level, changed(old or {}), changed(new), frozenset(codes.split()), why)


def operation_rules() -> Iterator[OasdiffRule]:
    """Operations, their names and tags, and what a team asks of itself before it removes one."""
    yield _rule("endpoint-added", "info", "operation.added", {"paths /more get": _GET})
    more = {"paths /things/{id} get": _GET}
    old_and_deprecated = {**more, "paths /things/{id} get": {**_GET, "deprecated": True}}
    for name, kept, gone, deprecated in (
        ("api-path-removed", {}, {"paths /things/{id}": GONE}, _SUNSET),
        ("api-removed", more, {}, old_and_deprecated),
    ):
        yield _rule(f"{name}-without-deprecation", "error", "operation.removed", gone, old=kept)
        yield _rule(f"{name}-with-deprecation", "info", "operation.removed", gone, old=deprecated, why="removed")
        yield _rule(f"{name}-before-sunset", "error", "operation.removed", gone, old=deprecated)
    unreadable = {"op deprecated": True, "op x-sunset": "soon"}
    yield _rule("api-path-sunset-parse", "error", "operation.removed", {"paths /things/{id}": GONE}, old=unreadable)
    only = {"op deprecated": True}
    yield _rule("endpoint-deprecated", "info", "operation.deprecated", only)
    yield _rule("endpoint-deprecated-with-sunset", "info", "operation.deprecated", _SUNSET)
    yield _rule("endpoint-reactivated", "info", "operation.undeprecated", {}, old=only)
    yield _rule("api-deprecated-sunset-missing", "error", "operation.deprecated", only, why="policy")
    yield _rule("api-deprecated-sunset-parse", "error", "operation.deprecated", unreadable, why="policy")
    yield _rule("api-sunset-date-too-small", "error", "operation.deprecated", _SUNSET, why="policy")
    earlier = {**_SUNSET, "op x-sunset": "2098-01-01"}
    yield _rule("sunset-deleted", "error", "", only, old=_SUNSET, why="policy")
    yield _rule("api-sunset-date-changed-too-small", "error", "", earlier, old=_SUNSET, why="policy")
    stable, beta, wrong = ({"op x-stability-level": level} for level in ("stable", "beta", "wobbly"))
    yield _rule("api-invalid-stability-level", "error", "", wrong, why="policy")
    yield _rule("api-stability-decreased", "error", "", beta, old=stable, why="policy")
    yield _rule("api-stability-increased", "info", "", stable, old=beta)
    named, renamed = {"op operationId": "act"}, {"op operationId": "do"}
    yield _rule("api-operation-id-removed", "info", "operation.id-changed", renamed, old=named, why="generated")
    yield _rule("api-operation-id-added", "info", "", named, old={"op operationId": GONE})
    yield _rule("api-tag-removed", "info", "", {"op tags": []})
    yield _rule("api-tag-added", "info", "", {"op tags": ["one", "two"]})
    for name, version in (("api-version-not-bumped", "1.0.0"), ("api-version-decreased", "0.9.0")):
        yield _rule(name, "info", "", {"info version": version})
    yield _rule("api-major-version-not-bumped", "info", "", {"info version": "1.1.0"})
    hook = {"webhooks done post": _GET}
    yield _rule("webhook-added", "info", "webhook.added", hook)
    yield _rule("webhook-removed", "error", "webhook.removed", {}, old=hook)
    yield _rule("api-schema-removed", "info", "", {"components schemas A": GONE})


def parameter_rules() -> Iterator[OasdiffRule]:
    """Parameters that come and go, and how they are written."""
    must, may = ({"name": "n", "in": "query", "required": needed, "schema": _TEXT} for needed in (True, False))
    for need, parameter, level in (("required", must, "error"), ("optional", may, "info")):
        code = f"request.parameter.added-{need}"
        yield _rule(f"new-{need}-request-parameter", level, code, {_NEW: parameter})
        everywhere = {"paths /things/{id} parameters": [parameter]}
        yield _rule(f"new-{need}-request-default-parameter-to-existing-path", level, code, everywhere)
    longer = {"paths /things/{id}/{part}": {"post": small_document()["paths"]["/things/{id}"]["post"]}}
    moved = {**longer, "paths /things/{id}": GONE}
    yield _rule("new-request-path-parameter", "error", "operation.removed operation.added", moved)
    optional, required = {f"{_QUERY} required": False}, {f"{_QUERY} required": True}
    became = "request.parameter.became"
    yield _rule("request-parameter-became-required", "error", f"{became}-required", required, old=optional)
    yield _rule("request-parameter-became-optional", "info", f"{became}-optional", optional, old=required)
    gone, lost = {_QUERY: GONE}, "request.parameter.removed"
    unreadable, dated = ({f"{_QUERY} deprecated": True, f"{_QUERY} x-sunset": day} for day in ("soon", "2099-01-01"))
    yield _rule("request-parameter-removed", "warn", lost, gone, why="asked")
    yield _rule("request-parameter-removed-with-deprecation", "info", lost, gone, old=dated, why="asked")
    yield _rule("request-parameter-removed-before-sunset", "error", lost, gone, old=dated)
    yield _rule("request-parameter-sunset-parse", "error", lost, gone, old=unreadable)
    only, noted = {f"{_QUERY} deprecated": True}, "request.deprecation.added"
    yield _rule("request-parameter-deprecated", "info", noted, dated)
    yield _rule("request-parameter-deprecated-sunset-missing", "error", noted, only, why="policy")
    yield _rule("request-parameter-sunset-date-too-small", "error", noted, dated, why="policy")
    yield _rule("request-parameter-reactivated", "info", "request.deprecation.removed", {}, old=only)
    yield _rule("request-parameter-sunset-deleted", "error", "", only, old=dated, why="policy")
    earlier = {**dated, f"{_QUERY} x-sunset": "2098-01-01"}
    yield _rule("request-parameter-sunset-date-changed-too-small", "error", "", earlier, old=dated, why="policy")
    for name, place in (("parameter", f"{_QUERY} schema"), ("property", _FIELD_ASKED)):
        two, one = ({f"{place} x-extensible-enum": values} for values in (["a", "b"], ["a"]))
        yield _rule(f"request-{name}-x-extensible-enum-value-removed", "error", "", one, old=two, why="extension")


def property_policies() -> Iterator[OasdiffRule]:
    """Properties that are deprecated, and what a team asks of itself then."""
    for side, place in (("request", _FIELD_ASKED), ("response", _FIELD_TOLD)):
        only = {f"{place} deprecated": True}
        unreadable, dated = ({**only, f"{place} x-sunset": day} for day in ("soon", "2099-01-01"))
        noted = f"{side}.deprecation.added"
        yield _rule(f"{side}-property-deprecated", "info", noted, only)
        yield _rule(f"{side}-property-deprecated-with-sunset", "info", noted, dated)
        yield _rule(f"{side}-property-deprecated-sunset-missing", "error", noted, only, why="policy")
        yield _rule(f"{side}-property-deprecated-sunset-invalid", "error", noted, unreadable, why="policy")
        yield _rule(f"{side}-property-sunset-date-too-small", "error", noted, dated, why="policy")
        yield _rule(f"{side}-property-reactivated", "info", f"{side}.deprecation.removed", {}, old=only)
        stable, beta = ({f"{place} x-stability-level": level} for level in ("stable", "beta"))
        yield _rule(f"{side}-property-stability-decreased", "error", "", beta, old=stable, why="policy")
        yield _rule(f"{side}-property-stability-increased", "info", "", stable, old=beta)


def body_rules() -> Iterator[OasdiffRule]:
    """Bodies of requests, and media types of both sides."""
    none, may = {"op requestBody": GONE}, {"op requestBody required": False}
    yield _rule("request-body-added-required", "error", "request.body.added-required", {}, old=none)
    yield _rule("request-body-added-optional", "info", "request.body.added-optional", may, old=none)
    yield _rule("request-body-removed", "error", "request.body.removed", none)
    yield _rule("request-body-became-optional", "info", "request.body.became-optional", may)
    yield _rule("request-body-became-required", "error", "request.body.became-required", {}, old=may)
    two = {"op requestBody content text/plain": _BODY_OF_TEXT}
    yield _rule("request-body-media-type-added", "info", "request.content-type.added", two)
    yield _rule("request-body-media-type-removed", "error", "request.content-type.removed", {}, old=two)
    told = {f"{_ANSWER} content text/plain": _BODY_OF_TEXT}
    yield _rule("response-media-type-added", "info", "response.content-type.added", told)
    yield _rule("response-media-type-removed", "error", "response.content-type.removed", {}, old=told)
    png, any_picture = ({f"{_ANSWER} content": {name: _BODY_OF_TEXT}} for name in ("image/png", "image/*"))
    plain, problem = ({f"{_ANSWER} content": {f"application/{n}json": _BODY_OF_TEXT}} for n in ("", "problem+"))
    both = "response.content-type.removed response.content-type.added"
    yield _rule("response-media-type-name-changed", "info", both, problem, old=plain, why="negotiated")
    wider, narrower = "response.content-type.widened", "response.content-type.narrowed"
    yield _rule("response-media-type-name-generalized", "error", wider, any_picture, old=png, why="answers")
    yield _rule("response-media-type-name-specialized", "info", narrower, png, old=any_picture)
    for side, place in (("request", _BODY), ("response", f"{_ANSWER} content {JSON}")):
        untold, text = {place: {}}, {place: _BODY_OF_TEXT}
        levels = ("error", "info") if side == "request" else ("info", "error")
        name = f"{side}-body-media-type"
        yield _rule(f"{name}-schema-added", levels[0], f"{side}.type.narrowed", text, old=untold)
        yield _rule(f"{name}-schema-removed", levels[1], f"{side}.type.widened", untold, old=text)
        items = {place: {"itemSchema": _TEXT}}
        added, removed = ("3.2" if level == "error" else "" for level in levels)
        yield _rule(f"{name}-item-schema-added", levels[0], "", items, old=untold, why=added)
        yield _rule(f"{name}-item-schema-removed", levels[1], "", untold, old=items, why=removed)
    name = "response-body-media-type-item-schema-removed-untyped"
    yield _rule(name, "error", "", untold, old=items, why="3.2")


def response_rules() -> Iterator[OasdiffRule]:
    """Statuses and headers."""
    taken, missing = ({f"op responses {status}": {"description": "d"}} for status in ("202", "410"))
    created = {"op responses 201": {"description": "d"}}
    yield _rule("response-success-status-added", "info", "response.status.added-success", created, why="more")
    yield _rule("response-success-status-removed", "error", "response.status.removed-success", {}, old=taken)
    yield _rule("response-non-success-status-added", "info", "response.status.added-error", missing, why="more")
    yield _rule("response-non-success-status-removed", "info", "response.status.removed-error", {}, old=missing)
    header = f"{_ANSWER} headers X-H"
    must, none = {f"{header} required": True}, {header: GONE}
    yield _rule("response-header-became-optional", "error", "response.header.became-optional", {}, old=must)
    yield _rule("required-response-header-removed", "error", "response.header.removed-required", none, old=must)
    yield _rule("optional-response-header-removed", "warn", "response.header.removed-optional", none)
    yield _rule("response-header-added", "info", "response.header.added", {}, old=none)


def security_rules() -> Iterator[OasdiffRule]:
    """Ways to authenticate, of one operation or of all, and the schemes behind them."""
    schemes = {"components securitySchemes Other": {"type": "http", "scheme": "bearer"}}
    for name, place in (("api", "op security"), ("api-global", "security")):
        two = {**schemes, place: [{"Key": []}, {"Other": []}]}
        one = {**schemes, place: [{"Key": []}]}
        yield _rule(f"{name}-security-removed", "error", "security.alternative-removed", one, old=two)
        yield _rule(f"{name}-security-added", "info", "security.alternative-added", two, old=one)
        wide, narrow = ({**_oauth(), place: [{"OAuth": scopes}]} for scopes in (["read"], ["read", "write"]))
        yield _rule(f"{name}-security-scope-added", "error", "security.scope-added", narrow, old=wide)
        yield _rule(f"{name}-security-scope-removed", "info", "security.scope-removed", wide, old=narrow)
    yield _rule("api-security-component-added", "info", "", schemes)
    yield _rule("api-security-component-removed", "info", "", {}, old=schemes)
    query = {"components securitySchemes Key in": "query"}
    yield _rule("api-security-component-type-changed", "info", "security.scheme-changed", query, why="schemes")
    used = {"security": [{"OAuth": ["read"]}]}
    before = {**_oauth(), **used}
    moved, code = "https://id.example/other", "security.token-url-changed"
    for name, member in (("oauth-url", "authorizationUrl"), ("oauth-token-url", "tokenUrl")):
        after = {**_oauth(**{member: moved}), **used}
        yield _rule(f"api-security-component-{name}-changed", "info", code, after, old=before, why="tokens")
    for name, scopes in (
        ("added", {"read": "", "write": "", "more": ""}),
        ("removed", {"read": ""}),
        ("changed", {"read": "words", "write": ""}),
    ):
        after = {**_oauth(scopes=scopes), **used}
        yield _rule(f"api-security-component-oauth-scope-{name}", "info", "", after, old=before)


def _oauth(**more: Any) -> Change:
    flow = {
        "authorizationUrl": "https://id.example/authorize",
        "tokenUrl": "https://id.example/token",
        "scopes": {"read": "", "write": ""},
    }
    return {"components securitySchemes OAuth": {"type": "oauth2", "flows": {"authorizationCode": {**flow, **more}}}}
