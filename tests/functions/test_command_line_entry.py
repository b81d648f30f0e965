"""`outpaint` where little is installed: its help, and what it says of a command that lacks an extra."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, entry_points, packages_distributions, requires
from pathlib import Path

import click
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from outpaint.functions.command_line.command_group import COMMANDS_GROUP, outpaint
from outpaint.functions.command_line.entry import COMMANDS, ListedCommand

KIT = "outpaint-kit"
ALONE = """
import io, json, sys
from contextlib import redirect_stderr, redirect_stdout

hidden, calls = (json.loads(word) for word in sys.argv[1:])
for name in hidden:
    sys.modules[name] = None  # as where it is not installed
from outpaint.functions.command_line.entry import main

told = []
for words in calls:
    sys.argv = ["outpaint", *words]
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        try:
            main()
        except SystemExit as ended:
            told.append([ended.code, out.getvalue(), err.getvalue()])
print(json.dumps(told))
"""


def _installed_by(extras: tuple[str, ...]) -> set[str]:
    """Every distribution that the kit with these extras brings along."""
    found: set[tuple[str, str]] = set()
    wanted = [(KIT, extra) for extra in ("", *extras)]
    while wanted:
        name, extra = wanted.pop()
        if (name, extra) in found:
            continue
        found.add((name, extra))
        try:
            needed = map(Requirement, requires(name) or ())
        except PackageNotFoundError:
            continue
        for one in needed:
            if one.marker is None or one.marker.evaluate({"extra": extra}):
                wanted += [(canonicalize_name(one.name), more) for more in ("", *one.extras)]
    return {name for name, _ in found}


def _alone(extras: tuple[str, ...], *calls: list[str]) -> list[tuple[int, str, str]]:
    """Calls of `outpaint`, with nothing but these extras installed: status, stdout and stderr of each."""
    there = _installed_by(extras)
    hidden = [
        module
        for module, distributions in packages_distributions().items()
        if not there & {canonicalize_name(name) for name in distributions} and module not in sys.stdlib_module_names
    ]
    assert "ruff" in hidden
    command = [sys.executable, "-c", ALONE, json.dumps(hidden), json.dumps(calls)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    return [(status, out, err) for status, out, err in json.loads(ended.stdout)]


def _command(listed: ListedCommand) -> click.Command:
    command: click.Command = outpaint
    for word in listed.words.split():
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), word)
        assert found is not None, listed.words
        command = found
    return command


def test_every_command_is_listed_once() -> None:
    listed = [command.words for command in COMMANDS]
    assert sorted(words for words in listed if " " not in words) == sorted(entry_points(group=COMMANDS_GROUP).names)
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("listed", COMMANDS, ids=lambda listed: listed.words)
def test_a_command_is_listed_with_its_own_sentence(listed: ListedCommand) -> None:
    assert _command(listed).get_short_help_str(limit=200) == listed.says


def test_a_bare_install_lists_every_command_with_its_extras() -> None:
    help_, short, nothing, version = _alone((), ["--help"], ["-h"], [], ["--version"])
    assert help_[0] == 0
    assert help_[2] == ""
    rows = [line.split(maxsplit=len(command.words.split()) + 1) for line, command in zip(
        help_[1].splitlines()[-len(COMMANDS):], COMMANDS, strict=True)]  # fmt: skip
    assert rows == [[*command.words.split(), f"[{command.extras}]", command.says] for command in COMMANDS]
    assert max(map(len, help_[1].splitlines())) <= 100
    assert short == help_
    assert nothing == (2, "", help_[1])
    assert version[0] == 0
    assert version[1].startswith("outpaint-kit ")


def test_a_bare_install_tells_of_each_command_which_extra_to_install() -> None:
    calls = [[*command.words.split(), "--help"] for command in COMMANDS]
    for command, (status, out, err) in zip(COMMANDS, _alone((), *calls), strict=True):
        kit = f"outpaint-kit[{command.extras}]"
        assert (status, out) == (8, "")
        assert err == f"error: outpaint {command.words} needs {kit}: pip install '{kit}' (click is not installed)\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nope"], "nope"),
        (["--nope"], "--nope"),
        (["pant", "photo.jpg"], "pant. Did you mean 'paint'?"),
        (["contracts", "verify"], "contracts. Did you mean 'contract'?"),
    ],
)
def test_a_bare_install_knows_what_is_no_command(words: list[str], told: str) -> None:
    assert _alone((), words) == [(2, "", f"error: outpaint does not know {told} (see outpaint --help)\n")]


@pytest.mark.parametrize("extras", sorted({command.extras for command in COMMANDS}))
def test_the_extras_of_a_command_are_enough_for_its_help(extras: str) -> None:
    words = [command.words.split() for command in COMMANDS if command.extras == extras]
    told = _alone(tuple(extras.split(",")), *([*each, "--help"] for each in words))
    for each, (status, out, err) in zip(words, told, strict=True):
        assert (status, err) == (0, "")
        assert out.startswith(f"Usage: outpaint {' '.join(each)} ")


def test_a_subcommand_says_that_it_needs_more_than_its_group(tmp_path: Path) -> None:
    words = ["contract", "record", "--upstream", "http://127.0.0.1:9", "--out", str(tmp_path / "recording.json")]
    ((status, out, err),) = _alone(("contract",), words)
    assert (status, out) == (8, "")
    assert err.startswith("error: outpaint contract record needs outpaint-kit[mocks]: pip install ")
    assert len(err.splitlines()) == 1


def test_the_help_of_a_subcommand_needs_no_more_than_its_group() -> None:
    # What it does is imported when it runs, so help comes at once.
    words = [command.words.split() for command in COMMANDS if " " in command.words]
    for each, (status, out, err) in zip(
        words, _alone(("contract",), *([*one, "--help"] for one in words)), strict=True
    ):
        assert (status, err) == (0, "")
        assert out.startswith(f"Usage: outpaint {' '.join(each)} ")
