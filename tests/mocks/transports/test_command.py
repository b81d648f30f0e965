"""`outpaint mock`, as a process."""

from __future__ import annotations

import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from outpaint.functions.command_line.exit_codes import ExitCode

KEY = {"X-Picsart-API-Key": "anyone"}


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command on a free port; yields it with its URL, and stops it."""
    command = [sys.executable, "-m", "outpaint.mocks", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"http://[^ ]+?(?=/v1)", line)
            assert found is not None, process.stderr.read() if process.stderr else line
            yield process, found[0]
        finally:
            process.terminate()
            process.wait(20)


def test_it_needs_no_configuration() -> None:
    with running() as (_, url):
        assert httpx.get(f"{url}/v1/balance", headers=KEY).json() == {"credits": 1000}
        assert httpx.get(f"{url}/t/other/v1/balance", headers=KEY).status_code == 200
        by_key = httpx.get(f"{url}/v1/balance", headers={"X-Picsart-API-Key": "@third:mock_no_credits"})
        assert by_key.json() == {"credits": 0}


def test_it_is_ready_before_the_image_library_is() -> None:
    code = (
        "import sys; from outpaint.mocks.mock_command import mock; import outpaint.functions.embedded.server, "
        "outpaint.mocks.admin, outpaint.mocks.transports.tcp_connection, outpaint.mocks.transports.tcp_server; "
        "from outpaint.mocks.world.world_options import WorldOptions; WorldOptions().checked().world('w'); "
        "print(sorted(m for m in ('PIL', 'numpy', 'httpx') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_its_options_set_every_world_up() -> None:
    options = ("--scenario", "error(internal, on=balance, times=1)", "--credits", "5")
    with running(*options, "--clock", "frozen", "--start", "2026-01-01T12:00:00") as (_, url):
        assert httpx.get(f"{url}/_mock/clock").json()["time"] == "2026-01-01T12:00:00Z"
        for world in ("", "/t/a"):
            answers = [httpx.get(f"{url}{world}/v1/balance", headers=KEY) for _ in range(2)]
            assert [answer.status_code for answer in answers] == [500, 200]
            assert answers[1].json() == {"credits": 5}


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_everybody_before_it_ends(how: signal.Signals) -> None:
    answers: list[httpx.Response] = []
    with running("--scenario", "manual") as (process, url):
        body = {"image_url": "https://pictures.test/a.png", "prompt": "x"}
        waiting = threading.Thread(
            target=lambda: answers.append(httpx.post(f"{url}/v1/painting/outpaint", headers=KEY, json=body, timeout=30))
        )
        waiting.start()
        give_up = time.monotonic() + 10
        while httpx.get(f"{url}/v1/balance", headers=KEY).json() != {"credits": 998} and time.monotonic() < give_up:
            pass
        process.send_signal(how)
        waiting.join(20)
        assert process.wait(20) == 0
    assert [answer.status_code for answer in answers] == [202]


def test_a_port_that_is_taken_is_told_so() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "outpaint.mocks", "--port", port],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == ExitCode.UNREACHABLE
    assert done.stderr.startswith(f"error: port {port} is in use")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--scenario", "pols(2)"], "did you mean polls?"),
        (["--clock", "-1"], "a clock cannot run -1.0 times"),
        (["--clock", "noon"], "use frozen, ticking"),
        (["--host", "no.such.host.invalid"], "is not an address to listen on"),
    ],
)
def test_what_cannot_be_is_one_line_on_stderr(arguments: list[str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "outpaint.mocks", *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == ExitCode.USAGE
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_command_line_has_it() -> None:
    code = "from outpaint.functions.command_line.entry import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "mock", "--help"], capture_output=True, text=True, timeout=60, check=True
    )
    assert "--scenario" in done.stdout


REFUSED = 120
SIZE = 500_000


def resident(process: subprocess.Popen[str]) -> int:
    """Bytes of memory that the process has had at most so far."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024  # type: ignore[index]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel does not tell a process's memory")
def test_refused_uploads_leave_nothing_in_memory() -> None:
    noise = random.Random(0).randbytes(SIZE)
    kinds = {"no picture": (noise, 415), "damaged": (b"\x89PNG\r\n\x1a\n" + noise, 422)}
    with running("--keep-bodies", "0") as (process, url), httpx.Client(base_url=url, headers=KEY) as client:

        def refuse(number: int) -> None:
            for data, status in kinds.values():
                files = {"image": ("a.png", data + number.to_bytes(4, "big"))}
                assert client.post("/v1/painting/outpaint", files=files, data={"prompt": "x"}).status_code == status

        # As many as the mock keeps of pictures by itself, and what the first of a kind brings into memory.
        for number in range(30):
            refuse(number)
        before = resident(process)
        for number in range(30, 30 + REFUSED // 2):
            refuse(number)
        assert resident(process) - before < REFUSED * SIZE / 4
