"""Every change from one OpenAPI document to another: operations, parameters, bodies, responses, security."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from outpaint.conformance.diff.canonical_schema import Raw, Schemas
from outpaint.conformance.diff.diff_rules import Change, Comparison, DiffVerdict, rule
from outpaint.conformance.diff.schema_diff import SchemaComparison, SchemaDifference

Node = Mapping[str, Any]
"""A JSON object of a document."""
Requirement = Mapping[str, frozenset[str]]
"""One way to authenticate: every scheme that it takes, with its scopes."""

_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_REQUEST: Final = "request"
_RESPONSE: Final = "response"
_STYLES: Final = {"query": "form", "cookie": "form", "path": "simple", "header": "simple"}
# These headers mean nothing as parameters (OpenAPI, Parameter Object).
_NOT_PARAMETERS: Final = frozenset({"accept", "content-type", "authorization"})
_STATUS: Final = "status"
"""The member of a body by whose words a client knows whether to poll on."""
# Headers that a client of a job relies on, and the rule for their loss.
_JOB_HEADERS: Final = {"location": "job.location.removed", "retry-after": "job.retry-after.removed"}
_ACCEPTED: Final = "202"


@dataclass(frozen=True, slots=True)
class _Operation:
    """An operation with what its path and its document add to it."""

    name: str
    path: str
    node: Node
    parameters: list[Node]
    security: list[Node]
    schemes: Node


class _Comparer:
    """Two documents, and the changes between them as they are found."""

    def __init__(self, old: Node, new: Node) -> None:
        self.old: Final = Schemas(old)
        self.new: Final = Schemas(new)
        self.operation = ""
        self.changes: Final[list[Change]] = []
        self.schemas: Final = SchemaComparison(self.old, self.new)

    def add(self, code: str, place: str = "", *, field: str = "", was: str = "", is_: str = "") -> None:
        """A change in the operation that is being compared, judged by its rule."""
        judged = rule(code)
        self.changes.append(
            Change(
                code=judged.code,
                verdict=judged.verdict,
                operation=self.operation,
                place=place,
                field=field,
                was=was,
                is_=is_,
                why=judged.why,
            )
        )

    def add_differences(self, side: str, place: str, differences: Iterable[SchemaDifference]) -> None:
        """A change for each difference, judged from its side: `request` or `response`."""
        for one in differences:
            self.add(f"{side}.{one.kind}", place, field=one.field, was=one.was, is_=one.is_)

    def compare_schemas(self, side: str, place: str, old: Node, new: Node) -> None:
        """The changes between the schemas of two parameters, headers or bodies; without one, anything is allowed."""
        self.add_differences(side, place, self.schemas.differences(old.get("schema", True), new.get("schema", True)))


def compare(old: Node, new: Node) -> Comparison:
    """Every change from one OpenAPI document to another (3.0 or 3.1 each), the worst first.

    Raises `UnresolvableReferenceError` for a `$ref` that leads nowhere, or out of the document.
    """
    comparer = _Comparer(old, new)
    _compare_servers(comparer, old, new)
    if _json(old.get("webhooks")) != _json(new.get("webhooks")):
        comparer.add("webhooks.changed")
    for _, was, is_ in _pairs(_operations(comparer.old, old), _operations(comparer.new, new)):
        comparer.operation = (is_ or was).name
        if is_ is None:
            comparer.add("operation.removed", was=was.name)
        elif was is None:
            comparer.add("operation.added", is_=is_.name)
        else:
            _compare_operation(comparer, was, is_)
    worst_first = list(DiffVerdict)
    return Comparison(changes=tuple(sorted(comparer.changes, key=lambda change: worst_first.index(change.verdict))))


def _compare_servers(comparer: _Comparer, old: Node, new: Node) -> None:
    before, after = (_server_urls(document) for document in (old, new))
    for url in before:
        if url not in after:
            comparer.add("server.removed", was=url)
    for url in after:
        if url not in before:
            comparer.add("server.added", is_=url)


_AT_ITS_ROOT: Final[list[Node]] = [{"url": "/"}]
"""A document without servers is served at its own root (OpenAPI, Server Object)."""


def _server_urls(document: Node) -> list[str]:
    """Where the document is served, without the base path that `_operations` counts to the paths."""
    servers = document.get("servers") or _AT_ITS_ROOT
    base = _base_path(servers)
    urls = [_with_defaults(one).rstrip("/") for one in servers]
    return [(url.removesuffix(base) if base else url) or "/" for url in urls]


def _base_path(servers: list[Node]) -> str:
    """The path of the first server, which is in front of each path; empty for a root."""
    path = urlsplit(_with_defaults(servers[0])).path.strip("/")
    return f"/{path}" if path else ""


def _with_defaults(server: Node) -> str:
    """A server's URL with its variables' default values."""
    url = str(server.get("url", "/"))
    for name, variable in server.get("variables", {}).items():
        url = url.replace(f"{{{name}}}", str(variable.get("default", "")))
    return url


def _operations(schemas: Schemas, document: Node) -> dict[str, _Operation]:
    """Every operation by its method and its path behind its first server's, in which parameters' names do not count."""
    found: dict[str, _Operation] = {}
    schemes = document.get("components", {}).get("securitySchemes", {})
    for path, item in document.get("paths", {}).items():
        item = schemas.at(item)
        for method in _METHODS:
            if method not in item:
                continue
            node = item[method]
            parameters = [*item.get("parameters", ()), *node.get("parameters", ())]
            security = node.get("security", document.get("security", []))
            servers = node.get("servers") or item.get("servers") or document.get("servers") or _AT_ITS_ROOT
            whole = _base_path(servers) + path
            found[f"{method} {re.sub(r'{[^}]*}', '{}', whole)}"] = _Operation(
                f"{method.upper()} {whole}", path, node, parameters, security, schemes
            )
    return found


def _compare_operation(comparer: _Comparer, was: _Operation, is_: _Operation) -> None:
    old, new = was.node, is_.node
    ids = (old.get("operationId", ""), new.get("operationId", ""))
    if ids[0] != ids[1] and ids[0]:
        comparer.add("operation.id-changed", was=ids[0], is_=ids[1])
    if bool(old.get("deprecated")) != bool(new.get("deprecated")):
        comparer.add("operation.deprecated" if new.get("deprecated") else "operation.undeprecated")
    if _json(old.get("callbacks")) != _json(new.get("callbacks")):
        comparer.add("operation.callbacks-changed")
    _compare_security(comparer, was, is_)
    _compare_parameters(comparer, was, is_)
    _compare_request_body(comparer, old.get("requestBody"), new.get("requestBody"))
    _compare_responses(comparer, old.get("responses", {}), new.get("responses", {}))


def _compare_security(comparer: _Comparer, was: _Operation, is_: _Operation) -> None:
    """The ways to authenticate at one operation, any one of which is enough."""
    old, new = _ways(comparer.old, was), _ways(comparer.new, is_)
    if not old or not new:
        if old != new:
            comparer.add("security.key-required" if new else "security.key-dropped")
        return
    left_old = [way for way in old if way not in new]
    left_new = [way for way in new if way not in old]
    for way in list(left_old):
        same = next((one for one in left_new if one.keys() == way.keys()), None)
        if same is not None:
            left_old.remove(way)
            left_new.remove(same)
            for scheme, scopes in way.items():
                for scope in sorted(same[scheme] - scopes):
                    comparer.add("security.scope-added", is_=scope)
                for scope in sorted(scopes - same[scheme]):
                    comparer.add("security.scope-removed", was=scope)
    if len(left_old) == len(left_new) == 1:
        comparer.add("security.scheme-changed", was=_shown_way(left_old[0]), is_=_shown_way(left_new[0]))
        return
    for way in left_old:
        comparer.add("security.alternative-removed", was=_shown_way(way))
    for way in left_new:
        comparer.add("security.alternative-added", is_=_shown_way(way))


def _ways(schemas: Schemas, operation: _Operation) -> list[Requirement]:
    """The requirements by what their schemes say, whose names do not count; none where no key is needed."""
    ways: list[Requirement] = [
        {
            _json(_without_notes(schemas.at(operation.schemes.get(name, {"name": name})))): frozenset(scopes)
            for name, scopes in one.items()
        }
        for one in operation.security
    ]
    return [] if {} in ways else ways


def _shown_way(way: Requirement) -> str:
    return " and ".join(
        " ".join(str(value) for name, value in json.loads(scheme).items() if isinstance(value, str)) for scheme in way
    )


def _compare_parameters(comparer: _Comparer, was: _Operation, is_: _Operation) -> None:
    for key, old, new in _pairs(_parameters(comparer.old, was), _parameters(comparer.new, is_)):
        place = f"{key.partition(' ')[0]} {(new or old)['name']}"
        if new is None:
            comparer.add("request.parameter.removed", place)
        elif old is None:
            comparer.add(f"request.parameter.added-{_need(new)}", place)
        else:
            _compare_parameter(comparer, place, old, new)


def _compare_parameter(comparer: _Comparer, place: str, old: Node, new: Node) -> None:
    if old["in"] == "path" and old["name"] != new["name"]:
        comparer.add("request.parameter.renamed", place, was=old["name"], is_=new["name"])
    if _need(old) != _need(new):
        comparer.add(f"request.parameter.became-{_need(new)}", place)
    before, after = _written(old), _written(new)
    if before != after:
        comparer.add("request.parameter.serialised-otherwise", place, was=before, is_=after)
    elif bool(old.get("deprecated")) != bool(new.get("deprecated")):
        comparer.add(f"request.deprecation.{'added' if new.get('deprecated') else 'removed'}", place)
    media = (next(iter(parameter.get("content", {}).values()), parameter) for parameter in (old, new))
    comparer.compare_schemas(_REQUEST, place, *media)


def _parameters(schemas: Schemas, operation: _Operation) -> dict[str, Node]:
    """By place and name; a path's by position, for its name is not in a request; a header's in lower case."""
    positions = {name: str(number) for number, name in enumerate(re.findall(r"{([^}]*)}", operation.path))}
    found: dict[str, Node] = {}
    for one in operation.parameters:
        parameter = schemas.at(one)
        where, name = parameter["in"], parameter["name"]
        if where == "header" and name.lower() in _NOT_PARAMETERS:
            continue
        name = positions.get(name, name) if where == "path" else name.lower() if where == "header" else name
        found[f"{where} {name}"] = parameter
    return found


def _written(parameter: Node) -> str:
    """How a parameter's value is written into the request."""
    if "content" in parameter:
        return ", ".join(sorted(parameter["content"]))
    style = parameter.get("style", _STYLES.get(parameter["in"], "form"))
    explode = parameter.get("explode", style == "form")
    return f"{style}{', exploded' if explode else ''}{', reserved allowed' if parameter.get('allowReserved') else ''}"


