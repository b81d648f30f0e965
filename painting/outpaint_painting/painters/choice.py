"""Painters by name, and the one that is taken where nobody named any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from outpaint_contracts.errors import ErrorCode, OutpaintError

if TYPE_CHECKING:
    from outpaint_painting.painter import Painter

NAMES: Final = ("migan", "patch", "flat")
"""The painters there are, best first."""


def load_painter(name: str) -> Painter:
    """The painter of this name; what it needs is imported only now.

    Raises OutpaintError naming the choices, or saying how to get the weights where they are missing.
    """
    match name:
        case "migan":
            from outpaint_painting import weights
            from outpaint_painting.painters.migan import MiganPainter

            path = weights.find("migan")
            if path is None:
                raise weights.WeightsUnavailable(
                    "The migan painter's weights are not on this machine: get them with `outpaint weights "
                    "pull`, or choose the painter patch, which needs none."
                )
            return MiganPainter(path)
        case "patch":
            from outpaint_painting.painters.patch import PatchPainter

            return PatchPainter()
        case "flat":
            from outpaint_painting.painters.flat import FlatPainter

            return FlatPainter()
        case _:
            raise OutpaintError(
                ErrorCode.INVALID_PARAMETER,
                f"There is no painter named {name}; the choices are: {', '.join(NAMES)}.",
                field="painter",
            )


def default_painter() -> tuple[Painter, str | None]:
    """The best painter that this machine can run, and a warning for the user where that is not the best there is."""
    from outpaint_painting import weights

    try:
        return load_painter("migan"), None
    except weights.WeightsUnavailable:
        return load_painter("patch"), (
            "The MI-GAN weights are not on this machine, so the simpler painter patch is used; "
            "`outpaint weights pull` gets them."
        )
