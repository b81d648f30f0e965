"""What kind of value something is, without the value: id, address, seconds or epoch, date, text."""

from __future__ import annotations

import re
from typing import Any, Final

_UUID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_CLASSES: Final = (
    (re.compile(rf"(?i){_UUID}"), "a UUID"),
    (re.compile(rf"(?i){_UUID}\.[a-z0-9]{{2,5}}"), "a UUID with an extension"),
    (re.compile(r"(?i)https?://[^\s/]+.*"), "an absolute URL"),
    (re.compile(rf"(?i)/\S*{_UUID}\S*"), "a path with a UUID"),
    (re.compile(r"/\S*"), "a path"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)"), "a date with a time zone"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?"), "a date without a time zone"),
    (re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"), "an HTTP date"),
    (re.compile(r"(?i)[0-9a-f]{16,128}"), "hexadecimal digits"),
)
_ID_NAMES: Final = re.compile(r"(?:.*_)?id")
_EPOCH_S: Final = 500_000_000
_EPOCH_MS: Final = 500_000_000_000


def names_an_id(member: str) -> bool:
    """Whether a member of this name holds an id."""
    return _ID_NAMES.fullmatch(member) is not None


def class_of_text(text: str) -> str:
    """What a text looks like."""
    if re.fullmatch(r"-?\d{1,18}", text):
        return class_of_number(int(text))
    if re.fullmatch(r"-?\d+\.\d+", text):
        return "a number with a fraction"
    if not text.strip():
        return "empty"
    return next((name for pattern, name in _CLASSES if pattern.fullmatch(text)), "text")


def class_of_number(number: float) -> str:
    """A number by its size, where it may be a time: seconds from now are small, those since 1970 are not."""
    if abs(number) >= _EPOCH_MS:
        return "milliseconds since 1970, or as large"
    return "seconds since 1970, or as large" if abs(number) >= _EPOCH_S else "a whole number"


def type_of(value: Any) -> str:
    """The JSON type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
