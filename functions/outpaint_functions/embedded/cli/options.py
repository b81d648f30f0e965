"""Options that several commands share."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from outpaint_contracts.errors import ErrorCode, OutpaintError
from outpaint_painting.painters.choice import (
    BEST_LOCAL,
    WITHOUT_WEIGHTS,
    PainterHost,
    default_painter,
    load_painter,
    names_on,
)

from outpaint_functions.embedded.cli.console import warn

if TYPE_CHECKING:
    from outpaint_painting.painter import Painter

DEFAULT_DATA: Final = Path(".outpaint")

data_option = click.option(
    "--data",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="OUTPAINT_DATA",
    default=DEFAULT_DATA,
    show_default=True,
    show_envvar=True,
    help="The folder that holds accounts, jobs and pictures; made where there is none.",
)
painter_option = click.option(
    "--painter",
    metavar="NAME",
    help=f"{', '.join(names_on(PainterHost.LOCAL))}, or a class of your own as package.module:Class. "
    f"[default: {BEST_LOCAL} where its weights are on this machine, else {WITHOUT_WEIGHTS}]",
)


def painter_of(name: str | None) -> Painter:
    """The painter that an option names, or the best there is with a warning where that is not the best of all."""
    if name is None:
        painter, warning = default_painter()
        if warning is not None:
            warn(warning)
        return painter
    return _own(name) if ":" in name else load_painter(name)


def _own(name: str) -> Painter:
    module, _, attribute = name.partition(":")
    try:
        painter: Painter = getattr(importlib.import_module(module), attribute)()
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise OutpaintError(
            ErrorCode.INVALID_PARAMETER, f"there is no painter at {name}: {error}", field="painter"
        ) from error
    return painter
