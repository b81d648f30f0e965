"""Requests a second for the cheapest route, beside the floor of a raw ASGI application."""

from __future__ import annotations

import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time

from report import Section
from servers import CONNECTIONS, outpaint_server, raw_asgi_server, wrk

SECONDS = 3
ROUNDS = 3
REQUEST = b"GET /v1/balance HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Picsart-API-Key: dev\r\n\r\n"


def measure() -> Section:
    has_wrk = shutil.which("wrk") is not None
    by = "wrk with one thread" if has_wrk else "two Python processes, which are themselves a bottleneck"
    section = Section(
        "GET /v1/balance on one worker",
        f"{CONNECTIONS} connections driven by {by}; median of {ROUNDS} runs of {SECONDS} s, both servers in turn.",
    )
    rate = _by_wrk if has_wrk else _by_python
    ours, floor = [], []
    with outpaint_server("--in-memory") as port, raw_asgi_server() as floor_port:
        rate(port, 1), rate(floor_port, 1)
        for _ in range(ROUNDS):
            ours.append(rate(port, SECONDS))
            floor.append(rate(floor_port, SECONDS))
    mine, raw = statistics.median(ours), statistics.median(floor)
    section.add("raw ASGI under uvicorn", f"{raw:,.0f}/s")
    section.add("outpaint serve", f"{mine:,.0f}/s", f"{mine / raw:.2f} of the floor (goal: over 5,000/s)")
    return section


def _by_wrk(port: int, seconds: int) -> float:
    run = wrk(f"http://127.0.0.1:{port}/v1/balance", seconds)
    assert run.requests, run
    assert not run.not_2xx, run
    return run.rate


def _by_python(port: int, seconds: int) -> float:
    command = [sys.executable, __file__, str(port), str(seconds), str(CONNECTIONS // 2)]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    return sum(float(run.communicate()[0]) for run in runs)


def load(port: int, seconds: int, connections: int) -> float:
    """Requests a second that this process gets out of a server over so many connections."""
    counts: list[int] = []
    until = time.monotonic() + seconds

    def drive() -> None:
        count = 0
        with socket.create_connection(("127.0.0.1", port)) as connection:
            while time.monotonic() < until:
                connection.sendall(REQUEST)
                answer = b""
                while not answer.endswith(b"}"):  # head and body may come apart
                    piece = connection.recv(65536)
                    assert piece, answer
                    answer += piece
                assert answer.startswith(b"HTTP/1.1 200"), answer
                count += 1
        counts.append(count)

    threads = [threading.Thread(target=drive) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


if __name__ == "__main__":
    print(load(*map(int, sys.argv[1:])))
