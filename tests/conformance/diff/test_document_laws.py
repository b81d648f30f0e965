"""What holds for any two documents: one does not differ from itself, and what is lost one way is won the other."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from outpaint.conformance.diff.diff_rules import RULES, DiffVerdict
from outpaint.conformance.diff.operation_diff import compare

FAMILIES = {
    "status": (
        *("response.status.removed-success", "response.status.removed-error", "response.status.range-removed"),
        *("response.status.added-success", "response.status.added-error", "response.status.declared-success"),
        "job.answered-later",
    ),
    "type of an answer": ("response.content-type.removed", "response.content-type.added"),
    "range of types": ("response.content-type.narrowed", "response.content-type.widened"),
    "type of a request": ("request.content-type.removed", "request.content-type.added"),
    "answered body": ("response.body.removed", "response.body.added"),
    "header": ("response.header.removed-required", "response.header.removed-optional", "response.header.added"),
    "server": ("server.removed", "server.added"),
    "operation": ("operation.removed", "operation.added"),
    "parameter": (
        *("request.parameter.removed", "request.parameter.added-required", "request.parameter.added-optional"),
    ),
    "asked field": (
        *("request.property.removed", "request.property.added-required", "request.property.added-optional"),
    ),
    "told field": (
        *("response.property.removed-required", "response.property.removed-optional"),
        *("response.property.added", "response.property.added-to-closed"),
    ),
    "asked discriminator": ("request.discriminator.removed", "request.discriminator.added"),
    "told discriminator": ("response.discriminator.removed", "response.discriminator.added"),
    "asked word": ("request.discriminator.word-removed", "request.discriminator.word-added"),
    "told word": ("response.discriminator.word-removed", "response.discriminator.word-added"),
    "webhook": ("webhook.removed", "webhook.added"),
    "key": ("security.alternative-removed", "security.alternative-added"),
    "scope": ("security.scope-removed", "security.scope-added"),
}
"""Rules about what there is: a loss, told by its code, of what the way back wins."""
SYMMETRIC = {
    *("operation.moved", "request.discriminator.renamed", "response.discriminator.renamed"),
    *("request.discriminator.word-moved", "response.discriminator.word-moved", "security.scheme-changed"),
    "request.parameter.serialised-otherwise",
}
"""Rules whose change read backwards is one of the same kind."""

ONE_FIELD = st.fixed_dictionaries(
    {"type": st.sampled_from(["string", "integer"])},
    optional={"readOnly": st.booleans(), "writeOnly": st.booleans()},
)
OBJECTS = st.fixed_dictionaries(
    {"type": st.just("object"), "properties": st.dictionaries(st.sampled_from("ab"), ONE_FIELD)},
    optional={"required": st.lists(st.sampled_from("ab"), unique=True), "additionalProperties": st.just(False)},
)
COMPONENTS = ("Cat", "Dog")


@st.composite
def choices(draw: st.DrawFn) -> dict[str, Any]:
    """One of the components, told apart by a field or not."""
    names = draw(st.lists(st.sampled_from(COMPONENTS), min_size=1, unique=True))
    made: dict[str, Any] = {"oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in names]}
    if draw(st.booleans()):
        words = draw(st.dictionaries(st.sampled_from(["meow", "bark", "Cat"]), st.sampled_from(names)))
        made["discriminator"] = {"propertyName": draw(st.sampled_from(["kind", "sort"])), "mapping": words}
    return made


MEDIA = st.fixed_dictionaries({}, optional={"schema": OBJECTS | choices()})
TYPES = st.sampled_from(
    ["application/json", "Application/JSON;charset=utf-8", "application/json; v=1", "image/png", "image/*"]
)
CONTENT = st.dictionaries(TYPES, MEDIA, max_size=3)
HEADERS = st.dictionaries(st.sampled_from(["X-A", "x-b"]), st.sampled_from([{}, {"required": True}]))
RESPONSES = st.dictionaries(
    st.sampled_from(["200", "201", "202", "2XX", "404", "4XX", "default"]),
    st.fixed_dictionaries({"description": st.just("d")}, optional={"content": CONTENT, "headers": HEADERS}),
    max_size=4,
)
SERVERS = st.lists(st.sampled_from([{"url": "https://a"}, {"url": "https://b"}]), min_size=1, unique_by=str)
PARAMETERS = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from("pq"), "in": st.sampled_from(["query", "header"])},
        optional={"required": st.booleans(), "explode": st.booleans(), "schema": OBJECTS},
    ),
    max_size=2,
    unique_by=lambda one: (one["name"], one["in"]),
)
SECURITY = st.lists(
    st.sampled_from([{"Key": []}, {"OAuth": []}, {"OAuth": ["read"]}]), min_size=1, max_size=2, unique_by=str
)
OPERATIONS = st.fixed_dictionaries(
    {"responses": RESPONSES},
    optional={
        "parameters": PARAMETERS,
        "requestBody": st.builds(lambda content: {"content": content}, CONTENT),
        "servers": SERVERS,
        "security": SECURITY,
    },
)
SCHEMES = {
    "Key": {"type": "apiKey", "in": "header", "name": "X-Key"},
    "OAuth": {"type": "oauth2", "flows": {"implicit": {"authorizationUrl": "https://id", "scopes": {"read": ""}}}},
}
DOCUMENTS = st.builds(
    lambda paths, servers, hooks, schemas: {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "servers": servers,
        "paths": {path: {"post": one} for path, one in paths.items()},
        "webhooks": {name: {"post": {}} for name in hooks},
        "components": {"schemas": dict(zip(COMPONENTS, schemas, strict=True)), "securitySchemes": SCHEMES},
    },
    st.dictionaries(st.sampled_from(["/x", "/y"]), OPERATIONS, min_size=1),
    SERVERS,
    st.sets(st.sampled_from("hk")),
    st.tuples(OBJECTS, OBJECTS),
)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two documents, mostly one and the other with one of its parts."""
    old, other = draw(DOCUMENTS), draw(DOCUMENTS)
    part = draw(st.sampled_from(["all", "operation", "responses", "components"]))
    if part == "all":
        return old, other
    new = copy.deepcopy(old)
    path, other_path = next(iter(old["paths"])), next(iter(other["paths"]))
    if part == "components":
        new["components"] = other["components"]
    elif part == "operation":
        new["paths"][path] = other["paths"][other_path]
    else:
        new["paths"][path]["post"]["responses"] = other["paths"][other_path]["post"]["responses"]
    return old, new


