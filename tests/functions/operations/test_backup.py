"""`outpaint backup`: a data folder into one file while it is served, and back."""

from __future__ import annotations

import io
import sqlite3
import tarfile
import threading
from collections.abc import Callable
from contextlib import closing
from itertools import cycle
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.paths_and_headers import API_KEY
from outpaint.functions.embedded import folder_backup
from outpaint.functions.embedded.database import schema_version
from outpaint.functions.embedded.folder_backup import back_up, check_backup, restore
from outpaint.functions.embedded.host import open_host
from outpaint.functions.embedded.server import serving
from outpaint.functions.embedded.starting_keys import StartingKeys
from outpaint.functions.embedded.stores import in_folder, open_database
from outpaint.functions.service.records import Job, StoredPicture
from outpaint.painting.painters.flat import FlatPainter

Run = Callable[..., tuple[int, str, str]]
DEV = StartingKeys(development=True)


def result(number: int) -> str:
    return f"{UUID(int=number)}.jpg"


def inputs(number: int) -> str:
    return f"inputs/{UUID(int=number)}/image"


@pytest.fixture
def data(tmp_path: Path, a_job: Callable[..., Job]) -> Path:
    """A folder with two jobs, an input and three results."""
    folder = tmp_path / "data"
    with in_folder(folder, lambda _: None, DEV) as stores:
        for number in (1, 2):
            stores.jobs.create(a_job(number, account="dev"), None, 0.0)
        for name in (result(1), result(2), result(3), inputs(1)):
            stores.pictures.put(name, StoredPicture(name.encode() * 1000, "image/jpeg", "dev", 1000.0))
    return folder


