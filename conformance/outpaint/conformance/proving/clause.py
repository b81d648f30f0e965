"""A sentence of the contract, and where it comes from.

docs/facts tells which of the vendor's words its statements go back to.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


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


VENDOR, OURS, RFC = Origin.VENDOR, Origin.OURS, Origin.RFC

WIRE: Final = "docs/facts/wire.md"
ERRORS: Final = f"{WIRE}#errors"
FIELDS: Final = f"{WIRE}#request-fields"
PIXELS: Final = "docs/facts/pixels.md"
WHAT_COMES_IN: Final = f"{PIXELS}#what-comes-in"
WHICH_ARE_PAINTED: Final = f"{PIXELS}#which-pixels-are-painted"
API: Final = "docs/api.md"
