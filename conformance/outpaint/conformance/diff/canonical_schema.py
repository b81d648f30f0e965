"""A JSON Schema of OpenAPI 3.0 or 3.1 in one canonical form, so that two that say the same compare as equal.

References are replaced by what they refer to, and the branches of `allOf` are combined. `const` becomes an enum of one
value, `nullable` the type null, and an exclusive limit of either version's spelling a limit that is open.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from itertools import chain
from types import MappingProxyType, NoneType
from typing import Any, Final, TypeGuard

_COUNTS: Final = {
    "length": ("minLength", "maxLength"),
    "item-count": ("minItems", "maxItems"),
    "member-count": ("minProperties", "maxProperties"),
}

_SIZE: Final = re.compile(r"at most (\d[\d,. ]*?)\s*(bytes|kB|KB|KiB|MB|MiB|GB|GiB)\b")
_BYTES: Final = {
    "bytes": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}


@dataclass(frozen=True, slots=True)
class SchemaLimits:
    """Values from `low` to `high`, where an open end excludes the limit itself."""

    low: float = -math.inf
    low_open: bool = False
    high: float = math.inf
    high_open: bool = False

    @classmethod
    def of(cls, schema: Mapping[str, Any]) -> dict[str, SchemaLimits]:
        """The limits that a schema sets, by kind, in the keywords of 3.0 (`exclusiveMinimum: true`) or of 3.1."""
        found = {
            name: cls(low=schema.get(least, 0), high=schema.get(most, math.inf))
            for name, (least, most) in _COUNTS.items()
            if least in schema or most in schema
        }
        low, low_open = _end(schema.get("minimum"), schema.get("exclusiveMinimum"), -math.inf, max)
        high, high_open = _end(schema.get("maximum"), schema.get("exclusiveMaximum"), math.inf, min)
        if math.isfinite(low) or math.isfinite(high):
            found["range"] = cls(low, low_open, high, high_open)
        return found

    def and_also(self, other: SchemaLimits) -> SchemaLimits:
        """The values within both."""
        low, low_open = max((self.low, self.low_open), (other.low, other.low_open))
        high, high_closed = min((self.high, not self.high_open), (other.high, not other.high_open))
        return SchemaLimits(low, low_open, high, not high_closed)

    def change_to(self, new: SchemaLimits) -> str | None:
        """`narrowed`, `widened`, `changed` where one end did the one and one the other, or None."""
        steps = {
            _sign((new.low, new.low_open), (self.low, self.low_open)),
            -_sign((new.high, not new.high_open), (self.high, not self.high_open)),
        }
        if steps == {0}:
            return None
        return "changed" if {1, -1} <= steps else "narrowed" if 1 in steps else "widened"

    def __str__(self) -> str:
        low = "" if self.low == -math.inf else f"{self.low:.15g}"
        high = "" if self.high == math.inf else f"{self.high:.15g}"
        return f"{'>' if self.low_open else ''}{low}..{'<' if self.high_open else ''}{high}"


LIMITED_TYPES: Final = MappingProxyType(
    {
        "range": frozenset({"integer", "fraction"}),
        "length": frozenset({"string"}),
        "item-count": frozenset({"array"}),
        "member-count": frozenset({"object"}),
    }
)
"""The types that each kind of limits is about."""
ANY: Final = MappingProxyType({"range": SchemaLimits(), **dict.fromkeys(_COUNTS, SchemaLimits(low=0))})
"""By kind, the limits that exclude nothing."""


def _end(limit: Any, exclusive: Any, none: float, tighter: Any) -> tuple[float, bool]:
    """A limit and whether it is open, from both keywords in either version's form."""
    if exclusive is True:
        return (none, False) if limit is None else (limit, True)
    if exclusive is None or exclusive is False:
        return (none, False) if limit is None else (limit, False)
    if limit is None or tighter(limit, exclusive) == exclusive:
        return exclusive, True
    return limit, False


def _sign(one: tuple[float, bool], other: tuple[float, bool]) -> int:
    return (one > other) - (one < other)


def _size_in_words(description: str) -> int | None:
    """Bytes, where a description says "at most 32 MiB": JSON Schema has no keyword for the size of a file."""
    found = _SIZE.search(description)
    if found is None:
        return None
    return round(float(found[1].replace(",", "").replace(" ", "").rstrip(".")) * _BYTES[found[2]])


