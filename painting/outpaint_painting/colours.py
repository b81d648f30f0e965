"""Colours that are not RGB, brought to sRGB through their profile."""

from __future__ import annotations

from io import BytesIO
from typing import Final

from PIL import Image

_NAMES: Final = {"CMYK": "CMYK", "LAB": "L*a*b*", "L": "greyscale", "LA": "greyscale"}


def to_plain_rgb(pixels: Image.Image, profile: bytes | None, field: str) -> tuple[Image.Image, str | None]:
    """Pixels as sRGB (RGB or RGBA), and a sentence on what was done where a person would want to know.

    `pixels` is CMYK, LAB, L or LA; `profile` describes its values, and one that does not is left aside.
    Without a usable profile CMYK is turned by the plain formula, whose colours are only about right.
    """
    name = _NAMES.get(pixels.mode, pixels.mode)
    if pixels.mode == "LA":
        grey, alpha = pixels.split()
        rgb, warning = to_plain_rgb(grey, profile, field)
        rgb.putalpha(alpha)
        return rgb, warning
    converted = _through_profile(pixels, profile) if profile or pixels.mode == "LAB" else None
    if converted is not None:
        return converted, f"{field} is {name} and was converted to sRGB through its colour profile."
    warning = f"{field} is {name} without a usable colour profile; its colours in sRGB are only about right."
    return pixels.convert("RGB"), warning


def _through_profile(pixels: Image.Image, profile: bytes | None) -> Image.Image | None:
    """Pixels as sRGB, or None where the profile does not fit them."""
    from PIL import ImageCms  # loads lcms; most pictures never need it

    try:
        source = (
            ImageCms.ImageCmsProfile(BytesIO(profile))
            if profile
            else ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        )
        return ImageCms.profileToProfile(
            pixels, source, ImageCms.createProfile("sRGB"), ImageCms.Intent.PERCEPTUAL, outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