def _compare_request_body(comparer: _Comparer, was: Node | None, is_: Node | None) -> None:
    """The body of one operation, in each of its content types."""
    if was is None and is_ is None:
        return
    if was is None or is_ is None:
        added = "" if is_ is None else f"added-{_need(comparer.new.at(is_))}"
        comparer.add(f"request.body.{added or 'removed'}", "request")
        return
    old, new = comparer.old.at(was), comparer.new.at(is_)
    if _need(old) != _need(new):
        comparer.add(f"request.body.became-{_need(new)}", "request")
    for media_type, before, after in _pairs(_by_type(old), _by_type(new)):
        place = f"request {media_type}"
        if after is None:
            if not _is_covered(media_type, _by_type(new)):
                comparer.add("request.content-type.removed", place, was=media_type)
        elif before is None:
            comparer.add("request.content-type.added", place, is_=media_type)
        else:
            comparer.compare_schemas(_REQUEST, place, before, after)
            _compare_parts(comparer, place, before, after)


def _by_type(body: Node) -> dict[str, Node]:
    """The content by its media type, whose case and blanks do not count."""
    return {re.sub(r"\s", "", name).lower(): media for name, media in body.get("content", {}).items()}


def _compare_parts(comparer: _Comparer, place: str, before: Node, after: Node) -> None:
    """How a form's parts are written, and what types their files may have."""
    fields = set(comparer.old.shape(before.get("schema", True)).properties)
    fields &= set(comparer.new.shape(after.get("schema", True)).properties)
    for name, was, is_ in _pairs(before.get("encoding", {}), after.get("encoding", {})):
        if name not in fields:
            continue
        was, is_ = was or {}, is_ or {}
        old = _types(was) or _default_types(comparer.old, before, name)
        new = _types(is_) or _default_types(comparer.new, after, name)
        shown = {"field": name, "was": ", ".join(old), "is_": ", ".join(new)}
        if old and new:
            if not all(_is_covered(one, new) for one in old):
                comparer.add("request.part.types-removed", place, **shown)
            if not all(_is_covered(one, old) for one in new):
                comparer.add("request.part.types-added", place, **shown)
        elif old or new:
            comparer.add(f"request.part.types-{'declared' if new else 'undeclared'}", place, **shown)
        rests = [_json(rest) if (rest := _without_notes(one, "contentType")) else "" for one in (was, is_)]
        if rests[0] != rests[1]:
            comparer.add("request.part.encoding-changed", place, field=name, was=rests[0], is_=rests[1])


