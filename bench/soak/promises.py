"""What a soak recorded, and the promises it is held against."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

SLOWER = 2.0
"""How many times as long the honest clients' p99 may be with hostile clients as without."""
GROWN = 1.10
"""How many times its resident memory after the warm-up a server may have at the end."""
WARM_UP_SHARE = 0.2
WARM_UP_S = 90.0
"""Memory counts after a fifth of the phase with hostile clients, and not before this: some are waited for so long.

A phase too short for that warms up for half of it.
"""
FEWEST = 20
"""Answers in a phase below which no 99th percentile is told from the slowest answer."""


@dataclass
class Latencies:
    """Seconds from the time a request was due to the last byte of its answer, by the kind of the request."""

    by_kind: dict[str, list[float]] = field(default_factory=dict)

    def add(self, kind: str, seconds: float) -> None:
        self.by_kind.setdefault(kind, []).append(seconds)

    def all(self) -> list[float]:
        """Those of all kinds together."""
        return [seconds for kind in self.by_kind.values() for seconds in kind]

    def percentile(self, share: float) -> float:
        """The smallest latency that at least this share of all did not exceed (nearest rank); NaN of none."""
        return percentile(self.all(), share)


@dataclass(frozen=True)
class CreditCheck:
    """An account at a moment when none of its jobs ran: what should have been free, and what was."""

    account: str
    expected: int
    found: int


@dataclass
class ServerRecord:
    """What was seen of one server."""

    name: str
    full_rate: float = 0.0
    """Requests a second at full load."""
    rate: float = 0.0
    """Requests a second that were sent in both phases."""
    quiet: Latencies = field(default_factory=Latencies)
    """Of the honest clients before the hostile ones."""
    beside: Latencies = field(default_factory=Latencies)
    """Of the honest clients beside the hostile ones."""
    memory: list[tuple[float, int]] = field(default_factory=list)
    """Seconds since the hostile clients began, and the resident memory then in bytes."""
    quiet_memory: int = 0
    """Resident memory at the end of the quiet phase, in bytes."""
    cpu: dict[str, float] = field(default_factory=dict)
    """The share of one processor it used, by phase."""
    jobs: int = 0
    """Jobs that were accepted."""
    succeeded: int = 0
    left: list[str] = field(default_factory=list)
    """Accepted jobs that did not end, or not well."""
    files: int = 0
    """Results that were downloaded and looked at."""
    credits: list[CreditCheck] = field(default_factory=list)
    errors: str = ""
    """What it wrote to stderr."""
    exit_status: int | None = None
    """None where it did not end when it was asked to."""


@dataclass
class Record:
    """A whole soak."""

    seconds: float
    """How long the hostile clients were there."""
    servers: list[ServerRecord]
    kinds: Sequence[str]
    """The kinds of honest requests that were to be sent."""
    hostiles: Sequence[str]
    """The hostile clients that were to be there."""
    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """How often a client (server, client, outcome) saw something it may get."""
    unexpected: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """How often a client saw something else."""
    hostile_cpu: float = 0.0
    """The share of one processor the hostile clients used."""
    honest_cpu: float = 0.0
    """The share of one processor the honest clients used beside them."""


@dataclass(frozen=True)
class Broken:
    """A promise that was not kept, and what was seen instead."""

    promise: str
    seen: str


def judge(record: Record) -> list[Broken]:
    """Every promise that this record breaks; a promise of which nothing was measured is broken too."""
    found = [*_statuses(record)]
    for server in record.servers:
        found += [
            *_missing(record, server),
            *_speed(server),
            *_memory(record, server),
            *_credits(server),
            *_end(server),
        ]
    return found


def windows(record: Record, server: ServerRecord) -> tuple[float, float]:
    """The median memory in the first and in the last third of the time after the warm-up; NaN where none was noted."""
    whole = record.seconds
    warm = min(whole / 2, max(whole * WARM_UP_SHARE, WARM_UP_S))
    third = (whole - warm) / 3
    first = [size for at, size in server.memory if warm <= at < warm + third]
    last = [size for at, size in server.memory if whole - third <= at]
    return (_median(first), _median(last))


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least this share of them does not exceed (nearest rank); NaN of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def _median(values: Sequence[float]) -> float:
    return statistics.median(values) if values else math.nan


def _statuses(record: Record) -> Iterator[Broken]:
    for (server, client, outcome), times in sorted(record.unexpected.items()):
        yield Broken("no unexpected status", f"{server}, {client}: {outcome}, {times:,} times")


def _missing(record: Record, server: ServerRecord) -> Iterator[Broken]:
    promise = "everything is measured"
    for kind in record.kinds:
        if not server.beside.by_kind.get(kind):
            yield Broken(promise, f"{server.name}: no {kind} was answered beside the hostile clients")
    present = {
        client for counter in (record.outcomes, record.unexpected) for name, client, _ in counter if name == server.name
    }
    for hostile in record.hostiles:
        if hostile not in present:
            yield Broken(promise, f"{server.name}: the hostile client {hostile} saw nothing")
    if not server.files:
        yield Broken(promise, f"{server.name}: no result was downloaded")


def _speed(server: ServerRecord) -> Iterator[Broken]:
    promise = f"honest clients' p99 with hostile clients is at most {SLOWER:g} times that without"
    fewest = min(len(server.quiet.all()), len(server.beside.all()))
    if fewest < FEWEST:
        yield Broken(promise, f"{server.name}: only {fewest} answers in a phase")
        return
    quiet, beside = server.quiet.percentile(0.99), server.beside.percentile(0.99)
    if not beside <= SLOWER * quiet:
        yield Broken(
            promise,
            f"{server.name}: {beside * 1000:,.1f} ms, without {quiet * 1000:,.1f} ms ({beside / quiet:.2f} times)",
        )


def _memory(record: Record, server: ServerRecord) -> Iterator[Broken]:
    first, last = windows(record, server)
    if not last <= GROWN * first:
        yield Broken(
            f"memory is flat within {GROWN - 1:.0%}",
            f"{server.name}: {first / 2**20:,.0f} MiB after the warm-up, {last / 2**20:,.0f} MiB at the end",
        )


def _credits(server: ServerRecord) -> Iterator[Broken]:
    promise = "credits are exact"
    if not server.credits:
        yield Broken(promise, f"{server.name}: no account was looked at")
    for check in server.credits:
        if check.expected != check.found:
            yield Broken(
                promise,
                f"{server.name}: {check.account} has {check.found:,} credits and should have {check.expected:,}",
            )
    if server.left:
        jobs = f"{len(server.left):,} did not, the first: {server.left[0]}"
        yield Broken("every accepted job ends with its pictures", f"{server.name}: {jobs}")


def _end(server: ServerRecord) -> Iterator[Broken]:
    if "Traceback" in server.errors:
        yield Broken("no traceback", f"{server.name}: {_last_words(server.errors)}")
    if server.exit_status != 0:
        how = "had to be killed" if server.exit_status is None else f"ended with {server.exit_status}"
        yield Broken("servers end when they are asked to", f"{server.name} {how}")


def _last_words(errors: str) -> str:
    """How many tracebacks there are, and the line under the first that says which error it was."""
    after = errors.partition("Traceback")[2].splitlines()[1:]
    error = next((line for line in after if line and not line.startswith((" ", "\t"))), "")
    return f"{errors.count('Traceback')} in stderr, the first: {error[:200]}"
