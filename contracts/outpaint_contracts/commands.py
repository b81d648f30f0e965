"""`outpaint contract`: the contract as something that people run; subcommands are loaded when they are asked for."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Final

import click

COMMANDS_GROUP: Final = "outpaint.contract.commands"
"""The entry point group by which modules add subcommands: each names a `click.Command`."""


class _Subcommands(click.Group):
    """Those of the entry point group, by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted({point.name for point in _points()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        point = next((point for point in _points() if point.name == cmd_name), None)
        if point is None:
            return None
        try:
            command = point.load()
        except ImportError as error:
            raise click.ClickException(
                f"outpaint contract {cmd_name} needs more than is installed: {error.name or error} is missing"
            ) from error
        assert isinstance(command, click.Command), f"{point.value} is no click command"
        return command


def _points() -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=COMMANDS_GROUP))


@click.group(cls=_Subcommands)
def contract() -> None:
    """Prove that somebody keeps the contract, and see how it changes.

    \b
    First steps:
      outpaint contract verify --base-url http://127.0.0.1:8080 --api-key dev
      outpaint contract cases            # what is proven
      outpaint contract COMMAND --help   # what a command takes, with examples
    """