def only(responses: dict[str, Any]) -> dict[str, Any]:
    return {"openapi": "3.1.0", "info": {}, "paths": {"/x": {"post": {"responses": responses}}}}


DONE = {"description": "d"}


@settings(max_examples=40, deadline=None)
@given(DOCUMENTS)
def test_nothing_changes_between_a_document_and_itself(document: dict[str, Any]) -> None:
    assert compare(document, json.loads(json.dumps(document))).changes == ()


@settings(max_examples=100, deadline=None)
@given(pairs())
@example((only({"200": DONE, "default": DONE}), only({"default": DONE})))
@example((only({"200": DONE}), only({"default": DONE})))
@example((only({"2XX": DONE}), only({"200": DONE, "default": DONE})))
def test_what_a_document_loses_one_way_it_wins_the_other(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    old, new = pair
    there, home = ({change.code for change in compare(*way).changes} for way in ((old, new), (new, old)))
    # A success that `default` alone spoke of is compared where it is declared; where it is left to it, it is gone.
    declared = "response.status.declared-success" in there | home
    for name, codes in FAMILIES.items():
        if declared and name != "status" and any(code.startswith("response.") for code in codes):
            continue
        lost = {code for code in codes if "removed" in code or "narrowed" in code}
        won = set(codes) - lost
        assert bool(lost & there) == bool(won & home), name
        assert bool(won & there) == bool(lost & home), name
    assert there & SYMMETRIC == home & SYMMETRIC


@settings(max_examples=40, deadline=None)
@given(DOCUMENTS)
def test_a_success_that_no_client_is_promised_any_more_breaks(document: dict[str, Any]) -> None:
    """Whatever stands beside it: an error, another success, or `default`."""
    new = copy.deepcopy(document)
    removed = []
    for operation in new["paths"].values():
        responses = operation["post"]["responses"]
        for status in {"200", "201", "202"} & set(responses) if "2XX" not in responses else ():
            del responses[status]
            removed.append(status)
    found = compare(document, new)
    assert {change.code for change in found.changes} <= {"response.status.removed-success"}
    assert sorted(change.place for change in found.changes) == sorted(removed)
    assert not removed or found.verdict is DiffVerdict.BREAKING


def test_every_rule_of_the_laws_exists() -> None:
    assert {code for codes in FAMILIES.values() for code in codes} | SYMMETRIC <= set(RULES)
