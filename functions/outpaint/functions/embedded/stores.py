"""The embedded server's stores, in a data folder or in memory, and the keys that they have when it starts."""

from __future__ import annotations

import os
import secrets
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from outpaint.contracts.errors import OutpaintError
from outpaint.functions.embedded.database import Database, make_private
from outpaint.functions.embedded.folder_pictures import FolderPictures
from outpaint.functions.embedded.folder_watch import FolderWatch
from outpaint.functions.embedded.memory_ledger import MemoryLedger, MemoryPictures
from outpaint.functions.embedded.painting_marks import PaintingMarks
from outpaint.functions.embedded.sqlite_ledger import SqliteKeyRing, SqliteLedger
from outpaint.functions.embedded.starting_keys import OpenedKeys, StartingKeys
from outpaint.functions.service.file_urls import FileUrls
from outpaint.functions.service.ports import Accounts, Jobs, OwnPictures

DATABASE_FILE: Final = "outpaint.sqlite3"
LOCK_FILE: Final = "server.lock"
SECRET_FILE: Final = "secret"  # noqa: S105 - a file's name
_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Stores:
    """The ports that store something, the signer of file URLs, and the keys that were opened.

    `watch` and `marks` are a data folder's.
    """

    accounts: Accounts
    jobs: Jobs
    pictures: OwnPictures
    file_urls: FileUrls
    keys: OpenedKeys = field(default_factory=OpenedKeys)
    watch: FolderWatch | None = None
    marks: PaintingMarks | None = None


def in_memory(on_end: Callable[[str], None], keys: StartingKeys) -> Stores:
    """Stores that end with the process, with these keys in them."""
    ledger = MemoryLedger(on_end)
    opened = keys.opened(())
    for account, digest in opened.stored:
        ledger.add_account(account, digest)
    file_urls = FileUrls(secrets.token_bytes(_SECRET_BYTES))
    return Stores(ledger, ledger, MemoryPictures(file_urls), file_urls, opened)


@contextmanager
def in_folder(
    data: Path, on_end: Callable[[str], None], keys: StartingKeys = StartingKeys(), free_disk: int = 0
) -> Iterator[Stores]:
    """The stores of a data folder, which no other server may use while the block runs; its keys are opened first.

    `free_disk` is what `FolderWatch` takes. Raises `OutpaintError` UNAVAILABLE where another server uses the folder, or
    it cannot be written.
    """
    with sole_server(data), open_database(data) as database:
        file_urls = FileUrls(_secret(data))
        with _writing(data):
            pictures = FolderPictures(data / "pictures", database, file_urls)
            pictures.clear_leftovers()
        ledger, ring = SqliteLedger(database, on_end), SqliteKeyRing(database)
        opened = keys.opened({entry.digest for entry in ring.entries()})
        for account, digest in opened.stored:
            ring.open_account(account, digest, time.time())
        watch = FolderWatch(data, database, free_disk)
        yield Stores(ledger, ledger, pictures, file_urls, opened, watch, PaintingMarks(database))


@contextmanager
def open_database(data: Path) -> Iterator[Database]:
    """The database of a data folder, also beside a server that uses it; made where there is none.

    Raises `OutpaintError` UNAVAILABLE where the folder cannot be written.
    """
    _make_folder(data)
    with closing(Database(data / DATABASE_FILE)) as database:
        yield database


@contextmanager
def sole_server(data: Path) -> Iterator[None]:
    """Keep the folder, made where there is none, from every other server while the block runs.

    By an exclusive transaction on a lock file, which every system ends with its process, and where the system has it
    by a lock on the folder itself: the lock file can be deleted there while it is in use. Windows does not let that be.
    Raises `OutpaintError` UNAVAILABLE where another server has it.
    """
    _make_folder(data)
    path = data / LOCK_FILE
    with _folder_lock(data):
        try:
            make_private(path)
            lock = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        except (sqlite3.Error, OSError) as error:
            raise OutpaintError.unavailable(f"the data folder {data} cannot be used: {error}") from None
        with closing(lock):
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.Error as error:
                if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                    raise _in_use(data) from None
                raise OutpaintError.unavailable(f"the data folder {data} cannot be used: {error}") from None
            yield


@contextmanager
def _folder_lock(data: Path) -> Iterator[None]:
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with _writing(data):
        folder = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(folder)
        raise _in_use(data) from None
    except OSError:
        pass  # a network's file system that locks no folders: the lock file has to do
    try:
        yield
    finally:
        os.close(folder)


def _in_use(data: Path) -> OutpaintError:
    return OutpaintError.unavailable(
        f"the data folder {data} is in use by another server: stop that one, or choose another with --data"
    )


def _secret(data: Path) -> bytes:
    """The folder's own secret for file URLs, readable by its owner only; made at the first call."""
    path = data / SECRET_FILE
    with _writing(data):
        if not path.exists():
            part = path.with_suffix(".part")
            part.unlink(missing_ok=True)
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(secrets.token_bytes(_SECRET_BYTES))
            part.replace(path)
        secret = path.read_bytes()
    if len(secret) != _SECRET_BYTES:
        raise OutpaintError.unavailable(f"{path} is damaged: delete it, and file URLs given out before stop working")
    return secret


def _make_folder(data: Path) -> None:
    with _writing(data):
        data.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextmanager
def _writing(data: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutpaintError.unavailable(f"the data folder {data} cannot be used: {error.strerror or error}") from None
