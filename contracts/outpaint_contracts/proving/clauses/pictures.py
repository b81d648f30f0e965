"""Which files are taken as pictures."""

from __future__ import annotations

from typing import Final

from outpaint_contracts.proving.clause import Clause
from outpaint_contracts.proving.clauses.provenance import API, ERRORS, OURS, VENDOR, WHAT_COMES_IN, WHICH_ARE_PAINTED

BY_BYTES: Final = Clause(
    "pictures.by-bytes",
    "A picture is known by its bytes, whatever its label says.",
    WHAT_COMES_IN,
    VENDOR,
)
TAKEN_FORMATS: Final = Clause(
    "pictures.taken-formats", "JPEG, PNG, WEBP, BMP and TIFF are taken.", WHAT_COMES_IN, VENDOR
)
NO_PICTURE: Final = Clause("pictures.no-picture", "A file of any other type is 415.", ERRORS, VENDOR)
NO_PICTURE_WORDS: Final = Clause(
    "pictures.no-picture-words",
    "The refusal of a file says what it was taken for and what is taken instead.",
    WHAT_COMES_IN,
    OURS,
)
DAMAGED: Final = Clause("pictures.damaged", "A damaged or incomplete picture is a typed 422.", f"{API}#errors", OURS)
DIMENSIONS: Final = Clause(
    "pictures.dimensions",
    "A side has 16 to 8,192 pixels and a picture at most 40 million, judged before anything is decoded.",
    WHAT_COMES_IN,
    OURS,
)
ANIMATED: Final = Clause("pictures.animated", "A picture of several frames is a typed 422.", WHAT_COMES_IN, OURS)
NOTHING_TO_PAINT: Final = Clause(
    "pictures.nothing-to-paint",
    "Where nothing is left open the answer is 422, with the way out.",
    WHICH_ARE_PAINTED,
    OURS,
)
NOTHING_TO_KEEP: Final = Clause(
    "pictures.nothing-to-keep", "Where nothing is kept the answer is 422.", WHICH_ARE_PAINTED, OURS
)
SIZES_MATCH: Final = Clause(
    "pictures.sizes-match",
    "Image and mask have one size once each is upright; else 422 names both, and nothing is resized.",
    WHICH_ARE_PAINTED,
    OURS,
)
