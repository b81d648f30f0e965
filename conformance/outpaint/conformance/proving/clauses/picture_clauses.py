"""Pictures taken, pixels kept."""

from __future__ import annotations

from typing import Final

from outpaint.conformance.proving.clause import API, ERRORS, OURS, VENDOR, WHAT_COMES_IN, WHICH_ARE_PAINTED, Clause

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


OPAQUE_IS_KEPT: Final = Clause(
    "pixels.opaque-is-kept",
    "What is opaque is kept and what is transparent is painted, by the mask's alpha or the image's own.",
    WHICH_ARE_PAINTED,
    VENDOR,
)
KEPT_IS_EXACT: Final = Clause(
    "pixels.kept-is-exact",
    "Kept pixels are byte-identical in PNG.",
    WHICH_ARE_PAINTED,
    OURS,
)
KEPT_IS_CLOSE: Final = Clause(
    "pixels.kept-is-close",
    "Kept pixels are unchanged before encoding in JPG and WEBP.",
    WHICH_ARE_PAINTED,
    OURS,
)
HIDDEN_STAYS_HIDDEN: Final = Clause(
    "pixels.hidden-stays-hidden",
    "Colours under alpha 0 are ignored and never show in a result.",
    WHICH_ARE_PAINTED,
    OURS,
)
MASK_COLOURS_IGNORED: Final = Clause(
    "pixels.mask-colours-ignored",
    "Where a mask's alpha varies its colours do not matter.",
    WHICH_ARE_PAINTED,
    VENDOR,
)
LUMINANCE: Final = Clause(
    "pixels.luminance",
    "A mask without transparency is read by its brightness: white keeps, black paints.",
    WHICH_ARE_PAINTED,
    OURS,
)
MASK_OVER_EMPTY: Final = Clause(
    "pixels.mask-over-empty",
    "The mask wins over the image's alpha, but where that is 0 there is nothing to keep.",
    WHICH_ARE_PAINTED,
    OURS,
)
SOFT_IS_BLENDED: Final = Clause(
    "pixels.soft-is-blended",
    "A half transparent pixel is k * original + (1 - k) * painted, in straight alpha.",
    WHICH_ARE_PAINTED,
    OURS,
)
JPEG_MASK: Final = Clause(
    "pixels.jpeg-mask",
    "In a JPEG mask brightness up to 8 is black and from 247 is white.",
    WHICH_ARE_PAINTED,
    OURS,
)
SIZE_STAYS: Final = Clause("pixels.size-stays", "A result has the size of what was sent.", WHICH_ARE_PAINTED, OURS)
RESULT_IS_OPAQUE: Final = Clause("pixels.result-is-opaque", "A result is opaque RGB.", WHICH_ARE_PAINTED, OURS)
UPRIGHT: Final = Clause(
    "pixels.upright",
    "EXIF orientation is applied to image and mask, each by its own, and then dropped.",
    WHAT_COMES_IN,
    OURS,
)
BROKEN_ORIENTATION: Final = Clause(
    "pixels.broken-orientation",
    "An orientation tag that is not valid, as in the vendor's own test picture, is ignored.",
    WHICH_ARE_PAINTED,
    VENDOR,
)
COLOURS_IN: Final = Clause(
    "pixels.colours-in",
    "Grey, palette and 1-bit pictures come in without loss, 16 bits rounded to 8, CMYK as sRGB.",
    WHAT_COMES_IN,
    OURS,
)
CHANGED_WITH_A_WORD: Final = Clause(
    "pixels.changed-with-a-word",
    "A picture whose values had to be changed is answered with a warning.",
    WHAT_COMES_IN,
    OURS,
)
PROFILE_STAYS: Final = Clause(
    "pixels.profile-stays", "An RGB picture's ICC profile is embedded in its result.", WHAT_COMES_IN, OURS
)
NO_METADATA: Final = Clause(
    "pixels.no-metadata", "EXIF, GPS, XMP and comments never reach a result.", WHAT_COMES_IN, OURS
)
