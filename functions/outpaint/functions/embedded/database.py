"""The SQLite file of a data folder: connections, transactions, schema."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from outpaint.contracts.errors import OutpaintError
from outpaint.functions.embedded.storage_errors import (
    GONE,
    REPLACED,
    WRONG_STATEMENTS,
    StorageError,
    storage_error,
    storage_errors,
)

BUSY_S: Final = 5.0
"""How long a write waits for one by another process, such as the command line's."""
_LOOK_EVERY_S: Final = 0.1
"""How long it is trusted that the file is still there: to look takes as long as to read a row."""

# Migrations in order; the file's user_version is how many of them it has had.
_STEPS: Final[tuple[tuple[str, ...], ...]] = (
    (
        """CREATE TABLE accounts (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            credits INTEGER NOT NULL CHECK (credits >= 0),
            allowed INTEGER NOT NULL DEFAULT 1,
            loopback_only INTEGER NOT NULL DEFAULT 0
        ) WITHOUT ROWID""",
        """CREATE TABLE keys (
            digest TEXT PRIMARY KEY,
            account_id TEXT NOT NULL REFERENCES accounts (id),
            created_at REAL NOT NULL,
            revoked_at REAL
        ) WITHOUT ROWID""",
        """CREATE TABLE jobs (
            id TEXT PRIMARY KEY,
            account_id TEXT NOT NULL REFERENCES accounts (id),
            state TEXT NOT NULL,
            created_at REAL NOT NULL,
            deadline_at REAL NOT NULL,
            expires_at REAL NOT NULL,
            price INTEGER NOT NULL CHECK (price >= 0),
            request TEXT NOT NULL,
            interpretation TEXT NOT NULL,
            idempotency_key TEXT,
            attempts INTEGER NOT NULL,
            manifest TEXT,
            failure TEXT
        )""",
        "CREATE INDEX jobs_by_expiry ON jobs (expires_at)",
        """CREATE INDEX jobs_unended ON jobs (created_at)
            WHERE state IN ('accepted', 'dispatched', 'painting')""",
        """CREATE TABLE claims (
            account_id TEXT NOT NULL REFERENCES accounts (id),
            key TEXT NOT NULL,
            fingerprint TEXT NOT NULL,
            inference_id TEXT NOT NULL,
            running_until REAL NOT NULL,
            expires_at REAL NOT NULL,
            PRIMARY KEY (account_id, key)
        ) WITHOUT ROWID""",
        "CREATE INDEX claims_by_expiry ON claims (expires_at)",
        """CREATE TABLE pictures (
            name TEXT PRIMARY KEY,
            media_type TEXT NOT NULL,
            account_id TEXT NOT NULL,
            expires_at REAL NOT NULL,
            size INTEGER NOT NULL
        ) WITHOUT ROWID""",
        "CREATE INDEX pictures_by_expiry ON pictures (expires_at)",
    ),
    # The job whose result a picture is; pictures stored before this step expire by their rows.
    ("ALTER TABLE pictures ADD COLUMN inference_id TEXT",),
    # Where a painter's host leaves its answer; the painter of this host is in its process, and leaves none.
    ("ALTER TABLE jobs ADD COLUMN locations TEXT",),
    # The bytes of each account's pictures, kept by the database itself in the transaction that changes a picture.
    (
        """CREATE TABLE stored_bytes (
            account_id TEXT PRIMARY KEY,
            bytes INTEGER NOT NULL
        ) WITHOUT ROWID""",
        "INSERT INTO stored_bytes SELECT account_id, sum(size) FROM pictures GROUP BY account_id",
        """CREATE TRIGGER picture_stored AFTER INSERT ON pictures BEGIN
            INSERT INTO stored_bytes VALUES (new.account_id, new.size)
            ON CONFLICT (account_id) DO UPDATE SET bytes = bytes + excluded.bytes;
        END""",
        """CREATE TRIGGER picture_replaced AFTER UPDATE OF account_id, size ON pictures BEGIN
            UPDATE stored_bytes SET bytes = bytes - old.size WHERE account_id = old.account_id;
            INSERT INTO stored_bytes VALUES (new.account_id, new.size)
            ON CONFLICT (account_id) DO UPDATE SET bytes = bytes + excluded.bytes;
        END""",
        """CREATE TRIGGER picture_deleted AFTER DELETE ON pictures BEGIN
            UPDATE stored_bytes SET bytes = bytes - old.size WHERE account_id = old.account_id;
        END""",
    ),
    # What `PaintingMarks` keeps: who is being painted, so that a kill counts against nobody else.
    (
        """CREATE TABLE paintings (
            inference_id TEXT PRIMARY KEY,
            attempt INTEGER NOT NULL,
            alone INTEGER NOT NULL
        ) WITHOUT ROWID""",
    ),
)


def schema_version() -> int:
    """The `user_version` of a file that this release has brought up to date."""
    return len(_STEPS)


