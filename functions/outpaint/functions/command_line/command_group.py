"""The group of all commands, found by their entry points."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import entry_points
from typing import Final

import click

from outpaint.functions.command_line.command_endings import status_of

COMMANDS_GROUP: Final = "outpaint.commands"
"""The entry point group of all commands, each a `click.Command`."""


class InstalledCommands(click.Group):
    """A group whose commands are entry points, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names, without importing anything."""
        return sorted(point.name for point in entry_points(group=COMMANDS_GROUP))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of this name, imported now; raises `ModuleNotFoundError` where an extra is missing."""
        for point in entry_points(group=COMMANDS_GROUP, name=cmd_name):
            command = point.load()
            assert isinstance(command, click.Command), f"{point.value} is no click command"
            return command
        return None


@click.group(
    cls=InstalledCommands,
    add_help_option=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
def outpaint() -> None:
    """The group of all commands; its help is printed by entry.py, which needs no click."""


def run(words: Sequence[str], suggestion: Callable[[str, Iterable[str]], str]) -> int:
    """Run the command that these words after `outpaint` name; its status. An error is one line on stderr.

    `suggestion` says of an unknown word, among the known ones, what may have been meant (entry.py's `did_you_mean`).
    Raises `ModuleNotFoundError` where the command needs what is not installed, and `BrokenPipeError`.
    """
    return status_of(
        lambda: outpaint.main(list(words), prog_name="outpaint", standalone_mode=False),
        lambda error: _nearest(error, suggestion),
    )


def _nearest(error: click.UsageError, suggestion: Callable[[str, Iterable[str]], str]) -> str:
    """The known command that is nearest to an unknown one, as a question; empty where none is near."""
    # click's own suggestion knows nothing of commands that are imported when they are asked for. Before click 8.4 the
    # error does not tell the word.
    unknown, context = getattr(error, "command_name", None), error.ctx
    if unknown is None or context is None or getattr(error, "possibilities", None):
        return ""
    assert isinstance(context.command, click.Group)
    return suggestion(unknown, context.command.list_commands(context))
