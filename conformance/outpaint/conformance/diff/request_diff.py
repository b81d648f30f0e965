"""Every change of what an operation is sent: its parameters, its body and the parts of a form."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from outpaint.conformance.diff.canonical_schema import Schemas
from outpaint.conformance.diff.document_comparer import (
    REQUEST,
    DocumentComparer,
    Node,
    by_media_type,
    includes,
    json_text,
    media_type,
    need,
    only_media,
    pairs,
    without_notes,
)

_STYLES: Final = {"query": "form", "cookie": "form", "path": "simple", "header": "simple"}
# These headers mean nothing as parameters (OpenAPI, Parameter Object).
_NOT_PARAMETERS: Final = frozenset({"accept", "content-type", "authorization"})


def compare_parameters(
    comparer: DocumentComparer, old_path: str, old: list[Node], new_path: str, new: list[Node]
) -> None:
    """The changes from the parameters of one operation, as its path has them, to those of the other."""
    before, after = _by_place(comparer.old, old_path, old), _by_place(comparer.new, new_path, new)
    for key, was, is_ in pairs(before, after):
        place = f"{key.partition(' ')[0]} {(is_ or was)['name']}"
        if is_ is None:
            comparer.add("request.parameter.removed", place)
        elif was is None:
            comparer.add(f"request.parameter.added-{need(is_)}", place)
        else:
            _compare_parameter(comparer, place, was, is_)


def compare_request_body(comparer: DocumentComparer, was: Node | None, is_: Node | None) -> None:
    """The changes of one operation's body, in each of its content types."""
    if was is None and is_ is None:
        return
    if was is None or is_ is None:
        added = "" if is_ is None else f"added-{need(comparer.new.at(is_))}"
        comparer.add(f"request.body.{added or 'removed'}", "request")
        return
    old, new = comparer.old.at(was), comparer.new.at(is_)
    if need(old) != need(new):
        comparer.add(f"request.body.became-{need(new)}", "request")
    olds, news = by_media_type(old), by_media_type(new)
    for name, before in olds.items():
        place = f"request {name}"
        taken = [one for one in news if includes(one, name)]
        if not taken:
            comparer.add("request.content-type.removed", place, was=name)
            continue
        after = news[_nearest(taken, name)]
        comparer.compare_schemas(REQUEST, place, before, after)
        _compare_parts(comparer, place, before, after)
    for name, after in news.items():
        place = f"request {name}"
        known = [one for one in olds if includes(one, name)]
        if not known:
            comparer.add("request.content-type.added", place, is_=name)
        elif name not in olds:
            # A part of what was taken, with a description of its own.
            comparer.compare_schemas(REQUEST, place, olds[_nearest(known, name)], after)


def _nearest(declared: Iterable[str], name: str) -> str:
    """Of types and ranges that include a type, the one that says how it is read: itself, it alone, a range."""
    return max(declared, key=lambda one: (one == name, "*" not in one, len(one)))


def _compare_parameter(comparer: DocumentComparer, place: str, old: Node, new: Node) -> None:
    if old["in"] == "path" and old["name"] != new["name"]:
        comparer.add("request.parameter.renamed", place, was=old["name"], is_=new["name"])
    if need(old) != need(new):
        comparer.add(f"request.parameter.became-{need(new)}", place)
    lists = _may_hold_several(comparer.old, old) or _may_hold_several(comparer.new, new)
    before, after = _written(old, explodes=lists), _written(new, explodes=lists)
    if before != after:
        comparer.add("request.parameter.serialised-otherwise", place, was=before, is_=after)
    elif bool(old.get("deprecated")) != bool(new.get("deprecated")):
        comparer.add(f"request.deprecation.{'added' if new.get('deprecated') else 'removed'}", place)
    reserved = bool(new.get("allowReserved"))
    if old["in"] == "query" and bool(old.get("allowReserved")) != reserved:
        comparer.add(f"request.parameter.reserved-{'allowed' if reserved else 'refused'}", place)
    comparer.compare_schemas(REQUEST, place, only_media(old), only_media(new))


