"""What a soak saw as rows of a table, and as a section of docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from report import table

from soak.honest import CLIENT
from soak.promises import Broken, Record, ServerRecord, windows

HEADINGS = ("", "without hostile clients", "beside them")
_PERCENTILES = (0.5, 0.99, 0.999)


def rows(record: Record) -> Iterator[tuple[str, ...]]:
    """What was seen, server by server, then of the clients."""
    for server in record.servers:
        yield from _of(record, server)
    yield (
        "processors: honest and hostile clients",
        "",
        f"{record.honest_cpu:.2f} and {record.hostile_cpu:.2f}",
    )


def _of(record: Record, server: ServerRecord) -> Iterator[tuple[str, ...]]:
    name = server.name
    both = (server.quiet, server.beside)
    yield f"{name}: requests sent a second (full load {server.full_rate:,.0f})", *(f"{server.rate:,.0f}" for _ in both)
    yield f"{name}: answers", *(f"{len(each.all()):,}" for each in both)
    for share in _PERCENTILES:
        yield f"{name}: p{100 * share:g}", *(_ms(each.percentile(share)) for each in both)
    first, last = windows(record, server)
    yield (
        f"{name}: memory, after the warm-up and at the end",
        f"{server.quiet_memory / 2**20:,.0f} MiB",
        (f"{first / 2**20:,.0f} and {last / 2**20:,.0f} MiB"),
    )
    yield f"{name}: processors", f"{server.cpu.get('quiet', 0):.2f}", f"{server.cpu.get('beside', 0):.2f}"
    yield f"{name}: jobs that ended well, of all", "", f"{server.succeeded:,} of {server.jobs:,}"
    exact = sum(check.expected == check.found for check in server.credits)
    yield f"{name}: accounts whose credits were exact", "", f"{exact} of {len(server.credits)}"
    for client in (CLIENT, *record.hostiles):
        good, bad = (
            sum(times for (at, who, _), times in counter.items() if (at, who) == (name, client))
            for counter in (record.outcomes, record.unexpected)
        )
        yield f"{name}: {client}, as they should and unexpected", "", f"{good:,} and {bad:,}"


def as_markdown(record: Record, broken: Sequence[Broken], machine: str, minutes: float) -> str:
    """The section that `make soak WRITE=1` writes."""
    lines = [
        f"## Half of full load beside five hostile clients, {minutes:g} minutes",
        f"{machine}; `make soak MINUTES={minutes:g} WRITE=1`.",
        "",
        "`outpaint serve` (data folder, flat painter) and `outpaint mock` at the same time, each a process of its own.",
        "Full load is what honest clients get answered in a closed loop, both servers under it. They then send half of",
        "that by a schedule, and latencies count from when a request was due. Beside them are slow readers, slow",
        "writers, huge heads, bombs and uploads without credit (bench/soak/hostiles.py, bench/soak/attacks.py).",
        "",
        table(HEADINGS, rows(record)),
        "",
        *([f"- Broken: {one.promise}: {one.seen}" for one in broken] or ["Every promise was kept."]),
    ]
    return "\n".join(lines)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms"
