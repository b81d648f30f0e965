"""A group of commands that packages add to by entry points; each is imported only when it is asked for."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

import click


class AddedCommands(click.Group):
    """Its own commands first, in the order they were added, then those of an entry point group by name.

    One whose packages are not installed is listed like the others, and says what is missing when it is run.
    """

    def __init__(self, *args: Any, entry_point_group: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self._entry_point_group = entry_point_group

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names, without importing anything."""
        added = sorted({point.name for point in self._points()} - set(self.commands))
        return [*self.commands, *added]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, imported now if another package adds it."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        point = next((point for point in self._points() if point.name == cmd_name), None)
        if point is None:
            return None
        try:
            command = point.load()
        except ImportError as error:
            return _out_of_reach(cmd_name, error)
        assert isinstance(command, click.Command), f"{point.value} is no click command"
        return command

    def _points(self) -> tuple[EntryPoint, ...]:
        return tuple(entry_points(group=self._entry_point_group))


def _out_of_reach(name: str, error: ImportError) -> click.Command:
    """What stands for a command that cannot be imported here."""
    missing = f"{error.name or error} is not installed"

    def refuse(**_: Any) -> None:
        raise click.ClickException(f"{name} cannot be used: {missing}")

    return click.Command(
        name,
        callback=refuse,
        short_help=f"(cannot be used: {missing})",
        add_help_option=False,
        context_settings={"ignore_unknown_options": True},
        params=[click.Argument(["words"], nargs=-1, type=click.UNPROCESSED)],
    )
