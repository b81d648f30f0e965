"""The layouts of TIFF that are read right, judged from the tags alone; every other one is refused by name.

Tags and their meaning: TIFF 6.0 and its Technical Notes. Why a list of what is read: docs/adr/0066.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from math import lcm
from typing import Final

from outpaint.painting.inputs.file_header import DamagedFileError, UnsupportedFileError


class TiffColours(Enum):
    """The values of PhotometricInterpretation that are read, each with its name and number of samples."""

    WHITE_IS_ZERO = (0, "greyscale in which 0 is white", 1)
    BLACK_IS_ZERO = (1, "greyscale", 1)
    RGB = (2, "RGB", 3)
    PALETTE = (3, "palette", 1)
    CMYK = (5, "CMYK", 4)
    YCBCR = (6, "YCbCr", 3)
    LAB = (8, "L*a*b*", 3)

    def __init__(self, number: int, title: str, samples: int) -> None:
        self.number = number
        self.title = title
        self.samples = samples


class TiffReading(Enum):
    """How the samples are had from Pillow's decoder."""

    WHOLE = "as they are"
    PLANES = "plane by plane"
    BYTES = "byte by byte"
    PAIRS = "two bytes at a time"
    PACKED = "bit by bit"


class TiffAlpha(Enum):
    """What a sample beyond the colours is (ExtraSamples), by its number there."""

    UNSPECIFIED = 0
    PREMULTIPLIED = 1
    STRAIGHT = 2


@dataclass(frozen=True, slots=True)
class TiffLayout:
    """How the pixels of a TIFF are stored.

    `bits` is per sample, all of which have the same. `palette` is RGB, three bytes a colour. `order` is the byte order
    as in `struct`.
    """

    colours: TiffColours
    bits: int
    alpha: TiffAlpha | None
    reading: TiffReading
    order: str
    palette: bytes = b""

    @property
    def samples(self) -> int:
        """Samples a pixel."""
        return self.colours.samples + (self.alpha is not None)


BITS_PER_SAMPLE, COMPRESSION, PHOTOMETRIC, FILL_ORDER, SAMPLES_PER_PIXEL = 258, 259, 262, 266, 277
PLANAR_CONFIGURATION, PREDICTOR, COLOUR_MAP, INK_SET, EXTRA_SAMPLES, SAMPLE_FORMAT = 284, 317, 320, 332, 338, 339

JPEG: Final = 7
_COMPRESSIONS: Final = {
    1: "none",
    5: "LZW",
    JPEG: "JPEG",
    8: "deflate",
    32_946: "deflate",
    32_773: "PackBits",
}
# The fax codes are left out: libtiff writes a line to standard error for every damaged row of them.
COMPRESSIONS: Final = tuple(dict.fromkeys(_COMPRESSIONS.values()))
"""The names of the compressions that are read."""

PACKED_BITS: Final = (10, 12, 14)
BITS: Final[dict[TiffColours, tuple[int, ...]]] = {
    TiffColours.WHITE_IS_ZERO: (1, 2, 4, 8, *PACKED_BITS, 16),
    TiffColours.BLACK_IS_ZERO: (1, 2, 4, 8, *PACKED_BITS, 16),
    TiffColours.RGB: (8, 16),
    TiffColours.PALETTE: (1, 2, 4, 8),
    TiffColours.CMYK: (8, 16),
    TiffColours.YCBCR: (8,),
    TiffColours.LAB: (8, 16),
}
"""The bits a sample that are read of each kind of colours."""

WITH_ALPHA: Final = frozenset({TiffColours.BLACK_IS_ZERO, TiffColours.RGB, TiffColours.CMYK})
"""The colours beside which one further sample is read, as alpha: of 8 or 16 bits."""

IN_JPEG: Final = frozenset({TiffColours.BLACK_IS_ZERO, TiffColours.RGB, TiffColours.YCBCR})
"""The colours that are read where they are compressed as JPEG, without alpha."""

_NO_PREDICTOR, _DIFFERENCES = 1, 2
_WITH_PREDICTOR: Final = frozenset({5, 8, 32_946})


def tiff_layout(whole_numbers: Callable[[int], Sequence[int]], order: str) -> TiffLayout:
    """The layout that the tags describe; `whole_numbers` gives all values under a tag, none where it is missing.

    Raises `UnsupportedFileError` for every layout that is not on the lists of this module, and `DamagedFileError`
    where tags contradict each other.
    """

    def one(tag: int, default: int) -> int:
        values = whole_numbers(tag)
        return values[0] if values else default

    colours = _colours(whole_numbers(PHOTOMETRIC))
    bits = _bits(whole_numbers(BITS_PER_SAMPLE) or (1,), whole_numbers(SAMPLE_FORMAT), colours)
    samples = one(SAMPLES_PER_PIXEL, 1)
    alpha = _alpha(samples - colours.samples, whole_numbers(EXTRA_SAMPLES), colours, bits)
    compression = one(COMPRESSION, 1)
    if compression not in _COMPRESSIONS:
        raise UnsupportedFileError(f"a TIFF of a rare compression (number {compression})")
    if one(FILL_ORDER, 1) != 1:
        raise UnsupportedFileError("a TIFF whose bits are stored in reverse (FillOrder 2)")
    if colours is TiffColours.CMYK and one(INK_SET, 1) != 1:
        raise UnsupportedFileError("a TIFF of inks other than CMYK")
    planar = one(PLANAR_CONFIGURATION, 1)
    if planar not in (1, 2):
        raise DamagedFileError(f"PlanarConfiguration {planar} does not exist in TIFF")
    predictor = one(PREDICTOR, _NO_PREDICTOR) if compression in _WITH_PREDICTOR else _NO_PREDICTOR
    reading = _reading(colours, bits, alpha, is_planar=planar == 2 and samples > 1)
    if reading is TiffReading.BYTES and (colours, bits) == (TiffColours.BLACK_IS_ZERO, 16) and compression != 1:
        reading = TiffReading.PAIRS
    layout = TiffLayout(
        colours=colours,
        bits=bits,
        alpha=alpha,
        reading=reading,
        order=order,
        palette=_palette(whole_numbers(COLOUR_MAP), bits) if colours is TiffColours.PALETTE else b"",
    )
    if compression == JPEG or colours is TiffColours.YCBCR:
        _check_jpeg(layout, compression)
    _check_predictor(layout, predictor)
    return layout


