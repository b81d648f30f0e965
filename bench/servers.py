"""Servers to measure, each in a process of its own on a free loopback port."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def outpaint_server(*options: str) -> Iterator[int]:
    """`outpaint serve` with the flat painter and no limit to speak of; yields the port."""
    command = [sys.executable, "-c", "from outpaint.functions.command_line.entry import main; main()"]
    command += ["serve", "--port", "0", "--painter", "flat", "--rate-limit", "1000000000", "--credits-per-image", "0"]
    with _running([*command, *options]) as port:
        yield port


@contextlib.contextmanager
def floor_server() -> Iterator[int]:
    """The least that uvicorn can do: a raw ASGI application that always says the same."""
    with _running([sys.executable, str(Path(__file__).with_name("floor.py"))]) as port:
        yield port


@contextlib.contextmanager
def _running(command: list[str]) -> Iterator[int]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                yield int(found[1])
                break
        else:
            raise RuntimeError(f"{command} ended before it served")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


def free_port() -> int:
    """A loopback port that nobody listens on, for a server that cannot choose one and say which."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
