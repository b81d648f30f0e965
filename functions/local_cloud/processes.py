"""Child processes, and what this machine has: ports, architecture, interpreters."""

from __future__ import annotations

import os
import platform
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import httpx

from outpaint.functions.command_line.console import OUT

ROOT: Final = Path(__file__).resolve().parents[2]
LOOPBACK: Final = "127.0.0.1"
START_S: Final = 90.0
PREPARE: Final = "`make verify-all` prepares it"
_ARCHITECTURES: Final = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


class CloudError(Exception):
    """A part of the cloud did not start, or failed; the text says which, and where its log is."""


def start(running: ExitStack, log: Path, command: Sequence[str], variables: Mapping[str, str]) -> None:
    """Run a process in a group of its own, which ends with `running`: ministack's Lambdas are its children."""
    file = running.enter_context(log.open("wb"))
    process = subprocess.Popen(  # noqa: S603 - our own arguments
        command,
        cwd=ROOT,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=file,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    running.callback(stop, process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process, and then whatever is left of its group."""
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def wait_for(url: str, log: Path) -> None:
    """Return once the address answers 200."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        try:
            if httpx.get(url, timeout=2, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise CloudError(f"{url} does not answer:\n{tail(log)}")


def free_ports(count: int) -> list[int]:
    """Free ports on loopback."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((LOOPBACK, 0))
        return [one.getsockname()[1] for one in sockets]


def tail(log: Path) -> str:
    """The end of a log, and where the whole is."""
    lines = log.read_text(errors="replace").splitlines()[-25:]
    return "\n".join([*lines, f"(all of it: {log})"])


def say(line: str) -> None:
    """Print a line on the terminal."""
    OUT.print(line, markup=False)


def architecture() -> str:
    """What Lambda calls this machine's architecture."""
    known = _ARCHITECTURES.get(platform.machine().lower())
    if known is None:
        raise CloudError(f"Lambda has no architecture {platform.machine()}")
    return known


def version_of(python: Path) -> str:
    """An interpreter's version as Lambda names runtimes, such as 3.13."""
    ask = [str(python), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603 - its version
