"""Backs up a data folder into one file, while it is served, and restores it.

A backup is a tar archive: pictures, secret and database, and last a list of them with their sizes and SHA-256, by which
it is checked. The database is copied first and stored after the pictures. A picture that expired or was erased
meanwhile is taken out of that copy (docs/adr/0059).
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import sqlite3
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.storage_names import is_picture_name
from outpaint.functions.embedded.database import schema_version
from outpaint.functions.embedded.folder_pictures import file_of
from outpaint.functions.embedded.painting_marks import clear_marks
from outpaint.functions.embedded.stores import DATABASE_FILE, LOCK_FILE, SECRET_FILE, sole_server

Report = Callable[[int, int], None]
"""Is told how many bytes are done, and of how many."""

_LIST: Final = "backup.json"
_PICTURES: Final = Path("pictures")
_PIECE: Final = 1024 * 1024
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


class BackedUpFile(BaseModel):
    """A file of a backup: its size in bytes, and its SHA-256 in hex."""

    model_config = ConfigDict(frozen=True)

    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class BackupList(BaseModel):
    """What a backup has in it: when it was made (seconds since the epoch), its database's schema, and its files."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    made_at: float
    database_schema: Annotated[int, Field(ge=0)]
    files: dict[str, BackedUpFile]

    @property
    def bytes(self) -> int:
        """The bytes of all files together."""
        return sum(file.size for file in self.files.values())


@dataclass(frozen=True, slots=True)
class BackupSummary:
    """The numbers of accounts, jobs and pictures in a backup, all its files' bytes, and when it was made."""

    accounts: int
    jobs: int
    pictures: int
    bytes: int
    made_at: float


def _unheard(_done: int, _all: int) -> None:
    """Reports nothing."""