def _types(encoding: Node) -> list[str]:
    return [one.strip().lower() for one in encoding.get("contentType", "").split(",") if one.strip()]


def _default_types(schemas: Schemas, media: Node, name: str) -> list[str]:
    """A part's type where none is declared: text, unless it is a file or nested (OpenAPI 3.1, Encoding Object)."""
    field = schemas.shape(schemas.shape(media.get("schema", True)).properties[name])
    return [] if "binary" in field.formats or field.types & {"object", "array"} else ["text/plain"]


def _is_covered(media_type: str, declared: Iterable[str]) -> bool:
    """Whether one of the declared types or ranges includes a media type."""
    whole = media_type.partition(";")[0]
    return not {media_type, whole, f"{whole.partition('/')[0]}/*", "*/*"}.isdisjoint(declared)


def _compare_responses(comparer: _Comparer, old: Node, new: Node) -> None:
    """Every status of one operation."""
    for status, was, is_ in _pairs(old, new):
        if status.startswith("x-"):
            continue
        kind = "success" if status.startswith(("1", "2", "3")) else "error"
        # A status without a response of its own has that of its range, or the default.
        before = was or old.get(f"{status[:1]}XX", old.get("default"))
        after = is_ or new.get(f"{status[:1]}XX", new.get("default"))
        if after is None:
            comparer.add(f"response.status.removed-{kind}", status, was=status)
        elif before is None:
            later = status == _ACCEPTED and any(one in old for one in ("200", "201"))
            comparer.add("job.answered-later" if later else f"response.status.added-{kind}", status, is_=status)
        elif before is not after:
            _compare_response(comparer, status, comparer.old.at(before), comparer.new.at(after))


