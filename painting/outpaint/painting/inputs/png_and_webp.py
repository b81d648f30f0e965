"""Reads PNG and WebP files without decoding, from one chunk to the next."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final

from outpaint.painting.inputs.colour_chunks import ColourChunks, stated_colours
from outpaint.painting.inputs.file_header import (
    MAX_PROFILE_BYTES,
    DamagedFileError,
    FileHeader,
    MissingPartError,
    SeveralFramesError,
    UnsupportedFileError,
    orientation,
)

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6

BITS: Final = {GREY: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), GREY_ALPHA: (8, 16), RGB_ALPHA: (8, 16)}
"""The bits a channel of each colour type (PNG, third edition, table 12)."""

_COLOUR_CHUNKS: Final = frozenset({b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM"})
_PIXEL_CHUNKS: Final = frozenset({b"IHDR", b"PLTE", b"IDAT"})
_END: Final = b"\0\0\0\0IEND\xaeB`\x82"
# An encoder that writes 512 bytes a chunk still fits; a file of empty chunks would cost seconds.
_MAX_PNG_CHUNKS: Final = 65_536


def png_size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels, from the first chunk.

    Raises `DamagedFileError`, and `UnsupportedFileError` for Apple's kind of file, which is no PNG by the standard: its
    colours are premultiplied, in the order BGR, and its image data has no zlib header.
    """
    if data[12:16] == b"CgBI":
        raise UnsupportedFileError("a PNG of Apple's own kind (CgBI), which iOS apps carry")
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise DamagedFileError("its first chunk is missing")
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def png_header(data: bytes) -> FileHeader:
    """The header of a PNG; `pixels` keeps IHDR, palette, transparency and image data.

    Raises `DamagedFileError`, and `SeveralFramesError` from the acTL chunk, which comes before the image.
    """
    bits, colour_type = data[24], data[25]
    if colour_type not in (GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA):
        raise DamagedFileError(f"colour type {colour_type} does not exist in PNG")
    if bits not in BITS[colour_type]:
        raise DamagedFileError(f"colour type {colour_type} with {bits} bits does not exist in PNG")
    view = memoryview(data)
    kept: list[bytes | memoryview] = [SIGNATURE]
    turned, transparency, has_pixels = 1, b"", False
    chunks = ColourChunks()
    position = len(SIGNATURE)
    for _ in range(_MAX_PNG_CHUNKS):
        if position + 8 > len(data):
            # Without its end chunk a file still has all its pixels, if the image data is whole.
            break
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data):
            if kind == b"IDAT":
                # Whether its rows are there is for the decoder to say: four bytes of a checksum are no pixels.
                rest = data[position + 8 :]
                kept.append(struct.pack(">I4s", len(rest), kind) + rest + struct.pack(">I", zlib.crc32(kind + rest)))
                has_pixels = True
            elif not has_pixels:
                raise DamagedFileError("it ends in the middle of a chunk")
            break
        if kind == b"IEND":
            break
        if kind == b"acTL" and length >= 4:
            (frames,) = struct.unpack_from(">I", data, position + 8)
            if frames > 1:
                raise SeveralFramesError(f"an animated PNG of {frames} frames")
        elif kind in _PIXEL_CHUNKS:
            has_pixels = has_pixels or kind == b"IDAT"
            kept.append(view[position:end])
        elif kind == b"tRNS" and not has_pixels:
            transparency = data[position + 8 : end - 4]
            if colour_type == PALETTE:
                kept.append(view[position:end])
        elif kind in _COLOUR_CHUNKS and not has_pixels:
            _note(chunks, kind, data[position + 8 : end - 4])
        elif kind == b"eXIf":
            turned = orientation(data[position + 8 : end - 4])
        position = end
    else:
        raise DamagedFileError(f"it has more than {_MAX_PNG_CHUNKS} chunks")
    if not has_pixels:
        raise DamagedFileError("it has no image data")
    kept.append(_END)
    colours = stated_colours(chunks)
    # Most files keep every byte and are not copied: five megabytes of new memory take milliseconds.
    is_whole = sum(map(len, kept)) == len(data) and data.endswith(_END)
    return FileHeader(
        size=png_size(data),
        pixels=data if is_whole else b"".join(kept),
        orientation=turned,
        icc_profile=colours.profile,
        colour_remark=colours.remark,
        bits=bits,
        opaque=colour_type in (GREY, RGB, PALETTE) and not transparency,
        transparent_value=_transparent_value(colour_type, transparency),
    )


