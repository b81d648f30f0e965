"""What a picture file says about itself before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass


class DamagedFileError(Exception):
    """The file cannot be what its first bytes promise; the text says why, to follow a colon."""


class SeveralFramesError(Exception):
    """The file has more than one frame or page; the text names what was seen."""


class UnsupportedFileError(Exception):
    """The file is sound, but of a variety that is not taken; the text names it."""


@dataclass(frozen=True, slots=True)
class Header:
    """One picture file, looked at but not decoded.

    `size` is width and height in pixels as stored, before `orientation` (EXIF, 1 to 8) is applied.
    `pixels` is the file without its metadata, so that none can reach a decoder or a result.
    `bits` is per channel as stored. `opaque` is True where the header alone proves that no pixel is
    transparent. `lossy` is True where a flat area may ring. `transparent_value` is the one grey (1 member) or
    RGB (3 members) value that counts as transparent, at the stored bit depth (PNG's tRNS).
    """

    size: tuple[int, int]
    pixels: bytes
    orientation: int = 1
    icc_profile: bytes | None = None
    bits: int = 8
    opaque: bool = False
    lossy: bool = False
    transparent_value: tuple[int, ...] | None = None

    @property
    def shown_size(self) -> tuple[int, int]:
        """Width and height after the orientation is applied."""
        width, height = self.size
        return (height, width) if self.orientation >= 5 else (width, height)
