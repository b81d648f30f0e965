"""Decodes files whose headers passed: into pixels of 8 bits a channel, or into their alpha alone."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Final

from PIL import Image, ImageChops
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from outpaint.contracts.errors import OutpaintError
from outpaint.painting.inputs import png_and_webp
from outpaint.painting.inputs.bmp_pixels import BmpLayout, bmp_pixels
from outpaint.painting.inputs.file_header import (
    MAX_CARRIED_PROFILE_BYTES,
    ColourSpace,
    DamagedFileError,
    MissingPartError,
    colour_space,
    rounding,
)
from outpaint.painting.inputs.intake import FileType, TakenFile, unreadable
from outpaint.painting.inputs.jpeg_scans import ScanData
from outpaint.painting.inputs.partial_decoding import (
    PartlyDecoded,
    bmp_partly,
    decode_last_interval,
    decode_partly,
    decode_scans,
)
from outpaint.painting.inputs.tiff_layout import TiffAlpha, TiffLayout, TiffReading

_NAMES: Final = {"CMYK": "CMYK", "LAB": "L*a*b*", "L": "greyscale", "LA": "greyscale"}
_PLAIN_MODES: Final = frozenset({"L", "LA", "RGB", "RGBA"})

_TRANSPOSITIONS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_PLUGINS: Final[dict[FileType, Callable[[BytesIO], ImageFile]]] = {
    FileType.JPEG: JpegImageFile,
    FileType.PNG: PngImageFile,
    FileType.WEBP: WebPImageFile,
}
# What other modes become, without loss.
_WIDER_MODES: Final = {"1": "L", "PA": "RGBA", "RGBa": "RGBA", "La": "LA", "RGBX": "RGB", "YCbCr": "RGB"}
_STRIP: Final = 128
_OTHER_ORDER: Final = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}


@dataclass(frozen=True, slots=True)
class Decoded:
    """Pixels in mode L, LA, RGB or RGBA (straight alpha), upright; `icc_profile` belongs to their values."""

    pixels: Image.Image
    icc_profile: bytes | None
    warnings: tuple[str, ...]


def decode(taken: TakenFile, *, colours_count: bool = True, smallest: bool = False) -> Decoded:
    """Decode a file whose header passed.

    With `colours_count` False (a mask) colour profiles are ignored, and every row must be there. With `smallest`, for
    callers that do not need its pixels, a JPEG is decoded at an eighth of its sides, or where its end tells as much,
    not at all. RGB values stay as they are and keep their profile; grey with a profile, CMYK and YCCK become sRGB. Rows
    that are missing become transparent, as far as `max_missing` of the file allows. Raises UNREADABLE_IMAGE, whatever
    error the decoder raises.
    """
    try:
        return _decode(taken, colours_count, smallest)
    except OutpaintError:
        raise
    except DamagedFileError as error:
        raise unreadable(taken.field, taken.type, str(error)) from error
    except Exception as error:  # decoders raise anything: OSError, SyntaxError, struct.error...
        reason = str(MissingPartError()) if "truncated" in str(error) else "its pixels cannot be decoded"
        raise unreadable(taken.field, taken.type, reason) from error


def decode_alpha(taken: TakenFile) -> tuple[Image.Image | None, tuple[str, ...]]:
    """The alpha channel (L; None where opaque) and `decode`'s warnings; raises what `decode` raises.

    A JPEG has no alpha, so it is decoded as little as shows whether all of it is there.
    """
    decoded = decode(taken, smallest=taken.type is FileType.JPEG)
    return alpha_of(decoded.pixels), decoded.warnings


def alpha_of(pixels: Image.Image) -> Image.Image | None:
    """The alpha channel, or None where there is none or it is 255 throughout."""
    if pixels.mode not in ("LA", "RGBA"):
        return None
    alpha = pixels.getchannel("A")
    return None if alpha.getextrema() == (255, 255) else alpha


def _decode(taken: TakenFile, colours_count: bool, smallest: bool) -> Decoded:
    header, layout = taken.header, taken.header.layout
    warnings: list[str] = []
    alpha: Image.Image | None = None
    there: Image.Image | None = None
    if header.bits > 8:
        warnings.append(f"{taken.field} has {header.bits} bits a channel, which were reduced to 8.")
    try:
        pixels, alpha = _stored(taken, smallest)
    except Exception:
        partly = _partly(taken) if taken.max_missing and colours_count else None
        if partly is None or not 0 < partly.missing <= taken.max_missing:
            raise
        pixels, there = partly.picture, partly.there
        warnings.append(f"{taken.field} ends early: {partly.missing:.1%} of its rows are missing and were painted.")
    if isinstance(layout, TiffLayout):
        if layout.alpha is TiffAlpha.UNSPECIFIED:
            warnings.append(f"{taken.field} has a further channel of no stated use, which was read as alpha.")
        if layout.palette:
            pixels.putpalette(layout.palette)
    pixels = _with_alpha(pixels, taken)
    profile = header.icc_profile if colours_count else None
    if colours_count and header.colour_remark:
        warnings.append(f"{taken.field} {header.colour_remark}.")
    space = colour_space(profile) if profile else None
    if profile is not None and space is None:
        warnings.append(
            f"The colour profile in {taken.field} is damaged, too large or of an unknown kind and was ignored."
        )
    if pixels.mode not in _PLAIN_MODES or (pixels.mode in ("L", "LA") and space is ColourSpace.GREY):
        pixels, warning = _to_plain_rgb(pixels, profile if space else None, taken.field)
        if colours_count:
            warnings.append(warning)
        profile, space = None, None
    elif profile and space is ColourSpace.RGB and len(profile) > MAX_CARRIED_PROFILE_BYTES:
        pixels, warning = _to_srgb(pixels, profile, taken.field)
        warnings.append(warning)
        profile = space = None
    elif space not in (None, ColourSpace.RGB):
        warnings.append(f"The colour profile in {taken.field} is not one for its colours and was ignored.")
    if alpha is not None:
        pixels.putalpha(alpha)
    if there is not None:
        pixels.putalpha(ImageChops.darker(there, pixels.getchannel("A")) if pixels.mode in ("LA", "RGBA") else there)
    if header.orientation != 1:
        pixels = pixels.transpose(_TRANSPOSITIONS[header.orientation])
    pixels.info = {}
    return Decoded(pixels, profile if space is ColourSpace.RGB else None, tuple(warnings))


def _to_plain_rgb(pixels: Image.Image, profile: bytes | None, field: str) -> tuple[Image.Image, str]:
    """Pixels as sRGB (RGB or RGBA), and a sentence on what was done.

    `pixels` is CMYK, LAB, L or LA; a `profile` that does not fit its values is ignored. Without a usable profile CMYK
    is converted by the plain formula, whose colours are only about right.
    """
    name = _NAMES.get(pixels.mode, pixels.mode)
    if pixels.mode == "LA":
        grey, alpha = pixels.split()
        rgb, warning = _to_plain_rgb(grey, profile, field)
        rgb.putalpha(alpha)
        return rgb, warning
    converted = _through_profile(pixels, profile) if profile or pixels.mode == "LAB" else None
    if converted is not None:
        return converted, f"{field} is {name} and was converted to sRGB through its colour profile."
    warning = f"{field} is {name} without a usable colour profile; its colours in sRGB are only about right."
    return pixels.convert("RGB"), warning


def _to_srgb(pixels: Image.Image, profile: bytes, field: str) -> tuple[Image.Image, str]:
    """RGB pixels (any of the plain modes) as sRGB through a profile that is too large to be carried over."""
    said = f"The colour profile in {field} has {len(profile):,} bytes, more than a result carries"
    alpha = pixels.getchannel("A") if "A" in pixels.mode else None
    converted = _through_profile(pixels.convert("RGB"), profile)
    if converted is None:
        return pixels, f"{said}, and is damaged: it was ignored."
    if alpha:
        converted.putalpha(alpha)
    return converted, f"{said}: the colours were converted to sRGB through it."


def _through_profile(pixels: Image.Image, profile: bytes | None) -> Image.Image | None:
    """Pixels as sRGB, or None where the profile does not fit them."""
    from PIL import ImageCms  # loads lcms; most pictures never need it

    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile) if profile else ImageCms.createProfile("LAB"))
        return ImageCms.profileToProfile(
            pixels, source, ImageCms.createProfile("sRGB"), ImageCms.Intent.PERCEPTUAL, outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _stored(taken: TakenFile, smallest: bool) -> tuple[Image.Image, Image.Image | None]:
    """The pixels of 8 bits a channel, in any mode, and an alpha (L) that they do not have yet."""
    layout = taken.header.layout
    if isinstance(layout, BmpLayout):
        return bmp_pixels(taken.header.pixels, layout), None
    if isinstance(layout, TiffLayout) and layout.reading is not TiffReading.WHOLE:
        from outpaint.painting.inputs.tiff_pixels import tiff_pixels

        return tiff_pixels(taken.header.pixels, layout)
    return (_from_16_bits(taken) if taken.header.bits > 8 else _loaded(taken, smallest=smallest)), None


def _loaded(taken: TakenFile, *, low_bytes: bool = False, smallest: bool = False) -> Image.Image:
    """The pixels as Pillow reads them; with `low_bytes` the lower byte of each 16-bit value in place of the upper."""
    picture = _opened(taken)
    if picture.size != taken.header.size:
        raise ValueError("header and decoder disagree on the size")
    if low_bytes:
        picture.tile = [tile._replace(args=_swapped(tile.args)) for tile in picture.tile]
    if smallest:
        picture.draft(picture.mode, (1, 1))  # of use to JPEG alone
        scans = taken.header.layout
        if isinstance(scans, ScanData) and decode_last_interval(taken.header.pixels, scans):
            return Image.new(picture.mode, picture.size)
    _load(picture, taken)
    # A WebP's picture keeps its decoder, which holds two more copies of the pixels.
    return picture._new(picture.im) if taken.type is FileType.WEBP else picture


def _partly(taken: TakenFile) -> PartlyDecoded | None:
    """What there is of a file that lacks pixels; None where that cannot be told by rows."""
    header, layout = taken.header, taken.header.layout
    if isinstance(layout, BmpLayout):
        return bmp_partly(header.pixels, layout)
    if header.bits > 8 or (isinstance(layout, TiffLayout) and layout.reading is not TiffReading.WHOLE):
        return None
    picture = _opened(taken)
    return decode_partly(picture, lambda: _load(picture, taken, complete=False))


def _load(picture: ImageFile, taken: TakenFile, *, complete: bool = True) -> None:
    """Decode the pixels; of a JPEG, with `complete` False, those that there are and nothing in place of others."""
    scans = taken.header.layout
    if isinstance(picture, JpegImageFile) and isinstance(scans, ScanData):
        decode_scans(picture, taken.header.pixels, scans, complete=complete)
    else:
        picture.load()


def _swapped(args: tuple[object, ...] | str | None) -> tuple[object, ...] | str:
    """A tile's raw mode in the other byte order, so that the lower byte is taken for the upper one."""
    if isinstance(args, str):
        return args[:-1] + _OTHER_ORDER[args[-1]]
    if args and isinstance(args[0], str):
        return (args[0][:-1] + _OTHER_ORDER[args[0][-1]], *args[1:])
    raise ValueError("a 16-bit tile without a raw mode")


