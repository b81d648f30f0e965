"""What holds for any two schemas: a comparison that may be believed says nothing is lost only where nothing is."""

from __future__ import annotations

import copy
import json
from collections import Counter
from typing import Any

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from outpaint.conformance.diff.canonical_schema import Schemas
from outpaint.conformance.diff.diff_rules import RULES, DiffVerdict, rule
from outpaint.conformance.diff.operation_diff import compare
from outpaint.conformance.diff.schema_diff import SchemaComparison, SchemaDifference
from outpaint.conformance.diff.schema_limits import ANY
from outpaint.contracts import openapi

MIRRORED = (
    ("type.narrowed", "type.widened"),
    ("null.refused", "null.allowed"),
    ("enum.value-removed", "enum.value-added"),
    ("enum.closed", "enum.opened"),
    *((f"{kind}.narrowed", f"{kind}.widened") for kind in ANY),
    ("pattern.added", "pattern.removed"),
    ("format.narrowed", "format.widened"),
    ("multiple.narrowed", "multiple.widened"),
    ("duplicates.refused", "duplicates.allowed"),
    ("property.became-required", "property.became-optional"),
    ("unknown-fields.refused", "unknown-fields.allowed"),
    ("alternative.removed", "alternative.added"),
    ("choice.narrowed", "choice.widened"),
    ("rule.added", "rule.removed"),
    ("discriminator.word-removed", "discriminator.word-added"),
    ("file-size.lowered", "file-size.raised"),
)
"""Kinds of differences that take something away, each with the kind of the same difference read backwards."""

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([0.5, -1.5, 2.0]), st.sampled_from(["", "a", "bb"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
BOUNDS = st.integers(-2, 2)
COUNTS = st.integers(0, 3)
NAMES = st.lists(st.sampled_from("abc"), min_size=1, max_size=2, unique=True)


@st.composite
def schemas(draw: st.DrawFn, inner: st.SearchStrategy[Any], most: int = 10) -> dict[str, Any]:
    """A schema of at most so many of the words that are compared; fields are declared alike, so that none comes or
    goes.
    """
    drawn = {
        "type": st.one_of(TYPES, st.lists(TYPES, min_size=1, max_size=3, unique=True)),
        "enum": st.lists(SCALARS, min_size=1, max_size=3),
        "const": SCALARS,
        "minimum": BOUNDS,
        "maximum": BOUNDS,
        "exclusiveMinimum": BOUNDS,
        "exclusiveMaximum": BOUNDS,
        "multipleOf": st.integers(1, 4),
        "minLength": COUNTS,
        "maxLength": COUNTS,
        "pattern": st.sampled_from(["^a", "b"]),
        "minItems": COUNTS,
        "maxItems": COUNTS,
        "uniqueItems": st.booleans(),
        "items": inner,
        "minProperties": COUNTS,
        "maxProperties": COUNTS,
        "required": NAMES,
        "properties": st.fixed_dictionaries({"a": inner, "b": inner}),
        "additionalProperties": inner,
        "propertyNames": st.just({"maxLength": 1}),
        "allOf": st.lists(inner, min_size=1, max_size=2),
        "anyOf": st.one_of(
            st.lists(inner, min_size=1, max_size=3), NAMES.map(lambda names: [{"required": [n]} for n in names])
        ),
        "not": inner,
    }
    return {
        word: draw(drawn[word]) for word in draw(st.lists(st.sampled_from(list(drawn)), max_size=most, unique=True))
    }


# Three levels, the inner ones smaller: `st.recursive` draws what turns out too large once more from its beginning.
FLAT = st.booleans() | schemas(st.just(True), 3)
NESTED = FLAT | schemas(FLAT, 3)
ANY_SCHEMA = FLAT | schemas(NESTED)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Any, Any]:
    """Two schemas, mostly one and its edit."""
    old = draw(ANY_SCHEMA)
    if not isinstance(old, dict) or draw(st.integers(0, 4)) == 0:
        return old, draw(ANY_SCHEMA)
    new = copy.deepcopy(old)
    for word, value in draw(schemas(ANY_SCHEMA)).items():
        if draw(st.booleans()):
            new[word] = value
    for word in list(new):
        if draw(st.integers(0, 5)) == 0:
            del new[word]
    return old, new


def differences(old: Any, new: Any) -> list[SchemaDifference]:
    return SchemaComparison(Schemas({}), Schemas({})).differences(old, new)


def document(schema: Any) -> dict[str, Any]:
    """A document that takes the schema, and answers with it."""
    content = {"content": {"application/json": {"schema": schema}}}
    operation = {"requestBody": content, "responses": {"200": {"description": "d", **content}}}
    return {"openapi": "3.1.0", "info": {}, "paths": {"/": {"post": operation}}}


@settings(max_examples=60, deadline=None)
@given(ANY_SCHEMA)
def test_nothing_changes_between_a_schema_and_itself(schema: Any) -> None:
    again = json.loads(json.dumps(schema))
    assert differences(schema, again) == []
    assert compare(document(schema), document(again)).changes == ()


def test_nothing_changes_between_our_document_and_itself() -> None:
    assert compare(openapi.document(), json.loads(openapi.text())).changes == ()


@settings(max_examples=120, deadline=None)
@given(pairs(), st.lists(VALUES, min_size=1, max_size=12))
@example(({"const": None}, {"const": False, "enum": [None]}), [None])
def test_a_request_that_was_taken_is_taken_after_a_compatible_change(pair: tuple[Any, Any], values: list[Any]) -> None:
    old, new = pair
    found = differences(old, new)
    assume(all(rule(f"request.{one.kind}").verdict is DiffVerdict.COMPATIBLE for one in found))
    # What a client may have sent under a name that had no meaning is not asked for.
    assume(not any(one.kind.startswith("property.added") for one in found))
    taken, still = Draft202012Validator(old), Draft202012Validator(new)
    for value in values:
        assert still.is_valid(value) or not taken.is_valid(value), (value, found)


@settings(max_examples=120, deadline=None)
@given(pairs(), st.lists(VALUES, min_size=1, max_size=12))
def test_an_answer_is_one_that_was_promised_after_a_compatible_change(pair: tuple[Any, Any], values: list[Any]) -> None:
    old, new = pair
    found = differences(old, new)
    assume(all(rule(f"response.{one.kind}").verdict is DiffVerdict.COMPATIBLE for one in found))
    promised, answered = Draft202012Validator(old), Draft202012Validator(new)
    # A new member is passed over by a client, whatever the old schema would say of one of that name.
    assume(not any(one.kind.startswith("property.added") for one in found))
    for value in values:
        assert promised.is_valid(value) or not answered.is_valid(value), (value, found)


@settings(max_examples=120, deadline=None)
@given(pairs())
@example(({"multipleOf": 2}, {"multipleOf": 2, "allOf": [{"multipleOf": 1}]}))
@example(({"required": ["a"], "properties": {"a": False}}, {"required": ["a"]}))
def test_what_is_lost_one_way_is_won_the_other(pair: tuple[Any, Any]) -> None:
    old, new = pair
    back = dict(MIRRORED) | {wider: narrower for narrower, wider in MIRRORED}
    there = Counter((one.kind, one.field) for one in differences(old, new) if one.kind in back)
    home = Counter((back[one.kind], one.field) for one in differences(new, old) if one.kind in back)
    assert there == home


@settings(max_examples=60, deadline=None)
@given(pairs())
def test_a_request_breaks_exactly_where_the_way_back_is_harmless(pair: tuple[Any, Any]) -> None:
    """Where every difference is a loss, one way is breaking and the way back compatible."""
    old, new = pair
    found = differences(old, new)
    losses = {narrower for narrower, _ in MIRRORED}
    assume(found and all(one.kind in losses for one in found))
    there, home = document(old), document(new)
    # The one document takes the schema and answers with it: each side is looked at alone.
    ways = [
        [c.verdict for c in compare(a, b).changes if c.code.startswith("request")]
        for a, b in ((there, home), (home, there))
    ]
    assert set(ways[0]) == {DiffVerdict.BREAKING}
    assert set(ways[1]) == {DiffVerdict.COMPATIBLE}


def test_every_kind_of_difference_has_a_rule_for_each_side() -> None:
    for pair in MIRRORED:
        for kind in pair:
            assert rule(f"request.{kind}").code in RULES
            assert rule(f"response.{kind}").code in RULES
        # A loss breaks a request, and does an answer no harm; both the other way round.
        assert rule(f"request.{pair[0]}").verdict is DiffVerdict.BREAKING
        assert rule(f"request.{pair[1]}").verdict is DiffVerdict.COMPATIBLE
        assert rule(f"response.{pair[0]}").verdict is DiffVerdict.COMPATIBLE
        assert rule(f"response.{pair[1]}").verdict is not DiffVerdict.COMPATIBLE


def test_every_rule_says_what_it_does_to_a_client() -> None:
    for code, one in RULES.items():
        assert code == one.code
        assert one.why.endswith(".")
