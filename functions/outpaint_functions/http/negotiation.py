"""Accept: whether our JSON will do, and whether errors should be RFC 9457 problem documents."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Accept:
    """What a client's Accept means here; without the header everything is acceptable (RFC 9110, 12.5.1)."""

    json: bool = True
    problem: bool = False

    @classmethod
    def parse(cls, values: list[str]) -> Accept:
        """The meaning of the header's values; a more specific range beats a wider one."""
        return _parsed(",".join(values))


@lru_cache(maxsize=256)
def _parsed(text: str) -> Accept:
    ranges: dict[str, float] = {}
    for item in text.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        if name:
            ranges[name] = max(ranges.get(name, 0.0), _quality(parameters))
    if not ranges:
        return Accept()
    wide = ranges.get("application/*", ranges.get("*/*", 0.0))
    json = ranges.get(JSON, wide)
    problem = ranges.get(PROBLEM, 0.0)
    # Problem documents are for those who name them; a client that ranks plain JSON higher gets that.
    return Accept(json=json > 0 or problem > 0, problem=problem > 0 and problem >= ranges.get(JSON, 0.0))


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
