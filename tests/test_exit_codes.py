"""Every command ends by the one list of exit codes, and with 2 for whatever is wrong in its usage."""

from __future__ import annotations

import errno
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from PIL import Image

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.command_line.command_endings import CommandError, exit_code_of, status_of
from outpaint.functions.command_line.command_group import outpaint
from outpaint.functions.command_line.entry import main
from outpaint.functions.command_line.exit_codes import COMMON, ENDINGS, ExitCode, endings_for
from outpaint.functions.command_line.report_files import WritableFile

Run = Callable[..., tuple[int, str]]


def commands(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, with its words after `outpaint`."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, (*words, name))
    if not isinstance(command, click.Group) or command.invoke_without_command:
        yield words, command


EVERY = dict(commands(outpaint))


def bad_values() -> Iterator[tuple[tuple[str, ...], str, str]]:
    """For each option of each command whose type refuses something: a value that it refuses."""
    for words, command in EVERY.items():
        for option in command.params:
            if not isinstance(option, click.Option) or option.is_flag:
                continue
            kind, name = option.type, option.opts[-1]
            numbers = isinstance(kind, click.types.IntParamType | click.types.FloatParamType)
            if isinstance(kind, click.Choice) or numbers:
                yield words, name, "nope"
            elif isinstance(kind, WritableFile):
                yield words, name, "photo.png/report"
            elif isinstance(kind, click.Path) and kind.exists:
                yield words, name, "no/such/file"


BAD_VALUES = list(bad_values())
WRONG = (
    "serve --limit nope=1",
    "serve --limit max_side=nope",
    "serve --trusted-proxies nope",
    "serve --cors-origin nope --port 0 --in-memory --painter flat",
    "serve --painter nope --port 0 --in-memory",
    "serve --painter no.module:Class --port 0 --in-memory",
    "serve --host no.such.host.invalid --in-memory --painter flat",
    "paint photo.png -o out.gif --extend 8 --painter flat",
    "paint photo.png -o no/folder/out.png --extend 8 --painter flat",
    "paint photo.png -o photo.png --extend 8 --painter flat",
    "paint photo.png -o out.png --extend nope --painter flat",
    "paint photo.png -o out.png --size nope --painter flat",
    "paint photo.png -o out.png --aspect nope --painter flat",
    "paint photo.png -o out.png --extend 8 --size 9x9 --painter flat",
    "paint photo.png -o out.png --extend 8 --painter nope",
    "paint text.txt -o out.png --extend 8 --painter flat",
    "demo --painter nope",
    "weights pull nope",
    "weights add text.txt",
    "keys revoke nobody",
    "keys credit nobody 5",
    "keys list --region nowhere",
    "keys list --data . --stack one",
    "jobs show nope",
    "jobs end nope",
    "jobs erase",
    "jobs erase nope --yes",
    "doctor --check nope",
    "doctor --paint",
    "backup create new.tar --data no-data",
    "backup restore text.txt --data restored",
    "endpoint status",
    "endpoint scale 3 1 --stack one",
    "mock --clock noon",
    "mock --clock -1",
    "mock --scenario pols(2)",
    "mock --limit nope=1",
    "mock --allowed-host http://nope",
    "mock --host no.such.host.invalid",
    "mock report --url nope",
    "mock-sagemaker --async-endpoint one",
    "mock-sagemaker --config text.txt",
    "mock-sagemaker --allowed-host http://nope",
    "contract verify --base-url nope --api-key k",
    "contract verify --base-url http://127.0.0.1:1 --api-key k --only nope",
    "contract cases --only nope",
    "contract drift no-recording.json",
    "contract drift text.txt",
    "contract record --upstream nope --out recording.json",
    "contract diff text.txt",
    "contract diff text.txt photo.png",
    "contract export --schemas folder --check text.txt",
    "contract pact check text.txt",
    "contract pact verify text.txt --base-url http://127.0.0.1:1",
    "contract pact write pact.json --consumer one --url nope",
)
"""Usage that is wrong by a rule of ours; `outpaint` stands before each."""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs `outpaint` in a folder with a photo and a text; its status, and what it said on standard error."""
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (40, 30), (90, 120, 60)).save("photo.png")
    Path("text.txt").write_text("nothing of use")
    for variable in ("OUTPAINT_DATA", "OUTPAINT_STACK", "OUTPAINT_KEY"):
        monkeypatch.delenv(variable, raising=False)

    def begun(*_: object, **__: object) -> None:
        raise AssertionError("a server began that should have been refused")

    monkeypatch.setattr("outpaint.functions.embedded.server.serve", begun)

    def call(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["outpaint", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        return ended.value.code, capsys.readouterr().err

    return call


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_an_option_that_is_none_is_wrong_usage(words: tuple[str, ...], run: Run) -> None:
    status, said = run(*words, "--no-such-option")
    assert status == ExitCode.USAGE, said
    assert said.startswith("error: ")


def test_there_are_many_options_to_get_wrong() -> None:
    assert len(BAD_VALUES) > 60
    assert {words for words, _, _ in BAD_VALUES} > {("serve",), ("contract", "verify"), ("mock", "report")}


@pytest.mark.parametrize(("words", "option", "value"), BAD_VALUES, ids=lambda part: str(part))
def test_a_value_that_an_option_does_not_take_is_wrong_usage(
    words: tuple[str, ...], option: str, value: str, run: Run
) -> None:
    status, said = run(*words, option, value)
    assert status == ExitCode.USAGE, said
    assert option in said


@pytest.mark.parametrize("line", WRONG)
def test_what_breaks_a_rule_is_wrong_usage(line: str, run: Run) -> None:
    status, said = run(*line.split())
    assert status == ExitCode.USAGE, said
    assert said.count("\n") == 1, said


def test_a_fault_of_our_own_is_no_verdict(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError("by us")

    monkeypatch.setattr("outpaint.painting.weights.folder", broken)
    status, said = run("weights", "path")
    assert status == ExitCode.BROKEN
    assert "ZeroDivisionError: by us" in said


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (CommandError(ExitCode.OVER_BUDGET, "too much"), ExitCode.OVER_BUDGET),
        (click.UsageError("wrong"), ExitCode.USAGE),
        (click.FileError("report.xml", "no room"), ExitCode.MACHINE),
        (click.Abort(), ExitCode.INTERRUPTED),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
        (PermissionError(13, "Permission denied", "a/file"), ExitCode.MACHINE),
        (OutpaintError(ErrorCode.INVALID_PARAMETER, "wrong"), ExitCode.USAGE),
        (OutpaintError(ErrorCode.UNREADABLE_IMAGE, "damaged"), ExitCode.USAGE),
        (OutpaintError(ErrorCode.UNAVAILABLE, "in use"), ExitCode.UNREACHABLE),
        (OutpaintError(ErrorCode.FORBIDDEN, "not you"), ExitCode.KEY_REFUSED),
        (OutpaintError(ErrorCode.PAINTING_FAILED, "the brush broke"), ExitCode.FAILED),
        (OutpaintError(ErrorCode.INTERNAL, "something broke"), ExitCode.FAILED),
    ],
    ids=repr,
)
def test_an_error_ends_a_command_by_what_it_is(
    raised: BaseException, code: ExitCode, capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> None:
        raise raised

    assert status_of(command) == code
    assert capsys.readouterr().err.count("\n") == 1


def test_a_reader_who_is_gone_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def told() -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    for stream in ("stdout", "stderr"):  # click puts others in their place
        monkeypatch.setattr(sys, stream, getattr(sys, stream))

    assert status_of(lambda: told.main([], standalone_mode=False)) == ExitCode.MACHINE


def test_every_error_code_has_an_exit_code() -> None:
    assert {exit_code_of(OutpaintError(code, "so")) for code in ErrorCode} == {
        ExitCode.FAILED,
        ExitCode.USAGE,
        ExitCode.UNREACHABLE,
        ExitCode.KEY_REFUSED,
    }


@pytest.mark.parametrize("words", ENDINGS)
def test_a_command_tells_how_it_ends(words: str) -> None:
    command = EVERY[tuple(words.split())]
    told = command.get_help(click.Context(command))
    for code, says in endings_for(words):
        assert re.search(rf"^ +{code.value}  {re.escape(says)}$", told, re.MULTILINE), code


def test_each_code_has_a_meaning_of_its_own() -> None:
    assert len({code.says for code in ExitCode}) == len(ExitCode)
    assert set(COMMON) < set(ExitCode)
