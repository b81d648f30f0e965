"""A data folder of the embedded host: what it promises beyond the ports (docs/adr/0014)."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.embedded import database, storage_errors
from outpaint.functions.embedded.database import Database
from outpaint.functions.embedded.sqlite_ledger import SqliteKeyRing
from outpaint.functions.embedded.starting_keys import StartingKeys
from outpaint.functions.embedded.storage_errors import StorageError
from outpaint.functions.embedded.stores import in_folder, open_database
from outpaint.functions.service.ports import UnreadableJobsError
from outpaint.functions.service.records import Job, StoredPicture

NOW = 200.0
FILE = f"{UUID(int=1)}.jpg"


@pytest.fixture(autouse=True)
def _nothing_was_said() -> None:
    """What a test before this one had logged is logged again."""
    storage_errors._said.clear()


class TestFolder:
    def test_refuses_to_write_a_bad_name(self, tmp_path: Path) -> None:
        with in_folder(tmp_path / "data", lambda _: None) as stores:
            for name in ("../escaped.jpg", "secret", f"inputs/{FILE}", FILE.upper(), FILE + "\n"):
                with pytest.raises(ValueError, match="not a picture's name"):
                    stores.pictures.put(name, StoredPicture(b"x", "image/jpeg", "ann", 1000.0))
        assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]

    def test_outlives_its_process_and_clears_what_a_kill_left(self, tmp_path: Path) -> None:
        stored = StoredPicture(b"kept", "image/jpeg", "ann", 1000.0)
        with in_folder(tmp_path, lambda _: None) as stores:
            stores.pictures.put(FILE, stored)
            secret = stores.file_urls.secret
        folder = tmp_path / "pictures"
        leftovers = [
            folder / f"{UUID(int=2)}.jpg",
            folder / f"{FILE}.{UUID(int=3).hex}.part",
            folder / "inputs" / f"{UUID(int=4)}.image",
        ]
        strangers = [folder / "notes.txt", folder / "inputs" / "notes.txt"]
        for path in leftovers + strangers:
            path.write_bytes(b"half")
        with in_folder(tmp_path, lambda _: None) as stores:
            assert stores.pictures.get(FILE, NOW) == stored
            assert stores.file_urls.secret == secret
        assert not any(path.exists() for path in leftovers)
        assert all(path.exists() for path in strangers)

    def test_a_file_cut_short_is_no_file(self, tmp_path: Path) -> None:
        with in_folder(tmp_path, lambda _: None) as stores:
            stores.pictures.put(FILE, StoredPicture(b"whole", "image/jpeg", "ann", 1000.0))
            (tmp_path / "pictures" / FILE).write_bytes(b"who")
            assert stores.pictures.get(FILE, NOW) is None
            (tmp_path / "pictures" / FILE).unlink()
            assert stores.pictures.get(FILE, NOW) is None

    def test_has_one_server_at_a_time(self, tmp_path: Path) -> None:
        with in_folder(tmp_path, lambda _: None):
            with (
                pytest.raises(OutpaintError, match="in use by another server") as refused,
                in_folder(tmp_path, lambda _: None),
            ):
                pass
            assert refused.value.code is ErrorCode.UNAVAILABLE
        with in_folder(tmp_path, lambda _: None):
            pass

    def test_without_its_lock_file_has_one_server_still(self, tmp_path: Path) -> None:
        with in_folder(tmp_path, lambda _: None):
            (tmp_path / "server.lock").unlink()
            with pytest.raises(OutpaintError, match="in use by another server"), in_folder(tmp_path, lambda _: None):
                pass

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such rights")
    @pytest.mark.parametrize("there", [False, True], ids=["new folder", "a folder open to all"])
    def test_is_readable_by_its_owner_only(self, tmp_path: Path, there: bool) -> None:
        data = tmp_path / "data"
        if there:
            data.mkdir()
            data.chmod(0o777)
        before = os.umask(0)
        try:
            with in_folder(data, lambda _: None) as stores:
                stores.pictures.put(FILE, StoredPicture(b"x", "image/jpeg", "ann", 1000.0))
                modes = {path.name: path.stat().st_mode & 0o777 for path in data.rglob("*")}
        finally:
            os.umask(before)
        assert modes == dict.fromkeys(("pictures", "inputs"), 0o700) | dict.fromkeys(
            (
                "outpaint.sqlite3",
                "outpaint.sqlite3-wal",
                "outpaint.sqlite3-shm",
                "server.lock",
                "server.lock-journal",
                "secret",
                FILE,
            ),
            0o600,
        )
        assert data.stat().st_mode & 0o777 == (0o777 if there else 0o700)

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such rights")
    def test_of_an_earlier_release_is_closed_to_others(self, tmp_path: Path) -> None:
        with in_folder(tmp_path, lambda _: None):
            pass
        for name, mode in (("outpaint.sqlite3", 0o644), ("pictures", 0o755), ("pictures/inputs", 0o755)):
            (tmp_path / name).chmod(mode)
        with in_folder(tmp_path, lambda _: None):
            for path in (tmp_path / "outpaint.sqlite3", tmp_path / "pictures", tmp_path / "pictures" / "inputs"):
                assert path.stat().st_mode & 0o077 == 0

    def test_that_cannot_be_one_says_so(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("not a folder")
        with pytest.raises(OutpaintError, match="cannot be used"), in_folder(tmp_path / "file", lambda _: None):
            pass

    def test_of_another_kind_of_file_says_so(self, tmp_path: Path) -> None:
        (tmp_path / "outpaint.sqlite3").write_text("this is not a database, whatever its name may say" * 50)
        with pytest.raises(OutpaintError, match="cannot be opened"):
            Database(tmp_path / "outpaint.sqlite3")

    def test_of_a_newer_release_is_left_alone(self, tmp_path: Path) -> None:
        with open_database(tmp_path) as newer, newer.transaction() as connection:
            connection.execute("PRAGMA user_version = 99")
        with pytest.raises(OutpaintError, match="newer release"), open_database(tmp_path):
            pass

    def test_of_an_earlier_release_is_brought_up_to_date(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as earlier:
            earlier.setattr(database, "_STEPS", database._STEPS[:1])
            with open_database(tmp_path) as old, old.transaction() as connection:
                row = (FILE, "image/jpeg", "ann", 1000.0, 4)
                connection.execute("INSERT INTO pictures VALUES (?, ?, ?, ?, ?)", row)
        (tmp_path / "pictures").mkdir()
        (tmp_path / "pictures" / FILE).write_bytes(b"kept")
        with in_folder(tmp_path, lambda _: None) as stores:
            assert stores.pictures.get(FILE, NOW) == StoredPicture(b"kept", "image/jpeg", "ann", 1000.0)

    def test_a_transaction_that_raises_writes_nothing(self, tmp_path: Path) -> None:
        with open_database(tmp_path) as database:
            SqliteKeyRing(database).add_key("ann", "digest", 1000, NOW, "ann")

            def spend_twice() -> None:
                with database.transaction() as connection:
                    connection.execute("UPDATE accounts SET credits = 5")
                    connection.execute("UPDATE accounts SET credits = -1")

            with pytest.raises(sqlite3.IntegrityError):
                spend_twice()
            assert database.rows("SELECT credits FROM accounts") == [(1000,)]

    def test_that_was_deleted_or_replaced_in_use_is_neither_used_nor_made_anew(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(database, "_LOOK_EVERY_S", 0.0)
        path, aside = tmp_path / "outpaint.sqlite3", tmp_path / "aside"
        with open_database(tmp_path) as opened:
            SqliteKeyRing(opened).add_key("ann", "digest", 1000, NOW, "ann")
            path.rename(aside)
            with ThreadPoolExecutor(1) as pool, pytest.raises(StorageError, match="is gone: stop the server"):
                # A thread that has no connection yet, so that SQLite would make a new file.
                pool.submit(_spend, opened, 1).result()
            with pytest.raises(StorageError, match="is gone"):
                _spend(opened, 1)
            assert not path.exists()
            path.write_bytes(aside.read_bytes())
            with pytest.raises(StorageError, match="replaced by another file"):
                _spend(opened, 1)
            aside.replace(path)
            _spend(opened, 1)
            assert opened.rows("SELECT credits FROM accounts") == [(999,)]


def _spend(database: Database, credits_: int) -> None:
    with database.transaction() as connection:
        connection.execute("UPDATE accounts SET credits = credits - ?", (credits_,))


class TestWhatSqliteRefuses:
    """One typed error, after which the same connection works again."""

    def refused(self, database: Database, pragma: str, back: str, words: str) -> None:
        SqliteKeyRing(database).add_key("ann", "digest", 1000, NOW, "ann")
        database.rows(pragma)
        with pytest.raises(StorageError, match=words) as refused, database.transaction() as connection:
            connection.execute("UPDATE accounts SET name = ?", ("x" * 100_000,))
        assert refused.value.code is ErrorCode.UNAVAILABLE
        database.rows(back)
        _spend(database, 1)
        assert database.rows("SELECT name, credits FROM accounts") == [("ann", 999)]

    def test_a_full_disk(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        with open_database(tmp_path) as database:
            (pages,) = database.row("PRAGMA page_count") or (0,)
            self.refused(
                database, f"PRAGMA max_page_count = {pages}", "PRAGMA max_page_count = 100000", "is full: make room"
            )
            (line,) = caplog.messages
            assert line.startswith(f"{tmp_path / 'outpaint.sqlite3'}: the disk")
            # A disk that stays full refuses every request; it is told once in a while.
            database.rows(f"PRAGMA max_page_count = {pages}")
            with pytest.raises(StorageError), database.transaction() as connection:
                connection.execute("UPDATE accounts SET name = ?", ("x" * 100_000,))
            assert len(caplog.messages) == 1

    def test_a_file_that_cannot_be_written(self, tmp_path: Path) -> None:
        with open_database(tmp_path) as database:
            self.refused(database, "PRAGMA query_only = 1", "PRAGMA query_only = 0", "read-only: make it writable")

    def test_a_lock_that_another_process_keeps(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(database, "BUSY_S", 0.01)
        with open_database(tmp_path) as opened, closing(sqlite3.connect(tmp_path / "outpaint.sqlite3")) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StorageError, match="in use by another process"):
                _spend(opened, 1)
            other.rollback()
            _spend(opened, 1)

    def test_a_damaged_file(self, tmp_path: Path) -> None:
        with open_database(tmp_path) as opened:
            pass
        content = (tmp_path / "outpaint.sqlite3").read_bytes()
        with open_database(tmp_path) as opened:
            # The file's first page stays, so that it is opened.
            (tmp_path / "outpaint.sqlite3").write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
            with pytest.raises(StorageError, match="is damaged: stop the server"):
                opened.rows("SELECT * FROM accounts")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "is full: make room"),
        (errno.EDQUOT, "is full: make room"),
        (errno.EROFS, "is read-only"),
        (errno.EACCES, "is read-only"),
        (errno.ENOENT, "is gone"),
        (errno.EIO, "see the server's log"),
    ],
)
def test_what_the_disk_refuses_is_said_to_clients_without_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int, words: str
) -> None:
    def refuse(path: Path, target: Path) -> Path:
        raise OSError(number, os.strerror(number), str(path))

    with in_folder(tmp_path, lambda _: None) as stores:
        monkeypatch.setattr(Path, "replace", refuse)
        with pytest.raises(StorageError, match=words) as refused:
            stores.pictures.put(FILE, StoredPicture(b"x", "image/jpeg", "ann", 1000.0))
    assert str(tmp_path) not in refused.value.detail
    assert str(tmp_path / "pictures" / FILE) in caplog.text
    assert os.strerror(number) in caplog.text
    # Nothing half written stays.
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == ["inputs"]


def test_a_row_that_is_no_job_keeps_no_other_from_being_found(
    tmp_path: Path, a_job: Callable[..., Job], caplog: pytest.LogCaptureFixture
) -> None:
    dev = StartingKeys(development=True)
    with in_folder(tmp_path, lambda _: None, dev) as stores, open_database(tmp_path) as database:
        for number in (1, 2, 3):
            stores.jobs.create(a_job(number, account="dev"), None, NOW)
        with database.transaction() as connection:
            row = json.dumps({"wish": {"prompt": "a secret garden"}})
            connection.execute("UPDATE jobs SET request = ? WHERE id = ?", (row, a_job(2).id))
        jobs = iter(stores.jobs.unended())
        assert [next(jobs).id, next(jobs).id] == [a_job(1).id, a_job(3).id]
        with pytest.raises(UnreadableJobsError, match=a_job(2).id):
            next(jobs)
        with pytest.raises(UnreadableJobsError) as refused:
            stores.jobs.find(a_job(2).id, NOW)
        assert refused.value.code is ErrorCode.INTERNAL
        assert f"the row of job {a_job(2).id} cannot be read" in caplog.text
        assert "secret" not in caplog.text
