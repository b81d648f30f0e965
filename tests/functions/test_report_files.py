"""Files that a command writes in the end: refused beforehand where they cannot be written, never lost afterwards."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from outpaint.functions.command_line.report_files import WRITABLE_FILE, show_and_write


def converted(path: Path) -> Path:
    return WRITABLE_FILE.convert(str(path), None, None)


class TestBefore:
    def test_its_folder_is_made_and_nothing_is_left_in_it(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "folder" / "report.xml"
        assert converted(path) == path
        assert list((tmp_path / "new" / "folder").iterdir()) == []

    def test_a_file_that_is_there_stays_as_it_is(self, tmp_path: Path) -> None:
        path = tmp_path / "report.xml"
        path.write_text("of the last run")
        converted(path)
        assert path.read_text() == "of the last run"

    def test_what_cannot_be_written_is_wrong_usage(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("no folder")
        for path in (tmp_path / "file" / "report.xml", tmp_path, tmp_path / ("x" * 300)):
            with pytest.raises(click.UsageError, match=r"cannot be written|is a folder"):
                converted(path)


class TestAfter:
    def test_the_verdict_is_shown_first(self, tmp_path: Path) -> None:
        said: list[str] = []
        path = tmp_path / "report.xml"
        assert show_and_write(lambda: said.append(f"before the file: {not path.exists()}"), [(path, lambda: "<xml/>")])
        assert said == ["before the file: True"]
        assert path.read_text() == "<xml/>"

    def test_a_report_is_written_though_the_verdict_cannot_be_shown(self, tmp_path: Path) -> None:
        def gone() -> None:
            raise BrokenPipeError

        def broken() -> None:
            raise ZeroDivisionError

        assert show_and_write(gone, [(tmp_path / "a", lambda: "a"), (None, broken)])  # type: ignore[list-item]
        with pytest.raises(ZeroDivisionError):
            show_and_write(broken, [(tmp_path / "b", lambda: "b")])
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]

    def test_one_that_cannot_be_made_costs_no_other(self, tmp_path: Path) -> None:
        def broken() -> str:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            show_and_write(lambda: None, [(tmp_path / "a", broken), (tmp_path / "b", lambda: "b")])
        assert (tmp_path / "b").read_text() == "b"

    def test_a_folder_that_went_away_is_made_again(self, tmp_path: Path) -> None:
        path = converted(tmp_path / "build" / "report.xml")
        path.parent.rmdir()
        assert show_and_write(lambda: None, [(path, lambda: "<xml/>")])
        assert path.read_text() == "<xml/>"

    def test_one_that_finds_no_room_is_kept_elsewhere(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "kept"))
        (tmp_path / "kept").mkdir()
        (tmp_path / "taken").mkdir()
        other = tmp_path / "other.json"
        assert not show_and_write(lambda: None, [(tmp_path / "taken", lambda: "<xml/>"), (other, lambda: "{}")])
        named = re.search(r"the report is in (\S+)", capsys.readouterr().err)
        assert named is not None
        assert Path(named[1]).read_text() == "<xml/>"
        assert other.read_text() == "{}"
