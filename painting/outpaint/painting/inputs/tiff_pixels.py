"""Reads the samples of TIFF layouts that Pillow has no mode for, by describing them to its decoder as plain grey.

A strip of planes, of bytes or of bits is a grey picture of its own for any lossless compression, so that libtiff, which
Pillow carries, does all unpacking, and no second decoder is needed (docs/adr/0066).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from io import BytesIO
from typing import Final, TypeAlias

from PIL import Image, ImageChops

from outpaint.painting.inputs.file_header import DamagedFileError, rounding
from outpaint.painting.inputs.tiff_and_bmp import TiffDirectory, first_directory
from outpaint.painting.inputs.tiff_layout import (
    BITS_PER_SAMPLE,
    COLOUR_MAP,
    EXTRA_SAMPLES,
    INK_SET,
    PHOTOMETRIC,
    PLANAR_CONFIGURATION,
    SAMPLE_FORMAT,
    SAMPLES_PER_PIXEL,
    TiffAlpha,
    TiffColours,
    TiffLayout,
    TiffReading,
    packed_group,
)

_WIDTH, _HEIGHT, _TILE_WIDTH = 256, 257, 322
_PLACES: Final = (273, 279, 324, 325)
_STRIP: Final = 128
# The samples of the rows from one to before another.
_Samples: TypeAlias = Callable[[int, int], list[Image.Image]]
_DROPPED: Final = frozenset({EXTRA_SAMPLES, SAMPLE_FORMAT, COLOUR_MAP, INK_SET})
_MODES: Final = {
    TiffColours.BLACK_IS_ZERO: "L",
    TiffColours.WHITE_IS_ZERO: "L",
    TiffColours.RGB: "RGB",
    TiffColours.CMYK: "CMYK",
    TiffColours.LAB: "LAB",
}


def tiff_pixels(data: bytes, layout: TiffLayout) -> tuple[Image.Image, Image.Image | None]:
    """The colours (L, RGB, CMYK or LAB) of a TIFF and its alpha (L), each of 8 bits a sample, rounded.

    `layout.reading` is any but WHOLE. Colours are straight; CMYK with alpha stays CMYK. Raises whatever Pillow raises
    for damaged data, and `ValueError` where planes are missing.
    """
    page = first_directory(data)
    size = page.whole(_WIDTH), page.whole(_HEIGHT)
    samples_of = _READERS[layout.reading](page, layout)
    colours = Image.new(_MODES[layout.colours], size)
    alpha = Image.new("L", size) if layout.alpha else None
    # A strip at a time, for samples of 16 bits take four bytes while they are worked on.
    for top in range(0, size[1], _STRIP):
        bottom = min(top + _STRIP, size[1])
        merged, opaque = _merged(samples_of(top, bottom), layout)
        colours.paste(merged, (0, top))
        if alpha and opaque:
            alpha.paste(opaque, (0, top))
    return colours, alpha


def _merged(samples: list[Image.Image], layout: TiffLayout) -> tuple[Image.Image, Image.Image | None]:
    """The colours and the alpha of samples, each L or, for 16 bits, I."""
    alpha = samples.pop() if layout.alpha else None
    if alpha and layout.alpha is TiffAlpha.PREMULTIPLIED:
        samples = [_straight(sample, alpha) for sample in samples]
    if layout.colours is TiffColours.LAB:
        bands = [_rounded(samples[0]), *map(_rounded_signed, samples[1:])]
    else:
        bands = [_inverted(_rounded(sample), layout) for sample in samples]
    return Image.merge(_MODES[layout.colours], bands), _rounded(alpha) if alpha else None


def _inverted(grey: Image.Image, layout: TiffLayout) -> Image.Image:
    return ImageChops.invert(grey) if layout.colours is TiffColours.WHITE_IS_ZERO else grey


def tiff_for_pillow(data: bytes, layout: TiffLayout) -> bytes:
    """The file as Pillow reads it where `layout.reading` is WHOLE: a channel of no stated use counts as alpha."""
    if layout.alpha is not TiffAlpha.UNSPECIFIED:
        return data
    page = first_directory(data)
    entries = {tag: entry.raw for tag, entry in page.entries.items()}
    return page.with_entries(entries | {EXTRA_SAMPLES: page.entry(EXTRA_SAMPLES, TiffAlpha.STRAIGHT.value)})


def _in_planes(page: TiffDirectory, layout: TiffLayout) -> _Samples:
    """The samples where each has strips or tiles of its own."""
    planes = []
    for number in range(layout.samples):
        places: dict[int, bytes] = {
            tag: page.part(tag, number, layout.samples) for tag in _PLACES if tag in page.entries
        }
        planes.append(_grey(page, layout.bits, places))

    def samples(top: int, bottom: int) -> list[Image.Image]:
        strips = [plane.crop((0, top, plane.width, bottom)) for plane in planes]
        return strips if layout.bits == 8 else [strip.convert("I") for strip in strips]

    return samples


def _in_bytes(page: TiffDirectory, layout: TiffLayout) -> _Samples:
    """The samples of whole pixels."""
    step, width = layout.samples * layout.bits // 8, page.whole(_WIDTH)
    picture = _grey(page, 8, _widths(page, lambda pixels: pixels * step))
    if layout.bits == 16:
        return _paired(picture, layout.samples, "I;16" if layout.order == "<" else "I;16B")

    def samples(top: int, bottom: int) -> list[Image.Image]:
        content = picture.crop((0, top, picture.width, bottom)).tobytes()
        size = width, bottom - top
        return [Image.frombytes("L", size, content[number::step]) for number in range(layout.samples)]

    return samples


def _paired(picture: Image.Image, count: int, mode: str) -> _Samples:
    """So many samples of 16 bits out of a picture of their bytes; `mode` is the raw mode of one."""
    width = picture.width * len(picture.getbands()) // (2 * count)

    def samples(top: int, bottom: int) -> list[Image.Image]:
        content = picture.crop((0, top, picture.width, bottom)).tobytes()
        found = []
        for number in range(count):
            pairs = bytearray(2 * width * (bottom - top))
            pairs[::2], pairs[1::2] = content[2 * number :: 2 * count], content[2 * number + 1 :: 2 * count]
            found.append(Image.frombytes("I;16", (width, bottom - top), bytes(pairs), "raw", mode).convert("I"))
        return found

    return samples


def _in_pairs(page: TiffDirectory, layout: TiffLayout) -> _Samples:
    """The samples of 16-bit grey with alpha, of which libtiff undoes the differences.

    Pillow is told of four channels of 8 bits, which take as many bytes, and libtiff, which reads the directory again,
    of what is there. It gives values in this machine's byte order.
    """
    from PIL.TiffImagePlugin import TiffImageFile

    plain = {BITS_PER_SAMPLE: 8, PHOTOMETRIC: 2, SAMPLES_PER_PIXEL: 4}
    entries = {tag: entry.raw for tag, entry in page.entries.items()}
    told = {tag: raw for tag, raw in entries.items() if tag not in _DROPPED}
    told |= {tag: page.entry(tag, value) for tag, value in plain.items()}
    picture = TiffImageFile(BytesIO(page.with_entries(told)))
    # Its directory begins where the other's does: behind the same bytes.
    picture.fp = BytesIO(page.with_entries(entries))
    picture.load()
    return _paired(picture, layout.samples, "I;16" if sys.byteorder == "little" else "I;16B")


def _in_bits(page: TiffDirectory, layout: TiffLayout) -> _Samples:
    """The sample of grey of 10, 12 or 14 bits, the highest bit first, as L; each row begins a byte."""
    bits, width = layout.bits, page.whole(_WIDTH)
    if page.whole(_TILE_WIDTH) * bits % 8:
        raise DamagedFileError("its tiles do not end with a byte")
    count, length = packed_group(bits)
    groups = -(-width // count)
    packed = _grey(page, 8, _widths(page, lambda pixels: -(-pixels * bits // 8)))

    def samples(top: int, bottom: int) -> list[Image.Image]:
        size = groups, bottom - top
        content = packed.crop((0, top, groups * length, bottom)).tobytes()
        places = [Image.frombytes("L", size, content[place::length]).convert("I") for place in range(length)]
        pixels = bytearray(count * groups * size[1])
        for number in range(count):
            begin, end = number * bits, (number + 1) * bits
            value = _joined(places[begin // 8 : -(-end // 8)], -end % 8, (1 << bits) - 1)
            pixels[number::count] = value.point(rounding(bits), "L").tobytes()
        return [Image.frombytes("L", (count * groups, size[1]), bytes(pixels)).crop((0, 0, width, size[1]))]

    return samples


def _joined(places: list[Image.Image], below: int, mask: int) -> Image.Image:
    """The bytes (I) of one value put together, the upper first, without so many bits below it and those above."""
    from PIL import ImageMath

    value = places[0]
    for place in places[1:]:
        value = ImageMath.lambda_eval(lambda given: given["v"] * 256 + given["byte"], v=value, byte=place)
    joined: Image.Image = ImageMath.lambda_eval(lambda given: (given["v"] >> below) & mask, v=value)
    return joined


def _widths(page: TiffDirectory, wider: Callable[[int], int]) -> dict[int, bytes]:
    """The entries of a picture, and of its tiles, that are so much wider."""
    return {tag: page.entry(tag, wider(page.whole(tag))) for tag in (_WIDTH, _TILE_WIDTH) if tag in page.entries}


def _grey(page: TiffDirectory, bits: int, changes: dict[int, bytes]) -> Image.Image:
    """The file read as grey of so many bits (L or I;16), with these entries in place of its own."""
    from PIL.TiffImagePlugin import TiffImageFile  # the largest plugin and the rarest file

    plain = {BITS_PER_SAMPLE: bits, PHOTOMETRIC: 1, SAMPLES_PER_PIXEL: 1, PLANAR_CONFIGURATION: 1}
    entries = {tag: entry.raw for tag, entry in page.entries.items() if tag not in _DROPPED}
    entries |= {tag: page.entry(tag, value) for tag, value in plain.items()} | changes
    picture = TiffImageFile(BytesIO(page.with_entries(entries)))
    # Else Pillow would refuse it by its own limit, which counts bytes as pixels here; ours was held before.
    picture.im = Image.new(picture.mode, picture.size).im
    picture.load()
    return picture


def _straight(sample: Image.Image, alpha: Image.Image) -> Image.Image:
    """A premultiplied sample divided by its alpha, both L or both I; 0 where alpha is."""
    from PIL import ImageMath

    highest = 255 if sample.mode == "L" else 65_535
    divided = ImageMath.lambda_eval(
        lambda given: (given["float"](given["sample"]) * highest) / given["max"](given["alpha"], 1) + 0.5,
        sample=sample,
        alpha=alpha,
    )
    clipped: Image.Image = ImageMath.lambda_eval(
        lambda given: given["int"](given["min"](given["v"], highest)), v=divided
    )
    return clipped.convert("L") if sample.mode == "L" else clipped


def _rounded(sample: Image.Image) -> Image.Image:
    return sample if sample.mode == "L" else sample.point(rounding(16), "L")


def _rounded_signed(sample: Image.Image) -> Image.Image:
    """a* or b*, which are signed, as Pillow's LAB has them: with 128 added. 16 bits have 256 steps a unit."""
    if sample.mode == "L":
        return sample.point([value ^ 128 for value in range(256)])
    return sample.point([min(((value ^ 0x8000) + 128) >> 8, 255) for value in range(65_536)], "L")


_READERS: Final = {
    TiffReading.PLANES: _in_planes,
    TiffReading.BYTES: _in_bytes,
    TiffReading.PAIRS: _in_pairs,
    TiffReading.PACKED: _in_bits,
}
