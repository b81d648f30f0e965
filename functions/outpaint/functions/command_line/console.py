"""What commands print, and the options that several share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial, wraps
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
from rich.cells import cell_len, set_cell_size
from rich.console import Console

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.painting.canvas import Painter
from outpaint.painting.painters.painter_table import (
    DEFAULT,
    PainterHost,
    PainterOptions,
    load_painter,
    names_on,
)

if TYPE_CHECKING:
    from rich.progress import Progress

    from outpaint.contracts.masks_and_formats import PictureLimits
    from outpaint.functions.embedded.client_addresses import TrustedProxies
    from outpaint.functions.embedded.server_limits import ChangedLimits

_WITH_BACKDROP: Final = ("backdrop", "auto")
LoadPainter = Callable[[], Painter]
"""Makes the painter that a command's options choose, once it is needed."""

Command = TypeVar("Command", bound=Callable[..., object])


class CommandConsole(Console):
    """A console of commands, whose paths and commands are to be copied: nothing is wrapped or coloured by guess."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(highlight=False, soft_wrap=True, emoji=False, stderr=stderr)

    def on_broken_pipe(self) -> None:
        """The reader of the output is gone: the command decides what else it does, where rich would end with 1."""
        raise BrokenPipeError


OUT: Final = CommandConsole()
ERR: Final = CommandConsole(stderr=True)


def warn(text: str) -> None:
    """Print one line on stderr that is no error."""
    ERR.print("warning:", style="yellow", end=" ")
    ERR.print(text, markup=False)


def fail(text: str) -> None:
    """Print the one line on stderr with which a command fails."""
    ERR.print("error:", style="red", end=" ")
    ERR.print(" ".join(text.split()), markup=False)


def table(*rows: Sequence[str]) -> None:
    """Print rows, the first a heading, in columns as wide as they need: an id can always be copied whole."""
    widths = [max(cell_len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        cells = [set_cell_size(cell, width) for cell, width in zip(row, widths, strict=True)]
        OUT.print("  ".join(cells).rstrip(), style="bold" if number == 0 else None, markup=False)


@contextmanager
def progress(*, of_bytes: bool = False) -> Iterator[Progress]:
    """A progress bar on a terminal, nothing elsewhere."""
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
    from rich.progress import TimeElapsedColumn as Elapsed

    amount = DownloadColumn() if of_bytes else MofNCompleteColumn()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), amount, Elapsed())
    with Progress(*columns, console=ERR, transient=True, disable=not ERR.is_terminal) as bar:
        yield bar


def _data_option(otherwise: str) -> Callable[[Command], Command]:
    return click.option(
        "--data",
        metavar="DIR",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="OUTPAINT_DATA",
        default=Path(".outpaint"),
        show_default=True,
        show_envvar=True,
        help=f"The folder that holds accounts, jobs and pictures; {otherwise}.",
    )


data_option = _data_option("made where there is none")
existing_data_option = _data_option("refused where there is none")


def limit_option(kind: str) -> Callable[[Command], Command]:
    """The option that changes the limits of a server whose class of them is at `kind`, as package.module:Class."""
    return click.option(
        "--limit",
        "changed_limits",
        metavar="NAME=VALUE",
        multiple=True,
        callback=lambda _context, _option, texts: _limits(texts, kind),
        help="Change a limit, such as max_side=8192 or bodies_in_flight=2GiB; may be repeated. "
        "An unknown name prints every one.",
    )


picture_limit_option = click.option(
    "--limit",
    "limits",
    metavar="NAME=VALUE",
    multiple=True,
    callback=lambda _context, _option, texts: _picture_limits(texts),
    help="Change a limit on pictures, such as max_area=100000000; may be repeated. An unknown name prints every one.",
)
proxies_option = click.option(
    "--trusted-proxies",
    "proxies",
    metavar="ADDRESSES",
    default="",
    callback=lambda _context, _option, text: _proxies(text),
    help="Addresses and networks, with commas between, whose X-Forwarded-For says who a client is where connections "
    "are counted; nobody's key is taken for local by it.",
)
_PAINTER_OPTIONS: Final = (
    click.option(
        "--painter",
        metavar="NAME",
        default=DEFAULT,
        show_default=True,
        help=f"{', '.join(names_on(PainterHost.LOCAL))}, or a class of your own as package.module:Class.",
    ),
    click.option(
        "--backdrop-colour", metavar="#RRGGBB", help="The ground behind cut-outs. [default: one that suits the object]"
    ),
    click.option(
        "--backdrop-shadow",
        type=click.FloatRange(0, 1),
        default=1.0,
        show_default=True,
        help="How dark the shadow behind cut-outs is; 0 is none.",
    ),
)


def painter_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that choose a painter; it is called with `painter`, which loads that."""

    @wraps(command)
    def wrapped(painter: str, backdrop_colour: str | None, backdrop_shadow: float, **others: Any) -> None:
        options = PainterOptions(backdrop_colour=backdrop_colour, backdrop_shadow=backdrop_shadow)
        command(painter=partial(_painter_of, painter, options), **others)

    for option in reversed(_PAINTER_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def _limits(texts: Sequence[str], kind: str) -> ChangedLimits[Any]:
    from outpaint.functions.embedded.server_limits import read_limits

    return read_limits(texts, resolve_name(kind))  # imported only now: a command's help needs none of it


def _picture_limits(texts: Sequence[str]) -> PictureLimits:
    from outpaint.functions.embedded.server_limits import read_picture_limits

    return read_picture_limits(texts)


def _proxies(text: str) -> TrustedProxies:
    from outpaint.functions.embedded.client_addresses import TrustedProxies

    return TrustedProxies.of(text)


def _painter_of(name: str, options: PainterOptions) -> Painter:
    if options != PainterOptions() and name not in _WITH_BACKDROP:
        warn(f"the painter {name} does not read --backdrop-colour and --backdrop-shadow; backdrop and auto do")
    return _custom_painter(name) if ":" in name else load_painter(name, options)


def _custom_painter(name: str) -> Painter:
    try:
        painter: Painter = resolve_name(name)()
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise OutpaintError(
            ErrorCode.INVALID_PARAMETER, f"there is no painter at {name}: {error}", field="painter"
        ) from error
    return painter
