"""Two operations compared: parameters, bodies, responses, security."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from outpaint.conformance.diff.canonical_schema import Raw, Schemas
from outpaint.conformance.diff.diff_rules import ORDER, Change, Comparison, rule
from outpaint.conformance.diff.schema_diff import SchemaComparison, SchemaDifference

Node = Mapping[str, Any]
"""A JSON object of a document."""


class Finder:
    """Two documents side by side, and the changes between them as they are found."""

    def __init__(self, old: Node, new: Node) -> None:
        self.old: Final = Schemas(old)
        self.new: Final = Schemas(new)
        self.operation = ""
        self.changes: Final[list[Change]] = []
        self._schemas: Final = SchemaComparison(self.old, self.new)

    def add(self, code: str, place: str = "", *, field: str = "", was: str = "", is_: str = "") -> None:
        """A change in the operation at hand, judged by its rule."""
        judged = rule(code)
        self.changes.append(
            Change.model_validate(
                {
                    "code": judged.code,
                    "verdict": judged.verdict,
                    "operation": self.operation,
                    "place": place,
                    "field": field,
                    "was": was,
                    "is": is_,
                    "why": judged.why,
                }
            )
        )

    def differences(self, old: Raw, new: Raw) -> list[SchemaDifference]:
        """What differs between two schemas."""
        return self._schemas.differences(old, new)

    def add_differences(self, side: str, place: str, differences: Iterable[SchemaDifference]) -> None:
        """A change for each difference, judged from its side: `request` or `response`."""
        for one in differences:
            self.add(f"{side}.{one.kind}", place, field=one.field, was=one.was, is_=one.is_)


def pairs(old: Node, new: Node) -> list[tuple[str, Any, Any]]:
    """Every name in either, with what each has under it or None; the old one's order first."""
    return [(name, old.get(name), new.get(name)) for name in dict.fromkeys([*old, *new])]


_RESPONSE_SIDE: Final = "response"
_STATUS: Final = "status"
"""The member of a body whose words tell a poller whether to go on."""
# What a client of a job reads from an answer's head, and the rule for its loss.
_JOB_HEADERS: Final = {"location": "job.location.removed", "retry-after": "job.retry-after.removed"}
_LATER: Final = "202"


def compare_responses(finder: Finder, old: Node, new: Node) -> None:
    """Every status of one operation."""
    for status, was, is_ in pairs(old, new):
        if status.startswith("x-"):
            continue
        success = status.startswith(("1", "2", "3"))
        # A status without a place of its own falls under its range, or under the default.
        before = was or _fallback(old, status)
        after = is_ or _fallback(new, status)
        if after is None:
            finder.add(f"response.status.removed-{'success' if success else 'error'}", status, was=status)
        elif before is None:
            kind = "success" if success else "error"
            later = status == _LATER and any(one in old for one in ("200", "201"))
            finder.add("job.answered-later" if later else f"response.status.added-{kind}", status, is_=status)
        elif before is not after:
            _compare_response(finder, status, finder.old.at(before), finder.new.at(after))


def _fallback(responses: Node, status: str) -> Node | None:
    found: Node | None = responses.get(f"{status[:1]}XX", responses.get("default"))
    return found


def _compare_response(finder: Finder, status: str, old: Node, new: Node) -> None:
    _compare_headers(finder, status, old.get("headers", {}), new.get("headers", {}))
    before, after = old.get("content", {}), new.get("content", {})
    if before and not after:
        finder.add("response.body.removed", status)
    elif after and not before:
        finder.add("response.body.added", status)
    else:
        for media_type, was, is_ in pairs(before, after):
            place = f"{status} {media_type}"
            if is_ is None:
                finder.add("response.content-type.removed", place, was=media_type)
            elif was is None:
                finder.add("response.content-type.added", place, is_=media_type)
            else:
                _compare_body(finder, place, was.get("schema", True), is_.get("schema", True))
    for name, was, is_ in pairs(old.get("links", {}), new.get("links", {})):
        _compare_link(finder, status, name, was, is_)


def _compare_headers(finder: Finder, status: str, old: Node, new: Node) -> None:
    before = {name.lower(): (name, header) for name, header in old.items()}
    after = {name.lower(): (name, header) for name, header in new.items()}
    for key, was, is_ in pairs(before, after):
        if key == "content-type":
            continue
        place = f"{status} header {(is_ or was)[0]}"
        if is_ is None:
            required = finder.old.at(was[1]).get("required")
            general = f"response.header.removed-{'required' if required else 'optional'}"
            finder.add(_JOB_HEADERS.get(key, general), place)
        elif was is None:
            finder.add("response.header.added", place)
        else:
            header, now = finder.old.at(was[1]), finder.new.at(is_[1])
            if bool(header.get("required")) != bool(now.get("required")):
                finder.add(f"response.header.became-{'required' if now.get('required') else 'optional'}", place)
            found = finder.differences(header.get("schema", True), now.get("schema", True))
            finder.add_differences(_RESPONSE_SIDE, place, found)


