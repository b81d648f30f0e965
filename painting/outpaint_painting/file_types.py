"""Which kind of file this is, by its bytes alone, whatever its label says (docs/facts/pixels.md#what-comes-in)."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from outpaint_painting.containers import bmp, jpeg, png, tiff


class FileType(Enum):
    """The kinds of file that are taken."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WebP"
    BMP = "BMP"
    TIFF = "TIFF"


ACCEPTED: Final = "JPEG, PNG, WebP, BMP or TIFF"

_STRANGERS: Final = (
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
    if data.startswith(png.SIGNATURE):
        return FileType.PNG
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return FileType.WEBP
    if bmp.is_bmp(data):
        return FileType.BMP
    # Canon's raw photographs begin as a TIFF and are none.
    if data.startswith(tiff.SIGNATURES) and data[8:10] != b"CR":
        return FileType.TIFF
    return None


def describe(data: bytes) -> str:
    """A few words on what data that is not taken seems to be, for a person."""
    if not data:
        return "an empty file"
    for signature, name in _STRANGERS:
        if data.startswith(signature):
            return name
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], "an MP4 or another ISO media file")
    if data.startswith(tiff.SIGNATURES):
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
