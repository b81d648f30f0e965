"""`outpaint contract`: the group of the commands about the contract."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final

import click

_COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "cases": ("verify.verify_command", "List the contract's cases."),
    "diff": ("diff.diff_command", "Judge a change of an OpenAPI document by what it does to clients."),
    "drift": ("drift.drift_command", "Replay a recording on the mock, and tell every difference."),
    "export": ("export.export_command", "Write the contract as OpenAPI, JSON Schema or AsyncAPI."),
    "pact": ("pact_check.pact_command", "Consumer contracts as Pact files: write, check, verify."),
    "record": ("drift.record_command", "Record what your client and a real provider say to each other."),
    "verify": ("verify.verify_command", "Prove that what answers at a base URL keeps the contract."),
}
"""Each command's module below this package, in which it has the same name, and its line in the group's help."""


class _ContractCommands(click.Group):
    """A group whose commands are imported when they are called: each needs other extras, and help needs none."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, line = _COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"outpaint.conformance.{module}"), cmd_name)
        command.short_help = line
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])


@click.group(cls=_ContractCommands)
def contract() -> None:
    """Prove that somebody keeps the contract, and see how it changes.

    \b
    First steps:
      outpaint contract verify --base-url http://127.0.0.1:8080 --api-key "$KEY"  # by `outpaint keys create`
      outpaint contract cases            # what is proven
      outpaint contract COMMAND --help   # what a command takes, with examples
    """
