"""Judges a file by its header: its type, its size in bytes and pixels, whether it is whole and a still picture."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.masks_and_formats import PictureLimits
from outpaint.painting.inputs import jpeg, png_and_webp, tiff_and_bmp
from outpaint.painting.inputs.file_header import DamagedFileError, FileHeader, SeveralFramesError, UnsupportedFileError


class FileType(Enum):
    """The kinds of file that are taken."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WebP"
    BMP = "BMP"
    TIFF = "TIFF"


DEFAULT_LIMITS: Final = PictureLimits()

_READERS: Final = {
    FileType.JPEG: (jpeg.jpeg_size, jpeg.jpeg_header),
    FileType.PNG: (png_and_webp.png_size, png_and_webp.png_header),
    FileType.WEBP: (png_and_webp.webp_size, png_and_webp.webp_header),
    FileType.BMP: (tiff_and_bmp.bmp_size, tiff_and_bmp.bmp_header),
    FileType.TIFF: (tiff_and_bmp.tiff_size, tiff_and_bmp.tiff_header),
}
_REFUSED: Final = (
    (b"GIF87a", "a GIF"),
    (b"GIF89a", "a GIF"),
    (b"%PDF", "a PDF"),
    (b"%!PS", "a PostScript file"),
    (b"8BPS", "a Photoshop file"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL"),
    (b"\xff\x0a", "a JPEG XL"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\0\0\x01\0", "an icon"),
    (b"qoif", "a QOI"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
)
_BRANDS: Final = {
    b"heic": "a HEIC",
    b"heix": "a HEIC",
    b"hevc": "a HEIC",
    b"mif1": "a HEIF",
    b"msf1": "a HEIF",
    b"avif": "an AVIF",
    b"avis": "an AVIF",
}
_MARKUP: Final = re.compile(rb"\s*<(\?xml|!doctype|svg|html|head|body)", re.IGNORECASE)


def file_type(data: bytes) -> FileType | None:
    """The kind of file that data begins as; None where it is none that is taken."""
    if data.startswith(jpeg.SIGNATURE):
        return FileType.JPEG
    if data.startswith(png_and_webp.SIGNATURE):
        return FileType.PNG
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return FileType.WEBP
    if tiff_and_bmp.is_bmp(data):
        return FileType.BMP
    # Canon's raw photographs begin as a TIFF and are none.
    if data.startswith(tiff_and_bmp.SIGNATURES) and data[8:10] != b"CR":
        return FileType.TIFF
    return None


def _resembled(data: bytes) -> str:
    """What data of no type that is taken seems to be, in a few words for a person."""
    if not data:
        return "an empty file"
    for signature, name in _REFUSED:
        if data.startswith(signature):
            return name
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], "an MP4 or another ISO media file")
    if data.startswith(tiff_and_bmp.SIGNATURES):
        return "a raw photograph"
    if data.startswith(b"RIFF"):
        return "a RIFF file that is no WebP"
    start = data[:1024].removeprefix(b"\xef\xbb\xbf")
    if _MARKUP.match(start):
        return "an SVG" if b"<svg" in start.lower() else "an HTML or XML text"
    if _is_text(start):
        return "a text"
    return f"a file of unknown kind that begins with the bytes {data[:8].hex(' ')}"


def _is_text(start: bytes) -> bool:
    try:
        # The last character may be cut in two.
        text = start.decode() if len(start) < 1024 else start[:1020].decode(errors="ignore")
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character.isspace() for character in text)


@dataclass(frozen=True, slots=True)
class TakenFile:
    """A file whose header passed.

    `field` is the parameter it came in, for errors; `max_missing` the share of its rows that may be missing.
    """

    type: FileType
    header: FileHeader
    field: str
    max_missing: float = 0.0


def take(data: bytes, field: str, limits: PictureLimits = DEFAULT_LIMITS) -> TakenFile:
    """Judge a file by its header; nothing is decoded, whatever size it declares.

    Raises `OutpaintError` naming `field`: FILE_TOO_LARGE (413), UNSUPPORTED_IMAGE_TYPE (415) naming what was
    seen, DIMENSIONS_OUT_OF_RANGE, ANIMATED and UNREADABLE_IMAGE (422). Rules:
    docs/facts/pixels.md#what-comes-in.
    """
    if len(data) > limits.max_bytes:
        raise OutpaintError(
            ErrorCode.FILE_TOO_LARGE,
            f"{field} has {len(data):,} bytes and at most {limits.max_bytes:,} are taken; send a smaller file",
            field=field,
            limit="max_bytes",
        )
    kind = file_type(data)
    if kind is None:
        raise _unsupported(field, _resembled(data))
    try:
        size_of, header_of = _READERS[kind]
        check_size(size_of(data), field, limits)
        header = header_of(data)
    except DamagedFileError as error:
        raise unreadable(field, kind, str(error)) from error
    except SeveralFramesError as error:
        raise OutpaintError(
            ErrorCode.ANIMATED, f"{field} is {error}; send one frame as a still picture", field=field
        ) from error
    except UnsupportedFileError as error:
        raise _unsupported(field, f"{error}, which is not read", "save it as PNG") from error
    return TakenFile(kind, header, field, limits.max_missing)


def stored_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels as a file's header gives them; None for what is no picture that is taken."""
    kind = file_type(data)
    try:
        return None if kind is None else _READERS[kind][0](data)
    except (DamagedFileError, SeveralFramesError, UnsupportedFileError):
        return None


def check_size(
    size: tuple[int, int], field: str, limits: PictureLimits = DEFAULT_LIMITS, *, what: str | None = None
) -> None:
    """Raise DIMENSIONS_OUT_OF_RANGE, naming the limit, where width or height or area is out of range.

    `what` is what has this size, where it is not the field's picture itself.
    """
    width, height = size
    if min(width, height) < limits.min_side:
        limit, reason = "min_side", f"each side needs at least {limits.min_side} px"
    elif max(width, height) > limits.max_side:
        limit, reason = "max_side", f"a side has at most {limits.max_side} px"
    elif width * height > limits.max_area:
        limit, reason = "max_area", f"the area is at most {limits.max_area:,} px"
    else:
        return
    raise OutpaintError(
        ErrorCode.DIMENSIONS_OUT_OF_RANGE,
        f"{what or field} is {width}x{height} px: {reason}; resize it",
        field=field,
        limit=limit,
    )


def unreadable(field: str, kind: FileType, reason: str) -> OutpaintError:
    """The error for a file that is not what its first bytes promise."""
    return OutpaintError(
        ErrorCode.UNREADABLE_IMAGE,
        f"{field} is a damaged or incomplete {kind.value}: {reason}; save or upload it again",
        field=field,
    )


def _unsupported(field: str, seen: str, hint: str = "send JPEG, PNG, WebP, BMP or TIFF instead") -> OutpaintError:
    return OutpaintError(ErrorCode.UNSUPPORTED_IMAGE_TYPE, f"{field} is {seen}; {hint}", field=field)
