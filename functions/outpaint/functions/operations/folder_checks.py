"""What `outpaint doctor` checks of a data folder."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from outpaint.contracts.errors import OutpaintError
from outpaint.functions.embedded.database import schema_version
from outpaint.functions.operations.checkup import Check, CheckFinding, fault, ok, warning
from outpaint.painting.painters.painter_table import DEFAULT, load_painter

_SPACE: Final = 1 << 30
"""Free bytes below which a busy day's pictures may not fit: about thirty results of the largest size."""


def _folder(data: Path) -> CheckFinding:
    if not data.exists():
        return warning(f"there is no folder {data}", "`outpaint serve` makes it")
    lacking = [path for path in (data, data / "pictures") if path.exists() and not os.access(path, os.W_OK | os.X_OK)]
    if lacking:
        return fault(
            f"{lacking[0]} cannot be written", "run the server as the folder's owner, or choose another folder"
        )
    return ok(f"{data} can be written")


def _database(data: Path) -> CheckFinding:
    path = data / "outpaint.sqlite3"
    if not path.exists():
        return ok("no database yet: the first start makes it")
    try:
        # Read only, for a look changes nothing: the server brings an older one up to date.
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        version, said = 0, str(error)
    if version > schema_version():
        return fault(f"{path} was written by a newer release of outpaint-kit", "update, or use another folder")
    if said != "ok":
        return fault(f"{path} is damaged: {said}", "stop the server and restore a backup into an empty folder")
    return ok(f"{path} is sound")


def _space(data: Path) -> CheckFinding:
    there = next(path for path in (data, *data.resolve().parents) if path.exists())
    free = shutil.disk_usage(there).free
    said = f"{free / (1 << 30):,.1f} GiB are free"
    return ok(said) if free >= _SPACE else warning(said, "make room: pictures stay for a day")


def _painter(_: Path) -> CheckFinding:
    try:
        painter = load_painter()
    except OutpaintError as error:
        return fault(f"the painter {DEFAULT} does not load: {error.detail}", "reinstall outpaint-kit[paint]")
    return ok(f"{painter.card.name} paints: {painter.card.model}")


FOLDER_CHECKS: Final[tuple[Check[Path], ...]] = (
    Check("folder", "the data folder is there and can be written", (), _folder),
    Check("database", "its database is sound and of this release or an older one", (), _database),
    Check("space", "there is room for a day's pictures", (), _space),
    Check("painter", "the painter that is used where none is named loads", (), _painter),
)
"""The checks of a data folder, in order."""