def _colours(values: Sequence[int]) -> TiffColours:
    if not values:
        raise UnsupportedFileError("a TIFF that does not say what its colours are (no PhotometricInterpretation)")
    for colours in TiffColours:
        if colours.number == values[0]:
            return colours
    raise UnsupportedFileError(f"a TIFF of rare colours (PhotometricInterpretation {values[0]})")


def _bits(values: Sequence[int], formats: Sequence[int], colours: TiffColours) -> int:
    bits = values[0]
    if any(kind != 1 for kind in formats):
        raise UnsupportedFileError(f"a TIFF of {bits}-bit signed or floating-point samples")
    if any(other != bits for other in values):
        raise UnsupportedFileError(f"a TIFF whose samples have different bits ({', '.join(map(str, values[:8]))})")
    if bits not in BITS[colours]:
        raise UnsupportedFileError(f"a TIFF of {bits}-bit {colours.title}")
    return bits


def _alpha(beyond: int, kinds: Sequence[int], colours: TiffColours, bits: int) -> TiffAlpha | None:
    """What the one sample beyond the colours is; ExtraSamples may be missing."""
    if beyond < 0:
        raise DamagedFileError(f"it has fewer samples than {colours.title} needs")
    if not beyond:
        return None
    if beyond > 1:
        raise UnsupportedFileError(f"a TIFF of {colours.title} with {beyond} further channels")
    if colours not in WITH_ALPHA or bits not in (8, 16):
        raise UnsupportedFileError(f"a TIFF of {bits}-bit {colours.title} with a further channel")
    kind = kinds[0] if kinds else 0
    if kind not in (0, 1, 2):
        raise UnsupportedFileError(f"a TIFF with a channel of unknown use (ExtraSamples {kind})")
    return TiffAlpha(kind)


def _reading(colours: TiffColours, bits: int, alpha: TiffAlpha | None, *, is_planar: bool) -> TiffReading:
    if bits in PACKED_BITS:
        return TiffReading.PACKED
    if is_planar or (colours is TiffColours.WHITE_IS_ZERO and bits == 16 and alpha is None):
        # Pillow would show 16 bits in which 0 is white as a negative.
        return TiffReading.PLANES
    if alpha is None:
        return TiffReading.BYTES if colours is TiffColours.LAB and bits == 16 else TiffReading.WHOLE
    if colours is TiffColours.BLACK_IS_ZERO and bits == 8:
        return TiffReading.WHOLE
    # Pillow drops the lower bytes of premultiplied colours before it divides by alpha.
    if colours is TiffColours.RGB and not (bits == 16 and alpha is TiffAlpha.PREMULTIPLIED):
        return TiffReading.WHOLE
    return TiffReading.BYTES


def _palette(values: Sequence[int], bits: int) -> bytes:
    """The colour map as RGB. One without a value above 255 was written with 8 bits a value; libtiff reads it so too."""
    count = 1 << bits
    if len(values) != 3 * count:
        raise DamagedFileError(f"its colour map has {len(values)} values instead of {3 * count}")
    # The upper byte is right for the writers that multiply by 256 and for those that multiply by 257.
    below = 8 if max(values) > 255 else 0
    return bytes(values[band * count + index] >> below for index in range(count) for band in range(3))


def _check_jpeg(layout: TiffLayout, compression: int) -> None:
    colours = layout.colours
    if compression != JPEG:
        raise UnsupportedFileError(f"a YCbCr TIFF of the compression {_COMPRESSIONS[compression]}")
    if colours not in IN_JPEG or layout.bits != 8 or layout.reading is not TiffReading.WHOLE or layout.alpha:
        raise UnsupportedFileError(
            f"a TIFF of {layout.bits}-bit {colours.title} with {layout.samples} channels compressed as JPEG"
        )


def _check_predictor(layout: TiffLayout, predictor: int) -> None:
    """Differences are undone by libtiff, which must then know the samples as they are."""
    if predictor == _NO_PREDICTOR:
        return
    if predictor != _DIFFERENCES:
        raise UnsupportedFileError(f"a TIFF with predictor {predictor}")
    if layout.bits not in (8, 16):
        raise UnsupportedFileError(f"a TIFF of {layout.bits}-bit samples with a predictor")
    if layout.reading is TiffReading.BYTES:
        alpha = " and alpha" if layout.alpha else ""
        raise UnsupportedFileError(
            f"a TIFF of {layout.bits}-bit {layout.colours.title}{alpha} compressed with a predictor"
        )


def packed_group(bits: int) -> tuple[int, int]:
    """The smallest number of samples that fill whole bytes, and the number of those bytes."""
    together = lcm(bits, 8)
    return together // bits, together // 8