Raw = Mapping[str, Any] | bool
"""A schema as a document has it."""

# A number is a whole one or a fraction, so that `integer` is a part of `number`.
TYPES: Final = frozenset({"null", "boolean", "integer", "fraction", "string", "array", "object"})
_JSON_TYPES: Final = {NoneType: "null", bool: "boolean", int: "integer", str: "string", list: "array"}
_SPELLED: Final = {"number": frozenset({"integer", "fraction"})}
_ANNOTATIONS: Final = frozenset(
    {
        *("title", "description", "example", "examples", "deprecated", "default", "externalDocs", "xml"),
        *("$comment", "$id", "$schema", "$anchor", "$defs", "definitions", "discriminator", "contentSchema"),
    }
)
_FOLDED: Final = frozenset(
    {
        *("type", "nullable", "const", "enum", "format", "contentMediaType", "contentEncoding", "pattern"),
        *("multipleOf", "uniqueItems", "required", "properties", "additionalProperties", "items"),
        *("allOf", "anyOf", "oneOf", "not"),
    }
)
_LIMITS: Final = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", *chain(*_COUNTS.values())})
_KNOWN: Final = _ANNOTATIONS | _FOLDED | _LIMITS
_CHOICES: Final = frozenset({"anyOf", "oneOf", "not"})


class UnresolvableReferenceError(ValueError):
    """A `$ref` that leads nowhere in its document."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A rule made of several schemas.

    `kind` is `alternatives` (anyOf), `exclusive` (oneOf), `not`, or one of three about which fields are present:
    `exactly one`, `at least one` or `at most one` of `names`.
    """

    kind: str
    alternatives: tuple[Raw, ...] = ()
    names: frozenset[str] = frozenset()


@dataclass(slots=True)
class SchemaShape:
    """A schema in its canonical form. As it is made without arguments, it allows everything.

    `values`, `default` and the texts of `rules` (keywords that are compared as they are) are JSON; `others` is the
    schema of members that `properties` does not name, `size` the bytes of a file that a description allows.
    """

    types: frozenset[str] = TYPES
    values: frozenset[str] | None = None
    limits: dict[str, SchemaLimits] = field(default_factory=dict)
    patterns: frozenset[str] = frozenset()
    formats: frozenset[str] = frozenset()
    multiples: frozenset[float] = frozenset()
    unique: bool = False
    properties: dict[str, Raw] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    others: Raw = True
    items: Raw = True
    choices: tuple[Choice, ...] = ()
    rules: dict[str, tuple[str, ...]] = field(default_factory=dict)
    default: str | None = None
    size: int | None = None
    deprecated: bool = False

    @property
    def is_only_alternatives(self) -> bool:
        """Whether it has no rule but one `anyOf` or `oneOf`."""
        bare = SchemaShape(choices=self.choices, default=self.default, size=self.size, deprecated=self.deprecated)
        return len(self.choices) == 1 and self.choices[0].kind in ("alternatives", "exclusive") and self == bare


