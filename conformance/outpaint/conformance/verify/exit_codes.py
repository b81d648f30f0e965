"""How `outpaint contract verify`, `drift`, `record` and `pact` end: the exit codes that they share."""

from __future__ import annotations

from enum import IntEnum

import click


class ExitCode(IntEnum):
    """The exit codes of `outpaint contract`; each command's help says when it ends with which."""

    PROVEN = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    NOT_THIS_API = 4
    KEY_REFUSED = 5
    TOO_LITTLE_SEEN = 6
    OVER_BUDGET = 7
    INTERRUPTED = 130


class CommandError(click.ClickException):
    """Ends a command with an exit code and one line on standard error, whatever the sentence repeats of others."""

    exit_code: ExitCode  # type: ignore[misc]  # click has one for all errors of a class

    def __init__(self, exit_code: ExitCode, sentence: str) -> None:
        super().__init__(" ".join(sentence.split()))
        self.exit_code = exit_code
