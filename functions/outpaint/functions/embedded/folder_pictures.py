"""Pictures as plain files in a data folder, indexed in its database."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from outpaint.contracts.storage_names import INPUTS_PREFIX, UUID, is_picture_name
from outpaint.functions.embedded.database import Database, keep_private
from outpaint.functions.embedded.storage_errors import storage_errors
from outpaint.functions.service.file_urls import FileUrls
from outpaint.functions.service.records import StoredPicture

# Names of our own files, so that no other file in the folder is ever deleted.
_FILE: Final = re.compile(rf"{UUID}\.[a-z]{{3,5}}(?:\.[0-9a-f]{{32}}\.part)?")

# A row is updated, not replaced: SQLite counts what is replaced as inserted, without a deletion before.
_PUT_NEW: Final = (
    "INSERT INTO pictures (name, size, media_type, account_id, expires_at, inference_id) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (name) DO NOTHING"
)
_PUT: Final = _PUT_NEW.replace(
    "NOTHING",
    "UPDATE SET size = excluded.size, media_type = excluded.media_type, account_id = excluded.account_id, "
    "expires_at = excluded.expires_at, inference_id = excluded.inference_id",
)
_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


class FolderPictures:
    """The Pictures port: each file under its own name in the folder, what is known of it in the database.

    A file counts once its row is written, and only while it has the size in that row: whatever a crash leaves half
    done is as good as absent, and deleted by `clear_leftovers`. Files are readable by their owner only. Raises
    `StorageError` where the disk does not take or give a file.
    """

    def __init__(self, folder: Path, database: Database, file_urls: FileUrls) -> None:
        self._folder = folder
        for made in (folder, folder / INPUTS_PREFIX):
            made.mkdir(mode=0o700, exist_ok=True)
            keep_private(made)
        self._database = database
        self._file_urls = file_urls

    def put(self, name: str, picture: StoredPicture) -> None:
        """Raises `ValueError` for a malformed name."""
        self._put(name, picture, only_new=False)

    def put_new(self, name: str, picture: StoredPicture) -> bool:
        """Raises `ValueError` for a malformed name."""
        return self._put(name, picture, only_new=True)

    def _put(self, name: str, picture: StoredPicture, *, only_new: bool) -> bool:
        if not is_picture_name(name):
            raise ValueError(f"not a picture's name: {name!r}")
        path = self.path(name)
        part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
        try:
            with storage_errors(path), os.fdopen(os.open(part, _NEW_FILE, 0o600), "wb") as file:
                file.write(picture.data)
            with self._database.transaction() as connection:
                known = (picture.media_type, picture.account_id, picture.expires_at, picture.inference_id)
                written = connection.execute(_PUT_NEW if only_new else _PUT, (name, len(picture.data), *known))
                if written.rowcount == 0:
                    part.unlink()
                    return False
                # Before the row is there for others: then none is without its file, and of two files one is kept.
                with storage_errors(path):
                    part.replace(path)
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise
        return True

    def get(self, name: str, now: float) -> StoredPicture | None:
        row = self._database.row(
            "SELECT size, media_type, account_id, expires_at, inference_id FROM pictures "
            "WHERE name = ? AND expires_at > ?",
            (name, now),
        )
        if row is None:
            return None
        size, *known = row
        path = self.path(name)
        with storage_errors(path):
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                return None
        return StoredPicture(data, *known) if len(data) == size else None

    def delete(self, name: str) -> None:
        if is_picture_name(name):
            self._unlink(name)
            with self._database.transaction() as connection:
                connection.execute("DELETE FROM pictures WHERE name = ?", (name,))

    def url(self, name: str, until: float) -> str:
        return self._file_urls.sign(name, until)

    def purge(self, now: float) -> int:
        rows = self._database.rows("SELECT name FROM pictures WHERE expires_at <= ?", (now,))
        for (name,) in rows:
            self._unlink(name)
        with self._database.transaction() as connection:
            connection.executemany("DELETE FROM pictures WHERE name = ?", rows)
        return len(rows)

    def erase(self, inference_id: str, names: Iterable[str]) -> int:  # noqa: ARG002 - a job has no other names here
        own = [name for name in names if is_picture_name(name)]
        found = sum(self.path(name).exists() for name in own)
        for name in own:
            self.delete(name)
        return found

    def erase_account(self, account_id: str) -> int:
        rows = self._database.rows("SELECT name FROM pictures WHERE account_id = ?", (account_id,))
        return self.erase("", [name for (name,) in rows])

    def stored_bytes(self, account_id: str) -> int:
        found = self._database.row("SELECT bytes FROM stored_bytes WHERE account_id = ?", (account_id,))
        return 0 if found is None else int(found[0])

    def clear_leftovers(self) -> None:
        """Delete what a killed process left: parts of files, and files without a row."""
        known = {self.path(name) for (name,) in self._database.rows("SELECT name FROM pictures")}
        for folder in (self._folder, self._folder / INPUTS_PREFIX):
            for path in list(folder.iterdir()):
                if path not in known and _FILE.fullmatch(path.name):
                    path.unlink(missing_ok=True)

    def _unlink(self, name: str) -> None:
        path = self.path(name)
        with storage_errors(path):
            path.unlink(missing_ok=True)

    def path(self, name: str) -> Path:
        """The path of a file."""
        return file_of(self._folder, name)


def file_of(folder: Path, name: str) -> Path:
    """Where a folder of pictures has a file: all inputs in one folder, for making one for each job takes too long."""
    inputs, slash, rest = name.partition("/")
    return folder / inputs / rest.replace("/", ".") if slash else folder / name