def content(folder: Path) -> dict[str, bytes]:
    """Every picture and the secret, by its path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(("outpaint.sqlite3", "server.lock"))
    }


def rows(folder: Path) -> list[str]:
    with closing(sqlite3.connect(folder / "outpaint.sqlite3")) as connection:
        return list(connection.iterdump())


def test_a_served_folder_is_backed_up_and_restored_with_everything_in_it(
    run: Run, tmp_path: Path, cut_out: bytes
) -> None:
    wish = {"prompt": "hills", "count": "2"}
    with (
        open_host([FlatPainter()], data=tmp_path / "data", keys=DEV) as host,
        serving(host.asgi) as url,
        httpx.Client(base_url=url, headers={API_KEY: "dev", "Idempotency-Key": "one"}, timeout=20) as client,
    ):
        first = client.post("/v1/painting/outpaint", data=wish, files={"image": cut_out}).json()
        files = {picture["url"].split("/", 3)[3]: client.get(picture["url"]).content for picture in first["data"]}
        code, out, err = run("backup", "create", "today.tar", "--data", "data")
        assert (code, err) == (0, "")
        assert out.startswith("today.tar: 1 accounts, 1 jobs, 2 pictures, ")
        # The service goes on; what comes later is not in the backup.
        assert client.post("/v1/painting/outpaint", data=wish, files={"image": cut_out}).status_code == 200
    assert (tmp_path / "today.tar").stat().st_mode & 0o777 == 0o600
    assert run("backup", "check", "today.tar") == (0, out, "")
    code, restored, err = run("backup", "restore", "today.tar", "--data", "again")
    assert (code, restored.partition(": ")[2], err) == (0, out.partition(": ")[2], "")
    with (
        open_host([FlatPainter()], data=tmp_path / "again", keys=DEV) as host,
        serving(host.asgi) as url,
        httpx.Client(base_url=url, headers={API_KEY: "dev", "Idempotency-Key": "one"}, timeout=20) as client,
    ):
        # Its signed URLs work, its idempotency key is known, its credits are those of that moment.
        assert {path: client.get(f"/{path}").content for path in files} == files
        replayed = client.post("/v1/painting/outpaint", data=wish, files={"image": cut_out}).json()
        assert replayed["inference_id"] == first["inference_id"]
        assert client.get("/v1/balance").json() == {"credits": 998}
    modes = {path.stat().st_mode & 0o077 for path in (tmp_path / "again").rglob("*")}
    assert modes == {0}


def test_a_picture_that_goes_meanwhile_goes_from_the_copy_too(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def erase_the_next(done: int, of: int) -> None:
        (data / "pictures" / result(2)).unlink(missing_ok=True)
        (data / "pictures" / result(3)).write_bytes(b"another size")

    summary = back_up(data, tmp_path / "b.tar", erase_the_next)
    assert (summary.jobs, summary.pictures) == (2, 2)
    restore(tmp_path / "b.tar", tmp_path / "again")
    with in_folder(tmp_path / "again", lambda _: None) as stores:
        kept = {name for name in (result(1), result(2), result(3), inputs(1)) if stores.pictures.get(name, 0.0)}
    assert kept == {result(1), inputs(1)}


def test_what_is_restored_is_what_was_there(data: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    back_up(data, tmp_path / "b.tar", lambda done, of: seen.append((done, of)))
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1] > 0
    summary = restore(tmp_path / "b.tar", tmp_path / "again", lambda done, of: seen.append((done, of)))
    assert seen[-1] == (summary.bytes, summary.bytes)
    assert content(tmp_path / "again") == content(data)
    assert rows(tmp_path / "again") == rows(data)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again", "b.tar", "data"]


def test_a_database_that_is_written_to_is_copied_as_of_one_moment(data: Path, tmp_path: Path) -> None:
    over = threading.Event()

    def pay_back_and_forth() -> None:
        with open_database(data) as database:
            for amount in cycle((7, -7)):
                if over.is_set():
                    return
                with database.transaction() as connection:
                    connection.execute("UPDATE accounts SET credits = credits - ?", (amount,))
                    connection.execute("UPDATE jobs SET price = price + ? WHERE id = ?", (amount, str(UUID(int=1))))

    writer = threading.Thread(target=pay_back_and_forth)
    writer.start()
    try:
        for number in range(5):
            back_up(data, tmp_path / f"{number}.tar")
    finally:
        over.set()
        writer.join()
    for number in range(5):
        restore(tmp_path / f"{number}.tar", tmp_path / f"again{number}")
        with open_database(tmp_path / f"again{number}") as database:
            ((credits_,),) = database.rows("SELECT credits FROM accounts")
            ((prices,),) = database.rows("SELECT sum(price) FROM jobs")
            assert credits_ + prices == 1000


@pytest.fixture
def backup(data: Path, tmp_path: Path) -> Path:
    back_up(data, tmp_path / "b.tar")
    return tmp_path / "b.tar"


def refused(step: Callable[[], object]) -> tuple[ErrorCode, str]:
    with pytest.raises(OutpaintError) as error:
        step()
    return error.value.code, error.value.detail


def test_a_backup_that_is_damaged_anywhere_is_refused_and_leaves_nothing(backup: Path, tmp_path: Path) -> None:
    whole = backup.read_bytes()
    again = tmp_path / "again"
    with tarfile.open(backup) as archive:
        places = {member.name: member.offset_data for member in archive.getmembers()}
    assert len(places) == 7
    for place in places.values():
        backup.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        for step in (lambda: check_backup(backup), lambda: restore(backup, again)):
            code, detail = refused(step)
            assert (code, "is damaged" in detail) == (ErrorCode.INVALID_PARAMETER, True)
        assert [path.name for path in again.iterdir()] == ["server.lock"]
    for size in (0, 100, len(whole) // 2):
        backup.write_bytes(whole[:size])
        code, detail = refused(lambda: restore(backup, again))
        assert (code, "is not a backup" in detail) == (ErrorCode.INVALID_PARAMETER, True), detail
    backup.write_bytes(whole)
    restore(backup, again)


def test_a_name_in_an_archive_leads_nowhere_else(backup: Path, tmp_path: Path) -> None:
    with tarfile.open(backup, "a") as archive:
        stranger = tarfile.TarInfo("../stranger")
        stranger.size = 1
        archive.addfile(stranger, io.BytesIO(b"x"))
    assert "is damaged" in refused(lambda: restore(backup, tmp_path / "again"))[1]
    assert not (tmp_path / "stranger").exists()


def test_only_an_empty_folder_that_no_server_uses_is_restored_into(run: Run, backup: Path, data: Path) -> None:
    with in_folder(data, lambda _: None):
        code, _, err = run("backup", "restore", backup, "--data", data)
        assert (code, "in use by another server" in err) == (3, True)
    before = content(data)
    code, _, err = run("backup", "restore", backup, "--data", data)
    assert (code, "is not empty" in err) == (2, True)
    assert content(data) == before


def test_the_help_says_that_a_backup_makes_no_folder(run: Run) -> None:
    _, said, _ = run("backup", "create", "--help")
    assert "refused where there is none" in " ".join(said.split())


def test_what_is_not_there_or_there_already_is_refused(run: Run, backup: Path, data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for words, said in (
        (("create", "new.tar", "--data", "nothing"), "nothing is no data folder"),
        (("create", backup, "--data", data), "is there already"),
        (("create", "file/new.tar", "--data", data), "file/new.tar cannot be written"),
        (("restore", "nothing.tar", "--data", "again"), "nothing.tar' does not exist"),
        (("check", "nothing.tar"), "nothing.tar' does not exist"),
    ):
        code, out, err = run("backup", *words)
        assert (code, out, said in err, len(err.splitlines())) == (2, "", True, 1), err
    assert not (tmp_path / "nothing").exists()


def test_a_backup_that_is_checked_and_falls_short_is_no_wrong_usage(run: Run, backup: Path) -> None:
    whole = backup.read_bytes()
    backup.write_bytes(whole[: len(whole) // 2])
    code, out, err = run("backup", "check", backup)
    assert (code, out, len(err.splitlines())) == (1, "", 1), err
    assert run("backup", "restore", backup, "--data", "again")[0] == 2


def test_a_newer_release_is_refused_by_name(
    backup: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(data / "outpaint.sqlite3")) as connection:
        connection.execute(f"PRAGMA user_version = {schema_version() + 1}")
    assert "newer release" in refused(lambda: back_up(data, tmp_path / "new.tar"))[1]
    monkeypatch.setattr(folder_backup, "schema_version", lambda: schema_version() - 1)
    assert "newer release" in refused(lambda: restore(backup, tmp_path / "again"))[1]
    assert [path.name for path in (tmp_path / "again").iterdir()] == ["server.lock"]


def test_a_full_disk_leaves_no_half_backup(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "addfile", full)
    code, detail = refused(lambda: back_up(data, tmp_path / "b.tar"))
    assert (code, "No space left on device" in detail) == (ErrorCode.UNAVAILABLE, True)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