def _compare_body(finder: Finder, place: str, old: Raw, new: Raw) -> None:
    """A body, whose status words are judged together, wherever among its alternatives they stand."""
    found: Iterable[SchemaDifference] = finder.differences(old, new)
    was, is_ = _words(finder.old, old), _words(finder.new, new)
    if was != is_ and (was or is_):
        found = [one for one in found if one.field != _STATUS or not one.kind.startswith("enum.")]
        if is_ is None:
            finder.add("job.status-words.opened", place, field=_STATUS, was=", ".join(sorted(was or ())))
        elif was is None:
            finder.add("job.status-words.closed", place, field=_STATUS, is_=", ".join(sorted(is_)))
        else:
            for word in sorted(is_ - was):
                finder.add("job.status-word.added", place, field=_STATUS, is_=word)
            for word in sorted(was - is_):
                finder.add("job.status-word.removed", place, field=_STATUS, was=word)
    finder.add_differences(_RESPONSE_SIDE, place, found)


def _words(schemas: Schemas, raw: Raw) -> frozenset[str] | None:
    """The words that `status` may have in a body; None where it may be anything, or is not there at all."""
    shape = schemas.shape(raw)
    if _STATUS in shape.properties:
        return schemas.shape(shape.properties[_STATUS]).values
    words: frozenset[str] = frozenset()
    for choice in shape.choices:
        for one in choice.alternatives if choice.kind in ("alternatives", "exclusive") else ():
            some = _words(schemas, one)
            if some is None:
                return None
            words |= some
    return words or None


def _compare_link(finder: Finder, status: str, name: str, was: Node | None, is_: Node | None) -> None:
    place = f"{status} link {name}"
    # The link that leads from an accepted job to its result is no convenience.
    family = "job.poll-link" if status == _LATER else "response.link"
    if is_ is None:
        finder.add(f"{family}.removed", place)
    elif was is None:
        finder.add("response.link.added", place)
    else:
        before, after = _leads(finder.old.at(was)), _leads(finder.new.at(is_))
        if before != after:
            finder.add(f"{family}.changed", place, was=before, is_=after)


def _leads(link: Node) -> str:
    told: dict[str, Any] = {name: value for name, value in link.items() if name not in ("description", "server")}
    return json.dumps(told, sort_keys=True)


_STYLES: Final = {"query": "form", "cookie": "form", "path": "simple", "header": "simple"}
_REQUEST_SIDE: Final = "request"
# OpenAPI has these say nothing as parameters.
_NOT_PARAMETERS: Final = frozenset({"accept", "content-type", "authorization"})


def compare_parameters(finder: Finder, was: Node, is_: Node) -> None:
    """Path, query, header and cookie parameters of one operation."""
    old, new = _parameters(finder.old, was), _parameters(finder.new, is_)
    for key, before, after in pairs(old, new):
        place = " ".join(key.split(" ")[:1]) + f" {(after or before)['name']}"
        if after is None:
            finder.add("request.parameter.removed", place)
        elif before is None:
            finder.add(f"request.parameter.added-{'required' if after.get('required') else 'optional'}", place)
        else:
            _compare_parameter(finder, place, before, after)


def _compare_parameter(finder: Finder, place: str, before: Node, after: Node) -> None:
    if before["in"] == "path" and before["name"] != after["name"]:
        finder.add("request.parameter.renamed", place, was=before["name"], is_=after["name"])
    if bool(before.get("required")) != bool(after.get("required")):
        finder.add(f"request.parameter.became-{'required' if after.get('required') else 'optional'}", place)
    written = (_written(before), _written(after))
    if written[0] != written[1]:
        finder.add("request.parameter.serialised-otherwise", place, was=written[0], is_=written[1])
    elif bool(before.get("deprecated")) != bool(after.get("deprecated")):
        finder.add(f"request.deprecation.{'added' if after.get('deprecated') else 'removed'}", place)
    finder.add_differences(_REQUEST_SIDE, place, finder.differences(_schema(before), _schema(after)))


