"""A real server process on a data folder: killed and started again, and its disk full, read-only or gone."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from outpaint.contracts.paths_and_headers import API_KEY, IDEMPOTENT_REPLAYED

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")

# Paints like `flat`, but only while a file `go` lies in its folder; notes each beginning in `begun`. With the prompt
# `deadly` it kills its process, once a file `armed` lies there.
_PAINTER = """
import os
import signal
import time
from pathlib import Path

from outpaint.painting.painters.flat import FlatPainter

HERE = Path(__file__).parent


class HeldPainter(FlatPainter):
    def paint(self, canvas, brief):
        with (HERE / "begun").open("a") as begun:
            begun.write(brief.wish.prompt + chr(10))
        until = time.monotonic() + 60
        if brief.wish.prompt == "deadly":
            while not (HERE / "armed").exists():
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGKILL)
        while not (HERE / "go").exists():
            if time.monotonic() > until:
                raise TimeoutError("nobody said go")
            time.sleep(0.01)
        yield from super().paint(canvas, brief)
"""


# `outpaint serve` has one painter; a program of one's own has as many as it likes.
_THREE_PAINTERS = """
from pathlib import Path

from held_painter import HeldPainter

from outpaint.functions import open_host, serve
from outpaint.functions.embedded.server import listen, url_of
from outpaint.functions.embedded.starting_keys import StartingKeys

painters, keys = [HeldPainter() for _ in range(3)], StartingKeys(development=True)
with listen("127.0.0.1", 0) as listener, open_host(painters, data=Path("data"), keys=keys) as host:
    serve(host.asgi, listener, lambda: print("three serves on", url_of(listener), flush=True))