class Schemas:
    """Resolves the references of one document's schemas; each schema's shape and fingerprint is worked out once."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        # By its id, each beside its schema, so that no other takes its place.
        self._texts: dict[int, tuple[Raw, str]] = {}
        self._shapes: dict[str, SchemaShape] = {}
        self._fingerprints: dict[str, str] = {}

    def at(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        """The target of a reference; anything else, as it is."""
        seen: set[str] = set()
        while "$ref" in value:
            reference = str(value["$ref"])
            if reference in seen:
                raise UnresolvableReferenceError(f"{reference} leads to itself")
            seen.add(reference)
            value = self._target(reference)
        return value

    def shape(self, raw: Raw) -> SchemaShape:
        """The canonical form of a schema."""
        key = self._text(raw)
        if key not in self._shapes:
            self._shapes[key] = self._shape(raw)
        return self._shapes[key]

    def fingerprint(self, raw: Raw) -> str:
        """Equal for schemas that say the same; one that contains itself is cut off where it begins again."""
        return self._fingerprint(raw, frozenset())[0]

    def _fingerprint(self, raw: Raw, above: frozenset[str]) -> tuple[str, bool]:
        """The fingerprint, and whether it depends on the schemas `above`, because one of them begins again in it."""
        key = self._text(raw)
        if key in above:
            return "again", True
        if key in self._fingerprints:
            return self._fingerprints[key], False
        cut = False

        def below(one: Raw) -> str:
            nonlocal cut
            text, depends = self._fingerprint(one, above | {key})
            cut = cut or depends
            return text

        shape = self.shape(raw)
        parts = {one.name: getattr(shape, one.name) for one in fields(shape)} | {
            "limits": {name: str(limits) for name, limits in shape.limits.items()},
            "properties": {name: below(one) for name, one in shape.properties.items()},
            "others": shape.others if isinstance(shape.others, bool) else below(shape.others),
            "items": shape.items if isinstance(shape.items, bool) else below(shape.items),
            "choices": sorted(
                _text([c.kind, c.names, sorted(below(one) for one in c.alternatives)]) for c in shape.choices
            ),
        }
        text = hashlib.sha256(_text(parts).encode()).hexdigest()
        if not cut:
            self._fingerprints[key] = text
        return text, cut

    def _text(self, raw: Raw) -> str:
        """A schema as JSON; it is asked for again and again."""
        known = self._texts.get(id(raw))
        if known is None:
            known = self._texts[id(raw)] = (raw, _text(raw))
        return known[1]

    def _target(self, reference: str) -> Mapping[str, Any]:
        if not reference.startswith("#"):
            raise UnresolvableReferenceError(f"{reference} leads out of the document: bundle it into one file first")
        place: Any = self._document
        for part in reference[1:].split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            if isinstance(place, list) and name.isdigit() and int(name) < len(place):
                place = place[int(name)]
            elif isinstance(place, Mapping) and name in place:
                place = place[name]
            else:
                raise UnresolvableReferenceError(f"{reference} leads nowhere in the document")
        if not isinstance(place, Mapping | bool):
            raise UnresolvableReferenceError(f"{reference} leads to no object")
        return place if isinstance(place, Mapping) else ({} if place else {"not": {}})

    def _shape(self, raw: Raw) -> SchemaShape:
        shape = SchemaShape()
        for part in self._parts(raw):
            self._fold(shape, part)
        shape.limits = {
            name: limits
            for name, limits in shape.limits.items()
            if shape.types & LIMITED_TYPES[name] and limits != ANY[name]
        }
        return shape

    def _parts(self, raw: Raw, above: frozenset[str] = frozenset()) -> Iterator[Mapping[str, Any]]:
        """A schema's own rules, those of everything that it refers to, and those of the branches of `allOf`."""
        if isinstance(raw, bool):
            yield {} if raw else {"type": []}
            return
        if "$ref" in raw:
            reference = str(raw["$ref"])
            if reference in above:
                return
            yield from self._parts(self._target(reference), above | {reference})
        yield {name: value for name, value in raw.items() if name not in ("$ref", "allOf")}
        for branch in raw.get("allOf", ()):
            yield from self._parts(branch, above)

    def _fold(self, shape: SchemaShape, part: Mapping[str, Any]) -> None:
        shape.types &= _types(part)
        values = _values(part)
        if values is not None:
            texts = frozenset(_text(value) for value in values)
            shape.values = texts if shape.values is None else shape.values & texts
            shape.types &= frozenset(_type_of(value) for value in values)
        for name, limits in SchemaLimits.of(part).items():
            shape.limits[name] = shape.limits[name].and_also(limits) if name in shape.limits else limits
        if "pattern" in part:
            shape.patterns |= {part["pattern"]}
        shape.formats |= _formats(part)
        if "multipleOf" in part:
            shape.multiples |= {part["multipleOf"]}
        shape.unique = shape.unique or bool(part.get("uniqueItems"))
        for name, one in part.get("properties", {}).items():
            shape.properties[name] = _both(shape.properties.get(name, True), one)
        shape.required |= frozenset(part.get("required", ()))
        shape.others = _both(shape.others, part.get("additionalProperties", True))
        shape.items = _both(shape.items, part.get("items", True))
        if "binary" in shape.formats:
            shape.size = _size_in_words(str(part.get("description", ""))) or shape.size
        shape.deprecated = shape.deprecated or bool(part.get("deprecated"))
        if "default" in part:
            shape.default = _text(part["default"])
        for keyword, kind in (("anyOf", "alternatives"), ("oneOf", "exclusive")):
            if keyword in part:
                self._fold_choice(shape, kind, tuple(part[keyword]))
        if "not" in part:
            shape.choices += (Choice("not", (part["not"],)),)
        for name, value in part.items():
            if name not in _KNOWN and not name.startswith("x-"):
                shape.rules[name] = tuple(sorted({*shape.rules.get(name, ()), _text(value)}))

    def _fold_choice(self, shape: SchemaShape, kind: str, alternatives: tuple[Raw, ...]) -> None:
        types = [_types(one) for one in alternatives if _is_only_type(one)]
        union = frozenset().union(*types)
        if len(types) == len(alternatives) and (kind == "alternatives" or len(union) == sum(map(len, types))):
            shape.types &= union
            return
        without_null = tuple(one for one in alternatives if self.shape(one).types != {"null"})
        nullable = len(without_null) < len(alternatives)
        if len(without_null) == 1:
            parts = list(self._parts(without_null[0]))
            if not nullable or not any(_CHOICES & set(part) for part in parts):
                for part in parts:
                    self._fold(shape, _or_null(part) if nullable else part)
                return
        shape.choices += (_choice(kind, alternatives),)


