"""A data folder of the embedded host: what it promises beyond the ports (docs/adr/0014)."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from uuid import UUID

import pytest

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.embedded import database
from outpaint.functions.embedded.database import Database
from outpaint.functions.embedded.stores import in_folder, open_database
from outpaint.functions.service.records import StoredPicture

NOW = 200.0
FILE = f"{UUID(int=1)}.jpg"


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

    def test_keeps_its_secret_to_itself(self, tmp_path: Path) -> None:
        with in_folder(tmp_path / "data", lambda _: None):
            pass
        assert (tmp_path / "data" / "secret").stat().st_mode & 0o077 == 0
        assert (tmp_path / "data").stat().st_mode & 0o077 == 0

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

            def spend_twice() -> None:
                with database.transaction() as connection:
                    connection.execute("UPDATE accounts SET credits = 5")
                    connection.execute("UPDATE accounts SET credits = -1")

            with pytest.raises(sqlite3.IntegrityError):
                spend_twice()
            assert database.rows("SELECT credits FROM accounts") == [(1000,)]
