"""Servers to measure, each in a process of its own on a free loopback port, and wrk, which loads them."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEY = {"X-Picsart-API-Key": "dev"}
"""The header of every request."""
CONNECTIONS = 16
RAW_ASGI = str(Path(__file__).with_name("raw_asgi.py"))


class NoAnswerError(RuntimeError):
    """A server that was started does not answer."""


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(
    command: list[str],
    port: int,
    *,
    path: str = "/v1/balance",
    ready: Callable[[int], bool] = bool,
    environment: Mapping[str, str] = os.environ,
    patience: float = 60.0,
) -> tuple[subprocess.Popen[bytes], float]:
    """Start a server, and ask it for a path until it is `ready` by its status; it, and the seconds until then.

    Raises `NoAnswerError` where it ends first or takes over `patience` seconds, `OSError` where it cannot begin.
    """
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(environment))
    try:
        answering(process, port, path, ready, patience)
    except NoAnswerError:
        stop(process)
        raise
    return process, time.perf_counter() - began


def answering(
    process: subprocess.Popen[bytes], port: int, path: str, ready: Callable[[int], bool], patience: float
) -> None:
    """Return once a server that was started answers a path with a status that is `ready`.

    Raises `NoAnswerError` where it ends first or takes over `patience` seconds.
    """
    began = time.perf_counter()
    while time.perf_counter() - began < patience:
        if process.poll() is not None:
            raise NoAnswerError(f"it ended with {process.returncode}")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", path, headers=KEY)
            if ready(connection.getresponse().status):
                return
        time.sleep(0.002)
    raise NoAnswerError(f"it did not answer within {patience:.0f} seconds")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server, by force if it does not end by itself."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def running(command: list[str], port: int, **options: Any) -> Iterator[int]:
    """A server for as long as the block runs, which has its port; `options` are those of `start`."""
    process, _ = start(command, port, **options)
    try:
        yield port
    finally:
        stop(process)


def outpaint_server(*options: str) -> AbstractContextManager[int]:
    """`outpaint serve` with the flat painter and no limit to speak of."""
    port = free_port()
    command = [sys.executable, "-c", "from outpaint.functions.command_line.entry import main; main()", "serve"]
    command += [
        "--port",
        str(port),
        "--painter",
        "flat",
        "--rate-limit",
        "1000000000",
        "--credits-per-image",
        "0",
        "--dev-key",
    ]
    return running([*command, *options], port)


def raw_asgi_server() -> AbstractContextManager[int]:
    """The least that uvicorn can do: a raw ASGI application that always says the same."""
    port = free_port()
    return running([sys.executable, RAW_ASGI, str(port)], port)


@dataclass(frozen=True)
class WrkRun:
    """What wrk saw: requests that were answered, how many a second, and how many of them not with 2xx."""

    requests: int
    rate: float
    not_2xx: int


def wrk(url: str, seconds: int, *arguments: str, environment: Mapping[str, str] | None = None) -> WrkRun:
    """Load a URL for so long, from one thread over `CONNECTIONS` connections."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "30"]
    command += ["-H", *(f"{name}: {value}" for name, value in KEY.items()), *arguments, url]
    surroundings = {**os.environ, **(environment or {})}
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=surroundings).stdout

    def number(pattern: str) -> float:
        found = re.search(pattern, said)
        return 0.0 if found is None else float(found[1])

    wrong = number(r"Non-2xx or 3xx responses: (\d+)")
    return WrkRun(int(number(r"(\d+) requests in")), number(r"Requests/sec:\s+([\d.]+)"), int(wrong))
