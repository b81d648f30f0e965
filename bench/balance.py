"""Requests a second for the cheapest route, beside the floor of a raw ASGI application."""

from __future__ import annotations

import re
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time

from report import Section
from servers import floor_server, outpaint_server

SECONDS = 3
ROUNDS = 3
CONNECTIONS = 16
REQUEST = b"GET /v1/balance HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Picsart-API-Key: dev\r\n\r\n"


def measure() -> Section:
    wrk = shutil.which("wrk")
    by = "wrk with one thread" if wrk else "two Python processes, which are themselves a bottleneck"
    section = Section(
        "GET /v1/balance on one worker",
        f"{CONNECTIONS} connections driven by {by}; median of {ROUNDS} runs of {SECONDS} s, both servers in turn.",
    )
    rate = _by_wrk if wrk else _by_python
    ours, floor = [], []
    with outpaint_server("--in-memory") as port, floor_server() as floor_port:
        rate(port, 1), rate(floor_port, 1)
        for _ in range(ROUNDS):
            ours.append(rate(port, SECONDS))
            floor.append(rate(floor_port, SECONDS))
    mine, raw = statistics.median(ours), statistics.median(floor)
    section.add("raw ASGI under uvicorn", f"{raw:,.0f}/s")
    section.add("outpaint serve", f"{mine:,.0f}/s", f"{mine / raw:.2f} of the floor (goal: over 5,000/s)")
    return section


def _by_wrk(port: int, seconds: int) -> float:
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-H", "X-Picsart-API-Key: dev"]
    run = subprocess.run([*command, f"http://127.0.0.1:{port}/v1/balance"], capture_output=True, text=True, check=True)
    assert "Non-2xx" not in run.stdout, run.stdout
    found = re.search(r"Requests/sec:\s+([\d.]+)", run.stdout)
    assert found is not None, run.stdout
    return float(found[1])


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
                answer = connection.recv(65536)
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
