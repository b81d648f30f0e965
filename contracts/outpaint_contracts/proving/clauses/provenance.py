"""Whose word clauses are and where they were written first, in the short names that each room of them uses.

docs/facts tells which of the vendor's words its statements go back to.
"""

from __future__ import annotations

from typing import Final

from outpaint_contracts.proving.clause import Origin

VENDOR, OURS, RFC = Origin.VENDOR, Origin.OURS, Origin.RFC

WIRE: Final = "docs/facts/wire.md"
ERRORS: Final = f"{WIRE}#errors"
FIELDS: Final = f"{WIRE}#request-fields"
PIXELS: Final = "docs/facts/pixels.md"
WHAT_COMES_IN: Final = f"{PIXELS}#what-comes-in"
WHICH_ARE_PAINTED: Final = f"{PIXELS}#which-pixels-are-painted"
API: Final = "docs/api.md"
