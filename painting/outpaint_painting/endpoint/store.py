"""Where inputs are read and results are written: a small port, with a folder behind it here and S3 in `s3`."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import tempfile
from pathlib import Path
from typing import Final, Protocol

from outpaint_contracts.errors import ErrorCode, OutpaintError

_NAME: Final = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")


class ObjectStore(Protocol):
    """Files by name, each there whole or not at all; may be used from several threads.

    Every method raises `OutpaintError`: SOURCE_REFUSED for a name that is none, UNAVAILABLE or PAINTING_FAILED
    where the store does not do its work.
    """

    def get(self, name: str) -> bytes | None:
        """The file's bytes, None where there is no such file."""
        ...

    def put(self, name: str, data: bytes, media_type: str, account: str = "") -> None:
        """Store a file; the same name again replaces it. `account` is whose it is, for stores that remember that."""
        ...

    def delete(self, name: str) -> None:
        """Forget a file; nothing happens where there is none."""
        ...


def checked_name(name: str, field: str | None = None) -> str:
    """The name, which may then be joined to a folder or prefix. Raises SOURCE_REFUSED where it leads out of it."""
    if len(name) > 900 or not _NAME.fullmatch(name) or any(part.strip(".") == "" for part in name.split("/")):
        raise OutpaintError(
            ErrorCode.SOURCE_REFUSED,
            "a reference names a file of the endpoint's own store: letters, digits, . _ - and / between them",
            field=field,
        )
    return name


class FolderStore:
    """A folder as the store, for tests and for hosts that share a disk; it is made where there is none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, name: str) -> bytes | None:
        """The file's bytes, None where there is no such file."""
        path = self._folder / checked_name(name)
        try:
            return path.read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None
        except OSError as error:
            raise _store_error(error) from error

    def put(self, name: str, data: bytes, media_type: str, account: str = "") -> None:  # noqa: ARG002 - bytes alone
        """Write beside the file, then rename."""
        path = self._folder / checked_name(name)
        part = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, part = tempfile.mkstemp(prefix=".part-", dir=path.parent)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(part).replace(path)
        except OSError as error:
            if part is not None:
                with contextlib.suppress(OSError):
                    Path(part).unlink(missing_ok=True)
            raise _store_error(error) from error

    def delete(self, name: str) -> None:
        """Forget a file; nothing happens where there is none."""
        try:
            (self._folder / checked_name(name)).unlink(missing_ok=True)
        except OSError as error:
            raise _store_error(error) from error


def _store_error(error: OSError) -> OutpaintError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutpaintError(ErrorCode.UNAVAILABLE, "the store's disk is full: try again later")
    return OutpaintError(
        ErrorCode.PAINTING_FAILED, f"the store refused ({error.strerror or type(error).__name__}): try again later"
    )
