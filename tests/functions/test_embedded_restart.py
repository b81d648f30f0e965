"""A real server process on a data folder, killed in the middle of its work and started again."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
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

with listen("127.0.0.1", 0) as listener, open_host([HeldPainter() for _ in range(3)], data=Path("data")) as host:
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

    @contextmanager
    def server(self, program: str | None = None) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
        command = ["-c", program or "from outpaint.functions.command_line.entry import main; main()"]
        options = ["serve", "--port", "0", "--painter", "held_painter:HeldPainter", "--data", "data", "--grace", "20"]
        process = subprocess.Popen(
            [sys.executable, *command, *(options if program is None else ())],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        with process, process.stdout as output:
            lines: queue.Queue[str] = queue.Queue()
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

    def wait_for_begun(self, jobs: int) -> None:
        self._until(lambda: len(self.begun.read_text().splitlines()) >= jobs)

    @staticmethod
    def _until(condition: Any) -> None:
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
    assert second.returncode == 1
    assert second.stderr.startswith("error: the data folder data is in use by another server")
    assert len(second.stderr.splitlines()) == 1
