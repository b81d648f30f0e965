"""The limits that a schema sets on numbers, lengths and counts, in the keywords of OpenAPI 3.0 or 3.1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Any, Final

_COUNTS: Final = {
    "length": ("minLength", "maxLength"),
    "item-count": ("minItems", "maxItems"),
    "member-count": ("minProperties", "maxProperties"),
}
LIMITING_KEYWORDS: Final = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", *chain(*_COUNTS.values())}
)
"""Every keyword that sets a limit."""


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