def _compare_response(comparer: _Comparer, status: str, old: Node, new: Node) -> None:
    _compare_headers(comparer, status, old.get("headers", {}), new.get("headers", {}))
    before, after = old.get("content", {}), new.get("content", {})
    if bool(before) != bool(after):
        comparer.add(f"response.body.{'added' if after else 'removed'}", status)
    else:
        for media_type, was, is_ in _pairs(before, after):
            place = f"{status} {media_type}"
            if is_ is None:
                comparer.add("response.content-type.removed", place, was=media_type)
            elif was is None:
                comparer.add("response.content-type.added", place, is_=media_type)
            else:
                _compare_response_body(comparer, place, was.get("schema", True), is_.get("schema", True))
    for name, was, is_ in _pairs(old.get("links", {}), new.get("links", {})):
        _compare_link(comparer, status, name, was, is_)


def _compare_headers(comparer: _Comparer, status: str, old: Node, new: Node) -> None:
    before = {name.lower(): (name, comparer.old.at(header)) for name, header in old.items()}
    after = {name.lower(): (name, comparer.new.at(header)) for name, header in new.items()}
    for key, was, is_ in _pairs(before, after):
        if key == "content-type":
            continue
        place = f"{status} header {(is_ or was)[0]}"
        if is_ is None:
            comparer.add(_JOB_HEADERS.get(key, f"response.header.removed-{_need(was[1])}"), place)
        elif was is None:
            comparer.add("response.header.added", place)
        else:
            if _need(was[1]) != _need(is_[1]):
                comparer.add(f"response.header.became-{_need(is_[1])}", place)
            comparer.compare_schemas(_RESPONSE, place, was[1], is_[1])


