"""Whose word clauses are and where they were written first, in the short names that each room of them uses.

The facts on the wire and on pixels (wire.md and pixels.md in comments) are notes taken from the vendor's description,
documentation, SDK code and live tests, by heading.
"""

from __future__ import annotations

from typing import Final

from outpaint_contracts.proving.clause import Origin

VENDOR, OURS, RFC = Origin.VENDOR, Origin.OURS, Origin.RFC

WIRE: Final = "facts on the wire"
ERRORS: Final = f"{WIRE}, Errors"
FIELDS: Final = f"{WIRE}, Request fields"
PIXELS: Final = "facts on pixels"
WHAT_COMES_IN: Final = f"{PIXELS}, What comes in"
WHICH_ARE_PAINTED: Final = f"{PIXELS}, Which pixels are painted"
API: Final = "docs/api.md"
