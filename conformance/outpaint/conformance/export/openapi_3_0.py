"""The API description in OpenAPI 3.0.3, for tools that do not read 3.1.

A keyword of 3.1 that 3.0 lacks is replaced by others that mean the same, and refused where none do: a document that
silently allows more would be worse than none. `integer` stays `integer`, although the drafts behind 3.0 leave 1.0 out
and JSON Schema 2020-12 counts it: in JSON the two are one number, and readers of 3.0 take it as such.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from outpaint.contracts.openapi_components import SCHEMAS, JsonObject

VERSION: Final = "3.0.3"

_KEPT: Final = frozenset(
    {
        *("title", "multipleOf", "maxLength", "minLength", "pattern", "maxItems", "minItems"),
        *("uniqueItems", "maxProperties", "minProperties", "required", "enum", "description", "format", "default"),
        *("nullable", "discriminator", "readOnly", "writeOnly", "xml", "externalDocs", "example", "deprecated"),
    }
)
_LIMITS: Final = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
# Keywords about the schema itself, which mean nothing inside a document of 3.0.
_DROPPED: Final = frozenset({"$schema", "$id", "$anchor", "$comment", "$defs", "contentSchema"})
# In 3.0 a schema takes null only where it has a type and is nullable (OpenAPI 3.0.3, `nullable`).
_NULL: Final[JsonObject] = {"type": "string", "nullable": True, "enum": [None]}
_DESCRIBING: Final = ("title", "description", "deprecated")
_NOTHING: Final[JsonObject] = {"not": {}}


class NotExpressibleError(ValueError):
    """A part of the document for which OpenAPI 3.0 has no keyword."""


def downgraded(document: Mapping[str, Any]) -> JsonObject:
    """The same document in OpenAPI 3.0.3; the one given is left as it is.

    Raises `NotExpressibleError` for webhooks, mutualTLS and keywords of JSON Schema 2020-12 that 3.0 cannot replace.
    """
    if document.get("webhooks"):
        raise NotExpressibleError("webhooks cannot be said in OpenAPI 3.0")
    whole: JsonObject = json.loads(json.dumps(document))
    whole["openapi"] = VERSION
    whole.pop("jsonSchemaDialect", None)
    whole["info"] = _info(whole["info"])
    whole.setdefault("paths", {})
    components = whole.get("components", {})
    items = components.pop("pathItems", {})
    schemas = components.get("schemas", {})
    hoisted: JsonObject = {}
    for name, schema in list(schemas.items()):
        if isinstance(schema, Mapping):
            hoisted |= {f"{name}.{inner}": one for inner, one in schema.get("$defs", {}).items()}
    schemas |= hoisted
    whole["paths"] = {path: _path_item(item, items) for path, item in whole["paths"].items()}
    converted: JsonObject = _walked(whole, "")
    return converted


def _info(info: JsonObject) -> JsonObject:
    """The summary becomes the description's first paragraph, a licence's identifier the address of its text."""
    made = dict(info)
    if summary := made.pop("summary", None):
        made["description"] = "\n\n".join(filter(None, (summary, made.get("description"))))
    if "identifier" in made.get("license", {}):
        licence = dict(made["license"])
        identifier = licence.pop("identifier")
        made["license"] = {**licence, "url": f"https://spdx.org/licenses/{identifier}.html"}
    return made


def _path_item(item: JsonObject, shared: JsonObject) -> JsonObject:
    """A path item with what it refers to put into it: 3.0 has no shared path items."""
    reference = item.get("$ref", "")
    if not reference.startswith("#/components/pathItems/"):
        return item
    return {**shared[reference.rpartition("/")[2]], **{name: one for name, one in item.items() if name != "$ref"}}


def _walked(value: Any, name: str) -> Any:
    """A part of the document, whose member `name` it is, with every schema in the keywords of 3.0."""
    if isinstance(value, list):
        return [_walked(one, name) for one in value]
    if not isinstance(value, dict) or name in ("example", "examples", "value"):
        return value
    if name == "schema":
        return _schema(value)
    if name == "securitySchemes" and any(one.get("type") == "mutualTLS" for one in value.values()):
        raise NotExpressibleError("security by mutualTLS cannot be said in OpenAPI 3.0")
    if "$ref" in value and isinstance(value["$ref"], str):
        return {"$ref": value["$ref"]}
    if name == "schemas":
        return {key: _schema(one) for key, one in value.items()}
    return {key: _walked(one, key) for key, one in value.items()}


def _schema(schema: Any) -> JsonObject:
    if isinstance(schema, bool):
        return {} if schema else dict(_NOTHING)
    if "$ref" in schema:
        beside = {name: value for name, value in schema.items() if name != "$ref" and name not in _DROPPED}
        reference = {"$ref": _reference(schema["$ref"])}
        # 3.0 ignores whatever is beside a reference.
        return {"allOf": [reference], **_schema(beside)} if beside else reference
    if "type" in schema and not isinstance(schema["type"], str):
        return _of_types(schema)
    if schema.get("type") == "null":
        rest = {name: value for name, value in schema.items() if name not in ("type", *_DESCRIBING)}
        null = {**_NULL, **{name: schema[name] for name in _DESCRIBING if name in schema}}
        return {"allOf": [null, _schema(rest)]} if rest else null
    if "const" in schema and "enum" in schema:
        values = [value for value in schema["enum"] if value == schema["const"]]
        return _schema({**{name: value for name, value in schema.items() if name != "const"}, "enum": values})
    made = _limits(schema)
    demands: list[JsonObject] = []
    for keyword, value in schema.items():
        if keyword in _LIMITS:
            continue
        if keyword in _KEPT or keyword.startswith("x-"):
            made[keyword] = value
        elif keyword in _TRANSLATED:
            made |= _TRANSLATED[keyword](schema)
        elif keyword in _AS_DEMANDS:
            demands += _AS_DEMANDS[keyword](schema)
        elif keyword not in _DROPPED and keyword not in ("then", "else"):
            raise NotExpressibleError(f"{keyword} cannot be said in OpenAPI 3.0")
    if demands:
        made["allOf"] = [*made.get("allOf", ()), *demands]
    return _with_nullable_alternative(made)


def _of_types(schema: JsonObject) -> JsonObject:
    """A list of types: one type that is nullable, or an alternative for each."""
    rest = {name: value for name, value in schema.items() if name != "type"}
    nullable = "null" in schema["type"]
    others = [one for one in schema["type"] if one != "null"]
    if not others and not nullable:
        return dict(_NOTHING)
    if not others:
        return _schema({**rest, "type": "null"})
    if len(others) == 1:
        one = _schema({**rest, "type": others[0]})
        if nullable:
            one["nullable"] = True
            if None in schema.get("enum", ()):
                one["enum"] = schema["enum"]
        return one
    alternatives = [{"type": one} for one in others]
    if nullable:
        alternatives[0]["nullable"] = True
    if "anyOf" in rest:
        return {"allOf": [{"anyOf": alternatives}, _schema(rest)]}
    return {**_schema(rest), "anyOf": alternatives}


def _with_nullable_alternative(made: JsonObject) -> JsonObject:
    """`anyOf` of one plain schema and null is that schema, nullable."""
    alternatives = made.get("anyOf", [])
    real = [one for one in alternatives if not _is_null(one)]
    if len(alternatives) != 2 or len(real) != 1 or not isinstance(real[0].get("type"), str) or "enum" in real[0]:
        return made
    rest = {name: value for name, value in made.items() if name != "anyOf"}
    if set(rest) - {"description", "default", "title", "deprecated", "example"}:
        return made
    return {**real[0], **rest, "nullable": True}


def _is_null(schema: JsonObject) -> bool:
    return {name: schema.get(name) for name in _NULL} == _NULL


def _reference(reference: str) -> str:
    """Definitions inside a component are components of their own in 3.0."""
    start, found, inner = reference.removeprefix(SCHEMAS).partition("/$defs/")
    return f"{SCHEMAS}{start}.{inner}" if found else reference


def _limits(schema: JsonObject) -> JsonObject:
    """The tighter of an inclusive and an exclusive limit, as an inclusive one with a flag where it is exclusive."""
    made: JsonObject = {}
    for plain, exclusive, tighter in (("minimum", "exclusiveMinimum", max), ("maximum", "exclusiveMaximum", min)):
        if plain in schema:
            made[plain] = schema[plain]
        beyond = schema.get(exclusive)
        if isinstance(beyond, bool):
            made[exclusive] = beyond
        elif beyond is not None and (plain not in schema or tighter(schema[plain], beyond) == beyond):
            made |= {plain: beyond, exclusive: True}
    return made


def _const(schema: JsonObject) -> JsonObject:
    return dict(_NULL) if schema["const"] is None and "type" not in schema else {"enum": [schema["const"]]}


def _media(schema: JsonObject) -> JsonObject:
    return {} if "contentEncoding" in schema else {"format": schema.get("format", "binary")}


def _encoding(schema: JsonObject) -> JsonObject:
    encoding = schema["contentEncoding"]
    return {"format": "byte" if encoding == "base64" else schema.get("format", encoding)}


def _additional(schema: JsonObject) -> JsonObject:
    others = schema["additionalProperties"]
    return {"additionalProperties": others if isinstance(others, bool) else _schema(others)}


def _type(schema: JsonObject) -> JsonObject:
    # 3.0 requires `items` of an array.
    empty = schema["type"] == "array" and "items" not in schema
    return {"type": schema["type"], "items": {}} if empty else {"type": schema["type"]}


def _examples(schema: JsonObject) -> JsonObject:
    return {"example": schema["examples"][0]} if schema["examples"] and "example" not in schema else {}


def _conditional(schema: JsonObject) -> list[JsonObject]:
    condition = _schema(schema["if"])
    demands: list[JsonObject] = []
    if "then" in schema:
        demands.append({"anyOf": [{"not": condition}, _schema(schema["then"])]})
    if "else" in schema:
        demands.append({"anyOf": [condition, _schema(schema["else"])]})
    return demands


def _dependent(schema: JsonObject) -> list[JsonObject]:
    return [
        {"anyOf": [{"not": {"required": [name]}}, {"required": list(names)}]}
        for name, names in schema["dependentRequired"].items()
        if names
    ]


def _list_of_schemas(keyword: str) -> Callable[[JsonObject], JsonObject]:
    return lambda schema: {keyword: [_schema(one) for one in schema[keyword]]}


_TRANSLATED: Final[Mapping[str, Callable[[JsonObject], JsonObject]]] = {
    "type": _type,
    "const": _const,
    "examples": _examples,
    "contentMediaType": _media,
    "contentEncoding": _encoding,
    "additionalProperties": _additional,
    "items": lambda schema: {"items": _schema(schema["items"])},
    "not": lambda schema: {"not": _schema(schema["not"])},
    "properties": lambda schema: {"properties": {name: _schema(one) for name, one in schema["properties"].items()}},
    **{keyword: _list_of_schemas(keyword) for keyword in ("allOf", "anyOf", "oneOf")},
}
_AS_DEMANDS: Final[Mapping[str, Callable[[JsonObject], list[JsonObject]]]] = {
    "if": _conditional,
    "dependentRequired": _dependent,
}
