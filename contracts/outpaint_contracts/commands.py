"""`outpaint contract`: the contract as something that people run."""

from __future__ import annotations

from typing import Final

import click

from outpaint_contracts.added_commands import AddedCommands

COMMANDS_GROUP: Final = "outpaint.contract.commands"
"""The entry point group by which modules add subcommands: each names a `click.Command`."""


@click.group(cls=AddedCommands, entry_point_group=COMMANDS_GROUP)
def contract() -> None:
    """Prove that somebody keeps the contract, and see how it changes.

    \b
    First steps:
      outpaint contract verify --base-url http://127.0.0.1:8080 --api-key dev
      outpaint contract cases            # what is proven
      outpaint contract COMMAND --help   # what a command takes, with examples
    """
