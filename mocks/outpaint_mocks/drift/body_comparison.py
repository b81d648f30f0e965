"""Two JSON answers side by side: members, types, status words, patterns of ids; never values that may differ."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from outpaint_mocks.drift.difference import ABSENT
from outpaint_mocks.drift.value_classes import class_of_number, class_of_text, names_an_id, type_of

Found = tuple[str, str, str, str]
"""Where, recorded, replayed, and which it is: `missing` there, `extra` there, `other`, or `mild`."""

_WORDS: Final = frozenset({"status", "error_code", "code", "source"})
"""Members whose values are words of the contract: clients branch on them."""
_TIMES: Final = re.compile(r".*(_at|_in|reset|after|seconds|time|expires)")
_FREE: Final = frozenset({"fields"})
"""Members whose own members are the provider's business: an upload form's fields."""
_MAY_BE_NULL: Final = frozenset({"field"})
"""A refusal for the state of an account or a provider names no field where a scenario brings it about."""
_COUNTED: Final = frozenset({"data"})
_ERRORS: Final = 400


def compare_json(recorded: Any, replayed: Any, status: int) -> Iterator[Found]:
    """The differences of two bodies of the same status."""
    yield from _values(recorded, replayed, "", "", status)
    yield from _same_id(recorded, replayed)


def _values(recorded: Any, replayed: Any, where: str, name: str, status: int) -> Iterator[Found]:
    one, other = type_of(recorded), type_of(replayed)
    if name in _MAY_BE_NULL and "null" in (one, other):
        return
    if one != other:
        yield where, one, other, "other"
    elif isinstance(recorded, dict):
        if name not in _FREE:
            yield from _members(recorded, replayed, where, status)
    elif isinstance(recorded, list):
        yield from _items(recorded, replayed, where, name, status)
    elif name in _WORDS or (name == "message" and status >= _ERRORS):
        if recorded != replayed:
            yield where, repr(recorded), repr(replayed), "other"
    elif isinstance(recorded, str):
        yield from _texts(recorded, replayed, where, name)
    elif one == "number" and _TIMES.fullmatch(name):
        first, second = class_of_number(recorded), class_of_number(replayed)
        if first != second:
            yield where, first, second, "other"


def _members(recorded: dict[str, Any], replayed: dict[str, Any], where: str, status: int) -> Iterator[Found]:
    for name in [*recorded, *(name for name in replayed if name not in recorded)]:
        below = f"{where}/{name}"
        if name not in replayed:
            yield below, type_of(recorded[name]), ABSENT, "missing"
        elif name not in recorded:
            yield below, ABSENT, type_of(replayed[name]), "extra"
        else:
            yield from _values(recorded[name], replayed[name], below, name, status)


def _items(recorded: list[Any], replayed: list[Any], where: str, name: str, status: int) -> Iterator[Found]:
    if name in _COUNTED and len(recorded) != len(replayed):
        yield where, f"{len(recorded)} items", f"{len(replayed)} items", "other"
    seen: set[Found] = set()
    for one, other in zip(recorded, replayed, strict=False):
        for found in _values(one, other, f"{where}/*", "", status):
            if found not in seen:
                seen.add(found)
                yield found


def _texts(recorded: str, replayed: str, where: str, name: str) -> Iterator[Found]:
    one, other = class_of_text(recorded), class_of_text(replayed)
    if one == other:
        return
    if name == "url" or name.endswith("_url"):
        yield where, one, other, "other"
    elif names_an_id(name):
        yield where, one, other, "mild"
    elif _TIMES.fullmatch(name):
        yield where, one, other, "other"


def _same_id(recorded: Any, replayed: Any) -> Iterator[Found]:
    """Both names of a job's id are there, and mean the same or not."""
    told = []
    for value in (recorded, replayed):
        if not isinstance(value, dict) or not {"inference_id", "transaction_id"} <= value.keys():
            return
        same = value["inference_id"] == value["transaction_id"]
        told.append("equal to /inference_id" if same else "another than /inference_id")
    if told[0] != told[1]:
        yield "/transaction_id", told[0], told[1], "other"
