"""The SQLite file of a data folder: connections, transactions, schema."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from outpaint.contracts.errors import OutpaintError

BUSY_S: Final = 5.0
"""How long a write waits for one by another process, such as the command line's."""

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
)


def schema_version() -> int:
    """The `user_version` of a file that this release has brought up to date."""
    return len(_STEPS)


class Database:
    """One SQLite file in WAL mode, with a connection for each thread that uses it.

    Durable against the process being killed at any moment. Against a power cut it stays consistent, but the
    last commits before it may be gone: `synchronous=NORMAL` does without a disk flush for each of them.
    """

    def __init__(self, path: Path) -> None:
        """Open the file and bring its schema up to date.

        Raises `OutpaintError` UNAVAILABLE where it cannot be opened or comes from a newer release.
        """
        self._path = path
        self._threads = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._opening = threading.Lock()
        # SQLite lets one write at a time; waiting here is quicker than its own busy loop.
        self._writing = threading.Lock()
        try:
            self._migrate()
        except sqlite3.Error as error:
            self.close()
            raise OutpaintError.unavailable(f"{path} cannot be opened: {error}") from None
        except OutpaintError:
            self.close()
            raise

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection, for single reads."""
        try:
            connection: sqlite3.Connection = self._threads.connection
        except AttributeError:
            connection = self._threads.connection = self._connect()
        return connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything in the block is written together, or nothing where it raises."""
        connection = self.connection
        with self._writing:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def overwrite_deleted(self) -> None:
        """Write the file anew without what was deleted or moved, which SQLite leaves in it, and empty its log.

        Raises `OutpaintError` UNAVAILABLE where another process reads or writes for `BUSY_S` seconds on end.
        """
        try:
            with self._writing:
                self.connection.execute("VACUUM")
                (busy, *_) = self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
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

    def _connect(self) -> sqlite3.Connection:
        # Closed by another thread in the end, hence no check; `transaction` begins and ends transactions itself.
        connection = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        with self._opening:
            self._connections.append(connection)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def _migrate(self) -> None:
        with self.transaction() as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > schema_version():
                raise OutpaintError.unavailable(
                    f"{self._path} was written by a newer release of outpaint-kit: update, or use another folder"
                )
            for step in _STEPS[version:]:
                for statement in step:
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {schema_version()}")