"""


class Shop:
    """A folder with the painter in it, and the servers started on its data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "held_painter.py").write_text(_PAINTER)
        self.go = folder / "go"
        self.begun = folder / "begun"
        self.begun.touch()
        self.before: list[str] = []
        self.lines: queue.Queue[str] = queue.Queue()

    @contextmanager
    def server(self, program: str | None = None) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
        """`outpaint serve`, or a program of Python, and a client of it; killed in the end."""
        command = ["-c", program or "from outpaint.functions.command_line.entry import main; main()"]
        options = [
            "serve",
            "--port",
            "0",
            "--painter",
            "held_painter:HeldPainter",
            "--data",
            "data",
            "--grace",
            "20",
            "--dev-key",
        ]
        process = subprocess.Popen(
            [*self.before, sys.executable, *command, *(options if program is None else ())],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        with process, process.stdout as output:
            lines = self.lines = queue.Queue()
            reader = threading.Thread(target=lambda: [lines.put(line) for line in output], daemon=True)
            reader.start()
            try:
                first = lines.get(timeout=60)
                assert " serves on http://127.0.0.1:" in first, first
                headers = {API_KEY: "dev"}
                with httpx.Client(base_url=first.split()[-1], headers=headers, timeout=30) as client:
                    yield process, client
            finally:
                process.kill()
                process.wait(20)
                reader.join(20)

    def said(self) -> str:
        """What the server has printed since this was asked last."""
        return "".join(self.lines.get() for _ in range(self.lines.qsize()))

    def wait_for_begun(self, jobs: int) -> None:
        self.until(lambda: len(self.begun.read_text().splitlines()) >= jobs)

    @staticmethod
    def until(condition: Any) -> None:
        until = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < until, "it did not happen"
            time.sleep(0.02)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def _submit(client: httpx.Client, picture: bytes, prompt: str, **more: Any) -> httpx.Response:
    return client.post(
        "/v1/painting/outpaint", data={"prompt": prompt, "count": "2", **more}, files={"image": picture},
        headers={"Idempotency-Key": prompt},
    )  # fmt: skip


def _ended(client: httpx.Client, inference_id: str) -> dict[str, Any]:
    until = time.monotonic() + 30
    while (answer := client.get(f"/v1/painting/{inference_id}")).status_code == 202:
        assert time.monotonic() < until, "the job did not end"
        time.sleep(0.02)
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


def _credits(client: httpx.Client) -> int:
    credits_: int = client.get("/v1/balance").json()["credits"]
    return credits_


def _path(url: str) -> str:
    return "/" + url.split("/", 3)[3]


def test_a_kill_loses_nothing_finished_and_ends_everything_begun(shop: Shop, cut_out: bytes) -> None:
    shop.go.touch()
    with shop.server() as (process, client):
        finished = _submit(client, cut_out, "finished").json()
        files = {_path(picture["url"]): client.get(picture["url"]).content for picture in finished["data"]}
        assert len(files) == 2
        shop.go.unlink()
        running = _submit(client, cut_out, "running", mode="async").json()["inference_id"]
        queued = _submit(client, cut_out, "queued", mode="async").json()["inference_id"]
        shop.wait_for_begun(2)
        assert _credits(client) == 994
        process.send_signal(signal.SIGKILL)
        assert process.wait(20) == -signal.SIGKILL

    with shop.server() as (_, client):
        # The files' signed URLs outlive the process, only its port has changed.
        for path, content in files.items():
            assert client.get(path).content == content
        assert _ended(client, finished["inference_id"])["data"] != []
        for inference_id in (running, queued):
            assert client.get(f"/v1/painting/{inference_id}").status_code == 202
        shop.wait_for_begun(3)
        shop.go.touch()
        for inference_id in (running, queued):
            body = _ended(client, inference_id)
            assert body["status"] == "success"
            assert [client.get(picture["url"]).status_code for picture in body["data"]] == [200, 200]
        again = _submit(client, cut_out, "running")
        assert again.headers[IDEMPOTENT_REPLAYED] == "true"
        assert again.json()["inference_id"] == running
        assert _credits(client) == 994


def test_a_job_painted_at_each_kill_is_given_up_and_those_that_waited_are_not(shop: Shop, cut_out: bytes) -> None:
    running, waiting = "", []
    for attempt in range(1, 4):
        with shop.server() as (_, client):
            if not running:
                running = _submit(client, cut_out, "running", mode="async").json()["inference_id"]
                shop.wait_for_begun(1)
                for number in range(12):
                    answer = _submit(client, cut_out, f"waiting-{number}", mode="async")
                    waiting.append(answer.json()["inference_id"])
            shop.wait_for_begun(attempt)
    shop.go.touch()
    with shop.server() as (_, client):
        body = _ended(client, running)
        assert (body["status"], body["error_code"]) == ("error", "painting_failed")
        assert {_ended(client, id_)["status"] for id_ in waiting} == {"success"}
        assert _credits(client) == 1000 - 2 * 12


def test_a_job_that_kills_its_server_takes_no_other_with_it(shop: Shop, cut_out: bytes) -> None:
    prompts, jobs, armed = ("first", "deadly", "last", "waiting"), {}, shop.folder / "armed"
    with shop.server(_THREE_PAINTERS) as (process, client):
        for prompt in prompts:
            jobs[prompt] = _submit(client, cut_out, prompt, mode="async").json()["inference_id"]
        shop.wait_for_begun(3)
        armed.touch()
        assert process.wait(30) == -signal.SIGKILL
    assert sorted(shop.begun.read_text().split()) == ["deadly", "first", "last"]
    shop.go.touch()
    # Painted alone from now on, so that only its own tries count.
    for _ in range(3):
        armed.unlink()
        with shop.server(_THREE_PAINTERS) as (process, _):
            armed.touch()
            assert process.wait(30) == -signal.SIGKILL
    assert shop.begun.read_text().split()[3:] == ["first", "deadly", "deadly", "deadly"]
    with shop.server(_THREE_PAINTERS) as (_, client):
        ends = {prompt: _ended(client, jobs[prompt]) for prompt in prompts}
        assert {prompt: end["status"] for prompt, end in ends.items()} == {
            "first": "success",
            "deadly": "error",
            "last": "success",
            "waiting": "success",
        }
        assert ends["deadly"]["error_code"] == "painting_failed"
        assert _credits(client) == 1000 - 2 * 3
    assert shop.begun.read_text().split()[7:] == ["last", "waiting"]


def test_a_stop_lets_the_running_job_end(shop: Shop, cut_out: bytes) -> None:
    with shop.server() as (process, client):
        running = _submit(client, cut_out, "running", mode="async").json()["inference_id"]
        shop.wait_for_begun(1)
        process.send_signal(signal.SIGTERM)
        shop.go.touch()
        assert process.wait(30) == 0
    with shop.server() as (_, client):
        assert client.get(f"/v1/painting/{running}").json()["status"] == "success"
        assert len(shop.begun.read_text().splitlines()) == 1


def test_two_servers_do_not_share_a_folder(shop: Shop) -> None:
    with shop.server():
        second = subprocess.run(
            [sys.executable, "-c", "from outpaint.functions.command_line.entry import main; main()", "serve",
             "--port", "0", "--painter", "flat", "--data", "data"],
            cwd=shop.folder, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert second.returncode == 3
    assert second.stderr.startswith("error: the data folder data is in use by another server")
    assert len(second.stderr.splitlines()) == 1


_MOUNT = 'mount -t tmpfs -o size=6m,mode=755 none "$0" && exec "$@"'


@dataclass
class Disk:
    """A file system of six megabytes that only the server's process has mounted, by way of /proc/PID/root."""

    folder: Path
    process: subprocess.Popen[str]

    @property
    def data(self) -> Path:
        return self.seen / "data"

    @property
    def seen(self) -> Path:
        return Path("/proc", str(self.process.pid), "root", *self.folder.parts[1:])

    def fill(self) -> None:
        with (self.seen / "filler").open("wb", buffering=0) as filler, suppress(OSError):
            while True:
                filler.write(bytes(4096))

    def empty(self) -> None:
        (self.seen / "filler").unlink()

    def inside(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command where the server's file system is mounted."""
        enter = ["nsenter", "-t", str(self.process.pid), "-U", "-m", "--preserve-credentials"]
        there = ["sh", "-c", 'cd "$0" && exec "$@"', str(self.folder.parent)]
        return subprocess.run([*enter, *there, *command], capture_output=True, text=True, timeout=30, check=False)


@contextmanager
def _on_a_small_disk(shop: Shop) -> Iterator[tuple[Disk, httpx.Client]]:
    folder = shop.folder / "disk"
    folder.mkdir()
    shop.before = ["unshare", "-Urm", "sh", "-c", _MOUNT, str(folder)]
    if shutil.which("unshare") is None or subprocess.run([*shop.before, "true"], check=False).returncode:
        pytest.skip("no file system can be mounted in a namespace of its own here")
    with shop.server(_ON_DISK) as (process, client):
        yield Disk(folder, process), client


_ON_DISK = """
import sys

from outpaint.functions.command_line.entry import main

sys.argv[1:] = ["serve", "--dev-key", "--port", "0", "--painter", "held_painter:HeldPainter", "--data", "disk/data",
                "--limit", "free_disk=0"]
main()
"""


def _refused(answer: httpx.Response) -> str:
    assert (answer.status_code, answer.json()["error_code"]) == (503, "unavailable"), answer.text
    assert int(answer.headers["Retry-After"]) > 0
    detail: str = answer.json()["detail"]
    return detail


def test_on_a_full_disk_nothing_is_lost_and_jobs_end_as_soon_as_there_is_room(shop: Shop, cut_out: bytes) -> None:
    with _on_a_small_disk(shop) as (disk, client):
        shop.go.touch()
        earlier = _submit(client, cut_out, "earlier").json()
        shop.go.unlink()
        running = _submit(client, cut_out, "running", mode="async").json()["inference_id"]
        shop.wait_for_begun(2)
        disk.fill()
        shop.go.touch()
        said = _refused(_submit(client, cut_out, "more", mode="async"))
        assert "the disk of the server's data folder is full: make room there" in said
        # What only reads goes on.
        assert client.get("/health").status_code == 200
        assert _credits(client) == 996
        assert client.get(earlier["data"][0]["url"]).status_code == 200
        assert client.get(f"/v1/painting/{running}").status_code == 202
        disk.empty()
        # The picture waited in memory: nothing was painted twice.
        assert _ended(client, running)["status"] == "success"
        assert shop.begun.read_text().split() == ["earlier", "running"]
        more = _submit(client, cut_out, "more", mode="async").json()["inference_id"]
        assert _ended(client, more)["status"] == "success"
        assert _credits(client) == 994
        log = shop.said()
        assert f"{disk.folder}/data".removeprefix(f"{shop.folder}/") in log
        assert "is full: make room" in log
        assert "Traceback" not in log


def test_a_folder_that_is_read_only_or_gone_is_503_and_not_made_anew(shop: Shop, cut_out: bytes) -> None:
    shop.go.touch()
    with _on_a_small_disk(shop) as (disk, client):
        assert _submit(client, cut_out, "before").status_code == 200
        pictures = str(disk.folder / "data" / "pictures")
        assert disk.inside("mount", "--bind", pictures, pictures).returncode == 0
        assert disk.inside("mount", "-o", "remount,bind,ro", pictures).returncode == 0
        shop.until(lambda: _submit(client, cut_out, "read-only").status_code == 503)
        assert "is read-only" in _refused(_submit(client, cut_out, "read-only"))
        assert disk.inside("umount", pictures).returncode == 0
        shop.until(lambda: _submit(client, cut_out, "again").status_code == 200)
        # A second server finds the folder in use, with the lock file or without it.
        (disk.data / "server.lock").unlink()
        second = disk.inside(sys.executable, "-c", _ON_DISK)
        assert (second.returncode, "is in use by another server" in second.stderr) == (3, True), second.stderr
        kept = disk.seen / "kept.sqlite3"
        (disk.data / "outpaint.sqlite3").rename(kept)
        shop.until(lambda: client.get("/v1/balance").status_code == 503)
        for answer in (client.get("/v1/balance"), _submit(client, cut_out, "gone")):
            assert "is gone: stop the server" in _refused(answer)
        assert not (disk.data / "outpaint.sqlite3").exists()
        kept.rename(disk.data / "outpaint.sqlite3")
        shop.until(lambda: client.get("/v1/balance").status_code == 200)
        disk.data.rename(disk.seen / "moved")
        shop.until(lambda: client.get("/v1/balance").status_code == 503)
        assert "is gone: stop the server" in _refused(_submit(client, cut_out, "moved"))
        assert not disk.data.exists()
        assert "Traceback" not in shop.said()
