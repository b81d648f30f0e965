"""What an edit is: one change of our own document, the verdict on it, and every rule that it is judged by."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Final

from outpaint.conformance.diff.diff_rules import DiffVerdict
from outpaint.contracts import openapi

Document = dict[str, Any]
Change = Callable[[Document], object]
B, R, C = DiffVerdict.BREAKING, DiffVerdict.RISKY, DiffVerdict.COMPATIBLE
JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of a document, its verdict, and every rule that it is judged by; `before` is made to both documents."""

    name: str
    change: Change
    verdict: DiffVerdict
    codes: frozenset[str]
    before: Change | None = None

    def old(self) -> Document:
        """Our document, as it is before the change."""
        made = document()
        if self.before is not None:
            self.before(made)
        return made

    def made(self) -> Document:
        """The same with this change."""
        changed = self.old()
        self.change(changed)
        return changed


_EDITS: Final[list[Edit]] = []


def edit(verdict: DiffVerdict, *codes: str, before: Change | None = None) -> Callable[[Change], Change]:
    """Enter a function in the table under its name."""

    def enter(change: Change) -> Change:
        _EDITS.append(Edit(change.__name__, change, verdict, frozenset(codes), before))
        return change

    return enter


def all_edits() -> tuple[Edit, ...]:
    """Every edit of every area, as written."""
    package = import_module("edits.areas")
    for module in sorted(iter_modules(package.__path__), key=lambda module: module.name):
        import_module(f"{package.__name__}.{module.name}")
    return tuple(_EDITS)


def document() -> Document:
    """Our own document, which may be changed."""
    made: Document = json.loads(openapi.text())
    return made
