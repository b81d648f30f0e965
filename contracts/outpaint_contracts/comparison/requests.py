"""What a client sends: parameters, bodies, and the parts of an upload."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from outpaint_contracts.comparison.canonical import Schemas
from outpaint_contracts.comparison.finding import Finder, Node, pairs

_STYLES: Final = {"query": "form", "cookie": "form", "path": "simple", "header": "simple"}
_SIDE: Final = "request"
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
    finder.add_differences(_SIDE, place, finder.differences(_schema(before), _schema(after)))


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
                _SIDE, place, finder.differences(before.get("schema", True), after.get("schema", True))
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