def _note(chunks: ColourChunks, kind: bytes, content: bytes) -> None:
    if kind == b"cICP":
        chunks.cicp = content
    elif kind == b"iCCP":
        chunks.profile = _profile(content) or b""
    elif kind == b"sRGB":
        chunks.srgb = True
    elif kind == b"gAMA":
        chunks.gamma = content
    else:
        chunks.chromaticities = content


def bytes_as_channels(pixels: bytes) -> bytes:
    """A PNG of 16-bit grey and alpha relabelled as 8-bit RGBA.

    A pixel has four bytes either way, so that rows and filters stay what they are: red and green are then the
    upper and lower byte of the grey value, blue and alpha those of the alpha value.
    """
    start = struct.pack(">4s8sBB3s", b"IHDR", pixels[16:24], 8, RGB_ALPHA, pixels[26:29])
    return pixels[:12] + start + struct.pack(">I", zlib.crc32(start)) + pixels[33:]


def _transparent_value(colour_type: int, transparency: bytes) -> tuple[int, ...] | None:
    channels = {GREY: 1, RGB: 3}.get(colour_type)
    if channels is None or len(transparency) < 2 * channels:
        return None
    return struct.unpack_from(f">{channels}H", transparency)


def _profile(chunk: bytes) -> bytes | None:
    """The ICC profile in an iCCP chunk; None where it is damaged or inflates beyond any real profile."""
    _, separator, rest = chunk.partition(b"\0")
    if not separator or rest[:1] != b"\0":
        return None
    inflater = zlib.decompressobj()
    try:
        profile = inflater.decompress(rest[1:], MAX_PROFILE_BYTES + 1)
    except zlib.error:
        return None
    return profile if len(profile) <= MAX_PROFILE_BYTES else None


_MAX_WEBP_CHUNKS: Final = 10_000
_PICTURE_CHUNKS: Final = frozenset({b"VP8 ", b"VP8L", b"ALPH", b"ANMF"})
_ALPHA_FLAG: Final = 0x10
_LOSSLESS_MARK: Final = 0x2F


def webp_size(data: bytes) -> tuple[int, int]:
    """Width and height of the canvas in pixels, from the first chunk. Raises `DamagedFileError`."""
    kind, body = data[12:16], data[20:30]
    if len(body) == 10 and kind == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if len(body) == 10 and kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    if len(body) >= 5 and kind == b"VP8L" and body[0] == _LOSSLESS_MARK:
        (packed,) = struct.unpack_from("<I", body, 1)
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    raise DamagedFileError("its first chunk is missing")


def webp_header(data: bytes) -> FileHeader:
    """The header of a WebP; `pixels` is the file with its metadata, which libwebp reads apart from pixels.

    Raises `DamagedFileError`, and `SeveralFramesError` at the second frame chunk.
    """
    frames, turned, profile, lossy = 0, 1, None, False
    opaque = data[12:16] == b"VP8 " or (data[12:16] == b"VP8X" and not data[20] & _ALPHA_FLAG)
    whole = 12
    for kind, start, end in _chunks(data):
        whole = end
        if kind == b"ANMF":
            frames += 1
            if frames > 1:
                raise SeveralFramesError("an animated WebP")
            # A frame may cover only a part of the canvas.
            opaque = False
        elif kind == b"VP8 ":
            lossy = True
        elif kind == b"ICCP":
            profile = data[start:end]
        elif kind == b"EXIF":
            turned = orientation(data[start:end])
    return FileHeader(
        size=webp_size(data),
        pixels=_whole_chunks(data, whole),
        orientation=turned,
        icc_profile=profile,
        opaque=opaque,
        lossy=lossy,
    )


def _whole_chunks(data: bytes, end: int) -> bytes:
    """The file with its chunks up to `end`, the last whole one, where its own size promises more than it has.

    libwebp refuses such a file even where nothing but a byte of padding or metadata is missing. Raises
    `DamagedFileError` where what is missing is of the picture.
    """
    if data[end + (end & 1) :][:4] in _PICTURE_CHUNKS:
        raise MissingPartError
    if int.from_bytes(data[4:8], "little") + 8 <= len(data):
        return data
    body = data[8:end] + bytes(end & 1)
    return data[:4] + struct.pack("<I", len(body)) + body


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of each chunk's content; a chunk cut short by the file's end is left to the decoder."""
    position = 12
    for _ in range(_MAX_WEBP_CHUNKS):
        if position + 8 > len(data):
            return
        kind, length = struct.unpack_from("<4sI", data, position)
        start = position + 8
        if start + length > len(data):
            return
        yield kind, start, start + length
        position = start + length + (length & 1)
    raise DamagedFileError(f"it has more than {_MAX_WEBP_CHUNKS} chunks")
