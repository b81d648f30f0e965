"""What a rule of oasdiff is beside ours, and the small document that its change is made in.

Names and levels are those of github.com/oasdiff/oasdiff: checker/rules.go at 001f320b91e0399dd7f1a6d90f1c9a8f213a240f,
and the rules on bounds that checker/bound_rules.go makes at 0b741087ebf1fccb8f9323b88c9e6bce927c665c.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from outpaint.conformance.diff.diff_rules import DiffVerdict

Document = dict[str, Any]
Schema = dict[str, Any]
B, R, C = DiffVerdict.BREAKING, DiffVerdict.RISKY, DiffVerdict.COMPATIBLE
LEVELS: Final = {"error": B, "warn": R, "info": C}
"""Our verdict that says the same as a level of oasdiff."""
JSON: Final = "application/json"

REASONS: Final = {
    "answers": "What a client does with an answer that was never declared depends on the client: risky.",
    "fewer": "A client that reads it where it is there finds it no more: risky.",
    "more": "A client may meet a status that it does not know: risky.",
    "known": "A client passes over a member that it does not know: compatible.",
    "asked": "A client that sends it no longer gets what it asks for: breaking.",
    "refused": "What a client sends today is refused: breaking, however it is written.",
    "required": "A client that does not send it is refused: breaking.",
    "hidden": "A client that reads it finds nothing, as where it was removed.",
    "defaults": "A client that leaves it out gets something else than before: risky.",
    "discriminators": "Generated code reads by the discriminator, so what it says is judged as a rule.",
    "uncompared": "Which of two such rules takes more is not judged: risky.",
    "one-of": "`oneOf` is taken for `anyOf` where alternatives come, go or change.",
    "removed": "Whoever still calls it meets 404 or 405, whether or not it was deprecated before: breaking.",
    "generated": "Code generated from the document has other names: risky.",
    "tokens": "A client that asks for its token where it did may get none: risky.",
    "schemes": "A key where it is sent today is not found: breaking, at each operation that asks for it.",
    "policy": "A team's policy on its own releases, in extensions and in info.version; no client meets it.",
    "extension": "An extension has no meaning in OpenAPI; it is passed over.",
    "annotations": "JSON Schema asserts nothing by it (2020-12, Validation 8).",
    "negotiated": "Another type in the place of one that is gone leaves a client without it: breaking.",
    "3.2": "OpenAPI 3.2 is refused by name, so its own keywords are not met.",
}
"""Why our verdict is another than a level says, or why there is none."""


@dataclass(frozen=True, slots=True)
class OasdiffRule:
    """A rule of oasdiff: its level, a change that it is about, our codes for that, and why they judge otherwise."""

    id: str
    level: str
    old: Document
    new: Document
    codes: frozenset[str]
    reason: str = ""


def operation(document: Document) -> Document:
    """The one operation of `small_document`."""
    found: Document = document["paths"]["/things/{id}"]["post"]
    return found


def small_document() -> Document:
    """One operation with a parameter of each kind, a body and an answer, and two schemas for alternatives."""
    node = {"type": "object", "properties": {"f": {"type": "string"}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1.0.0"},
        "servers": [{"url": "https://api.example"}],
        "security": [{"Key": []}],
        "paths": {
            "/things/{id}": {
                "post": {
                    "operationId": "act",
                    "tags": ["one"],
                    "parameters": [
                        {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},
                        {"name": "p", "in": "query", "schema": {"type": "string"}},
                        {"name": "o", "in": "query", "style": "deepObject", "schema": copy.deepcopy(node)},
                        {"name": "X-O", "in": "header", "schema": copy.deepcopy(node)},
                    ],
                    "requestBody": {"required": True, "content": {JSON: {"schema": copy.deepcopy(node)}}},
                    "responses": {
                        "200": {
                            "description": "d",
                            "headers": {"X-H": {"schema": {"type": "string"}}},
                            "content": {JSON: {"schema": copy.deepcopy(node)}},
                        },
                        "404": {"description": "d"},
                    },
                }
            }
        },
        "components": {
            "securitySchemes": {"Key": {"type": "apiKey", "in": "header", "name": "X-Key"}},
            "schemas": {
                "A": {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}}},
                "B": {"type": "object", "required": ["kind", "b"], "properties": {"kind": {"type": "string"}, "b": {}}},
            },
        },
    }


def _parameter(document: Document, name: str) -> Document:
    found: Document = next(one for one in operation(document)["parameters"] if one["name"] == name)
    return found


def _body(document: Document) -> Document:
    found: Document = operation(document)["requestBody"]["content"][JSON]
    return found


def _answer(document: Document) -> Document:
    found: Document = operation(document)["responses"]["200"]["content"][JSON]
    return found


def _put(holder: Document, schema: Schema) -> None:
    holder["schema"] = schema


_PLACES: Final[dict[str, Callable[[Document, Schema], None]]] = {
    "request-body": lambda d, s: _put(_body(d), s),
    "request-property": lambda d, s: _body(d)["schema"]["properties"].update(f=s),
    "request-read-only-property": lambda d, s: _body(d)["schema"]["properties"].update(f={**s, "readOnly": True}),
    "request-parameter": lambda d, s: _put(_parameter(d, "p"), s),
    "request-parameter-property": lambda d, s: _parameter(d, "o")["schema"]["properties"].update(f=s),
    "request-header-property": lambda d, s: _parameter(d, "X-O")["schema"]["properties"].update(f=s),
    "request-header": lambda d, s: _put(_parameter(d, "X-O"), s),
    "response-body": lambda d, s: _put(_answer(d), s),
    "response-property": lambda d, s: _answer(d)["schema"]["properties"].update(f=s),
    "response-write-only-property": lambda d, s: _answer(d)["schema"]["properties"].update(f={**s, "writeOnly": True}),
    "response-header": lambda d, s: _put(operation(d)["responses"]["200"]["headers"]["X-H"], s),
}


def with_schema(place: str, schema: Schema) -> Document:
    """`small_document` with a schema in one of its places."""
    made = small_document()
    _PLACES[place](made, copy.deepcopy(schema))
    return made


def level_of(side: str, effect: str) -> str:
    """oasdiff's level where the values of a side become more or fewer."""
    return "error" if (side, effect) in (("request", "narrows"), ("response", "widens")) else "info"