def back_up(data: Path, target: Path, report: Report = _unheard) -> BackupSummary:
    """Write a backup of a data folder, which may be in use, to a new file that its owner only can read, and check it.

    Raises `OutpaintError` INVALID_PARAMETER where the target is there already or the folder has no database,
    UNAVAILABLE where the database comes from a newer release, or something cannot be read or written.
    """
    source = data / DATABASE_FILE
    if not source.exists():
        raise OutpaintError(ErrorCode.INVALID_PARAMETER, f"{data} is no data folder: it has no {DATABASE_FILE}")
    if target.exists():
        raise OutpaintError(ErrorCode.INVALID_PARAMETER, f"{target} is there already: choose another name")
    with _told(target), tempfile.TemporaryDirectory(dir=target.parent, prefix=".outpaint-backup-") as folder:
        copy, part = Path(folder) / "database", Path(folder) / "backup"
        with closing(_copied(source, copy)) as database:
            sizes = dict(database.execute("SELECT name, size FROM pictures ORDER BY name").fetchall())
            # What is written is read once more in the end.
            whole, files = 2 * sum(sizes.values()), {}
            with os.fdopen(os.open(part, _NEW, 0o600), "wb") as file:
                with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
                    for done, (name, size) in _running(sizes):
                        path = file_of(_PICTURES, name)
                        added = _add(archive, path.as_posix(), data / path, size)
                        if added is None:
                            database.execute("DELETE FROM pictures WHERE name = ?", (name,))
                        else:
                            files[path.as_posix()] = added
                        report(done, whole)
                    secret = _add(archive, SECRET_FILE, data / SECRET_FILE)
                    if secret is not None:
                        files[SECRET_FILE] = secret
                    # Without the bytes of what was deleted, which SQLite leaves in the file.
                    database.execute("VACUUM")
                    schema = _schema(database)
                    database.close()
                    stored = _add(archive, DATABASE_FILE, copy)
                    assert stored is not None
                    files[DATABASE_FILE] = stored
                    listed = BackupList(made_at=time.time(), database_schema=schema, files=files)
                    _add_bytes(archive, _LIST, listed.model_dump_json(indent=1).encode())
                file.flush()
                os.fsync(file.fileno())
        summary = check_backup(part, lambda done, of: report((whole + whole * done // of) // 2, whole))
        part.replace(target)
    return summary


def check_backup(backup: Path, report: Report = _unheard) -> BackupSummary:
    """Read a backup whole, and say what is in it.

    Raises `OutpaintError` INVALID_PARAMETER for a file that is no backup or is damaged, and UNAVAILABLE for one of a
    newer release and where it cannot be read.
    """
    with _told(backup), tempfile.TemporaryDirectory(prefix="outpaint-backup-") as folder:
        return _unpacked(backup, Path(folder), report, keep_pictures=False)


def restore(backup: Path, data: Path, report: Report = _unheard) -> BackupSummary:
    """Make a data folder of a backup; where that breaks off, what it made is deleted.

    Raises `OutpaintError` INVALID_PARAMETER where the folder has anything in it or `backup` is none or damaged,
    UNAVAILABLE where a server uses the folder, for a backup of a newer release, and where something cannot be read or
    written.
    """
    with sole_server(data), _told(data):
        there = sorted(path.name for path in data.iterdir() if not path.name.startswith(LOCK_FILE))
        if there:
            raise OutpaintError(
                ErrorCode.INVALID_PARAMETER,
                f"the data folder {data} is not empty (there is {there[0]}): choose another with --data",
            )
        try:
            return _unpacked(backup, data, report, keep_pictures=True)
        except BaseException:
            for path in list(data.iterdir()):
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                elif not path.name.startswith(LOCK_FILE):
                    path.unlink(missing_ok=True)
            raise


def _unpacked(backup: Path, folder: Path, report: Report, *, keep_pictures: bool) -> BackupSummary:
    """Check everything in a backup and write it into a folder, the database last; pictures only where they are kept."""
    with backup.open("rb") as opened, _archive(backup, opened) as archive:
        members = {member.name: member for member in archive.getmembers()}
        listed = _list_of(backup, archive, members)
        if listed.database_schema > schema_version():
            raise OutpaintError.unavailable(
                f"{backup} was made by a newer release of outpaint-kit: update, and restore"
            )
        if members.keys() != {*listed.files, _LIST}:
            raise _damaged(backup)
        # Names lead where we say, whatever the archive has: pictures have those of the database's rows.
        part = folder / f"{DATABASE_FILE}.part"
        _extract(backup, archive, members, listed, DATABASE_FILE, part)
        rows, accounts, jobs = _looked_into(backup, part, listed)
        paths = {file_of(_PICTURES, name).as_posix() for name in rows}
        if listed.files.keys() - {SECRET_FILE} != {*paths, DATABASE_FILE}:
            raise _damaged(backup)
        for made in (folder / _PICTURES, folder / _PICTURES / "inputs"):
            made.mkdir(mode=0o700)
        done = 0
        for name in sorted(paths | (listed.files.keys() & {SECRET_FILE})):
            place = folder / name if keep_pictures or name == SECRET_FILE else None
            _extract(backup, archive, members, listed, name, place)
            done += listed.files[name].size
            report(done, listed.bytes)
        part.replace(folder / DATABASE_FILE)
        report(listed.bytes, listed.bytes)
    return BackupSummary(accounts, jobs, len(paths), listed.bytes, listed.made_at)


def _list_of(backup: Path, archive: tarfile.TarFile, members: Mapping[str, tarfile.TarInfo]) -> BackupList:
    found = archive.extractfile(members[_LIST]) if _LIST in members else None
    if found is None:
        raise _no_backup(backup)
    try:
        return BackupList.model_validate_json(found.read())
    except ValidationError:
        raise _damaged(backup) from None


def _looked_into(backup: Path, database: Path, listed: BackupList) -> tuple[list[str], int, int]:
    """The names of the pictures in a database, and its numbers of accounts and jobs; raises where it is damaged."""
    try:
        with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            rows = [name for (name,) in connection.execute("SELECT name FROM pictures").fetchall()]
            (accounts,) = connection.execute("SELECT count(*) FROM accounts").fetchone()
            (jobs,) = connection.execute("SELECT count(*) FROM jobs").fetchone()
            schema = _schema(connection)
    except sqlite3.Error:
        raise _damaged(backup) from None
    if said != "ok" or schema != listed.database_schema or not all(map(is_picture_name, rows)):
        raise _damaged(backup)
    return rows, accounts, jobs


def _copied(source: Path, copy: Path) -> sqlite3.Connection:
    """A copy of a database as it is at one moment, whoever writes to it meanwhile."""
    os.close(os.open(copy, _NEW, 0o600))
    database = sqlite3.connect(copy, isolation_level=None)
    try:
        with closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as original:
            if _schema(original) > schema_version():
                raise OutpaintError.unavailable(
                    f"{source} was written by a newer release of outpaint-kit: update, and back up with that"
                )
            original.backup(database)
        # All in one file, which is flushed with the archive.
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute("PRAGMA synchronous = OFF")
        if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'paintings'").fetchone():
            # What is painted now was not cut off by a kill.
            clear_marks(database)
    except BaseException:
        database.close()
        raise
    return database


def _schema(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _running(sizes: Mapping[str, int]) -> Iterator[tuple[int, tuple[str, int]]]:
    """Each name with its size, after the bytes up to and with it."""
    done = 0
    for name, size in sizes.items():
        done += size
        yield done, (name, size)


def _add(archive: tarfile.TarFile, name: str, path: Path, size: int | None = None) -> BackedUpFile | None:
    """Store a file; None where it is not there, or has not the size that it should have."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return None
    with file:
        found = os.fstat(file.fileno()).st_size
        if size not in (None, found):
            return None
        digest = hashlib.sha256()
        archive.addfile(_member(name, found), _Hashed(file, digest))
        return BackedUpFile(size=found, sha256=digest.hexdigest())


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    archive.addfile(_member(name, len(content)), io.BytesIO(content))


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o600, int(time.time())
    return member


class _Hashed:
    """A file that is hashed as it is read."""

    def __init__(self, file: IO[bytes], digest: hashlib._Hash) -> None:
        self._file = file
        self._digest = digest

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self._digest.update(piece)
        return piece


def _extract(
    backup: Path,
    archive: tarfile.TarFile,
    members: Mapping[str, tarfile.TarInfo],
    listed: BackupList,
    name: str,
    target: Path | None,
) -> None:
    """Write a file of the archive, or only read it; raises where it is not as it was stored."""
    found = archive.extractfile(members[name]) if name in members else None
    if found is None:
        raise _damaged(backup)
    hashed = _Hashed(found, hashlib.sha256())
    if target is None:
        while hashed.read(_PIECE):
            pass
    else:
        with os.fdopen(os.open(target, _NEW, 0o600), "wb") as file:
            shutil.copyfileobj(hashed, file, _PIECE)
            file.flush()
            os.fsync(file.fileno())
    if hashed._digest.hexdigest() != listed.files[name].sha256:
        raise _damaged(backup)


@contextmanager
def _archive(backup: Path, opened: IO[bytes]) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(fileobj=opened, mode="r:") as archive:
            yield archive
    except (tarfile.TarError, EOFError):
        raise _no_backup(backup) from None


def _no_backup(backup: Path) -> OutpaintError:
    return OutpaintError(
        ErrorCode.INVALID_PARAMETER, f"{backup} is not a backup by `outpaint backup create`, or is cut short"
    )


def _damaged(backup: Path) -> OutpaintError:
    return OutpaintError(ErrorCode.INVALID_PARAMETER, f"{backup} is damaged: take another backup")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say in one line what the system or SQLite refuses."""
    try:
        yield
    except OSError as error:
        raise OutpaintError.unavailable(f"{error.filename or path}: {error.strerror or error}") from None
    except sqlite3.Error as error:
        raise OutpaintError.unavailable(f"{path}: the database cannot be copied: {error}") from None
