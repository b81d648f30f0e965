"""A sentence of the specification that somebody may be held to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Origin(StrEnum):
    """Whose word a clause is: only the vendor's own clauses can be asked of the vendor."""

    VENDOR = "vendor"
    """Read off the vendor's OpenAPI, SDK code, documentation or live tests."""
    OURS = "ours"
    """An extension, or a decision where the vendor is silent."""
    RFC = "rfc"
    """A standard that both say they keep to."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One sentence of the specification; `id` is stable across releases, `source` says where it was written first."""

    id: str
    says: str
    source: str
    origin: Origin
