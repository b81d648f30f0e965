"""Every change from one OpenAPI document to another: servers, webhooks, operations, and what each takes and answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from outpaint.conformance.diff.canonical_schema import Schemas
from outpaint.conformance.diff.diff_rules import Comparison, DiffVerdict
from outpaint.conformance.diff.document_comparer import DocumentComparer, Node, json_text, pairs
from outpaint.conformance.diff.request_diff import compare_parameters, compare_request_body
from outpaint.conformance.diff.response_diff import compare_responses
from outpaint.conformance.diff.security_diff import compare_security

_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_AT_ITS_ROOT: Final[list[Node]] = [{"url": "/"}]
"""A document without servers is served at its own root (OpenAPI, Server Object)."""


@dataclass(frozen=True, slots=True)
class _Operation:
    """An operation with what its path and its document add to it."""

    name: str
    path: str
    node: Node
    parameters: list[Node]
    security: list[Node]
    schemes: Node
    servers: list[Node]
    at_own_servers: bool


def compare(old: Node, new: Node) -> Comparison:
    """Every change from one OpenAPI document to another (3.0 or 3.1 each), the worst first.

    Raises `UnresolvableReferenceError` for a `$ref` that leads nowhere, or out of the document.
    """
    comparer = DocumentComparer(old, new)
    _compare_servers(comparer, *(document.get("servers") or _AT_ITS_ROOT for document in (old, new)))
    _compare_webhooks(comparer, old.get("webhooks", {}), new.get("webhooks", {}))
    for _, was, is_ in pairs(_operations(comparer.old, old), _operations(comparer.new, new)):
        comparer.operation = (is_ or was).name
        if is_ is None:
            comparer.add("operation.removed", was=was.name)
        elif was is None:
            comparer.add("operation.added", is_=is_.name)
        else:
            _compare_operation(comparer, was, is_)
    worst_first = list(DiffVerdict)
    return Comparison(changes=tuple(sorted(comparer.changes, key=lambda change: worst_first.index(change.verdict))))


def _compare_servers(comparer: DocumentComparer, old: Sequence[Node], new: Sequence[Node]) -> None:
    before, after = _urls(old), _urls(new)
    for url in before:
        if url not in after:
            comparer.add("server.removed", was=url)
    for url in after:
        if url not in before:
            comparer.add("server.added", is_=url)


def _urls(servers: Sequence[Node]) -> list[str]:
    """Where the document is served, without the base path that `_operations` counts to the paths."""
    base = _base_path(servers)
    urls = [_with_defaults(one).rstrip("/") for one in servers]
    return [(url.removesuffix(base) if base else url) or "/" for url in urls]


def _base_path(servers: Sequence[Node]) -> str:
    """The path of the first server, which is in front of each path; empty for a root."""
    path = urlsplit(_with_defaults(servers[0])).path.strip("/")
    return f"/{path}" if path else ""


def _with_defaults(server: Node) -> str:
    """A server's URL with its variables' default values."""
    url = str(server.get("url", "/"))
    for name, variable in server.get("variables", {}).items():
        url = url.replace(f"{{{name}}}", str(variable.get("default", "")))
    return url


def _compare_webhooks(comparer: DocumentComparer, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    for name, was, is_ in pairs(old, new):
        if is_ is None:
            comparer.add("webhook.removed", was=name)
        elif was is None:
            comparer.add("webhook.added", is_=name)
        elif json_text(was) != json_text(is_):
            comparer.add("webhook.changed", was=name, is_=name)


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
            own = node.get("servers") or item.get("servers")
            servers = own or document.get("servers") or _AT_ITS_ROOT
            whole = _base_path(servers) + path
            found[f"{method} {re.sub(r'{[^}]*}', '{}', whole)}"] = _Operation(
                name=f"{method.upper()} {whole}",
                path=path,
                node=node,
                parameters=[*item.get("parameters", ()), *node.get("parameters", ())],
                security=node.get("security", document.get("security", [])),
                schemes=schemes,
                servers=servers,
                at_own_servers=bool(own),
            )
    return found


def _compare_operation(comparer: DocumentComparer, was: _Operation, is_: _Operation) -> None:
    old, new = was.node, is_.node
    ids = (old.get("operationId", ""), new.get("operationId", ""))
    if ids[0] != ids[1] and ids[0]:
        comparer.add("operation.id-changed", was=ids[0], is_=ids[1])
    if bool(old.get("deprecated")) != bool(new.get("deprecated")):
        comparer.add("operation.deprecated" if new.get("deprecated") else "operation.undeprecated")
    if json_text(old.get("callbacks")) != json_text(new.get("callbacks")):
        comparer.add("operation.callbacks-changed")
    if was.at_own_servers or is_.at_own_servers:
        _compare_own_servers(comparer, was.servers, is_.servers)
    compare_security(comparer, was.security, was.schemes, is_.security, is_.schemes)
    compare_parameters(comparer, was.path, was.parameters, is_.path, is_.parameters)
    compare_request_body(comparer, old.get("requestBody"), new.get("requestBody"))
    compare_responses(comparer, old.get("responses", {}), new.get("responses", {}))


def _compare_own_servers(comparer: DocumentComparer, old: Sequence[Node], new: Sequence[Node]) -> None:
    """The servers of one operation that has others than its document, now or before."""
    before, after = _urls(old), _urls(new)
    if set(before).isdisjoint(after):
        comparer.add("operation.moved", was=", ".join(before), is_=", ".join(after))
    else:
        _compare_servers(comparer, old, new)
