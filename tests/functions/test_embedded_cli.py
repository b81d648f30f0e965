"""The command line: what it prints, what it leaves behind, and how it fails."""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
from PIL import Image

from outpaint.functions.command_line import command_group
from outpaint.functions.embedded import server
from outpaint.functions.embedded.asgi import AsgiHost
from outpaint.functions.embedded.server import listen, serving

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.radial_gradient("L").resize((60, 40)).convert("RGB").save(path)
    return path


def _fails(run: Run, *words: object, status: int = 2) -> str:
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
        for name in ("serve", "paint", "demo", "weights", "keys", "jobs", "endpoint"):
            assert re.search(rf"^  {name} ", out, re.MULTILINE)

    @pytest.mark.parametrize(
        "words",
        [
            ["serve"],
            ["paint"],
            ["weights", "pull"],
            *(["keys", word] for word in ("create", "list", "revoke", "credit")),
            *(["jobs", word] for word in ("list", "show", "end", "sweep")),
            *(["endpoint", word] for word in ("status", "scale", "invocations", "logs", "dead-letters", "redrive")),
        ],
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
                context = click.Context(command)
                subs = [(name, command.get_command(context, name)) for name in command.list_commands(context)]
                return [each for name, sub in subs if sub for each in commands(sub, (*words, name))]
            return [(words, command)]

        checked = 0
        for words, command in commands(command_group.outpaint):
            for line in (command.help or "").splitlines():
                if line.strip().startswith(f"outpaint {' '.join(words)} "):
                    # What stands behind a pipe is another program's.
                    own = line.partition("#")[0].partition(" | ")[0]
                    example = shlex.split(own.rstrip(" \\"))[1 + len(words) :]
                    options = {word for word in example if word.startswith("-") and not word[1:].isdigit()}
                    known = {name for parameter in command.params for name in parameter.opts}
                    assert options <= known, line
                    checked += 1
        assert checked >= 25

    def test_version(self, run: Run) -> None:
        code, out, _ = run("--version")
        assert code == 0
        assert re.fullmatch(r"outpaint-kit \d+\.\d+\.\d+\n", out)


class TestUsage:
    @pytest.mark.parametrize(
        ("words", "hint"),
        [
            (["nope"], "No such command 'nope' (see outpaint --help)"),
            (["pant"], "No such command 'pant'. Did you mean 'paint'? (see outpaint --help)"),
            (["contract", "verfy"], "'verfy'. Did you mean 'verify'? (see outpaint contract --help)"),
            (["contract", "pact", "chek"], "'chek'. Did you mean 'check'? (see outpaint contract pact --help)"),
            (["keys", "revok"], "'revok'. Did you mean 'revoke'? (see outpaint keys --help)"),
            (["serve", "--port", "99999"], "--port"),
            (["serve", "--prot", "1"], "--prot"),
            (["paint"], "Missing argument"),
            (["paint", "nowhere.png", "-o", "out.png"], "nowhere.png"),
            (["keys", "credit", "dev", "many"], "AMOUNT"),
            (["keys", "list", "--data", "d", "--stack", "s"], "exclude each other"),
            (["jobs", "list", "--region", "eu-west-1"], "--stack"),
            (["endpoint", "status"], "--stack"),
            (["endpoint", "scale", "3", "2", "--stack", "s"], "MIN 3"),
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
            (["-o", "out.png", "--extend", "9000"], "16384 px; resize it (the limit is set by --limit max_side=...)"),
            (["-o", "out.png", "--extend", "9", "--limit", "max_area=99"], "is set by --limit max_area=...)"),
            (["-o", "out.png", "--extend", "9", "--limit", "sides=99"], "max_side"),
            (["-o", "out.webp", "--size", "16384x60"], "16383"),
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


class TestServe:
    def test_a_port_in_use_is_told_before_anything_is_made(self, run: Run, tmp_path: Path) -> None:
        with listen("127.0.0.1", 0) as taken:
            line = _fails(run, "serve", "--port", taken.getsockname()[1], "--painter", "flat", status=3)
        assert "is in use" in line
        assert "--port" in line
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("content", [b"", b"too-short\n", b"\xff" * 40, b"two lines of\nsixteen letters"])
    def test_an_operators_token_that_is_none_is_told(self, run: Run, content: bytes) -> None:
        Path("token").write_bytes(content)
        line = _fails(run, "serve", "--port", 0, "--painter", "flat", "--operator-token-file", "token")
        assert "at least 16 visible ASCII characters" in line

    def test_the_variable_of_the_operators_token_is_read(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OUTPAINT_OPERATOR_TOKEN", "too-short")
        assert "token" in _fails(run, "serve", "--port", 0, "--painter", "flat")

    def test_a_data_folder_that_is_none_is_told(self, run: Run) -> None:
        Path("file").touch()
        assert "file" in _fails(run, "serve", "--port", 0, "--painter", "flat", "--data", "file/below", status=3)

    @pytest.fixture
    def serve(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[str, str]]:
        """Runs the command on a folder, until it has told where it serves; what it printed and what it warned of."""
        monkeypatch.setattr(server, "serve", lambda _app, _listener, started: started())

        def served(*words: str) -> tuple[str, str]:
            code, out, err = run("serve", "--port", 0, "--painter", "flat", "--data", "data", *words)
            assert code == 0
            return out, err

        return served

    def test_a_first_key_is_shown_once_and_with_what_to_copy(self, serve: Callable[..., tuple[str, str]]) -> None:
        out, err = serve()
        found = re.search(r"^  key      (ok_\S{43}) \(1,000 credits; keep it", out, re.MULTILINE)
        assert found is not None
        assert f"  try      curl -H 'X-Picsart-API-Key: {found[1]}' 'http://127.0.0.1:" in out
        assert err == ""
        again, _ = serve()
        assert "key" not in again

    def test_a_first_key_of_the_environment_is_never_shown(
        self, serve: Callable[..., tuple[str, str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number, warned in ((1, ""), (1, ""), (2, "OUTPAINT_FIRST_KEY opens nothing")):
            key = f"a-first-key-of-32-characters-01{number}"
            monkeypatch.setenv("OUTPAINT_FIRST_KEY", key)
            out, err = serve()
            assert key not in out + err
            assert "ok_" not in out
            assert warned in err
            assert bool(err) is bool(warned)

    def test_a_first_key_that_could_be_guessed_is_refused(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OUTPAINT_FIRST_KEY", "letmein")
        line = _fails(run, "serve", "--port", 0, "--painter", "flat")
        assert "OUTPAINT_FIRST_KEY is no key" in line
        assert "letmein" not in line

    def test_the_key_dev_is_told_by_the_option_and_by_a_folder_that_has_it(
        self, serve: Callable[..., tuple[str, str]], monkeypatch: pytest.MonkeyPatch, run: Run
    ) -> None:
        assert "  key      dev (1,000 credits left, for programs on this machine)" in serve("--dev-key")[0]
        assert "may lend the key dev" in serve("--dev-key", "--public-url", "https://paint.example")[1]
        out, _ = serve()
        assert "  key      dev is closed" in out
        assert "  key      ok_" in out
        monkeypatch.setenv("OUTPAINT_DEV_KEY", "1")
        assert "  key      dev (1,000" in serve()[0]
        run("keys", "revoke", "dev", "--data", "data")
        out, err = serve()
        assert ("dev" in out, "was revoked" in err) == (False, True)

    @pytest.mark.parametrize("origin", ["http://a.example/", "a.example", "ftp://a", "https://a.example, https://b"])
    def test_an_origin_that_no_browser_sends_is_refused(self, run: Run, origin: str) -> None:
        assert "cors_origin has wrong value" in _fails(run, "serve", "--cors-origin", origin)

    def test_a_refusal_for_a_limit_names_the_option_that_sets_it(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, photo: Path
    ) -> None:
        details: list[str] = []

        def ask(app: AsgiHost, listener: socket.socket, started: Callable[[], None]) -> None:
            with listener, serving(app) as url:
                key = {"X-Picsart-API-Key": "first-key-of-a-test-0123456789"}
                files = {"image": photo.read_bytes()}
                asked = {"headers": key, "files": files, "data": {"prompt": "x"}, "trust_env": False}
                answer = httpx.post(f"{url}/v1/painting/outpaint", **asked)
                details.append(answer.json()["detail"])

        monkeypatch.setattr(server, "serve", ask)
        monkeypatch.setenv("OUTPAINT_FIRST_KEY", "first-key-of-a-test-0123456789")
        limit = ("--limit", "max_side=50")
        assert run("serve", "--port", 0, "--painter", "flat", "--in-memory", *limit)[0] == 0
        said = "a side has at most 50 px; resize it (the limit is set by --limit max_side=...)"
        assert details == [f"image is 60x40 px: {said}"]

    def test_an_origin_that_was_named_is_the_only_one_that_reads_answers(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        allowed: list[str | None] = []

        def ask(app: AsgiHost, listener: socket.socket, started: Callable[[], None]) -> None:
            with listener, serving(app) as url:
                for origin in ("https://a.example", "http://[::1]:3000", "https://b.example"):
                    answer = httpx.get(f"{url}/health", headers={"Origin": origin}, trust_env=False)
                    allowed.append(answer.headers.get("Access-Control-Allow-Origin"))

        monkeypatch.setattr(server, "serve", ask)
        origins = ("--cors-origin", "https://A.example", "--cors-origin", "http://[::1]:3000")
        assert run("serve", "--port", 0, "--painter", "flat", "--in-memory", *origins)[0] == 0
        assert allowed == ["https://a.example", "http://[::1]:3000", None]

    def test_the_word_of_an_accepted_job_is_an_option(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, photo: Path
    ) -> None:
        words: list[str] = []

        def ask(app: AsgiHost, listener: socket.socket, started: Callable[[], None]) -> None:
            with listener, serving(app) as url:
                key = {"X-Picsart-API-Key": "first-key-of-a-test-0123456789"}
                files = {"image": photo.read_bytes(), "mask": photo.read_bytes()}
                form = {"prompt": "x", "mode": "async", "count": "1"}
                answer = httpx.post(f"{url}/v1/painting/outpaint", headers=key, files=files, data=form, trust_env=False)
                words.append(answer.json().get("status"))

        monkeypatch.setattr(server, "serve", ask)
        monkeypatch.setenv("OUTPAINT_FIRST_KEY", "first-key-of-a-test-0123456789")
        chosen = ("--accepted-word", "success")
        code, _, err = run("serve", "--port", 0, "--painter", "flat", "--in-memory", *chosen)
        assert code == 0, err
        assert words == ["success"]


class TestWeights:
    def test_lie_where_the_variable_says(self, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("OUTPAINT_WEIGHTS", str(tmp_path / "w"))
        assert run("weights", "path")[1] == f"{tmp_path / 'w'}\n"
        code, out, _ = run("weights", "list")
        assert (code, "not here" in out) == (0, True)

    def test_that_cannot_be_had_are_one_line(self, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("OUTPAINT_WEIGHTS", str(tmp_path / "w"))
        monkeypatch.setenv("PATH", str(tmp_path))
        assert "npm" in _fails(run, "weights", "pull", status=3)
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


class TestCommandsOfOtherPackages:
    def test_come_in_by_their_entry_point(self, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "upper_floor.py").write_text(
            "import click\n@click.command()\ndef greet():\n    'Say hello.'\n    click.echo('hello')\n"
        )
        monkeypatch.syspath_prepend(tmp_path)
        points = EntryPoints([EntryPoint("greet", "upper_floor:greet", command_group.COMMANDS_GROUP)])
        monkeypatch.setattr(command_group, "entry_points", points.select)
        assert run("greet") == (0, "hello\n", "")


@pytest.mark.parametrize("words", [["--help"], ["serve", "--help"]])
def test_a_reader_who_leaves_early_sees_no_traceback(words: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "from outpaint.functions.command_line.entry import main; main()", *words],
        stdout=(closed := subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.PIPE)).stdin,
        stderr=subprocess.PIPE, text=True, timeout=60, check=False,
    )  # fmt: skip
    closed.communicate()
    assert ended.stderr == ""


class TestTrustedProxies:
    @pytest.mark.parametrize(
        "command", [["serve", "--in-memory", "--painter", "flat"], ["mock"]], ids=["serve", "mock"]
    )
    def test_reach_the_server(self, run: Run, monkeypatch: pytest.MonkeyPatch, command: list[str]) -> None:
        served: list[Any] = []
        monkeypatch.setattr(server, "serve", lambda app, *_: served.append(app))
        code, _, _ = run(*command, "--port", "0", "--trusted-proxies", "10.0.0.0/8, ::1")
        assert code == 0
        (app,) = served
        assert [app.proxies.trusts(each) for each in ("10.1.2.3", "::1", "127.0.0.1")] == [True, True, False]

    @pytest.mark.parametrize("command", ["serve", "mock"])
    def test_are_addresses(self, run: Run, command: str) -> None:
        assert "'proxy.example' is no address and no network" in _fails(
            run, command, "--trusted-proxies", "proxy.example"
        )
