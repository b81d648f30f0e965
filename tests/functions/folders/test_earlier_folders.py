"""A data folder of each earlier schema: it is opened with everything in it, or left as it was."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest

from outpaint.contracts.errors import OutpaintError
from outpaint.contracts.job_states import JobState
from outpaint.functions.embedded import database
from outpaint.functions.embedded.database import Database, schema_version
from outpaint.functions.embedded.folder_pictures import file_of
from outpaint.functions.embedded.stores import in_folder, open_database
from outpaint.functions.service.admission import key_digest
from outpaint.functions.service.records import Account

HERE = Path(__file__).parent
NOW = 200.0
STATES = (JobState.ACCEPTED, JobState.PAINTING, JobState.SUCCEEDED, JobState.FAILED)


def make(data: Path, version: int) -> None:
    """A folder as the release of that schema left it."""
    (data / "pictures" / "inputs").mkdir(parents=True)
    with closing(sqlite3.connect(data / "outpaint.sqlite3")) as connection:
        connection.executescript((HERE / f"schema_{version}.sql").read_text(encoding="utf-8"))
        for (name,) in connection.execute("SELECT name FROM pictures").fetchall():
            file_of(data / "pictures", name).write_bytes(name.encode())


def schema_of(data: Path) -> int:
    with closing(sqlite3.connect(data / "outpaint.sqlite3")) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        return int(version)


@pytest.mark.parametrize("version", range(1, schema_version()))
def test_is_opened_with_everything_in_it(tmp_path: Path, version: int) -> None:
    assert (HERE / f"schema_{version}.sql").exists(), f"write it: python {HERE / 'write_dump.py'} {version}"
    make(tmp_path, version)
    with in_folder(tmp_path, lambda _: None) as stores:
        ann = Account("ann", "Ann ☃", 5)
        assert stores.accounts.by_key_digest(key_digest("ann's")) == ann
        assert stores.accounts.by_key_digest(key_digest("ann's old")) is None
        development = stores.accounts.by_key_digest(key_digest("dev"))
        assert development == Account("dev", "development", 990, loopback_only=True)
        for number, state in enumerate(STATES, start=1):
            id_ = str(UUID(int=number))
            job = stores.jobs.find(id_, NOW)
            assert job is not None
            assert (job.state, job.account_id, job.price, job.attempts) == (state, "ann", 2, number)
            assert job.request.wish.prompt == f"hills {number} ☃"
            assert (job.manifest is not None, job.failure is not None) == (number == 3, number == 4)
            claim = stores.jobs.find_claim("ann", f"key-{number}", NOW)
            assert claim is not None
            assert claim.inference_id == id_
            name = job.request.output_ids[0] if job.manifest else job.request.image
            picture = stores.pictures.get(name, NOW)
            assert picture is not None
            assert (picture.data, picture.account_id) == (name.encode(), "ann")
        assert [job.id for job in stores.jobs.unended()] == [str(UUID(int=1)), str(UUID(int=2))]
        # And it goes on from there.
        assert stores.jobs.move(str(UUID(int=2)), JobState.FAILED) is not None
        assert stores.accounts.by_key_digest(key_digest("ann's")) == Account("ann", "Ann ☃", 7)
    assert schema_of(tmp_path) == schema_version()


@pytest.mark.parametrize("version", range(1, schema_version()))
def test_is_left_as_it_was_where_a_step_breaks_off(
    tmp_path: Path, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, version)

    def rows() -> list[str]:
        with closing(sqlite3.connect(tmp_path / "outpaint.sqlite3")) as connection:
            return [*connection.iterdump(), str(schema_of(tmp_path))]

    before = rows()
    broken = (*database._STEPS[:-1], (*database._STEPS[-1], "INSERT INTO missing VALUES (1)"))
    with monkeypatch.context() as patch:
        patch.setattr(database, "_STEPS", broken)
        with pytest.raises(OutpaintError, match="cannot be opened: no such table"):
            Database(tmp_path / "outpaint.sqlite3")
    assert rows() == before
    with open_database(tmp_path) as opened:
        assert opened.row("SELECT count(*) FROM jobs") == (4,)