class Database:
    """One SQLite file in WAL mode, with a connection for each thread that uses it.

    Durable against the process being killed at any moment. Against a power cut it stays consistent, but the
    last commits before it may be gone: `synchronous=NORMAL` does without a disk flush for each of them.

    Every call raises `StorageError` where the disk or the file does not let it: the disk is full, the file is
    read-only, damaged, gone, or another one by now. Nothing is written then.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, readable by its owner only, and bring its schema up to date.

        An older schema is brought up to date in one transaction: whole, or not at all. Raises `OutpaintError`
        UNAVAILABLE where the file cannot be opened or comes from a newer release.
        """
        self._path = path
        self._threads = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._opening = threading.Lock()
        # SQLite lets one write at a time; waiting here is quicker than its own busy loop.
        self._writing = threading.Lock()
        self._trusted_until = 0.0
        self._identity = (0, 0)
        try:
            make_private(path)
            self._migrate()
            # Once it is open for writing: until then an image's layer has it, which has other numbers for it.
            self._identity = _identity(path)
        except (sqlite3.Error, OSError) as error:
            self.close()
            said = error.strerror or error if isinstance(error, OSError) else error
            raise OutpaintError.unavailable(f"{path} cannot be opened: {said}") from None
        except OutpaintError:
            self.close()
            raise

    def row(self, statement: str, values: tuple[Any, ...] = ()) -> tuple[Any, ...] | None:
        """The first row of a query; None where there is none."""
        row: tuple[Any, ...] | None = self._read(statement, values, sqlite3.Cursor.fetchone)
        return row

    def rows(self, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        rows: list[tuple[Any, ...]] = self._read(statement, values, sqlite3.Cursor.fetchall)
        return rows

    def each(self, statement: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, read as they are asked for."""
        with storage_errors(self._path):
            self.check()
            yield from self._connection().execute(statement)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything in the block is written together, or nothing where it raises."""
        with storage_errors(self._path):
            connection = self._connection()
            with self._writing:
                self._look()
                with _written(connection):
                    yield connection

    def check(self) -> None:
        """Raise `StorageError` unless the file at the path is still the one that was opened.

        SQLite itself would go on with a file that was deleted, and all that is written to it would be lost.
        """
        try:
            there = _identity(self._path)
        except FileNotFoundError:
            raise StorageError(GONE, self._path, "it was deleted or moved away while it was in use") from None
        if there != self._identity:
            raise StorageError(REPLACED, self._path, "the file there is not the one that was opened")
        self._trusted_until = time.monotonic() + _LOOK_EVERY_S

    def overwrite_deleted(self) -> None:
        """Write the file anew without what was deleted or moved, which SQLite leaves in it, and empty its log.

        Raises `OutpaintError` UNAVAILABLE where another process reads or writes for `BUSY_S` seconds on end.
        """
        try:
            with self._writing:
                self._connection().execute("VACUUM")
                (busy, *_) = self._connection().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError as error:
            busy = str(error)
        if busy:
            raise OutpaintError.unavailable(
                f"the rows are deleted, but their bytes are still in {self._path} or its log, which another process is "
                "using: `outpaint jobs erase --account NAME` overwrites them when it is done"
            )

    def close(self) -> None:
        """Close every thread's connection."""
        with self._opening:
            for connection in self._connections:
                connection.close()
            self._connections.clear()

    def _look(self) -> None:
        if time.monotonic() >= self._trusted_until:
            self.check()

    def _read(self, statement: str, values: tuple[Any, ...], fetch: Callable[[sqlite3.Cursor], Any]) -> Any:
        # Without a context manager: several requests of a key are such reads, and it takes longer than they do.
        try:
            self._look()
            return fetch(self._connection().execute(statement, values))
        except WRONG_STATEMENTS:
            raise
        except sqlite3.Error as error:
            raise storage_error(self._path, error) from error

    def _connection(self) -> sqlite3.Connection:
        try:
            connection: sqlite3.Connection = self._threads.connection
        except AttributeError:
            connection = self._threads.connection = self._connect()
        return connection

    def _connect(self) -> sqlite3.Connection:
        # `rw`: a file that was deleted is not made again, empty. Closed by another thread in the end, hence no check;
        # `transaction` begins and ends transactions itself.
        connection = sqlite3.connect(
            f"{self._path.resolve().as_uri()}?mode=rw",
            uri=True,
            timeout=BUSY_S,
            isolation_level=None,
            check_same_thread=False,
        )
        with self._opening:
            self._connections.append(connection)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def _migrate(self) -> None:
        connection = self._connection()
        if _version(connection) == schema_version():
            return  # nothing is written, which a full disk would refuse
        with self._writing, _written(connection):
            version = _version(connection)
            if version > schema_version():
                raise OutpaintError.unavailable(
                    f"{self._path} was written by a newer release of outpaint-kit: update, or use another folder"
                )
            for step in _STEPS[version:]:
                for statement in step:
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {schema_version()}")


@contextmanager
def _written(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction around the block."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite has ended it by itself where the disk was full.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def make_private(path: Path) -> None:
    """Have a file of SQLite there, readable by its owner only; SQLite gives its log and index the same rights."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        # One that is in use in this process must not be opened and closed: that would end SQLite's locks on it.
        keep_private(path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm"))


def keep_private(*paths: Path) -> None:
    """Take the rights of others off files and folders that an earlier release made; what is not there stays so.

    Where this process does not own a file, nothing changes.
    """
    for path in paths:
        try:
            mode = path.stat().st_mode
            if mode & 0o077:
                path.chmod(mode & 0o7700)
        except OSError:
            continue
