"""Files that a command writes in the end: each can be written before the command begins, and none is lost after it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from outpaint.functions.command_line.console import fail

if TYPE_CHECKING:  # it takes types from click 8.5 on
    _PathParameter = click.ParamType[Path, Any]
else:
    _PathParameter = click.ParamType


class WritableFile(_PathParameter):
    """A file that is written later, as a `Path`: its folder is made now, and whether it can be written is tried now.

    What a command does in between may take long, or cost credits. A file that is there is left as it is.
    """

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path; wrong usage where it is a folder, or cannot be written."""
        path = Path(value)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_file():
                path.open("ab").close()
            elif not path.exists():
                path.open("xb").close()
                path.unlink()
        except OSError as error:
            self.fail(f"{path} cannot be written: {error.strerror or error}", param, ctx)
        if path.is_dir():
            self.fail(f"{path} is a folder: name a file", param, ctx)
        return path


WRITABLE_FILE = WritableFile()


def show_and_write(show: Callable[[], None], reports: Iterable[tuple[Path | None, Callable[[], str]]]) -> bool:
    """Print a verdict by `show`, then write its reports; whether all of those are where they should be.

    A report is its path, None where it is not wanted, and the function that makes it. One that cannot be written at its
    path is kept in a temporary file, which a line on standard error names. All are written even where the reader of
    standard output is gone. Raises what `show` or a function raised, after everything else was written.
    """
    try:
        with suppress(BrokenPipeError):
            show()
    finally:
        all_written = _write(reports)
    return all_written


def _write(reports: Iterable[tuple[Path | None, Callable[[], str]]]) -> bool:
    all_written, broken = True, None
    for path, make in reports:
        if path is None:
            continue
        try:
            text = make()
        except Exception as error:  # noqa: BLE001 - one report that cannot be made must not cost the others
            broken = broken or error
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            all_written = False
            fail(f"{path} cannot be written ({error.strerror or error}): {_kept(path, text)}")
    if broken is not None:
        raise broken
    return all_written


def _kept(path: Path, text: str) -> str:
    """Where a report is instead."""
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", prefix="outpaint-", suffix=path.suffix, delete=False
        ) as file:
            file.write(text)
    except OSError as error:
        return f"the report is lost, for the folder of temporary files takes none either: {error.strerror or error}"
    return f"the report is in {file.name}"
