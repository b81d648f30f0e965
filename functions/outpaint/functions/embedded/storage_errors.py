"""What a data folder's disk and database refuse, as one typed error that says what its operator can do."""

from __future__ import annotations

import errno
import logging
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from outpaint.contracts.errors import ErrorCode, OutpaintError

_LOG: Final = logging.getLogger("outpaint.storage")
_SAID_AGAIN_S: Final = 30.0
"""The same trouble is logged this often at most: a full disk refuses every request."""

_FULL: Final = "the disk of the server's data folder is full: make room there, and the server goes on by itself"
READ_ONLY: Final = (
    "the server's data folder is read-only: make it writable for the user of the server, who then goes on by itself"
)
GONE: Final = (
    "the server's data folder, or a file of it, is gone: stop the server, put the folder back or restore a backup, "
    "and start it again"
)
REPLACED: Final = (
    "the server's database was replaced by another file while it was in use: stop the server and start it again"
)
_DAMAGED: Final = (
    "the server's database is damaged: stop the server, and restore a backup into an empty folder with "
    "`outpaint backup restore`"
)
_BUSY: Final = "the server's database is in use by another process, which keeps it locked: try again in a moment"
_BROKEN: Final = "the server's data folder cannot be read or written: see the server's log for the disk's own words"

_OF_ERRNO: Final[Mapping[int, str]] = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _FULL,
    errno.EROFS: READ_ONLY,
    errno.EACCES: READ_ONLY,
    errno.EPERM: READ_ONLY,
    errno.ENOENT: GONE,
    errno.ENOTDIR: GONE,
}
# Primary result codes (sqlite.org/rescode.html).
_OF_SQLITE: Final[Mapping[int, str]] = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_PERM: READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: GONE,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
}
WRONG_STATEMENTS: Final = (
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
    sqlite3.DataError,
    sqlite3.NotSupportedError,
)
"""What SQLite says of a statement of ours that is wrong; no operator can mend that."""

_said_lock: Final = threading.Lock()
_said: Final[dict[tuple[str, str], float]] = {}


class StorageError(OutpaintError):
    """A data folder that cannot be read or written now (UNAVAILABLE); the same call may succeed later.

    The detail is for clients too, and names no path; `line`, which is logged, has the path and the system's own words.
    Making one logs it, unless the same was logged a short while ago.
    """

    def __init__(self, detail: str, path: Path, words: str) -> None:
        super().__init__(ErrorCode.UNAVAILABLE, detail)
        self.line = f"{path}: {detail} ({words})"
        said, now = (str(path.parent), detail), time.monotonic()
        with _said_lock:
            if now < _said.get(said, 0.0):
                return
            _said[said] = now + _SAID_AGAIN_S
        _LOG.error("%s", self.line)


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Raise what the system or SQLite refuses in the block, at this path, as a `StorageError`, and log it."""
    try:
        yield
    except WRONG_STATEMENTS:
        raise
    except (OSError, sqlite3.Error) as error:
        raise storage_error(path, error) from error


def storage_error(path: Path, error: OSError | sqlite3.Error) -> StorageError:
    """The error to raise for what the system or SQLite said of a path."""
    if isinstance(error, OSError):
        detail = _OF_ERRNO.get(error.errno or 0, _BROKEN)
    else:
        # The extended code has the primary one in its lowest byte.
        detail = _OF_SQLITE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, _BROKEN)
    return StorageError(detail, path, f"{type(error).__name__}: {error}")
