"""How much of something there may be: a value, the characters of a text, the items of a list, an object's members."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Final

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
    "KiB": 2**10,
    "MB": 10**6,
    "MiB": 2**20,
    "GB": 10**9,
    "GiB": 2**30,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """From `low` to `high`; an open end does not count itself."""

    KEYWORDS: ClassVar[frozenset[str]] = frozenset(
        {
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "exclusiveMaximum",
            *(word for both in _COUNTS.values() for word in both),
        }
    )
    ABOUT: ClassVar[Mapping[str, frozenset[str]]] = MappingProxyType(
        {
            "range": frozenset({"integer", "fraction"}),
            "length": frozenset({"string"}),
            "item-count": frozenset({"array"}),
            "member-count": frozenset({"object"}),
        }
    )
    """What kind of limits concern which types."""

    low: float = -math.inf
    low_open: bool = False
    high: float = math.inf
    high_open: bool = False

    @classmethod
    def of(cls, schema: Mapping[str, Any]) -> dict[str, Limits]:
        """Each kind of limits that a schema sets, in the words of 3.0 (`exclusiveMinimum: true`) or of 3.1."""
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

    def and_also(self, other: Limits) -> Limits:
        """What is within both."""
        low, low_open = max((self.low, self.low_open), (other.low, other.low_open))
        high, high_closed = min((self.high, not self.high_open), (other.high, not other.high_open))
        return Limits(low, low_open, high, not high_closed)

    def change_to(self, new: Limits) -> str | None:
        """`narrowed`, `widened`, `changed` for a bit of both, or None."""
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


ANY: Final = MappingProxyType({"range": Limits(), **dict.fromkeys(_COUNTS, Limits(low=0))})
"""The limits of each kind that limit nothing."""


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


def told_size(description: str) -> int | None:
    """Bytes, where a description says "at most 32 MiB": JSON Schema has no word for the size of a file."""
    found = _SIZE.search(description)
    if found is None:
        return None
    return round(float(found[1].replace(",", "").replace(" ", "").rstrip(".")) * _BYTES[found[2]])
