"""oasdiff's rules about schemas: of bodies, their properties, parameters and headers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from oasdiff_rules.rule_row import OasdiffRule, Schema, level_of, with_schema

BOTH: Final = ("request-body", "request-property")
ANSWERED: Final = ("response-body", "response-property")


@dataclass(frozen=True, slots=True)
class Bound:
    """A keyword that bounds values: its name in oasdiff's ids, a schema it is set in, and our kind of difference."""

    name: str
    keyword: str
    base: Schema
    kind: str

    @property
    def is_upper(self) -> bool:
        return "max" in self.name

    def change(self, action: str) -> tuple[Schema, Schema]:
        """A schema before and after the keyword is set, unset, increased or decreased."""
        low, high = {**self.base, self.keyword: 2}, {**self.base, self.keyword: 4}
        return {
            "set": (self.base, low),
            "unset": (low, self.base),
            "increased": (low, high),
            "decreased": (high, low),
        }[action]

    def effect(self, action: str) -> str:
        return "narrows" if action == "set" or action == ("decreased" if self.is_upper else "increased") else "widens"

    def difference(self, action: str) -> str:
        """Our kind of difference for it."""
        if self.kind == "rule":
            return {"set": "rule.added", "unset": "rule.removed"}.get(action, "rule.changed")
        return f"{self.kind}.{'narrowed' if self.effect(action) == 'narrows' else 'widened'}"


_LIST: Final[Schema] = {"type": "array", "items": {"type": "string"}}
_OBJECT: Final[Schema] = {"type": "object"}
_CONTAINS: Final[Schema] = {**_LIST, "contains": {"minLength": 1}}
BOUNDS: Final = (
    Bound("max", "maximum", {"type": "integer"}, "range"),
    Bound("min", "minimum", {"type": "integer"}, "range"),
    Bound("exclusive-max", "exclusiveMaximum", {"type": "integer"}, "range"),
    Bound("exclusive-min", "exclusiveMinimum", {"type": "integer"}, "range"),
    Bound("max-length", "maxLength", {"type": "string"}, "length"),
    Bound("min-length", "minLength", {"type": "string"}, "length"),
    Bound("max-items", "maxItems", _LIST, "item-count"),
    Bound("min-items", "minItems", _LIST, "item-count"),
    Bound("max-properties", "maxProperties", _OBJECT, "member-count"),
    Bound("min-properties", "minProperties", _OBJECT, "member-count"),
    Bound("max-contains", "maxContains", _CONTAINS, "rule"),
    Bound("min-contains", "minContains", _CONTAINS, "rule"),
    Bound("multiple-of", "multipleOf", {"type": "integer"}, "multiple"),
)
_ALWAYS: Final = ("max", "min", "exclusive-max", "exclusive-min", "max-length", "min-length", "max-items")
# The bounds whose way up and down has rules at a place, by that place.
_BOTH_WAYS: Final = {
    "request-body": (*_ALWAYS, "max-properties", "max-contains", "min-contains"),
    "request-parameter": (*_ALWAYS, "min-items"),
    "response-body": ("max-contains", "min-contains"),
}
_BOTH_WAYS_OF: Final = {"request-property": "request-body", "response-property": "response-body"}
_NARROWER_ONLY: Final = {"request-body": ("min-items", "min-properties")}
_READ_ONLY: Final = ("max", "min", "exclusive-max", "exclusive-min", "max-length", "max-items", "max-properties")


def bound_rules() -> Iterator[OasdiffRule]:
    """A bound that is set or unset, goes up or down, at every place where oasdiff has a rule for it."""
    for bound in BOUNDS:
        for place in (*BOTH, "request-parameter", *ANSWERED, "response-header"):
            family = _BOTH_WAYS_OF.get(place, place)
            for action in ("set", "unset", "increased", "decreased"):
                narrows = bound.effect(action) == "narrows"
                if (
                    action in ("set", "unset")
                    or bound.name in _BOTH_WAYS.get(family, ())
                    or (narrows and bound.name in _NARROWER_ONLY.get(family, ()))
                    or (not narrows and place in ANSWERED and bound.name != "multiple-of")
                ):
                    yield _bound_rule(bound, place, action)
        if bound.name in _READ_ONLY:
            action = "decreased" if bound.is_upper else "increased"
            yield _hidden_rule(f"request-read-only-property-{bound.name}-{action}", bound.change(action))


def _bound_rule(bound: Bound, place: str, action: str) -> OasdiffRule:
    side = place.partition("-")[0]
    code = f"{side}.{bound.difference(action)}"
    level = level_of(side, bound.effect(action))
    reason = "answers" if level == "error" and side == "response" else ""
    if code.endswith("rule.changed"):
        reason = "uncompared"
    return schema_rule(f"{place}-{bound.name}-{action}", level, place, bound.change(action), {code}, reason)


