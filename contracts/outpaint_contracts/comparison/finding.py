"""Where the comparison stands, and the changes it has found there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from outpaint_contracts.comparison.canonical import Raw, Schemas
from outpaint_contracts.comparison.changes import Change
from outpaint_contracts.comparison.rules import rule
from outpaint_contracts.comparison.schemas import Difference, SchemaComparison

Node = Mapping[str, Any]
"""A JSON object of a document."""


class Finder:
    """Two documents side by side, and the changes between them as they are found."""

    def __init__(self, old: Node, new: Node) -> None:
        self.old: Final = Schemas(old)
        self.new: Final = Schemas(new)
        self.operation = ""
        self.changes: Final[list[Change]] = []
        self._schemas: Final = SchemaComparison(self.old, self.new)

    def add(self, code: str, place: str = "", *, field: str = "", was: str = "", is_: str = "") -> None:
        """A change in the operation at hand, judged by its rule."""
        judged = rule(code)
        self.changes.append(
            Change.model_validate(
                {
                    "code": judged.code,
                    "verdict": judged.verdict,
                    "operation": self.operation,
                    "place": place,
                    "field": field,
                    "was": was,
                    "is": is_,
                    "why": judged.why,
                }
            )
        )

    def differences(self, old: Raw, new: Raw) -> list[Difference]:
        """What differs between two schemas."""
        return self._schemas.differences(old, new)

    def add_differences(self, side: str, place: str, differences: Iterable[Difference]) -> None:
        """A change for each difference, judged from its side: `request` or `response`."""
        for one in differences:
            self.add(f"{side}.{one.kind}", place, field=one.field, was=one.was, is_=one.is_)


def pairs(old: Node, new: Node) -> list[tuple[str, Any, Any]]:
    """Every name in either, with what each has under it or None; the old one's order first."""
    return [(name, old.get(name), new.get(name)) for name in dict.fromkeys([*old, *new])]
