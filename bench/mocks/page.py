"""The tables, on the screen and in docs/benchmarks.md."""

from __future__ import annotations

from pathlib import Path

from benchmarks_page import put
from in_process import Rate

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


def line(row: dict[str, str]) -> str:
    """One server, on one line."""
    return ", ".join(f"{name}: {row.get(name, '-')}" for name in COLUMNS)


def tables(rows: list[dict[str, str]], calls: list[Rate], notes: list[str], machine: str) -> str:
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
        "| " + " | ".join(COLUMNS) + " |",
        "|---|" + "---:|" * (len(COLUMNS) - 1),
    ]
    lines += ["| " + " | ".join(row.get(name, "-") for name in COLUMNS) + " |" for row in rows]
    if notes:
        lines += ["", *notes]
    lines += [
        "",
        "In process, one thread; worlds are reset after every 50 calls, as between tests:",
        "",
        "| | calls/s | calls per second of processor time |",
        "|---|---:|---:|",
        *(f"| {rate.name} | {rate.by_clock:,.0f} | {rate.by_cpu:,.0f} |" for rate in calls),
    ]
    return "\n".join(lines) + "\n"


def write(text: str) -> Path:
    """Put the tables into docs/benchmarks.md, where they stood before or at the page's end."""
    return put("bench-mocks", text)
