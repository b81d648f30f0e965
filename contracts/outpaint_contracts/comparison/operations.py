"""Two documents, operation by operation."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from outpaint_contracts.comparison.answers import compare_responses
from outpaint_contracts.comparison.changes import ORDER, Comparison
from outpaint_contracts.comparison.finding import Finder, Node, pairs
from outpaint_contracts.comparison.requests import compare_body, compare_parameters
from outpaint_contracts.comparison.security import compare_security

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
