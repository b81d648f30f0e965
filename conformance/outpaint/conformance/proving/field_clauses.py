"""The clauses of the plain fields, made from the model of a wish: the values that each takes, and its default."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from outpaint.conformance.proving.clauses import API_REQUEST, FIELDS, Clause, Origin
from outpaint.contracts.requests import Wish


def field_clause(model: type[Wish], name: str) -> Clause:
    """The clause of a field: its id is `fields.` and the name; whose it is, its values and default are the model's.

    How long a text may be is left to clauses of its own: the vendor doesn't say it of its fields. Raises `ValueError`
    for a kind of values that no sentence is known for.
    """
    schema = model.model_json_schema()
    field = schema["properties"][name]
    # A field that may be null is an `anyOf`; an enumeration is a `$ref` to a definition.
    shape = next((one for one in field.get("anyOf", ()) if one.get("type") != "null"), field)
    if "$ref" in shape:
        shape = schema["$defs"][shape["$ref"].rpartition("/")[2]]
    if name in schema.get("required", ()):
        left_out = "and is required"
    elif field["default"] in (None, ""):
        left_out = "and may be left out"
    else:
        left_out = f"{_word(field['default'])} where it is left out"
    source, origin = (API_REQUEST, Origin.OURS) if model.about(name).ours else (FIELDS, Origin.VENDOR)
    says = f"`{name}` is {_values(name, shape)}, {left_out}."
    return Clause(f"fields.{name.replace('_', '-')}", says, source, origin)


def _values(name: str, shape: Mapping[str, Any]) -> str:
    match shape:
        case {"enum": [*others, last]}:
            return f"{', '.join(map(_word, others))} or {_word(last)}" if others else _word(last)
        case {"type": "integer" | "number" as kind, "minimum": least, "maximum": most}:
            return f"a {'whole ' if kind == 'integer' else ''}number from {_word(least)} to {_word(most)}"
        case {"type": "boolean"}:
            return "true or false"
        case {"type": "string", "minLength": 1}:
            return "text that is not empty"
        case {"type": "string"}:
            return "text"
    raise ValueError(f"no sentence says which values {name} takes ({dict(shape)}): add one to field_clauses.py")


def _word(value: object) -> str:
    """A value as a sentence has it: numbers with commas, and true and false as JSON writes them."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)


FIELD_CLAUSES: Final[Mapping[str, Clause]] = MappingProxyType(
    {name: field_clause(Wish, name) for name in Wish.model_fields}
)
"""By name; a test holds each to being guarded by a case."""