def _parameters(schemas: Schemas, operation: Node) -> dict[str, Node]:
    """By place and name; a path's by their position, for its name is not on the wire; a header's in any case."""
    positions = {name: str(number) for number, name in enumerate(re.findall(r"{([^}]*)}", operation["path"]))}
    found: dict[str, Node] = {}
    for one in operation["parameters"]:
        parameter = schemas.at(one)
        where, name = parameter["in"], parameter["name"]
        if where == "header" and name.lower() in _NOT_PARAMETERS:
            continue
        name = positions.get(name, name) if where == "path" else name.lower() if where == "header" else name
        found[f"{where} {name}"] = parameter
    return found


def _written(parameter: Node) -> str:
    """How a value is written into the request."""
    if "content" in parameter:
        return ", ".join(sorted(parameter["content"]))
    style = parameter.get("style", _STYLES.get(parameter["in"], "form"))
    explode = parameter.get("explode", style == "form")
    return f"{style}{', exploded' if explode else ''}{', reserved allowed' if parameter.get('allowReserved') else ''}"


def _schema(parameter: Node) -> Any:
    media = next(iter(parameter.get("content", {}).values()), parameter)
    return media.get("schema", True)


def compare_body(finder: Finder, was: Node | None, is_: Node | None) -> None:
    """The body of one operation, in each of its content types."""
    if was is None or is_ is None:
        if is_ is not None:
            required = finder.new.at(is_).get("required")
            finder.add(f"request.body.added-{'required' if required else 'optional'}", "request")
        elif was is not None:
            finder.add("request.body.removed", "request")
        return
    old, new = finder.old.at(was), finder.new.at(is_)
    if bool(old.get("required")) != bool(new.get("required")):
        finder.add(f"request.body.became-{'required' if new.get('required') else 'optional'}", "request")
    for media_type, before, after in pairs(_by_type(old), _by_type(new)):
        place = f"request {media_type}"
        if after is None:
            if _covering(media_type, _by_type(new)) is None:
                finder.add("request.content-type.removed", place, was=media_type)
        elif before is None:
            finder.add("request.content-type.added", place, is_=media_type)
        else:
            finder.add_differences(
                _REQUEST_SIDE, place, finder.differences(before.get("schema", True), after.get("schema", True))
            )
            _compare_parts(finder, place, before, after)


def _by_type(body: Node) -> dict[str, Node]:
    """The content by its media type, whose case and blanks do not count."""
    return {re.sub(r"\s", "", name).lower(): media for name, media in body.get("content", {}).items()}


def _compare_parts(finder: Finder, place: str, before: Node, after: Node) -> None:
    """How a form's parts are written, and what types their files may have."""
    fields = set(finder.old.shape(before.get("schema", True)).properties)
    fields &= set(finder.new.shape(after.get("schema", True)).properties)
    for name, was, is_ in pairs(before.get("encoding", {}), after.get("encoding", {})):
        if name not in fields:
            continue
        was, is_ = was or {}, is_ or {}
        old = _types(was) or _untold(finder.old, before, name)
        new = _types(is_) or _untold(finder.new, after, name)
        shown = {"field": name, "was": ", ".join(old), "is_": ", ".join(new)}
        if old and new:
            if any(_covering(one, new) is None for one in old):
                finder.add("request.part.types-removed", place, **shown)
            if any(_covering(one, old) is None for one in new):
                finder.add("request.part.types-added", place, **shown)
        elif old or new:
            finder.add(f"request.part.types-{'declared' if new else 'undeclared'}", place, **shown)
        if _rest(was) != _rest(is_):
            finder.add("request.part.encoding-changed", place, field=name, was=_rest(was), is_=_rest(is_))


def _types(encoding: Node) -> list[str]:
    return [one.strip().lower() for one in encoding.get("contentType", "").split(",") if one.strip()]


def _untold(schemas: Schemas, media: Node, name: str) -> list[str]:
    """A part's type where nothing tells it: text, unless it is a file or nested (OpenAPI 3.1, Encoding Object)."""
    field = schemas.shape(schemas.shape(media.get("schema", True)).properties[name])
    return [] if "binary" in field.formats or field.types & {"object", "array"} else ["text/plain"]


def _rest(encoding: Node) -> str:
    rest = {name: value for name, value in encoding.items() if name != "contentType" and not name.startswith("x-")}
    return json.dumps(rest, sort_keys=True) if rest else ""


def _covering(media_type: str, declared: Any) -> str | None:
    """The declared type or range that a media type falls under."""
    whole = media_type.split(";", 1)[0]
    kind = whole.split("/", 1)[0]
    return next((one for one in declared if one in (media_type, whole, f"{kind}/*", "*/*")), None)


Requirement = Mapping[str, frozenset[str]]
"""One way to be let in: every scheme that it takes, with its scopes."""


