"""A file taken in: its kind, size, frames and limits judged from the header, before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from outpaint_contracts.errors import ErrorCode, OutpaintError
from outpaint_contracts.pictures import PictureLimits

from outpaint_painting.containers import bmp, jpeg, png, tiff, webp
from outpaint_painting.containers.header import (
    DamagedFileError,
    Header,
    SeveralFramesError,
    UnsupportedFileError,
)
from outpaint_painting.file_types import ACCEPTED, FileType, describe, file_type

DEFAULT_LIMITS: Final = PictureLimits()

_SIZES: Final = {
    FileType.JPEG: jpeg.size,
    FileType.PNG: png.size,
    FileType.WEBP: webp.size,
    FileType.BMP: bmp.size,
    FileType.TIFF: tiff.size,
}
_HEADERS: Final = {
    FileType.JPEG: jpeg.header,
    FileType.PNG: png.header,
    FileType.WEBP: webp.header,
    FileType.BMP: bmp.header,
    FileType.TIFF: tiff.header,
}


@dataclass(frozen=True, slots=True)
class TakenFile:
    """A file whose header passed: `field` is the parameter it came in, for errors."""

    type: FileType
    header: Header
    field: str


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
        )
    kind = file_type(data)
    if kind is None:
        raise _unsupported(field, describe(data))
    try:
        check_size(_SIZES[kind](data), field, limits)
        header = _HEADERS[kind](data)
    except DamagedFileError as error:
        raise unreadable(field, kind, str(error)) from error
    except SeveralFramesError as error:
        raise OutpaintError(
            ErrorCode.ANIMATED, f"{field} is {error}; send one frame as a still picture", field=field
        ) from error
    except UnsupportedFileError as error:
        raise _unsupported(field, str(error)) from error
    return TakenFile(kind, header, field)


def check_size(
    size: tuple[int, int], field: str, limits: PictureLimits = DEFAULT_LIMITS, *, what: str | None = None
) -> None:
    """Raise DIMENSIONS_OUT_OF_RANGE, naming the limit, where width or height or area is out of range.

    `what` is what has this size, where it is not the field's picture itself.
    """
    width, height = size
    if min(width, height) < limits.min_side:
        reason = f"each side needs at least {limits.min_side} px"
    elif max(width, height) > limits.max_side:
        reason = f"a side has at most {limits.max_side} px"
    elif width * height > limits.max_area:
        reason = f"the area is at most {limits.max_area:,} px"
    else:
        return
    raise OutpaintError(
        ErrorCode.DIMENSIONS_OUT_OF_RANGE,
        f"{what or field} is {width}x{height} px: {reason}; resize it",
        field=field,
    )


def unreadable(field: str, kind: FileType, reason: str) -> OutpaintError:
    """The error for a file that is not what its first bytes promise."""
    return OutpaintError(
        ErrorCode.UNREADABLE_IMAGE,
        f"{field} is a damaged or incomplete {kind.value}: {reason}; save or upload it again",
        field=field,
    )


def _unsupported(field: str, seen: str) -> OutpaintError:
    return OutpaintError(ErrorCode.UNSUPPORTED_IMAGE_TYPE, f"{field} is {seen}; send {ACCEPTED} instead", field=field)
