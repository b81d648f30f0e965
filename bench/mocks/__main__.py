"""The mock beside Prism, WireMock and Mockoon, in one run: `make bench-mocks`, or `python bench/mocks`.

The peers come from npm into a temporary folder; one that cannot be installed or started is left out, and the table
says so. Loads are wrk's (Debian: apt install wrk), the same for everybody. Nothing here passes or fails; `--write` puts
the tables into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

import in_process
from loads import Bodies, Load, five_megabytes, measured, strictness
from report import machine, put, table
from rivals import Ours, RawAsgi, Server, Unavailable, peers

MIXED = 1000
"""How many different pictures a load of distinct pictures sends."""
COLUMNS = (
    "server",
    "ready ms",
    "balance req/s",
    "polls req/s",
    "multipart req/s",
    "distinct req/s",
    "5 MB ms",
    "peak MB",
    "strictness",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=6, help="how long each load lasts (default: 6)")
    parser.add_argument("--no-peers", action="store_true", help="measure ours alone")
    parser.add_argument("--peers", type=Path, help="a folder with node_modules, to install nothing")
    parser.add_argument("--write", action="store_true", help="write the tables to docs/benchmarks.md")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: install it (Debian: apt install wrk)")
    before = machine()
    print(before, flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-mocks-") as folder:
        bodies = Bodies.write(Path(folder) / "bodies", MIXED)
        rows: list[dict[str, str]] = []
        notes: list[str] = []
        for make in [Ours, RawAsgi, *([] if options.no_peers else peers(Path(folder), options.peers))]:
            row = _measured(make, bodies, options.seconds, notes)
            if row is not None:
                rows.append(row)
                print(", ".join(f"{name}: {row.get(name, '-')}" for name in COLUMNS), flush=True)
        calls = in_process.measure()
    tables = _tables(rows, calls, notes, before)
    print(f"\n{tables}")
    if options.write:
        print(f"written to {put('bench-mocks', tables)}")


def _measured(make: Callable[[], Server], bodies: Bodies, seconds: int, notes: list[str]) -> dict[str, str] | None:
    """One server's row; a note where it cannot be started."""
    try:
        server = make()
        with server:
            row = {"server": server.name, "ready ms": f"{server.ready_ms:,.0f}"}
            row["balance req/s"] = measured(server, Load.get("/v1/balance"), seconds)
            row["polls req/s"] = measured(server, Load.get(server.job()), seconds)
            row["multipart req/s"] = measured(server, Load.post(bodies, 1), seconds)
            row["distinct req/s"] = measured(server, Load.post(bodies, bodies.count), seconds)
            row["5 MB ms"] = five_megabytes(server)
            row["strictness"] = strictness(server)
            uploads = 0
            while server.is_fast and uploads < 20_000:
                uploads += Load.post(bodies, bodies.count).run(server, seconds).requests
            row["peak MB"] = f"{server.peak_mb():,.0f}" + (f" ({uploads:,} uploads)" if uploads else "")
            return row
    except Unavailable as reason:
        notes.append(str(reason))
        print(reason, flush=True)
        return None


def _tables(rows: list[dict[str, str]], calls: list[in_process.Rate], notes: list[str], machine: str) -> str:
    """Everything, as Markdown."""
    lines = [
        "## The mock beside other mock servers",
        f"{machine}; `make bench-mocks WRITE=1`.",
        "",
        "wrk with one thread and 16 connections, the same for all; multipart is a PNG of 197 KB and four fields, sent",
        "again and again or 1,000 different ones in turn. In brackets: processor time of the server for each request,",
        "which depends less on what else the machine does. Ready: from the start of the process to its first answer,",
        "best of three. 5 MB: median of seven different pictures. Ours validates, keeps state and journals every call;",
        "Prism and Mockoon run from openapi.json, WireMock from three stubs with a journal of 1,000 entries.",
        "",
        table(COLUMNS, [[row.get(name, "-") for name in COLUMNS] for row in rows]),
        *(["", *notes] if notes else []),
        "",
        "In process, one thread; worlds are reset after every 50 calls, as between tests:",
        "",
        table(
            ("", "calls/s", "calls per second of processor time"),
            [(rate.name, f"{rate.by_clock:,.0f}", f"{rate.by_cpu:,.0f}") for rate in calls],
        ),
    ]
    return "\n".join(lines) + "\n"


main()