def _is_only_type(raw: Raw) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(raw, Mapping) and "type" in raw and set(raw) <= {"type", "nullable", "title", "description"}


def _values(part: Mapping[str, Any]) -> list[Any] | None:
    """The values that `enum` and `const` leave; None where a schema has neither."""
    if "const" not in part:
        return part.get("enum")
    only = [part["const"]]
    return only if "enum" not in part else [value for value in part["enum"] if _text(value) == _text(part["const"])]


def _or_null(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """The rules of a schema, with null as one more value."""
    rest = {name: value for name, value in part.items() if name not in ("const", "nullable")}
    values = _values(part)
    if values is not None:
        rest["enum"] = [*values, None]
    return {**rest, "type": _spelled(_types(part) | {"null"})}


def _choice(kind: str, alternatives: tuple[Raw, ...]) -> Choice:
    """The choice by names, where it is only about which single fields are present."""
    names = [_only_required(one) for one in alternatives]
    present = frozenset(name for name in names if name is not None)
    rest = [one for one, name in zip(alternatives, names, strict=True) if name is None]
    if present and not rest:
        return Choice("exactly one" if kind == "exclusive" else "at least one", names=present)
    if present and kind == "exclusive" and len(rest) == 1 and _none_of(rest[0]) == present:
        return Choice("at most one", names=present)
    return Choice(kind, alternatives)


def _only_required(raw: Raw) -> str | None:
    if isinstance(raw, bool) or set(raw) != {"required"} or len(raw["required"]) != 1:
        return None
    return str(raw["required"][0])


def _none_of(raw: Raw) -> frozenset[str]:
    """The names of `{"not": {"anyOf": [{"required": [name]}, …]}}`."""
    if isinstance(raw, bool) or set(raw) != {"not"} or set(raw["not"]) != {"anyOf"}:
        return frozenset()
    names = [_only_required(one) for one in raw["not"]["anyOf"]]
    return frozenset(name for name in names if name is not None) if None not in names else frozenset()


def _types(part: Mapping[str, Any]) -> frozenset[str]:
    spelled = part.get("type")
    if spelled is None:
        return TYPES
    types: frozenset[str] = frozenset()
    for name in [spelled] if isinstance(spelled, str) else spelled:
        types |= _SPELLED.get(name, frozenset({name}))
    return types | {"null"} if part.get("nullable") else types


def _spelled(types: frozenset[str]) -> list[str]:
    return sorted("number" if name == "fraction" else name for name in types)


def _type_of(value: object) -> str:
    if isinstance(value, float):
        return "integer" if value.is_integer() else "fraction"
    return _JSON_TYPES.get(type(value), "object")


def _formats(part: Mapping[str, Any]) -> frozenset[str]:
    if "contentEncoding" in part:
        return frozenset({"byte" if part["contentEncoding"] == "base64" else str(part["contentEncoding"])})
    if "contentMediaType" in part and part.get("format") in (None, "binary"):
        return frozenset({"binary"})
    return frozenset({part["format"]}) if "format" in part else frozenset()


def _both(one: Raw, other: Raw) -> Raw:
    """The schema that takes what both take."""
    if one is True or one == other:
        return other
    if other is True:
        return one
    if one is False or other is False:
        return False
    return {"allOf": [one, other]}


def _text(value: object) -> str:
    """JSON in one form: sets, as everything without an order, are sorted."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=sorted)