def _opened(taken: TakenFile) -> ImageFile:
    # Pillow's classes are named one by one: `Image.open` would import further plugins and warn of large pictures.
    stream = BytesIO(taken.header.pixels)
    if taken.type is FileType.TIFF:
        from PIL.TiffImagePlugin import TiffImageFile  # the largest plugin and the rarest file

        from outpaint.painting.inputs.tiff_pixels import tiff_for_pillow

        layout = taken.header.layout
        if isinstance(layout, TiffLayout):
            stream = BytesIO(tiff_for_pillow(taken.header.pixels, layout))
        return TiffImageFile(stream)
    return _PLUGINS[taken.type](stream)


def _with_alpha(pixels: Image.Image, taken: TakenFile) -> Image.Image:
    """Palette, 1-bit, premultiplied and colour-keyed pixels as L, LA, RGB or RGBA, without loss."""
    key = taken.header.transparent_value
    if pixels.mode == "P":
        pixels = pixels.convert("RGBA" if "transparency" in pixels.info else "RGB")
    elif pixels.mode in _WIDER_MODES:
        pixels = pixels.convert(_WIDER_MODES[pixels.mode])
    if key is not None and pixels.mode in ("L", "RGB") and taken.header.bits <= 8:
        scale = 255 // ((1 << taken.header.bits) - 1)
        pixels.putalpha(_differs(pixels, tuple(value * scale for value in key)))
    return pixels


