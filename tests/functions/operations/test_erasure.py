"""`outpaint jobs erase`: what is stored of a job goes, wherever it lies, and no credit with it."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.inference import CompletionLocations
from outpaint.contracts.job_states import JobState
from outpaint.contracts.storage_names import answer_prefix, failure_prefix, input_name, outcome_name
from outpaint.functions.adapters.clock_and_ids import SystemClock
from outpaint.functions.embedded.database import Database
from outpaint.functions.service import erasure, settle
from outpaint.functions.service.records import Account, Claim, Job, StoredPicture

Run = Callable[..., tuple[int, str, str]]
NOW = 2_000_000_000.0
SECRET = "a portrait of Ann Onymous"
UPLOAD, UNUSED = f"{UUID(int=77)}.png", f"{UUID(int=78)}.png"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is `NOW`, wherever that is looked up."""
    monkeypatch.setattr(SystemClock, "now", lambda self: NOW)


@pytest.fixture(autouse=True)
def nothing_is_overwritten_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite leaves what is deleted in its file, as it does unless it was built to overwrite it."""
    connect = Database._connect

    def connected(self: Database) -> sqlite3.Connection:
        connection = connect(self)
        connection.execute("PRAGMA secure_delete = OFF")
        return connection

    monkeypatch.setattr(Database, "_connect", connected)


@pytest.fixture
def served(place: Any) -> Any:
    """A place with accounts `ann` and `bob` of 20 credits each."""
    keys = place.opened().keys
    keys.add_key("Ann", "d" * 64, 20, NOW, "ann")
    keys.add_key("Bob", "e" * 64, 20, NOW, "bob")
    return place


@pytest.fixture
def store(served: Any, a_job: Callable[..., Job], request: pytest.FixtureRequest) -> Callable[..., Job]:
    """Stores a job with its secret prompt, all of its files, and an idempotency key."""

    def stored(number: int, state: JobState = JobState.SUCCEEDED, account: str = "ann", upload: str = "") -> Job:
        job = a_job(number, at=NOW, until=NOW + 1000, key=f"k{number}", account=account)
        wish = job.request.wish.model_copy(update={"prompt": SECRET})
        names = {"wish": wish, **({"image": upload} if upload else {})}
        job = replace(job, deadline_at=NOW + 60, request=job.request.model_copy(update=names))
        service = served.opened().service
        assert job.idempotency_key is not None
        service.jobs.create(job, Claim(account, job.idempotency_key, "f", job.id, NOW, NOW + 1000), NOW)
        for name in (*job.request.inputs, *job.request.output_ids):
            service.pictures.put(name, StoredPicture(b"pixels", "image/png", account, NOW + 1000))
        if served.kind == "stack":
            s3 = request.getfixturevalue("aws").client("s3")
            ended_as = (outcome_name(job.id), answer_prefix(job.id), f"{failure_prefix(job.id)}-error.out")
            for key in (*ended_as, input_name(job.id, "request")):
                s3.put_object(Bucket="outpaint-pictures", Key=key, Body=SECRET.encode())
        if state is not JobState.ACCEPTED:
            assert service.jobs.move(job.id, state) is not None
        return job

    return stored


@pytest.fixture
def kept(served: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[], tuple[bytes, list[str]]]:
    """All bytes of rows that a place holds, as they lie there, and the names of its files."""

    def everything() -> tuple[bytes, list[str]]:
        if served.kind == "folder":
            files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
            rows = b"".join(path.read_bytes() for path in files if "sqlite3" in path.name)
            return rows, sorted(path.name for path in files if "pictures" in path.parts)
        aws = request.getfixturevalue("aws")
        rows = repr(aws.client("dynamodb").scan(TableName="outpaint")["Items"]).encode()
        listed = aws.client("s3").list_objects_v2(Bucket="outpaint-pictures").get("Contents", [])
        return rows, sorted(each["Key"] for each in listed)

    return everything


def credits_of(served: Any, name: str) -> int:
    return int(served.opened().keys.account_named(name).credits)


def test_a_job_goes_with_all_that_is_stored_of_it(
    run: Run, served: Any, store: Callable[..., Job], kept: Callable[[], tuple[bytes, list[str]]]
) -> None:
    other = store(2, account="bob")
    before = kept()[1]
    job = store(1, upload=UPLOAD)
    assert SECRET.encode() in kept()[0]
    assert job.id.encode() in kept()[0]
    code, out, err = run("jobs", "erase", job.id, "--yes", *served.options)
    assert (code, err) == (0, "")
    files = 2 if served.kind == "folder" else 6
    assert out.startswith(f"erased: 1 job, {files} files\nnot erased: ")
    rows, names = kept()
    assert names == before
    assert job.id.encode() not in rows
    assert b"k1" not in rows
    assert rows.count(SECRET.encode()) == 1  # the other's
    service = served.opened().service
    with pytest.raises(OutpaintError) as unknown:
        settle.find_job(service, Account("ann", "Ann", 20), job.id)
    assert unknown.value.code is ErrorCode.UNKNOWN_INFERENCE
    assert service.jobs.find(other.id, NOW) is not None
    assert (credits_of(served, "Ann"), credits_of(served, "Bob")) == (18, 18)
    code, out, err = run("jobs", "erase", job.id, "--yes", *served.options)
    assert (code, out, "there is no job" in err) == (2, "", True)


def test_one_that_runs_is_refused_or_ended_first(
    run: Run, served: Any, store: Callable[..., Job], kept: Callable[[], tuple[bytes, list[str]]]
) -> None:
    job = store(1, JobState.ACCEPTED)
    if served.kind == "stack":
        # What is written of its end would end it.
        for name in kept()[1]:
            if name.startswith("outcomes/"):
                served.opened().service.pictures.delete(name)
    before = kept()[1]
    code, out, err = run("jobs", "erase", job.id, "--yes", *served.options)
    assert (code, out) == (2, "")
    assert "has not ended" in err
    assert kept()[1] == before
    assert credits_of(served, "Ann") == 18
    assert run("jobs", "erase", job.id, "--end", "--yes", *served.options)[0] == 0
    assert SECRET.encode() not in kept()[0]
    assert kept()[1] == []
    assert credits_of(served, "Ann") == 20


def test_an_account_goes_but_for_what_it_may_spend(
    run: Run, served: Any, store: Callable[..., Job], kept: Callable[[], tuple[bytes, list[str]]]
) -> None:
    other = store(3, account="bob")
    others = kept()[1]
    for number in (1, 2):
        store(number)
    pictures = served.opened().service.pictures
    pictures.put(UNUSED, StoredPicture(b"pixels", "image/png", "ann", NOW + 1000))
    code, out, _ = run("jobs", "erase", "--account", "Ann", "--yes", *served.options)
    assert (code, out.split(",")[0]) == (0, "erased: 2 jobs")
    rows, names = kept()
    assert names == others
    assert rows.count(SECRET.encode()) == 1
    assert other.id.encode() in rows
    assert credits_of(served, "Ann") == 16
    assert "Ann" in run("keys", "list", *served.options)[1]
    assert run("jobs", "erase", "--account", "Ann", "--yes", *served.options)[1].startswith("erased: 0 jobs, 0 files")


def test_an_account_whose_jobs_run_keeps_those_and_its_uploads(
    run: Run, served: Any, store: Callable[..., Job], request: pytest.FixtureRequest
) -> None:
    ended = store(1)
    running = store(2, JobState.ACCEPTED, upload=UPLOAD)
    if served.kind == "stack":
        for name in (outcome_name(running.id), answer_prefix(running.id), f"{failure_prefix(running.id)}-error.out"):
            request.getfixturevalue("aws").client("s3").delete_object(Bucket="outpaint-pictures", Key=name)
    code, out, err = run("jobs", "erase", "--account", "d" * 8, "--yes", *served.options)
    assert (code, out.split(",")[0]) == (1, "erased: 1 job")
    assert "1 job had not ended and stayed" in err
    service = served.opened().service
    assert service.jobs.find(ended.id, 0.0) is None
    assert service.jobs.find(running.id, NOW) == running
    assert service.pictures.get(UPLOAD, NOW) is not None
    assert run("jobs", "erase", "--account", "Ann", "--end", "--yes", *served.options)[0] == 0
    assert service.pictures.get(UPLOAD, NOW) is None
    assert credits_of(served, "Ann") == 18


def test_what_a_reader_keeps_in_the_folder_is_told_and_overwritten_later(
    run: Run, tmp_path: Path, a_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    from outpaint.functions.operations.place import opened

    monkeypatch.setattr("outpaint.functions.embedded.database.BUSY_S", 0.01)
    data = tmp_path / "data"
    with opened(data) as deployment:
        deployment.keys.add_key("Ann", "d" * 64, 20, NOW, "ann")
        job = a_job(1, at=NOW, until=NOW + 1000)
        deployment.service.jobs.create(job, None, NOW)
        deployment.service.jobs.move(job.id, JobState.SUCCEEDED)
    path = data / "outpaint.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM jobs").fetchall()
        code, _, err = run("jobs", "erase", job.id, "--yes", "--data", data)
        assert (code, "their bytes are still in" in err) == (3, True)
        assert job.id.encode() in b"".join(each.read_bytes() for each in data.glob("*.sqlite3*"))
    assert run("jobs", "erase", "--account", "Ann", "--yes", "--data", data)[0] == 0
    assert job.id.encode() not in b"".join(each.read_bytes() for each in data.glob("*.sqlite3*"))


def test_it_asks_first(run: Run, served: Any, store: Callable[..., Job], monkeypatch: pytest.MonkeyPatch) -> None:
    job = store(1)
    for said, ends, stays in (("n\n", 130, True), ("", 130, True), ("y\n", 0, False)):
        monkeypatch.setattr("sys.stdin", io.StringIO(said))
        code, _, err = run("jobs", "erase", job.id, *served.options)
        assert (code, f"Erase the job {job.id} for good?" in err) == (ends, True)
        assert (served.opened().service.jobs.find(job.id, NOW) is not None) is stays


@pytest.mark.parametrize("words", [(), ("an-id", "--account", "Ann")])
def test_it_is_told_one_thing_to_erase(run: Run, words: tuple[str, ...]) -> None:
    code, _, err = run("jobs", "erase", *words)
    assert (code, "name a job or an --account" in err) == (2, True)


def test_the_last_day_of_the_rows_is_the_tables_own(run: Run, aws: Any, a_job: Callable[..., Job]) -> None:
    from outpaint.functions.operations.deployment import StackName
    from outpaint.functions.operations.place import opened

    def erased(number: int) -> str:
        with opened(StackName("painting")) as deployment:
            job = a_job(number, at=NOW, until=NOW + 1000, price=0)
            deployment.service.jobs.create(job, None, NOW)
            deployment.service.jobs.move(job.id, JobState.FAILED)
        return run("jobs", "erase", job.id, "--yes", "--stack", "painting")[1]

    with opened(StackName("painting")) as deployment:
        deployment.keys.add_key("Ann", "d" * 64, 20, NOW, "ann")
    assert "point-in-time" not in erased(1)
    aws.client("dynamodb").update_continuous_backups(
        TableName="outpaint",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 3},
    )
    from datetime import UTC, datetime, timedelta

    last = datetime.now(UTC) + timedelta(3)
    assert f"point-in-time recovery, until {last:%Y-%m-%d}\n" in erased(2)


def test_what_a_later_try_has_written_since_the_list_was_read_goes_too(aws: Any, a_job: Callable[..., Job]) -> None:
    from outpaint.functions.operations.deployment import StackName
    from outpaint.functions.operations.place import opened

    key = "outcomes/failed/of-the-second-try.out"
    places = CompletionLocations(failure=f"s3://outpaint-pictures/{key}")
    with opened(StackName("painting")) as deployment:
        service = deployment.service
        deployment.keys.add_key("Ann", "d" * 64, 20, NOW, "ann")
        job = a_job(1, at=NOW, until=NOW + 1000)
        service.jobs.create(job, None, NOW)
        (listed,) = deployment.latest()
        service.jobs.begin_again(job.id, 2, places)
        aws.client("s3").put_object(Bucket="outpaint-pictures", Key=key, Body=b"it broke")
        assert erasure.erase_account(service, "ann", [listed], end=True).jobs == 1
    assert "Contents" not in aws.client("s3").list_objects_v2(Bucket="outpaint-pictures")


def test_a_file_that_the_store_keeps_is_told_and_its_job_stays(run: Run, aws: Any, a_job: Callable[..., Job]) -> None:
    from outpaint.functions.operations.deployment import StackName
    from outpaint.functions.operations.place import opened

    with opened(StackName("painting")) as deployment:
        deployment.keys.add_key("Ann", "d" * 64, 20, NOW, "ann")
        job = a_job(1, at=NOW, until=NOW + 1000)
        deployment.service.jobs.create(job, None, NOW)
        deployment.service.jobs.move(job.id, JobState.SUCCEEDED)
        deployment.service.pictures.put(job.request.output_ids[0], StoredPicture(b"x", "image/png", "ann", NOW + 1000))
    error = f"<Error><Key>{job.request.output_ids[0]}</Key><Code>AccessDenied</Code><Message>no</Message></Error>"
    # S3 answers 200 where it deleted nothing.
    aws.refusals["DeleteObjects"] = (200, f"<DeleteResult>{error}</DeleteResult>".encode())
    code, _, err = run("jobs", "erase", job.id, "--yes", "--stack", "painting")
    aws.refusals.clear()
    assert (code, "erase it once more" in err) == (3, True)
    assert run("jobs", "show", job.id, "--stack", "painting")[0] == 0
    assert run("jobs", "erase", job.id, "--yes", "--stack", "painting")[0] == 0
