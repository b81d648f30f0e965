"""OpenAPI 3.0.3: valid, without a word of 3.1, and meaning the same."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.validators import extend
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import OpenAPIV30SpecValidator

from outpaint.conformance.diff.operation_diff import compare
from outpaint.conformance.export.openapi_3_0 import NotExpressibleError, downgraded
from outpaint.contracts import openapi

DOCUMENT = openapi.document()
DOWNGRADED = downgraded(DOCUMENT)
ONLY_IN_3_1 = {
    *("const", "examples", "$defs", "$id", "$schema", "$anchor", "$comment", "contentMediaType", "contentEncoding"),
    *("if", "then", "else", "prefixItems", "contains", "minContains", "maxContains", "dependentRequired"),
    *("dependentSchemas", "patternProperties", "propertyNames", "unevaluatedProperties", "unevaluatedItems"),
}


def schemas_in(value: Any, name: str = "") -> Iterator[dict[str, Any]]:
    """Every schema of a document, at whatever depth."""
    if isinstance(value, list):
        for one in value:
            yield from schemas_in(one, name)
    if not isinstance(value, dict) or name in ("example", "examples", "value", "default", "enum"):
        return
    if name == "schema":
        yield from schemas_below(value)
        return
    for key, one in value.items():
        if name == "components" and key == "schemas":
            for schema in one.values():
                yield from schemas_below(schema)
        else:
            yield from schemas_in(one, key)


def schemas_below(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for one in schema.get("properties", {}).values():
        yield from schemas_below(one)
    for word in ("allOf", "anyOf", "oneOf"):
        for one in schema.get(word, ()):
            yield from schemas_below(one)
    for word in ("items", "not", "additionalProperties"):
        if isinstance(schema.get(word), dict):
            yield from schemas_below(schema[word])


def test_it_is_valid_and_the_document_it_was_made_from_is_untouched() -> None:
    assert DOWNGRADED["openapi"] == "3.0.3"
    assert list(OpenAPIV30SpecValidator(DOWNGRADED).iter_errors()) == []
    assert openapi.document() == DOCUMENT


def test_no_word_of_3_1_is_left() -> None:
    found = list(schemas_in(DOWNGRADED))
    assert len(found) > 100
    for schema in found:
        assert not ONLY_IN_3_1 & set(schema), schema
        assert isinstance(schema.get("type", "string"), str), schema
        assert schema.get("type") != "null"
        assert "$ref" not in schema or set(schema) == {"$ref"}, schema
        for limit in ("exclusiveMinimum", "exclusiveMaximum"):
            assert isinstance(schema.get(limit, True), bool)
        assert schema.get("type") != "array" or "items" in schema
    assert "summary" not in DOWNGRADED["info"]
    assert DOWNGRADED["info"]["license"] == {"name": "MIT", "url": "https://spdx.org/licenses/MIT.html"}
    assert not {"webhooks", "jsonSchemaDialect"} & set(DOWNGRADED)


def test_it_says_the_same_to_a_client() -> None:
    assert compare(DOCUMENT, DOWNGRADED).changes == ()
    assert compare(DOWNGRADED, DOCUMENT).changes == ()


def test_what_is_not_a_schema_is_kept() -> None:
    for path, verbs in DOCUMENT["paths"].items():
        for verb, operation in verbs.items():
            told = DOWNGRADED["paths"][path][verb]
            assert told["operationId"] == operation["operationId"]
            for status, response in operation["responses"].items():
                assert told["responses"][status].get("links") == response.get("links")
                for media_type, media in response["content"].items():
                    assert told["responses"][status]["content"][media_type].get("examples") == media.get("examples")
    assert DOWNGRADED["components"]["examples"] == DOCUMENT["components"]["examples"]


@pytest.mark.parametrize("name", sorted(DOCUMENT["components"]["schemas"]))
def test_its_own_examples_fit_as_they_did(name: str) -> None:
    """Every example of ours, broken in every way of one step, is judged alike by both documents."""
    old = Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]})
    new = OAS30Validator({"$ref": f"#/components/schemas/{name}", "components": DOWNGRADED["components"]})
    verdicts = set()
    for value in variants():
        assert old.is_valid(value) == new.is_valid(value), value
        verdicts.add(old.is_valid(value))
    assert False in verdicts


def variants() -> Iterator[Any]:
    # One example of each shape: errors all have one.
    texts = {str(sorted(example["value"])): json.dumps(example["value"]) for example in examples_in(DOCUMENT)}
    for text in texts.values():
        value = json.loads(text)
        yield value
        if isinstance(value, dict):
            for key in value:
                for other in (None, "", -1, 10**12, []):
                    yield {**value, key: other}
                yield {name: one for name, one in value.items() if name != key}
            yield {**value, "surprise": 1}
    yield from (None, "error", "JPG", 0, 1.5, [], {}, True)


def examples_in(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        for key, one in value.items():
            if key == "examples" and isinstance(one, dict):
                yield from (example for example in one.values() if "value" in example)
            else:
                yield from examples_in(one)


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(-2, 2), st.sampled_from(["", "a", "bb"]))
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
)
TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
BOUNDS = st.integers(-2, 2)


def schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.one_of(TYPES, st.lists(TYPES, min_size=1, max_size=3, unique=True)),
            "const": SCALARS,
            "minimum": BOUNDS,
            "exclusiveMinimum": BOUNDS,
            "exclusiveMaximum": BOUNDS,
            "maxLength": st.integers(0, 2),
            "properties": st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
            "required": st.lists(st.sampled_from("ab"), min_size=1, unique=True),
            "items": inner,
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
            "dependentRequired": st.just({"a": ["b"]}),
            "description": st.just("beside whatever else there is"),
        },
    )


ANY_SCHEMA = st.recursive(st.booleans() | schemas(st.just(True)), schemas, max_leaves=4)
# The drafts behind 3.0 tell 0.0 from 0, which JSON does not: the judge takes both, as 2020-12 does.
JUDGE_OF_3_0 = extend(
    OAS30Validator,
    type_checker=OAS30Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: Draft202012Validator.TYPE_CHECKER.is_type(value, "integer")
    ),
)


@settings(max_examples=100, deadline=None)
@given(ANY_SCHEMA, st.lists(VALUES, min_size=1, max_size=8))
@example({"dependentRequired": {"a": ["b"]}, "type": ["integer"]}, [0.0])
@example({"type": "integer"}, [0.5, 1.0, True])
def test_any_schema_takes_and_refuses_the_same_values(schema: Any, values: list[Any]) -> None:
    document = {"openapi": "3.1.0", "info": {}, "paths": {}, "components": {"schemas": {"S": schema}}}
    new = downgraded(document)["components"]["schemas"]["S"]
    before, after = Draft202012Validator(schema), JUDGE_OF_3_0(new)
    for value in values:
        assert before.is_valid(value) == after.is_valid(value), (new, value)


@pytest.mark.parametrize("word", ["prefixItems", "contains", "patternProperties", "unevaluatedProperties"])
def test_what_cannot_be_said_is_refused_not_dropped(word: str) -> None:
    document = copy.deepcopy(DOCUMENT)
    document["components"]["schemas"]["Balance"][word] = {}
    with pytest.raises(NotExpressibleError, match=word):
        downgraded(document)


def test_webhooks_are_refused() -> None:
    with pytest.raises(NotExpressibleError, match="webhooks"):
        downgraded({**DOCUMENT, "webhooks": {"done": {}}})


def test_definitions_and_shared_paths_find_a_place() -> None:
    document = {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "paths": {"/a": {"$ref": "#/components/pathItems/A"}},
        "components": {
            "pathItems": {"A": {"get": {"responses": {"200": {"description": "d"}}}}},
            "schemas": {"S": {"$ref": "#/components/schemas/S/$defs/T", "$defs": {"T": {"const": 1}}}},
        },
    }
    told = downgraded(document)
    assert list(OpenAPIV30SpecValidator(told).iter_errors()) == []
    assert told["components"]["schemas"] == {
        "S": {"$ref": "#/components/schemas/S.T"},
        "S.T": {"enum": [1]},
    }
    assert "get" in told["paths"]["/a"]