def _hidden_rule(name: str, change: tuple[Schema, Schema]) -> OasdiffRule:
    place = "request-read-only-property" if name.startswith("request") else "response-write-only-property"
    return schema_rule(name, "info", place, change, set())


def schema_rule(
    name: str, level: str, place: str, change: tuple[Schema, Schema], codes: set[str], reason: str = ""
) -> OasdiffRule:
    old, new = (with_schema(place, one) for one in change)
    return OasdiffRule(name, level, old, new, frozenset(codes), reason)


def _text(**more: Any) -> Schema:
    return {"type": "string", **more}


_REF: Final = "#/components/schemas/"
_TWO: Final = [{"$ref": f"{_REF}A"}, {"$ref": f"{_REF}B"}]
_SHORT, _SMALL = _text(maxLength=5), {"type": "integer", "minimum": 1}


def _told_apart(field: str = "kind", **mapping: str) -> Schema:
    words = {word: _REF + name for word, name in mapping.items()}
    return {"oneOf": _TWO, "discriminator": {"propertyName": field, "mapping": words}}


_CONDITION: Final[Schema] = {
    **_OBJECT,
    "if": {"required": ["a"]},
    "then": {"required": ["b"]},
    "else": {"required": ["c"]},
}


def _without(schema: Schema, *names: str) -> Schema:
    return {name: value for name, value in schema.items() if name not in names}


# What is added, with our kind of difference for it: a rule of its own at each place.
_ADDED: Final[dict[str, tuple[Schema, Schema]]] = {
    "if": (_without(_CONDITION, "if"), _CONDITION),
    "then": (_without(_CONDITION, "then"), _CONDITION),
    "else": (_without(_CONDITION, "else"), _CONDITION),
    "contains": (_LIST, _CONTAINS),
    "dependent-required": (_OBJECT, {**_OBJECT, "dependentRequired": {"a": ["b"]}}),
    "dependent-schema": (_OBJECT, {**_OBJECT, "dependentSchemas": {"a": {"required": ["b"]}}}),
    "pattern-property": (_OBJECT, {**_OBJECT, "patternProperties": {"^x": {"type": "string"}}}),
    "property-names": (_OBJECT, {**_OBJECT, "propertyNames": {"maxLength": 3}}),
    "unevaluated-items": (_LIST, {**_LIST, "unevaluatedItems": False}),
    "unevaluated-properties": (_OBJECT, {**_OBJECT, "unevaluatedProperties": False}),
}
_ONE_BRANCH, _TWO_BRANCHES = ({"allOf": [_text(), *more]} for more in ([], [{"maxLength": 5}]))
_NOTED: Final[Schema] = {"allOf": [_text(), {"description": "words"}]}


def keyword_rules() -> Iterator[OasdiffRule]:
    """Keywords that come, go or change in a body or in a property, on either side."""
    for place in (*BOTH, *ANSWERED):
        side = place.partition("-")[0]
        asked = side == "request"
        for name, change in _ADDED.items():
            yield schema_rule(f"{place}-{name}-added", level_of(side, "narrows"), place, change, {f"{side}.rule.added"})
            yield schema_rule(
                *(f"{place}-{name}-removed", level_of(side, "widens"), place, change[::-1], {f"{side}.rule.removed"}),
                "" if asked else "answers",
            )
        on_b, on_c = ({**_OBJECT, "dependentRequired": {"a": [name]}} for name in "bc")
        changed = {f"{side}.rule.changed"}
        yield schema_rule(f"{place}-dependent-required-changed", "error", place, (on_b, on_c), changed, "uncompared")
        first, second = ({"type": "array", "prefixItems": [{"type": "string"}, {"type": "null"}][:n]} for n in (1, 2))
        for name, level, change in (
            ("added", "info" if asked else "error", (first, second)),
            ("removed", "error" if asked else "info", (second, first)),
        ):
            yield schema_rule(f"{place}-prefix-items-{name}", level, place, change, changed, "uncompared")
        yield from _contents(place)
        yield from _branches(place, side)
        yield from _discriminators(place, side)


