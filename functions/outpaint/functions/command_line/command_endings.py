"""Ends a command: whatever it raises becomes one line on standard error and the exit code for that kind of error."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

import click

from outpaint.contracts.errors import Cause, OutpaintError
from outpaint.functions.command_line.console import fail
from outpaint.functions.command_line.exit_codes import ExitCode


class CommandError(click.ClickException):
    """Ends a command with an exit code and one line on standard error, whatever the sentence repeats of others."""

    exit_code: ExitCode  # type: ignore[misc]  # click has one for all errors of a class

    def __init__(self, exit_code: ExitCode, sentence: str) -> None:
        super().__init__(" ".join(sentence.split()))
        self.exit_code = exit_code


def exit_code_of(error: OutpaintError) -> ExitCode:
    """The exit code for an error of the service: wrong input, a refused key, not now, or a failure of what was done."""
    kind = error.kind
    if kind.status is HTTPStatus.SERVICE_UNAVAILABLE:
        return ExitCode.UNREACHABLE
    if kind.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return ExitCode.KEY_REFUSED
    return ExitCode.USAGE if kind.cause in (Cause.REQUEST, Cause.PICTURE) else ExitCode.FAILED


def status_of(command: Callable[[], object], hint: Callable[[click.UsageError], str] = lambda _: "") -> int:
    """Run a command of click's, which is called without its standalone mode; its status.

    `hint` is what is added to the line on wrong usage, such as the word that may have been meant. Raises
    `ModuleNotFoundError` where a command needs what is not installed, `BrokenPipeError`, and what no command foresees.
    """
    try:
        status = command()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return ExitCode.USAGE
    except click.UsageError as error:
        where = "" if error.ctx is None else f" (see {error.ctx.command_path} --help)"
        fail(f"{error.format_message().rstrip('.')}{hint(error)}{where}")
        return ExitCode.USAGE
    except CommandError as error:
        fail(error.format_message())
        return error.exit_code
    except click.ClickException as error:  # click's own of this kind: a file that cannot be opened
        fail(error.format_message())
        return ExitCode.MACHINE
    except OutpaintError as error:
        fail(error.detail)
        return exit_code_of(error)
    except (click.Abort, KeyboardInterrupt):
        fail("interrupted")
        return ExitCode.INTERRUPTED
    except SystemExit as ended:
        # No command of ours raises it. click ends the process with 1 where the reader of its output is gone.
        if ended.code != 1:
            raise
        return ExitCode.MACHINE
    except BrokenPipeError:
        raise
    except OSError as error:
        fail(str(error) if error.filename is None else f"{error.filename}: {error.strerror}")
        return ExitCode.MACHINE
    return status if isinstance(status, int) else ExitCode.PROVEN
