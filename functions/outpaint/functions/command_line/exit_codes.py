"""How every command ends: the exit codes, what each means, and the commands that end with more of them than all do."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final


class ExitCode(IntEnum):
    """The exit codes of every command: a number means the same, whichever command ends with it."""

    PROVEN = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    NOT_THIS_API = 4
    KEY_REFUSED = 5
    TOO_LITTLE_SEEN = 6
    OVER_BUDGET = 7
    MACHINE = 8
    BROKEN = 9
    INTERRUPTED = 130

    @property
    def says(self) -> str:
        """What it means, as a sentence without its full stop."""
        return _MEANINGS[self]


_MEANINGS: Final[Mapping[ExitCode, str]] = {
    ExitCode.PROVEN: "done; what was judged holds",
    ExitCode.FAILED: "what was judged falls short, or what was asked for failed",
    ExitCode.USAGE: "wrong usage: an option, an argument or a file that is given cannot be used",
    ExitCode.UNREACHABLE: "what is needed is not there now: nothing answers in time, TLS fails, or it is not ready",
    ExitCode.NOT_THIS_API: "something else answers there",
    ExitCode.KEY_REFUSED: "the key is refused, or what it asks for is forbidden",
    ExitCode.TOO_LITTLE_SEEN: "too little was seen to judge by",
    ExitCode.OVER_BUDGET: "it could cost more than may be spent; nothing was begun",
    ExitCode.MACHINE: "this machine falls short: a file cannot be read or written, or an extra is not installed",
    ExitCode.BROKEN: "outpaint itself is broken: the traceback is on standard error",
    ExitCode.INTERRUPTED: "interrupted",
}
COMMON: Final = (ExitCode.PROVEN, ExitCode.USAGE, ExitCode.MACHINE, ExitCode.BROKEN, ExitCode.INTERRUPTED)
"""The codes that any command ends with."""

_NOTHING_ANSWERS: Final = "nothing answers there, or not in time, or TLS fails"
_NOT_THIS_API: Final = "something answers that is not this API: a redirect, a web page, other JSON"
_NO_MOCK: Final = "something answers there that is no mock of ours"
_NOT_LET: Final = "the mock does not let us ask (--open-admin)"

ENDINGS: Final[Mapping[str, Mapping[ExitCode, str]]] = {
    "contract verify": {
        ExitCode.PROVEN: "proven: every case that the provider offers passed, and enough of the contract was seen",
        ExitCode.FAILED: "a case failed",
        ExitCode.UNREACHABLE: _NOTHING_ANSWERS,
        ExitCode.NOT_THIS_API: _NOT_THIS_API,
        ExitCode.KEY_REFUSED: "the key is refused",
        ExitCode.TOO_LITTLE_SEEN: "nothing failed, but too little was seen to call anything proven",
        ExitCode.OVER_BUDGET: "the cases could cost more than the key has or --max-credits allows",
    },
    "contract drift": {
        ExitCode.PROVEN: "no drift",
        ExitCode.FAILED: "drift",
        ExitCode.USAGE: "wrong usage, or the recording cannot be read, or is none",
        ExitCode.UNREACHABLE: "nothing answers at --against, or not in time, or TLS fails",
        ExitCode.NOT_THIS_API: "something answers there that is not this API",
        ExitCode.KEY_REFUSED: "the key is refused",
        ExitCode.TOO_LITTLE_SEEN: "nothing in the recording could be replayed, so nothing can be said",
        ExitCode.OVER_BUDGET: "the recorded requests cost more than --max-credits; nothing was asked",
    },
    "contract record": {
        ExitCode.PROVEN: "recorded; with a COMMAND that fails, its own code",
        ExitCode.UNREACHABLE: "nothing answers at --upstream, or not in time, or TLS fails",
        ExitCode.NOT_THIS_API: "something answers there that is not this API",
        ExitCode.KEY_REFUSED: "the key in --key-env is refused",
        ExitCode.TOO_LITTLE_SEEN: "nothing was recorded: no request came",
    },
    "contract diff": {
        ExitCode.PROVEN: "nothing breaks; without --strict, a risky change may be there",
        ExitCode.FAILED: "something breaks a client; with --strict, something may",
        ExitCode.USAGE: "wrong usage, or a document cannot be read",
    },
    "contract export": {ExitCode.FAILED: "the file of --check is not what would be written"},
    "contract pact check": {
        ExitCode.PROVEN: "everything is covered",
        ExitCode.FAILED: "something is not covered; with --strict, or earns a warning",
        ExitCode.USAGE: "wrong usage, or a file is no pact",
    },
    "contract pact verify": {
        ExitCode.PROVEN: "all that could be verified was kept",
        ExitCode.FAILED: "something was broken",
        ExitCode.USAGE: "wrong usage, a file is no pact, or Pact's engine cannot read it",
        ExitCode.UNREACHABLE: "nothing answers at --base-url, or not in time, or TLS fails",
        ExitCode.NOT_THIS_API: "something answers there that is not this API",
        ExitCode.KEY_REFUSED: "the key is refused",
        ExitCode.TOO_LITTLE_SEEN: "nothing could be verified",
        ExitCode.OVER_BUDGET: "it could cost more than --max-credits",
    },
    "contract pact write": {
        ExitCode.PROVEN: "the file was written",
        ExitCode.USAGE: "wrong usage, or a world that is not there",
        ExitCode.UNREACHABLE: "nothing answers at --url, or not in time, or TLS fails",
        ExitCode.NOT_THIS_API: _NO_MOCK,
        ExitCode.KEY_REFUSED: _NOT_LET,
        ExitCode.TOO_LITTLE_SEEN: "no call makes an interaction",
    },
    "mock report": {
        ExitCode.PROVEN: "the clients behave",
        ExitCode.FAILED: "a client broke a rule; with --strict, or earned a warning",
        ExitCode.USAGE: "wrong usage, or a world that is not there",
        ExitCode.UNREACHABLE: "nothing answers at --url, or not in time, or TLS fails",
        ExitCode.NOT_THIS_API: _NO_MOCK,
        ExitCode.KEY_REFUSED: _NOT_LET,
        ExitCode.TOO_LITTLE_SEEN: "no call of the API came, so nothing was judged",
    },
    "mock": {ExitCode.TOO_LITTLE_SEEN: "no call made an interaction for --pact"},
    "doctor": {
        ExitCode.PROVEN: "no check found a fault",
        ExitCode.FAILED: "a check found a fault",
        ExitCode.UNREACHABLE: "the stack cannot be reached, or is not ready",
    },
    "backup check": {ExitCode.PROVEN: "the backup is whole", ExitCode.FAILED: "the backup is damaged, or is none"},
    "jobs erase": {ExitCode.FAILED: "jobs of the account had not ended, and stayed"},
    "jobs sweep": {ExitCode.FAILED: "a job could not be looked at"},
}
"""What a code means for one command, by its words after `outpaint`, where that is more than the code says by itself."""


def endings_for(words: str) -> list[tuple[ExitCode, str]]:
    """The codes that a command of `ENDINGS` ends with, and for what, in their order."""
    return sorted(({code: code.says for code in COMMON} | dict(ENDINGS[words])).items())


def exit_code_lines(words: str) -> str:
    """The part of a command's help that says how it ends, for click's `epilog`."""
    return "\n".join(["\b", "Exit codes:", *(f"{code:>5}  {says}" for code, says in endings_for(words))])