def _by_place(schemas: Schemas, path: str, parameters: Iterable[Node]) -> dict[str, Node]:
    """By place and name; a path's by position, for its name is not in a request; a header's in lower case."""
    positions = {name: str(number) for number, name in enumerate(re.findall(r"{([^}]*)}", path))}
    found: dict[str, Node] = {}
    for one in parameters:
        parameter = schemas.at(one)
        where, name = parameter["in"], parameter["name"]
        if where == "header" and name.lower() in _NOT_PARAMETERS:
            continue
        name = positions.get(name, name) if where == "path" else name.lower() if where == "header" else name
        found[f"{where} {name}"] = parameter
    return found


def _may_hold_several(schemas: Schemas, parameter: Node) -> bool:
    """Whether it may be a list or an object: of no other does `explode` say anything (OpenAPI, Parameter Object)."""
    shape = schemas.shape(parameter.get("schema", True))
    return bool(shape.types & {"array", "object"})


def _written(parameter: Node, *, explodes: bool) -> str:
    """How a parameter's value is written into the request."""
    if "content" in parameter:
        return ", ".join(sorted(map(media_type, parameter["content"])))
    style = parameter.get("style", _STYLES.get(parameter["in"], "form"))
    explode = parameter.get("explode", style == "form")
    return f"{style}, exploded" if explode and explodes else style


def _compare_parts(comparer: DocumentComparer, place: str, before: Node, after: Node) -> None:
    """How a form's parts are written, and what types their files may have."""
    old_schemas, new_schemas = comparer.schemas(REQUEST)
    fields = set(old_schemas.shape(before.get("schema", True)).properties)
    fields &= set(new_schemas.shape(after.get("schema", True)).properties)
    for name, was, is_ in pairs(before.get("encoding", {}), after.get("encoding", {})):
        if name not in fields:
            continue
        was, is_ = was or {}, is_ or {}
        old = _types(was) or _default_types(old_schemas, before, name)
        new = _types(is_) or _default_types(new_schemas, after, name)
        shown = {"field": name, "was": ", ".join(old), "is_": ", ".join(new)}
        if old and new:
            if not all(_is_covered(one, new) for one in old):
                comparer.add("request.part.types-removed", place, **shown)
            if not all(_is_covered(one, old) for one in new):
                comparer.add("request.part.types-added", place, **shown)
        elif old or new:
            comparer.add(f"request.part.types-{'declared' if new else 'undeclared'}", place, **shown)
        rests = [json_text(rest) if (rest := _encoding(one)) else "" for one in (was, is_)]
        if rests[0] != rests[1]:
            comparer.add("request.part.encoding-changed", place, field=name, was=rests[0], is_=rests[1])


def _encoding(encoding: Node) -> dict[str, object]:
    """How a part is written beside its type, with its headers in lower case."""
    rest = without_notes(encoding, "contentType", "headers")
    headers = {name.lower(): header for name, header in encoding.get("headers", {}).items()}
    headers.pop("content-type", None)  # It is described by `contentType` alone (OpenAPI, Encoding Object).
    return {**rest, "headers": headers} if headers else rest


def _types(encoding: Node) -> list[str]:
    return [media_type(one) for one in encoding.get("contentType", "").split(",") if one.strip()]


def _default_types(schemas: Schemas, media: Node, name: str) -> list[str]:
    """A part's type where none is declared: text, unless it is a file or nested (OpenAPI 3.1, Encoding Object)."""
    field = schemas.shape(schemas.shape(media.get("schema", True)).properties[name])
    return [] if "binary" in field.formats or field.types & {"object", "array"} else ["text/plain"]


def _is_covered(one: str, declared: Iterable[str]) -> bool:
    return any(includes(other, one) for other in declared)
