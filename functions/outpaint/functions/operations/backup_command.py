"""`outpaint backup`: backs up a data folder while it is served, checks a backup, and restores one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.command_line.command_endings import CommandError
from outpaint.functions.command_line.console import OUT, data_option, existing_data_option, progress
from outpaint.functions.command_line.exit_codes import ExitCode, exit_code_lines
from outpaint.functions.command_line.report_files import WRITABLE_FILE

if TYPE_CHECKING:
    from outpaint.functions.embedded.folder_backup import BackupSummary

_backup_argument = click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))


@click.group()
def backup() -> None:
    """Back up a data folder, also while it is served, and restore it.

    A backup is one file with everything in it: accounts, keys' hashes, credits, jobs, pictures, and the secret that
    signs file URLs. Whoever can read it can read them all; its owner only can.
    """


@backup.command()
@click.argument("file", type=WRITABLE_FILE)
@existing_data_option
def create(file: Path, data: Path) -> None:
    """Back up the data folder into the new file FILE, and check it.

    Works while the service runs: the backup has the database as it is at one moment, and the pictures that it knows.

    \b
    Examples:
      outpaint backup create outpaint-2026-07-01.tar
      outpaint backup create /backups/today.tar --data /var/lib/outpaint
    """
    from outpaint.functions.embedded.folder_backup import back_up

    with _bar("backing up") as report:
        summary = back_up(data, file, report)
    OUT.print(f"{file}: {_said(summary)}", markup=False)


@backup.command(epilog=exit_code_lines("backup check"))
@_backup_argument
def check(file: Path) -> None:
    """Read the backup FILE whole and say what is in it.

    \b
    Examples:
      outpaint backup check outpaint-2026-07-01.tar
    """
    from outpaint.functions.embedded.folder_backup import check_backup

    with _bar("checking") as report:
        try:
            summary = check_backup(file, report)
        except OutpaintError as error:
            if error.code is not ErrorCode.INVALID_PARAMETER:
                raise
            raise CommandError(ExitCode.FAILED, error.detail) from None
    OUT.print(f"{file}: {_said(summary)}", markup=False)


@backup.command()
@_backup_argument
@data_option
def restore(file: Path, data: Path) -> None:
    """Make a data folder of the backup FILE.

    The folder must be empty or not there yet, and no server may use it. Jobs that had not ended are painted by the
    next `outpaint serve`, unless their time is over: then their credits are given back.

    \b
    Examples:
      outpaint backup restore outpaint-2026-07-01.tar --data restored
    """
    from outpaint.functions.embedded import folder_backup

    with _bar("restoring") as report:
        summary = folder_backup.restore(file, data, report)
    OUT.print(f"{data}: {_said(summary)}", markup=False)


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    with progress(of_bytes=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _said(summary: BackupSummary) -> str:
    made = datetime.fromtimestamp(summary.made_at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return (
        f"{summary.accounts:,} accounts, {summary.jobs:,} jobs, {summary.pictures:,} pictures, "
        f"{summary.bytes:,} bytes, of {made}"
    )
