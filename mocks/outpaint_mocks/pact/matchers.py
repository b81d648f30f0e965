"""Matching rules and generators in Pact v4's spelling, and what stands in for values that differ from run to run.

Regular expressions are read by Onigmo here and by Java and JavaScript elsewhere: plain ones only, and they match
whole values.
"""

from __future__ import annotations

from typing import Any, Final

from outpaint_contracts.examples import FILE_ID, INFERENCE_ID

Rule = dict[str, Any]

API_KEY_EXAMPLE: Final = "YOUR-API-KEY"
"""Stands in every file where the consumer's key stood."""
JOB_ID: Final = INFERENCE_ID
TIME: Final = "2026-01-02T00:00:00Z"
COUNTER: Final = 42
IDEMPOTENCY_KEY_EXAMPLE: Final = "3f1d8a52-6a0e-4b7e-9d1b-6d2c9f0b7a11"
SIGNATURE: Final = "4f" * 32

ID: Final = "[0-9A-Za-z-]+"
URL: Final = "https?://[^ ]+"
DATE_TIME: Final = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})"
DIGITS: Final = "[0-9]+"
DECIMAL: Final = "-?[0-9]+([.][0-9]+)?"
VISIBLE: Final = "[!-~]+"
WITH_BOUNDARY: Final = "multipart/form-data;.*boundary=.+"


def file_id(extension: str) -> str:
    """An example of a finished picture's id."""
    return f"{FILE_ID.partition('.')[0]}.{extension}"


def regex(pattern: str) -> Rule:
    """The whole value matches a regular expression."""
    return _rule({"match": "regex", "regex": pattern})


def same_type() -> Rule:
    """The value is of the example's type."""
    return _rule({"match": "type"})


def each_like(count: int) -> Rule:
    """The list has exactly so many items, each like the example's first."""
    return _rule({"match": "type", "min": count, "max": count})


def whole_number() -> Rule:
    """Any whole number."""
    return _rule({"match": "integer"})


def number() -> Rule:
    """Any number."""
    return _rule({"match": "number"})


def truth() -> Rule:
    """True or false."""
    return _rule({"match": "boolean"})


def each_value() -> Rule:
    """An object with any names, each value like the example's."""
    return _rule({"match": "values"})


def media_type(value: str) -> Rule:
    """The bytes are a file of that type, told by themselves."""
    return _rule({"match": "contentType", "value": value})


def from_state(expression: str) -> dict[str, Any]:
    """The verifier puts in what the provider state gave: `${api_key}`, `${inference_id}`, ..."""
    return {"type": "ProviderState", "expression": expression, "dataType": "STRING"}


def fresh_uuid() -> dict[str, Any]:
    """The verifier puts in a new UUID."""
    return {"type": "Uuid"}


def _rule(matcher: dict[str, Any]) -> Rule:
    return {"combine": "AND", "matchers": [matcher]}
