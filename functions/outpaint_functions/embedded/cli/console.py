"""What the command line says: results on stdout, everything else on stderr."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len, set_cell_size
from rich.console import Console

if TYPE_CHECKING:
    from rich.progress import Progress

# Paths and commands must survive being copied, so nothing is wrapped or coloured by guess.
OUT: Final = Console(highlight=False, soft_wrap=True, emoji=False)
ERR: Final = Console(highlight=False, soft_wrap=True, emoji=False, stderr=True)


def warn(text: str) -> None:
    """One line on stderr that is no error."""
    ERR.print("warning:", style="yellow", end=" ")
    ERR.print(text, markup=False)


def fail(text: str) -> None:
    """One line on stderr that is the command's end."""
    ERR.print("error:", style="red", end=" ")
    ERR.print(" ".join(text.split()), markup=False)


def table(*rows: Sequence[str]) -> None:
    """Rows under their first one, in columns as wide as they need, so that an id can always be copied whole."""
    widths = [max(cell_len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        cells = [set_cell_size(cell, width) for cell, width in zip(row, widths, strict=True)]
        OUT.print("  ".join(cells).rstrip(), style="bold" if number == 0 else None, markup=False)


@contextmanager
def progress(*, of_bytes: bool = False) -> Iterator[Progress]:
    """A bar on a terminal, nothing where nobody watches."""
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
    from rich.progress import TimeElapsedColumn as Elapsed

    amount = DownloadColumn() if of_bytes else MofNCompleteColumn()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), amount, Elapsed())
    with Progress(*columns, console=ERR, transient=True, disable=not ERR.is_terminal) as bar:
        yield bar