def _contents(place: str) -> Iterator[OasdiffRule]:
    side = place.partition("-")[0]
    plain, described = _text(), _text(contentSchema={"type": "object"})
    for action, change in (("added", (plain, described)), ("removed", (described, plain))):
        level = level_of(side, "narrows" if action == "added" else "widens")
        reason = "annotations" if level == "error" else ""
        yield schema_rule(f"{place}-content-schema-{action}", level, place, change, set(), reason)
    png, jpeg = (_text(contentMediaType=f"image/{name}") for name in ("png", "jpeg"))
    yield schema_rule(f"{place}-content-media-type-changed", "error", place, (png, jpeg), set(), "annotations")
    base64, base32 = (_text(contentEncoding=name) for name in ("base64", "base32"))
    yield schema_rule(f"{place}-content-encoding-changed", "error", place, (base64, base32), {f"{side}.format.changed"})


def _branches(place: str, side: str) -> Iterator[OasdiffRule]:
    more = "" if side == "request" else "answers"
    narrows, widens = level_of(side, "narrows"), level_of(side, "widens")
    added, removed = (_ONE_BRANCH, _TWO_BRANCHES), (_TWO_BRANCHES, _ONE_BRANCH)
    yield schema_rule(f"{place}-all-of-added", narrows, place, added, {f"{side}.length.narrowed"})
    yield schema_rule(f"{place}-all-of-removed", widens, place, removed, {f"{side}.length.widened"}, more)
    yield schema_rule(f"{place}-all-of-added-annotation-only", "info", place, (_ONE_BRANCH, _NOTED), set())
    yield schema_rule(f"{place}-all-of-removed-annotation-only", "info", place, (_NOTED, _ONE_BRANCH), set())
    for name, keyword in (("any-of", "anyOf"), ("one-of", "oneOf")):
        two, three = ({keyword: [_SHORT, _SMALL, _LIST][:n]} for n in (2, 3))
        yield schema_rule(f"{place}-{name}-added", widens, place, (two, three), {f"{side}.alternative.added"}, more)
        yield schema_rule(f"{place}-{name}-removed", narrows, place, (three, two), {f"{side}.alternative.removed"})
    if place.endswith("body"):
        whole, other = {**_OBJECT, "required": ["a"]}, {**_OBJECT, "required": ["b", "c"]}
        both = {f"{side}.alternative.added", f"{side}.alternative.removed"}
        wrapped = (whole, {"oneOf": [other, _SHORT]})
        yield schema_rule(f"{place}-wrapped-in-one-of", "error", place, wrapped, both, more)
        kept = (whole, {"oneOf": [whole, other]})
        kept_codes = {f"{side}.alternative.added"}
        reason = "one-of" if side == "request" else ""
        yield schema_rule(f"{place}-wrapped-in-one-of-original-preserved", "warn", place, kept, kept_codes, reason)


def _discriminators(place: str, side: str) -> Iterator[OasdiffRule]:
    plain, two, three = {"oneOf": _TWO}, _told_apart(a="A", b="B"), _told_apart(a="A", b="B", c="A")
    changes = {
        "added": ((plain, two), "added"),
        "removed": ((two, plain), "removed"),
        "property-name-changed": ((two, _told_apart("sort", a="A", b="B")), "renamed"),
        "mapping-added": ((two, three), "word-added"),
        "mapping-deleted": ((three, two), "word-removed"),
        "mapping-changed": ((two, _told_apart(a="B", b="A")), "word-moved"),
    }
    harmless = {"request": ("removed", "word-added"), "response": ("added", "word-removed")}
    for name, (change, kind) in changes.items():
        reason = "" if kind in harmless[side] else "discriminators"
        code = f"{side}.discriminator.{kind}"
        yield schema_rule(f"{place}-discriminator-{name}", "info", place, change, {code}, reason)


def multiple_rules() -> Iterator[OasdiffRule]:
    """Multiples and items that must differ."""
    two, three, four = ({"type": "integer", "multipleOf": n} for n in (2, 3, 4))
    unique = {**_LIST, "uniqueItems": True}
    for place in BOTH:
        yield schema_rule(f"{place}-multiple-of-changed", "error", place, (two, three), {"request.multiple.changed"})
        yield schema_rule(f"{place}-multiple-of-generalized", "info", place, (four, two), {"request.multiple.widened"})
        yield schema_rule(f"{place}-unique-items-set", "error", place, (_LIST, unique), {"request.duplicates.refused"})
        yield schema_rule(f"{place}-unique-items-unset", "info", place, (unique, _LIST), {"request.duplicates.allowed"})
    for place in ANSWERED:
        changed = {"response.multiple.changed"}
        yield schema_rule(f"{place}-multiple-of-changed", "error", place, (two, three), changed, "answers")
        narrowed = {"response.multiple.narrowed"}
        yield schema_rule(f"{place}-multiple-of-specialized", "info", place, (two, four), narrowed)
        unset = {"response.duplicates.allowed"}
        yield schema_rule(f"{place}-unique-items-unset", "error", place, (unique, _LIST), unset, "answers")
