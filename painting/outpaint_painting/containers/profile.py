"""ICC profiles as bytes: which colours they speak of, and how large one may be."""

from __future__ import annotations

from enum import Enum
from typing import Final

# Press profiles are 0.5 to 3 MB; beyond this it is no profile but ballast.
MAX_PROFILE_BYTES: Final = 4 * 1024 * 1024


class ColourSpace(Enum):
    """The data colour spaces of ICC.1 that matter here."""

    RGB = b"RGB "
    GREY = b"GRAY"
    CMYK = b"CMYK"


def colour_space(profile: bytes) -> ColourSpace | None:
    """The colour space a profile describes; None where it is no sound profile or one of another space.

    Sound means: the signature `acsp`, and the length in its header not more than there is (ICC.1:2022, 7.2).
    """
    if len(profile) < 128 or len(profile) > MAX_PROFILE_BYTES or profile[36:40] != b"acsp":
        return None
    if int.from_bytes(profile[:4], "big") > len(profile):
        return None
    try:
        return ColourSpace(profile[16:20])
    except ValueError:
        return None