def _differs(pixels: Image.Image, key: tuple[int, ...]) -> Image.Image:
    """L: 0 where every band has the key's value, else 255."""
    differs = Image.new("L", pixels.size, 0)
    for band, value in zip(pixels.split(), key, strict=True):
        differs = ImageChops.lighter(differs, band.point([0 if v == value else 255 for v in range(256)]))
    return differs


def _from_16_bits(taken: TakenFile) -> Image.Image:
    """More than 8 bits a channel reduced to 8, rounded.

    Pillow gives wide grey as it is, and of other pixels the upper byte alone; so the lower byte is read in a second
    pass, to round the upper one.
    """
    key = taken.header.transparent_value
    raw_modes = _raw_modes(taken)
    if raw_modes == {"LA;16B"}:
        relabelled = replace(taken.header, pixels=png_and_webp.bytes_as_channels(taken.header.pixels))
        grey_upper, grey_lower, alpha_upper, alpha_lower = _loaded(replace(taken, header=relabelled)).split()
        return Image.merge("LA", (_rounded(grey_upper, grey_lower), _rounded(alpha_upper, alpha_lower)))
    upper = _loaded(taken)
    if upper.mode.startswith("I"):
        wide = upper.convert("I")
        grey = wide.point(rounding(taken.header.bits), "L")
        if key is not None:
            grey.putalpha(wide.point([0 if value == key[0] else 255 for value in range(65_536)], "L"))
        return grey
    if not all(raw_mode.partition(";16")[0] in ("RGB", "RGBA", "CMYK") for raw_mode in raw_modes):
        return upper
    lower = _loaded(taken, low_bytes=True)
    if key is None:
        return _rounded(upper, lower)
    opaque = ImageChops.lighter(
        _differs(upper, tuple(value >> 8 for value in key)), _differs(lower, tuple(value & 255 for value in key))
    )
    rounded = _rounded(upper, lower)
    rounded.putalpha(opaque)
    return rounded


def _raw_modes(taken: TakenFile) -> set[str]:
    """The raw modes in which Pillow reads the file's tiles."""
    modes = [tile.args if isinstance(tile.args, str) else (tile.args or ("",))[0] for tile in _opened(taken).tile]
    return {str(mode) for mode in modes}


def _rounded(upper: Image.Image, lower: Image.Image) -> Image.Image:
    """round(v / 257) for v = 256 * upper + lower, written into `upper`.

    That is one more where `lower` exceeds `upper` by 129, and one less where it is the other way round. Done in strips,
    so that no third picture of full size is needed.
    """
    width, height = upper.size
    far = ([0] * 129 + [1] * 127) * len(upper.getbands())
    for top in range(0, height, _STRIP):
        box = (0, top, width, min(top + _STRIP, height))
        high, low = upper.crop(box), lower.crop(box)
        up = ImageChops.subtract(low, high).point(far)
        down = ImageChops.subtract(high, low).point(far)
        upper.paste(ImageChops.subtract(ImageChops.add(high, up), down), box)
    return upper
