"""PNG (ISO/IEC 15948) without decoding: chunks are walked, never inflated but for a bounded ICC profile."""

from __future__ import annotations

import struct
import zlib
from typing import Final

from outpaint_painting.containers.exif import orientation
from outpaint_painting.containers.header import DamagedFileError, Header, SeveralFramesError
from outpaint_painting.containers.profile import MAX_PROFILE_BYTES

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6

_PIXEL_CHUNKS: Final = frozenset({b"IHDR", b"PLTE", b"IDAT"})
_END: Final = b"\0\0\0\0IEND\xaeB`\x82"
# An encoder that writes 512 bytes a chunk still fits; a file of empty chunks would cost seconds.
_MAX_CHUNKS: Final = 65_536


def size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels, from the first chunk. Raises `DamagedFileError`."""
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise DamagedFileError("its first chunk is missing")
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def header(data: bytes) -> Header:
    """What a PNG says about itself; `pixels` keeps header, palette, transparency and image data.

    Raises `DamagedFileError`, and `SeveralFramesError` from the acTL chunk, which stands before the image.
    """
    bits, colour_type = data[24], data[25]
    if colour_type not in (GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA):
        raise DamagedFileError(f"colour type {colour_type} does not exist in PNG")
    view = memoryview(data)
    kept: list[bytes | memoryview] = [SIGNATURE]
    turned, profile, transparency, has_pixels = 1, None, b"", False
    position = len(SIGNATURE)
    for _ in range(_MAX_CHUNKS):
        if position + 8 > len(data):
            # A missing end chunk costs no pixel: what counts is whether the image data is whole.
            break
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data):
            if has_pixels and kind != b"IDAT":
                break
            raise DamagedFileError("it ends in the middle of a chunk")
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
        elif kind == b"iCCP":
            profile = _profile(data[position + 8 : end - 4])
        elif kind == b"eXIf":
            turned = orientation(data[position + 8 : end - 4])
        position = end
    else:
        raise DamagedFileError(f"it has more than {_MAX_CHUNKS} chunks")
    if not has_pixels:
        raise DamagedFileError("it has no image data")
    kept.append(_END)
    # Most files keep every byte, and are not copied: touching fresh memory for five megabytes takes milliseconds.
    is_whole = sum(map(len, kept)) == len(data) and data.endswith(_END)
    return Header(
        size=size(data),
        pixels=data if is_whole else b"".join(kept),
        orientation=turned,
        icc_profile=profile,
        bits=bits,
        opaque=colour_type in (GREY, RGB, PALETTE) and not transparency,
        transparent_value=_transparent_value(colour_type, transparency),
    )


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
