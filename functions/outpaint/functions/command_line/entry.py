"""The entry point of `outpaint`, by the standard library alone: help, and which extra a command lacks."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Final, NamedTuple

from outpaint.functions.command_line.exit_codes import ExitCode


class ListedCommand(NamedTuple):
    """A command as help lists it: its words after `outpaint`, outpaint-kit's extras that it needs, and one sentence.

    A subcommand is listed where it needs other extras than its group.
    """

    words: str
    extras: str
    says: str


COMMANDS: Final = (
    ListedCommand("paint", "server", "Let one photo grow, without a server."),
    ListedCommand("serve", "server", "Serve the outpainting API."),
    ListedCommand("demo", "server", "Outpaint a sample photo through a real server."),
    ListedCommand("weights", "server", "Get and find the painters' weights."),
    ListedCommand("keys", "server", "Look after API keys and credits, in a data folder or a stack."),
    ListedCommand("jobs", "server", "Look at jobs, in a data folder or a stack; end and erase them."),
    ListedCommand("backup", "server", "Back up a data folder, also while it is served, and restore it."),
    ListedCommand("doctor", "server", "Check a stack, or a data folder, and say what to do."),
    ListedCommand("endpoint", "server,aws", "Look after the painter's endpoint of a stack in AWS."),
    ListedCommand("mock", "mocks", "Play the outpainting API for tests in any language."),
    ListedCommand("mock-sagemaker", "mocks-aws", "Play the SageMaker runtime for any AWS SDK."),
    ListedCommand("contract", "contract", "Prove that somebody keeps the contract, and see how it changes."),
    ListedCommand("contract drift", "mocks", "Replay a recording on the mock, and tell every difference."),
    ListedCommand("contract pact", "mocks", "Consumer contracts as Pact files: write, check, verify."),
    ListedCommand("contract record", "mocks", "Record what your client and a real provider say to each other."),
)
_HELP: Final = """\
Usage: outpaint COMMAND [ARGS]...

  Let pictures grow beyond their edges: right here, or as a service.

  First steps:
    outpaint paint photo.jpg -o wide.jpg --aspect 16:9
    outpaint serve            # the API on http://127.0.0.1:8080, and a key for it
    outpaint COMMAND --help   # what a command takes, with examples

Options:
  --version   Show the version and exit.
  -h, --help  Show this message and exit.

Commands, each with the extra that it needs, as in pip install 'outpaint-kit[server]':
"""


def main() -> None:
    """Run the command line and end the process with a code of `ExitCode`, as docs/exit-codes.md lists them."""
    try:
        status = _run(sys.argv[1:])
    except BrokenPipeError:
        status = ExitCode.MACHINE
    except Exception:  # noqa: BLE001 - Python would end with 1, by which pipelines read that something fell short
        import traceback

        traceback.print_exc()
        status = ExitCode.BROKEN
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output is gone; without this, flushing at exit would raise again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = status or ExitCode.MACHINE
    sys.exit(status)


def _run(words: list[str]) -> int:
    """Run the command line of these words after `outpaint`; the status, 0 to 255."""
    if not words:
        sys.stderr.write(_help())
        return ExitCode.USAGE
    if words[0] in ("-h", "--help"):
        sys.stdout.write(_help())
        return ExitCode.PROVEN
    if words[0] == "--version":
        from importlib.metadata import version

        sys.stdout.write(f"outpaint-kit {version('outpaint-kit')}\n")
        return ExitCode.PROVEN
    # Looking for pydantic's plugins goes through every installed package, a tenth of the whole start.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        from outpaint.functions.command_line.command_group import run

        return run(words, did_you_mean)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == __name__.partition(".")[0]:
            raise  # one of our own, which no extra installs
        return _missing(words, error.name)


def _help() -> str:
    """The help: every command with its extras and its sentence, in columns."""
    extras = [f"[{command.extras}]" for command in COMMANDS]
    first, second = max(len(command.words) for command in COMMANDS), max(map(len, extras))
    rows = (
        f"  {command.words:{first}}  {extra:{second}}  {command.says}\n"
        for command, extra in zip(COMMANDS, extras, strict=True)
    )
    return _HELP + "".join(rows)


def did_you_mean(unknown: str, known: Iterable[str]) -> str:
    """The nearest known command as a question that follows a sentence without its full stop; empty if none is near."""
    from difflib import get_close_matches

    return "".join(f". Did you mean '{word}'?" for word in get_close_matches(unknown, known, n=1))


def _missing(words: list[str], module: str) -> int:
    """Print in one line which extra installs the module that a command lacks; the status."""
    named = [command for command in COMMANDS if words[: len(command.words.split())] == command.words.split()]
    if not named:
        nearest = did_you_mean(words[0], [command.words for command in COMMANDS])
        sys.stderr.write(f"error: outpaint does not know {words[0]}{nearest} (see outpaint --help)\n")
        return ExitCode.USAGE
    command = max(named, key=lambda command: len(command.words))
    kit = f"outpaint-kit[{command.extras}]"
    sys.stderr.write(f"error: outpaint {command.words} needs {kit}: pip install '{kit}' ({module} is not installed)\n")
    return ExitCode.MACHINE
