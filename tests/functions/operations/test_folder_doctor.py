"""`outpaint doctor` of a data folder."""

from __future__ import annotations

import json
import os
import sqlite3
from collections import namedtuple
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from outpaint.functions.embedded.database import schema_version
from outpaint.functions.operations.folder_checks import FOLDER_CHECKS

Run = Callable[..., tuple[int, str, str]]
Usage = namedtuple("Usage", "total used free")
DATABASE = "outpaint.sqlite3"


@pytest.fixture
def data(run: Run, tmp_path: Path) -> Path:
    """A folder with an account in it."""
    folder = tmp_path / "data"
    assert run("keys", "create", "Ann", "--data", folder)[0] == 0
    return folder


def checked(run: Run, data: Path, name: str) -> tuple[int, str, str]:
    """One check's exit code, verdict, and what it says and asks for."""
    code, out, err = run("doctor", "--data", data, "--check", name, "--json")
    assert err == ""
    (finding,) = json.loads(out)["checks"]
    return code, finding["verdict"], f"{finding['says']} -> {finding['todo']}"


def test_a_sound_folder_passes(run: Run, data: Path) -> None:
    before = (data / DATABASE).read_bytes()
    code, out, err = run("doctor", "--data", data)
    assert (code, err) == (0, "")
    assert [line.split()[1] for line in out.splitlines()[:-1]] == [check.name for check in FOLDER_CHECKS]
    assert out.splitlines()[-1] == f"{len(FOLDER_CHECKS)} ok"
    assert (data / DATABASE).read_bytes() == before


def test_a_folder_that_is_not_there_is_no_fault_and_is_not_made(run: Run, tmp_path: Path) -> None:
    code, verdict, said = checked(run, tmp_path / "none", "folder")
    assert (code, verdict, "outpaint serve" in said) == (0, "warning", True)
    assert checked(run, tmp_path / "none", "database")[:2] == (0, "ok")
    assert checked(run, tmp_path / "none", "space")[1] == "ok"
    assert not (tmp_path / "none").exists()


def test_one_that_cannot_be_written(run: Run, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    code, verdict, said = checked(run, data, "folder")
    assert (code, verdict, f"{data} cannot be written" in said) == (1, "fault", True)


def test_a_damaged_database(run: Run, data: Path) -> None:
    (data / DATABASE).write_bytes(b"not SQLite" * 1000)
    code, verdict, said = checked(run, data, "database")
    assert (code, verdict) == (1, "fault")
    assert "is damaged" in said
    assert "restore a backup" in said


def test_a_database_of_a_newer_release(run: Run, data: Path) -> None:
    with closing(sqlite3.connect(data / DATABASE)) as connection:
        connection.execute(f"PRAGMA user_version = {schema_version() + 1}")
    code, verdict, said = checked(run, data, "database")
    assert (code, verdict, "newer release" in said) == (1, "fault", True)


def test_a_full_disk(run: Run, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(1 << 40, 1 << 40, 1 << 29))
    code, verdict, said = checked(run, data, "space")
    assert (code, verdict, said) == (0, "warning", "0.5 GiB are free -> make room: pictures stay for a day")


def test_a_painter_that_does_not_load(run: Run, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checked(run, data, "painter")[:2] == (0, "ok")
    monkeypatch.setattr("patchmatch.patchmatch_available", False)
    code, verdict, said = checked(run, data, "painter")
    assert (code, verdict) == (1, "fault")
    assert "pypatchmatch does not load" in said
    assert "outpaint-kit[paint]" in said
