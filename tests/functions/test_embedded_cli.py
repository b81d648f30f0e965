"""The command line: what it prints, what it leaves behind, and how it fails."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import click
import pytest
from outpaint_contracts import added_commands
from outpaint_functions.embedded.cli import entry
from outpaint_functions.embedded.keys import KEY_PREFIX
from outpaint_functions.embedded.server import listen
from outpaint_functions.embedded.stores import in_folder
from outpaint_functions.service.authentication import key_digest
from PIL import Image

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs `outpaint` with these words in a folder of its own: exit status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OUTPAINT_DATA", raising=False)

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["outpaint", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            entry.main()
        captured = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, captured.out, captured.err

    return call


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.radial_gradient("L").resize((60, 40)).convert("RGB").save(path)
    return path


def _fails(run: Run, *words: object, status: int = 1) -> str:
    """The one line of an error."""
    code, out, err = run(*words)
    assert code == status
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("error: ")
    return line


class TestHelp:
    def test_names_every_command(self, run: Run) -> None:
        code, out, _ = run("--help")
        assert code == 0
        for name in ("serve", "paint", "demo", "weights", "keys", "jobs"):
            assert re.search(rf"^  {name} ", out, re.MULTILINE)

    @pytest.mark.parametrize(
        "words", [["serve"], ["paint"], ["weights", "pull"], ["keys", "create"], ["keys", "credit"]]
    )
    def test_teaches_by_example(self, run: Run, words: list[str]) -> None:
        code, out, _ = run(*words, "--help")
        assert code == 0
        assert f"outpaint {' '.join(words)}" in out.partition("Example")[2]

    def test_examples_use_options_that_exist(self) -> None:
        def commands(
            command: click.Command, words: tuple[str, ...] = ()
        ) -> list[tuple[tuple[str, ...], click.Command]]:
            if isinstance(command, click.Group):
                return [each for name, sub in command.commands.items() for each in commands(sub, (*words, name))]
            return [(words, command)]

        checked = 0
        for words, command in commands(entry.outpaint):
            for line in (command.help or "").splitlines():
                if line.strip().startswith(f"outpaint {' '.join(words)} "):
                    example = shlex.split(line.partition("#")[0])[1 + len(words) :]
                    options = {word for word in example if word.startswith("-")}
                    known = {name for parameter in command.params for name in parameter.opts}
                    assert options <= known, line
                    checked += 1
        assert checked >= 8

    def test_version(self, run: Run) -> None:
        code, out, _ = run("--version")
        assert code == 0
        assert re.fullmatch(r"outpaint-kit \d+\.\d+\.\d+\n", out)


class TestUsage:
    @pytest.mark.parametrize(
        ("words", "hint"),
        [
            (["nope"], "No such command"),
            (["serve", "--port", "99999"], "--port"),
            (["serve", "--prot", "1"], "--prot"),
            (["paint"], "Missing argument"),
            (["paint", "nowhere.png", "-o", "out.png"], "nowhere.png"),
            (["keys", "credit", "dev", "many"], "AMOUNT"),
        ],
    )
    def test_is_told_in_one_line(self, run: Run, words: list[str], hint: str) -> None:
        line = _fails(run, *words, status=2)
        assert hint in line
        assert "--help" in line


class TestPaint:
    @pytest.mark.parametrize(
        ("option", "value", "size"),
        [("--extend", "10,0,20,5", (90, 45)), ("--extend", "8", (76, 56)), ("--size", "100x80", (100, 80)),
         ("--aspect", "1:1", (60, 60))],
    )  # fmt: skip
    def test_grows_a_photo(self, run: Run, photo: Path, option: str, value: str, size: tuple[int, int]) -> None:
        code, out, _ = run("paint", photo, "-o", "out.png", option, value, "--painter", "flat", "--seed", 5)
        assert code == 0
        assert f"out.png  {size[0]}x{size[1]}  seed 5" in out
        with Image.open("out.png") as painted, Image.open(photo) as original:
            assert painted.size == size
            left = 10 if value == "10,0,20,5" else (size[0] - 60) // 2
            top = 0 if value == "10,0,20,5" else (size[1] - 40) // 2
            assert painted.crop((left, top, left + 60, top + 40)).tobytes() == original.tobytes()

    @pytest.mark.parametrize(
        ("name", "more", "format_"),
        [("a.jpg", [], "JPEG"), ("a.JPEG", [], "JPEG"), ("a.webp", [], "WEBP"), ("a.png", [], "PNG"),
         ("a.out", ["--format", "webp"], "WEBP")],
    )  # fmt: skip
    def test_writes_the_format_wanted(self, run: Run, photo: Path, name: str, more: list[str], format_: str) -> None:
        assert run("paint", photo, "-o", name, "--extend", "8", "--painter", "flat", *more)[0] == 0
        with Image.open(name) as painted:
            assert painted.format == format_

    def test_numbers_variants(self, run: Run, photo: Path) -> None:
        code, out, _ = run(
            "paint", photo, "-o", "o.png", "--extend", 8, "--count", 2, "--seed", 2**32 - 1, "--painter", "flat"
        )
        assert code == 0
        assert "o-1.png  76x56  seed 4294967295" in out
        assert "o-2.png  76x56  seed 0" in out
        assert Path("o-1.png").read_bytes() != Path("o-2.png").read_bytes()
        assert not Path("o.png").exists()

    def test_takes_a_mask_or_transparency(self, run: Run, photo: Path, cut_out: bytes) -> None:
        mask = Image.new("L", (60, 40), 255)
        mask.paste(0, (0, 0, 20, 40))
        mask.save("mask.png")
        code, out, _ = run("paint", photo, "-o", "out.png", "--mask", "mask.png", "--painter", "flat")
        assert (code, "painted 33% of it" in out) == (0, True)
        code, out, _ = run(
            "paint",
            photo,
            "-o",
            "out.png",
            "--mask",
            "mask.png",
            "--mask-mode",
            "inverted_luminance",
            "--painter",
            "flat",
        )
        assert (code, "painted 67% of it" in out) == (0, True)
        Path("cut.png").write_bytes(cut_out)
        code, out, _ = run("paint", "cut.png", "-o", "out.png", "--painter", "flat")
        assert (code, "painted 75% of it" in out) == (0, True)

    @pytest.mark.parametrize(
        ("words", "hint"),
        [
            (["-o", "out.png"], "--extend"),
            (["-o", "out.gif", "--extend", "8"], "--format"),
            (["-o", "photo.png", "--extend", "8"], "the photo itself"),
            (["-o", "nowhere/out.png", "--extend", "8"], "no folder"),
            (["-o", "out.png", "--extend", "8", "--size", "90x90"], "exclude each other"),
            (["-o", "out.png", "--extend", "1,2"], "--extend"),
            (["-o", "out.png", "--size", "10x10"], "--size"),
            (["-o", "out.png", "--aspect", "wide"], "--aspect"),
            (["-o", "out.png", "--extend", "100000"], "canvas"),
            (["-o", "out.png", "--extend", "8", "--painter", "nobody"], "nobody"),
            (["-o", "out.png", "--extend", "8", "--painter", "no_module:X"], "no_module"),
        ],
    )
    def test_says_what_is_wrong(self, run: Run, photo: Path, words: list[str], hint: str) -> None:
        before = photo.read_bytes()
        assert hint in _fails(run, "paint", "photo.png", *words)
        assert [path.name for path in photo.parent.iterdir()] == ["photo.png"]
        assert photo.read_bytes() == before

    def test_of_what_is_no_picture_says_so(self, run: Run) -> None:
        Path("a.txt").write_text("not a picture")
        _fails(run, "paint", "a.txt", "-o", "out.png", "--extend", "8", "--painter", "flat")


class TestKeys:
    def test_a_key_is_shown_once_and_stored_as_a_hash(self, run: Run, tmp_path: Path) -> None:
        code, out, err = run("keys", "create", "Ann", "--credits", 5)
        assert (code, "not shown again" in err) == (0, True)
        key = out.strip()
        assert key.startswith(KEY_PREFIX)
        assert len(key) > 40
        for file in (tmp_path / ".outpaint").rglob("*"):
            if file.is_file():
                assert key.encode() not in file.read_bytes()
        with in_folder(tmp_path / ".outpaint", lambda _: None) as stores:
            account = stores.accounts.by_key_digest(key_digest(key))
            assert account is not None
            assert (account.name, account.credits, account.loopback_only) == ("Ann", 5, False)
            development = stores.accounts.by_key_digest(key_digest("dev"))
            assert development is not None
            assert (development.credits, development.loopback_only) == (1000, True)

    def test_revoked_by_id_or_in_full(self, run: Run, tmp_path: Path) -> None:
        for given in (lambda key: key_digest(key)[:8], lambda key: key):
            key = run("keys", "create", "Ann")[1].strip()
            assert run("keys", "revoke", given(key))[0] == 0
            with in_folder(tmp_path / ".outpaint", lambda _: None) as stores:
                assert stores.accounts.by_key_digest(key_digest(key)) is None
            assert re.search(rf"^{key_digest(key)[:8]} .* revoked$", run("keys", "list")[1], re.MULTILINE)

    def test_credits_belong_to_the_account(self, run: Run) -> None:
        run("keys", "create", "Ann", "--credits", 5)
        run("keys", "create", "Ann", "--credits", 7)
        assert run("keys", "credit", "Ann", "-2")[1] == "Ann has 10 credits\n"
        assert run("keys", "credit", "Ann", "1000")[1] == "Ann has 1,010 credits\n"
        assert run("keys", "list")[1].count("1,010") == 2

    def test_a_revoked_development_key_does_not_come_back(self, run: Run, tmp_path: Path) -> None:
        run("keys", "revoke", "dev")
        with in_folder(tmp_path / ".outpaint", lambda _: None) as stores:
            assert stores.accounts.by_key_digest(key_digest("dev")) is None

    @pytest.mark.parametrize(
        "words",
        [
            ["create", ""],
            ["create", "a\nb"],
            ["create", "Ann", "--credits", "-1"],
            ["credit", "development", "-1001"],
            ["credit", "development", "99999999999"],
            ["credit", "nobody", "1"],
            ["revoke", "nobody"],
        ],
    )
    def test_says_what_is_wrong(self, run: Run, words: list[str]) -> None:
        _fails(run, "keys", *words)

    def test_work_beside_a_server(self, run: Run, tmp_path: Path) -> None:
        with in_folder(tmp_path / ".outpaint", lambda _: None) as stores:
            key = run("keys", "create", "Ann")[1].strip()
            assert stores.accounts.by_key_digest(key_digest(key)) is not None


class TestJobs:
    def test_are_listed_and_shown(self, run: Run, tmp_path: Path, a_job: Callable[..., object]) -> None:
        from outpaint_functions.service.records import Job

        job = a_job(account="dev", until=1e12)
        assert isinstance(job, Job)
        with in_folder(tmp_path / ".outpaint", lambda _: None) as stores:
            stores.jobs.create(job, None, 0.0)
        code, out, _ = run("jobs", "list")
        assert code == 0
        assert job.id in out
        assert "accepted" in out
        code, out, _ = run("jobs", "show", job.id)
        assert code == 0
        assert json.loads(out)["request"]["prompt"] == "hills ☃"
        _fails(run, "jobs", "show", "nothing")


class TestServe:
    def test_a_port_in_use_is_told_before_anything_is_made(self, run: Run, tmp_path: Path) -> None:
        with listen("127.0.0.1", 0) as taken:
            line = _fails(run, "serve", "--port", taken.getsockname()[1], "--painter", "flat")
        assert "is in use" in line
        assert "--port" in line
        assert list(tmp_path.iterdir()) == []

    def test_a_data_folder_that_is_none_is_told(self, run: Run) -> None:
        Path("file").touch()
        assert "file" in _fails(run, "serve", "--port", 0, "--painter", "flat", "--data", "file/below")


class TestWeights:
    def test_lie_where_the_variable_says(self, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("OUTPAINT_WEIGHTS", str(tmp_path / "w"))
        assert run("weights", "path")[1] == f"{tmp_path / 'w'}\n"
        code, out, _ = run("weights", "list")
        assert (code, "not here" in out) == (0, True)

    def test_that_cannot_be_had_are_one_line(self, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("OUTPAINT_WEIGHTS", str(tmp_path / "w"))
        monkeypatch.setenv("PATH", str(tmp_path))
        assert "npm" in _fails(run, "weights", "pull")
        assert "nothing" in _fails(run, "weights", "pull", "nothing")
        Path("wrong.onnx").write_bytes(b"x")
        assert "wrong.onnx" in _fails(run, "weights", "add", "wrong.onnx")


class TestDemo:
    def test_leaves_pictures_and_commands_that_made_them(self, run: Run) -> None:
        code, out, err = run("demo", "--painter", "flat", "-o", "pictures")
        assert (code, err) == (0, "")
        made = sorted(path.name for path in Path("pictures").iterdir())
        assert made == ["sample-async-1.jpg", "sample-async-2.jpg", "sample-sync-1.jpg", "sample-to-grow.png"]
        with Image.open("pictures/sample-to-grow.png") as grown:
            size = grown.size
        for name in made[:3]:
            assert str(Path("pictures") / name) in out
            with Image.open(Path("pictures") / name) as picture:
                assert (picture.format, picture.size) == ("JPEG", size)
        assert len({(Path("pictures") / name).read_bytes() for name in made[:3]}) == 3
        assert len([line for line in out.splitlines() if line.strip().startswith("curl ")]) == 3


class TestAddedCommands:
    def test_come_in_by_their_entry_point(self, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "upper_floor.py").write_text(
            "import click\n@click.command()\ndef greet():\n    'Say hello.'\n    click.echo('hello')\n"
        )
        monkeypatch.syspath_prepend(tmp_path)
        points = (
            EntryPoint("greet", "upper_floor:greet", entry.COMMANDS_GROUP),
            EntryPoint("broken", "no_such_module:x", entry.COMMANDS_GROUP),
        )
        monkeypatch.setattr(added_commands, "entry_points", lambda *, group: points)
        assert run("greet") == (0, "hello\n", "")
        assert "broken cannot be used: no_such_module is not installed" in _fails(run, "broken", "--any", "thing")

    def test_are_listed_even_where_they_cannot_be_used(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        points = (EntryPoint("broken", "no_such_module:x", entry.COMMANDS_GROUP),)
        monkeypatch.setattr(added_commands, "entry_points", lambda *, group: points)
        status, out, _ = run("--help")
        assert status == 0
        assert "broken" in out
        assert "serve" in out


def test_a_reader_who_leaves_early_sees_no_traceback() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "from outpaint_functions.embedded.cli import main; main()", "serve", "--help"],
        stdout=(closed := subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.PIPE)).stdin,
        stderr=subprocess.PIPE, text=True, timeout=60, check=False,
    )  # fmt: skip
    closed.communicate()
    assert "Traceback" not in ended.stderr
