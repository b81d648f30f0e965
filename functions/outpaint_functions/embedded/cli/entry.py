"""The command line put together: its own commands, those of upper floors, and one way to end in an error."""

from __future__ import annotations

import os
import sys
from typing import Final

import click
from outpaint_contracts.added_commands import AddedCommands
from outpaint_contracts.errors import OutpaintError

from outpaint_functions.embedded.cli.console import fail
from outpaint_functions.embedded.cli.demo import demo
from outpaint_functions.embedded.cli.paint import paint
from outpaint_functions.embedded.cli.serve import serve
from outpaint_functions.embedded.cli.weights import weights

COMMANDS_GROUP: Final = "outpaint.commands"
"""The entry point group by which other packages add commands: each names a `click.Command`."""


@click.group(
    cls=AddedCommands,
    entry_point_group=COMMANDS_GROUP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="outpaint-kit", message="outpaint-kit %(version)s")
def outpaint() -> None:
    """Let pictures grow beyond their edges: right here, or as a service.

    \b
    First steps:
      outpaint paint photo.jpg -o wide.jpg --aspect 16:9
      outpaint serve            # the API on http://127.0.0.1:8080, with the key dev
      outpaint COMMAND --help   # what a command takes, with examples
    """


for command in (paint, serve, demo, weights):
    outpaint.add_command(command)


def main() -> None:
    """Run the command line and end the process: 2 for wrong usage, 130 when interrupted, else as its help says."""
    try:
        status = outpaint.main(prog_name="outpaint", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        status = 2
    except click.UsageError as error:
        hint = "" if error.ctx is None else f" (see {error.ctx.command_path} --help)"
        fail(f"{error.format_message().rstrip('.')}{hint}")
        status = 2
    except click.ClickException as error:
        fail(error.format_message())
        status = error.exit_code
    except OutpaintError as error:
        fail(error.detail)
        status = 1
    except (click.Abort, KeyboardInterrupt):
        fail("interrupted")
        status = 130
    except BrokenPipeError:
        # Whoever read our output has left; Python would complain once more while flushing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    except ModuleNotFoundError as error:
        # An extra that was not asked for when the kit was installed.
        fail(f"{error.name} is not installed, and this command needs it: see the extras in the README")
        status = 1
    except OSError as error:
        fail(str(error) if error.filename is None else f"{error.filename}: {error.strerror}")
        status = 1
    sys.exit(status if isinstance(status, int) else 0)
