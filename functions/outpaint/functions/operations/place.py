"""The service that a command is for, in a data folder or in a stack in AWS: its options, and the connection to it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from outpaint.functions.command_line.command_endings import CommandError
from outpaint.functions.command_line.console import data_option
from outpaint.functions.command_line.exit_codes import ExitCode
from outpaint.functions.operations.deployment import Deployment, StackName

_region = click.option("--region", metavar="NAME", help="The stack's region, if not your AWS settings'.")
_profile = click.option("--profile", metavar="NAME", help="Your AWS settings' profile to use.")
_stack: Any = functools.partial(click.option, "--stack", metavar="NAME", envvar="OUTPAINT_STACK", show_envvar=True)


def place_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command `--data`, `--stack`, `--region`, `--profile`; it is called with what they name as `place`."""

    @functools.wraps(command)
    def with_place(data: Path, stack: str | None, region: str | None, profile: str | None, **rest: Any) -> None:
        command(place=_place(data, stack, region, profile), **rest)

    for option in (_profile, _region, _stack(help="A stack in AWS, in place of a folder."), data_option):
        with_place = option(with_place)
    return with_place


def stack_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command `--stack`, which is required, `--region`, `--profile`; it is called with a `connection` to it."""

    @functools.wraps(command)
    def with_connection(stack: str, region: str | None, profile: str | None, **rest: Any) -> None:
        with needs_botocore():
            from outpaint.functions.operations.stack.stack_connection import connected
        with connected(StackName(stack, region, profile)) as connection:
            command(connection=connection, **rest)

    for option in (_profile, _region, _stack(required=True, help="The stack in AWS.")):
        with_connection = option(with_connection)
    return with_connection


@contextmanager
def opened(place: Path | StackName) -> Iterator[Deployment]:
    """The deployment in a data folder, made where there is none, or in a stack.

    Raises `OutpaintError`, whose one line says what to do, where it cannot be reached; so does the block.
    """
    if isinstance(place, Path):
        from outpaint.functions.operations.data_folder import folder_deployment

        with folder_deployment(place) as deployment:
            yield deployment
        return
    with needs_botocore():
        from outpaint.functions.operations.stack.stack_deployment import stack_deployment
    with stack_deployment(place) as deployment:
        yield deployment


@contextmanager
def needs_botocore() -> Iterator[None]:
    """Say which extra is missing where an import in the block finds no botocore."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "botocore":
            raise
        raise CommandError(
            ExitCode.MACHINE, "a stack is looked after by botocore: pip install 'outpaint-kit[server,aws]'"
        ) from None


def _place(data: Path, stack: str | None, region: str | None, profile: str | None) -> Path | StackName:
    context = click.get_current_context()
    given = {
        name: context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        for name in ("data", "stack", "region", "profile")
    }
    if given["data"] and given["stack"]:
        raise click.UsageError("--data and --stack exclude each other: choose one", context)
    # An option beats the environment.
    if stack is None or given["data"]:
        for name in ("region", "profile"):
            if given[name]:
                raise click.UsageError(f"--{name} is for a stack: name it with --stack", context)
        return data
    return StackName(stack, region, profile)