def _compare_response_body(comparer: _Comparer, place: str, old: Raw, new: Raw) -> None:
    """A body, whose status words are compared as one set, in whichever of its alternatives they are."""
    found: Iterable[SchemaDifference] = comparer.schemas.differences(old, new)
    was, is_ = _status_words(comparer.old, old), _status_words(comparer.new, new)
    if was != is_ and (was or is_):
        found = [one for one in found if one.field != _STATUS or not one.kind.startswith("enum.")]
        if is_ is None:
            comparer.add("job.status-words.opened", place, field=_STATUS, was=", ".join(sorted(was or ())))
        elif was is None:
            comparer.add("job.status-words.closed", place, field=_STATUS, is_=", ".join(sorted(is_)))
        else:
            for word in sorted(is_ - was):
                comparer.add("job.status-word.added", place, field=_STATUS, is_=word)
            for word in sorted(was - is_):
                comparer.add("job.status-word.removed", place, field=_STATUS, was=word)
    comparer.add_differences(_RESPONSE, place, found)


def _status_words(schemas: Schemas, raw: Raw) -> frozenset[str] | None:
    """The values that `status` may have in a body; None where it may have any, or is not declared at all."""
    shape = schemas.shape(raw)
    if _STATUS in shape.properties:
        return schemas.shape(shape.properties[_STATUS]).values
    words: frozenset[str] = frozenset()
    for choice in shape.choices:
        for one in choice.alternatives if choice.kind in ("alternatives", "exclusive") else ():
            some = _status_words(schemas, one)
            if some is None:
                return None
            words |= some
    return words or None


def _compare_link(comparer: _Comparer, status: str, name: str, was: Node | None, is_: Node | None) -> None:
    place = f"{status} link {name}"
    # A client finds its result by the link from an accepted job.
    family = "job.poll-link" if status == _ACCEPTED else "response.link"
    if is_ is None:
        comparer.add(f"{family}.removed", place)
    elif was is None:
        comparer.add("response.link.added", place)
    else:
        old, new = (_json(_without_notes(one, "server")) for one in (comparer.old.at(was), comparer.new.at(is_)))
        if old != new:
            comparer.add(f"{family}.changed", place, was=old, is_=new)


def _pairs(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Every name in either, with its old and its new value or None; the old one's order first."""
    return [(name, old.get(name), new.get(name)) for name in dict.fromkeys([*old, *new])]


def _need(node: Node) -> str:
    return "required" if node.get("required") else "optional"


def _without_notes(node: Node, *others: str) -> dict[str, Any]:
    """A node without its description, its extensions and these other members."""
    return {
        name: value
        for name, value in node.items()
        if name not in ("description", *others) and not name.startswith("x-")
    }


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True)
