"""A JSON Schema of OpenAPI 3.0 or 3.1 in one canonical form, so that two that say the same compare as equal.

References are replaced by what they refer to, and the branches of `allOf` are combined. `const` becomes an enum of one
value, `nullable` the type null, and an exclusive limit of either version's spelling a limit that is open.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from types import NoneType
from typing import Any, Final, TypeGuard

from outpaint.conformance.diff.schema_limits import ANY, LIMITED_TYPES, LIMITING_KEYWORDS, SchemaLimits

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
        *("$comment", "$id", "$schema", "$anchor", "$defs", "definitions", "contentSchema", "readOnly", "writeOnly"),
    }
)
_FOLDED: Final = frozenset(
    {
        *("type", "nullable", "const", "enum", "format", "contentMediaType", "contentEncoding", "pattern"),
        *("multipleOf", "uniqueItems", "required", "properties", "additionalProperties", "items"),
        *("allOf", "anyOf", "oneOf", "not", "discriminator"),
    }
)
_KNOWN: Final = _ANNOTATIONS | _FOLDED | LIMITING_KEYWORDS
_CHOICES: Final = frozenset({"anyOf", "oneOf", "not"})
_BESIDE_CHOICES: Final = ("choices", "discriminator", "default", "size", "deprecated")
# A pattern is found anywhere in a text (JSON Schema 2020-12, Validation 6.3.3): these are found in every text.
_EVERY_TEXT: Final = frozenset({"", ".*"})
_COMPONENT: Final = "#/components/schemas/"


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


@dataclass(frozen=True, slots=True)
class Discriminator:
    """The field by whose words the alternatives of a schema are told apart (OpenAPI, Discriminator Object).

    `targets` has each word with a reference to its schema: what `mapping` says, and the name of each alternative that
    it leaves out. `of_choice` says whether the schema lists its alternatives itself.
    """

    field: str
    targets: tuple[tuple[str, Raw], ...]
    of_choice: bool


@dataclass(slots=True)
class SchemaShape:
    """A schema in its canonical form. As it is made without arguments, it allows everything.

    `values`, `default` and the texts of `rules` (keywords that are compared as they are) are JSON; `others` is the
    schema of members that `properties` does not name, `size` the bytes of a file that a description allows. The members
    in `hidden` are no part of this side, and no other field mentions them.
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
    discriminator: Discriminator | None = None
    hidden: frozenset[str] = field(default=frozenset(), compare=False)

    @property
    def is_only_alternatives(self) -> bool:
        """Whether it has no rule but one `anyOf` or `oneOf`."""
        bare = SchemaShape(**{name: getattr(self, name) for name in _BESIDE_CHOICES})
        return len(self.choices) == 1 and self.choices[0].kind in ("alternatives", "exclusive") and self == bare


class Schemas:
    """Resolves the references of one document's schemas; each schema's shape and fingerprint is worked out once.

    Members that are marked with the keyword `hides` are left out: a `readOnly` one is no part of a request and a
    `writeOnly` one no part of a response (OpenAPI 3.0.3, Schema Object; JSON Schema 2020-12, Validation 9.4).
    """

    def __init__(self, document: Mapping[str, Any], *, hides: str = "") -> None:
        self._document = document
        self._hides = hides
        # By its id, each beside its schema, so that no other takes its place.
        self._texts: dict[int, tuple[Raw, str]] = {}
        self._shapes: dict[str, SchemaShape] = {}
        self._fingerprints: dict[str, str] = {}
        self._targets: dict[str, Mapping[str, Any]] = {}

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
        parts = {one.name: getattr(shape, one.name) for one in fields(shape) if one.compare} | {
            "limits": {name: str(limits) for name, limits in shape.limits.items()},
            "properties": {name: below(one) for name, one in shape.properties.items()},
            "others": shape.others if isinstance(shape.others, bool) else below(shape.others),
            "items": shape.items if isinstance(shape.items, bool) else below(shape.items),
            "choices": sorted(
                _text([c.kind, c.names, sorted(below(one) for one in c.alternatives)]) for c in shape.choices
            ),
            "discriminator": shape.discriminator
            and [shape.discriminator.field, [(word, below(one)) for word, one in shape.discriminator.targets]],
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
        if reference not in self._targets:
            self._targets[reference] = self._looked_up(reference)
        return self._targets[reference]

    def _looked_up(self, reference: str) -> Mapping[str, Any]:
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
        shape.hidden = frozenset(name for name, one in shape.properties.items() if self._is_hidden(one))
        shape.properties = {name: one for name, one in shape.properties.items() if name not in shape.hidden}
        shape.required -= shape.hidden
        return shape

    def _is_hidden(self, raw: Raw) -> bool:
        """Whether a member with this schema is no part of this side."""
        return bool(self._hides) and any(part.get(self._hides) is True for part in self._parts(raw))

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
        if part.get("pattern", "") not in _EVERY_TEXT:
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
        if "discriminator" in part:
            shape.discriminator = _discriminator(part)
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


def _discriminator(part: Mapping[str, Any]) -> Discriminator:
    node = part["discriminator"]
    said = {
        word: target if "/" in target or "#" in target else _COMPONENT + target
        for word, target in node.get("mapping", {}).items()
    }
    listed = [one for keyword in ("anyOf", "oneOf") for one in part.get(keyword, ()) if isinstance(one, Mapping)]
    references = [str(one["$ref"]) for one in listed if "$ref" in one]
    # An alternative that no word was given goes by the name of its component.
    implied = {one.rpartition("/")[2]: one for one in references if one not in said.values()}
    targets = tuple((word, {"$ref": target}) for word, target in sorted({**implied, **said}.items()))
    return Discriminator(str(node.get("propertyName", "")), targets, of_choice=bool(listed))


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
    if isinstance(raw, bool) or set(raw) != {"not"}:
        return frozenset()
    unwanted = raw["not"]
    if isinstance(unwanted, bool) or set(unwanted) != {"anyOf"}:
        return frozenset()
    names = [_only_required(one) for one in unwanted["anyOf"]]
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