def compare_security(finder: Finder, was: Node, is_: Node) -> None:
    """The ways to be let into one operation; any one of them is enough."""
    old, new = _ways(finder.old, was), _ways(finder.new, is_)
    if not old or not new:
        if old != new:
            finder.add("security.key-required" if new else "security.key-dropped")
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
                    finder.add("security.scope-added", is_=scope)
                for scope in sorted(scopes - same[scheme]):
                    finder.add("security.scope-removed", was=scope)
    if len(left_old) == len(left_new) == 1:
        finder.add("security.scheme-changed", was=_told(left_old[0]), is_=_told(left_new[0]))
        return
    for way in left_old:
        finder.add("security.alternative-removed", was=_told(way))
    for way in left_new:
        finder.add("security.alternative-added", is_=_told(way))


def _ways(schemas: Any, operation: Node) -> list[Requirement]:
    """The requirements by what their schemes are, whose names are not on the wire; none where nobody is asked."""
    schemes = operation["schemes"]
    ways: list[Requirement] = [
        {_scheme(schemas.at(schemes.get(name, {"name": name}))): frozenset(scopes) for name, scopes in one.items()}
        for one in operation["security"]
    ]
    return [] if {} in ways else ways


def _scheme(scheme: Node) -> str:
    told = {name: value for name, value in scheme.items() if name != "description" and not name.startswith("x-")}
    return json.dumps(told, sort_keys=True)


def _told(way: Requirement) -> str:
    return " and ".join(
        " ".join(str(value) for name, value in json.loads(scheme).items() if isinstance(value, str)) for scheme in way
    )


_VERBS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> Comparison:
    """Every change from one OpenAPI document to another (3.0 or 3.1 each), the worst first.

    Raises `UnresolvableReferenceError` for a `$ref` that leads nowhere, or out of the document.
    """
    finder = Finder(old, new)
    _compare_servers(finder, old, new)
    if _plain(old.get("webhooks")) != _plain(new.get("webhooks")):
        finder.add("webhooks.changed")
    before, after = _operations(finder.old, old), _operations(finder.new, new)
    for _, was, is_ in pairs(before, after):
        shown = is_ or was
        finder.operation = shown["name"]
        if is_ is None:
            finder.add("operation.removed", was=shown["name"])
        elif was is None:
            finder.add("operation.added", is_=shown["name"])
        else:
            _compare_operation(finder, was, is_)
    ranks = {verdict: rank for rank, verdict in enumerate(ORDER)}
    return Comparison(changes=tuple(sorted(finder.changes, key=lambda change: ranks[change.verdict])))


def _compare_operation(finder: Finder, was: Node, is_: Node) -> None:
    old, new = was["operation"], is_["operation"]
    ids = (old.get("operationId", ""), new.get("operationId", ""))
    if ids[0] != ids[1] and ids[0]:
        finder.add("operation.id-changed", was=ids[0], is_=ids[1])
    if bool(old.get("deprecated")) != bool(new.get("deprecated")):
        finder.add("operation.deprecated" if new.get("deprecated") else "operation.undeprecated")
    if _plain(old.get("callbacks")) != _plain(new.get("callbacks")):
        finder.add("operation.callbacks-changed")
    compare_security(finder, was, is_)
    compare_parameters(finder, was, is_)
    compare_body(finder, old.get("requestBody"), new.get("requestBody"))
    compare_responses(finder, old.get("responses", {}), new.get("responses", {}))


def _compare_servers(finder: Finder, old: Node, new: Node) -> None:
    # A document without servers is served at its own root (OpenAPI, Server Object).
    urls = [[str(one.get("url")) for one in document.get("servers") or [{"url": "/"}]] for document in (old, new)]
    for url in urls[0]:
        if url not in urls[1]:
            finder.add("server.removed", was=url)
    for url in urls[1]:
        if url not in urls[0]:
            finder.add("server.added", is_=url)


def _operations(schemas: Any, document: Node) -> dict[str, dict[str, Any]]:
    """Every operation by its verb and its path, in which the parameters' names do not count."""
    found: dict[str, dict[str, Any]] = {}
    for path, item in document.get("paths", {}).items():
        item = schemas.at(item)
        for verb in _VERBS:
            if verb not in item:
                continue
            found[f"{verb} {re.sub(r'{[^}]*}', '{}', path)}"] = {
                "name": f"{verb.upper()} {path}",
                "path": path,
                "operation": item[verb],
                "parameters": [*item.get("parameters", ()), *item[verb].get("parameters", ())],
                "security": item[verb].get("security", document.get("security", [])),
                "schemes": document.get("components", {}).get("securitySchemes", {}),
            }
    return found


def _plain(value: object) -> str:
    return json.dumps(value, sort_keys=True)
