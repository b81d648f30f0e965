"""What a measurement gives back, the machine it was made on, and where both are written: docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Each figure stands beside a plain reference from the same run, because a machine's speed varies and its ratios
hardly do. Nothing is asserted on time.
"""


@dataclass
class Section:
    """One measurement: what was done, and rows of name, value and remark."""

    title: str
    method: str
    rows: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, name: str, value: str, remark: str = "") -> None:
        self.rows.append((name, value, remark))

    def text(self) -> str:
        widths = [max(len(row[column]) for row in self.rows) for column in range(2)]
        lines = [f"  {name:<{widths[0]}}  {value:>{widths[1]}}  {remark}".rstrip() for name, value, remark in self.rows]
        return "\n".join([self.title, *lines])

    def markdown(self) -> str:
        return f"## {self.title}\n{self.method}\n\n{table(('', '', ''), self.rows, '|---|---:|---|')}\n"


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], aligned: str = "") -> str:
    """A table in Markdown, with all but the first column to the right unless `aligned` says otherwise."""
    lines = ["| " + " | ".join(titles) + " |", aligned or "|---|" + "---:|" * (len(titles) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def put(target: str, text: str, page: Path = PAGE) -> Path:
    """Write what `make TARGET` made where it stood before, between marks, or at the page's end; returns the page."""
    begin, end = f"<!-- made by make {target} -->", f"<!-- end of what make {target} made -->"
    old = page.read_text("utf-8") if page.exists() else HEAD
    before, found, rest = old.partition(begin)
    if found and end not in rest:
        raise ValueError(f"{page.name} has the mark {begin} and not {end}: put it where that section ends")
    after = rest.partition(end)[2].strip("\n")
    parts = [before.rstrip(), f"{begin}\n{text.strip()}\n{end}", after]
    page.write_text("\n\n".join(part for part in parts if part) + "\n", "utf-8")
    return page


def machine() -> str:
    """This machine, how busy it is, its Python and today's date, in one line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {_processor()}, {cores} cores (load {os.getloadavg()[0]:.1f} before), "
        f"{platform.system()}, Python {platform.python_version()}, outpaint-kit {version('outpaint-kit')}"
    )


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as info:
            return next(line.partition(":")[2].strip() for line in info if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def alternate(rounds: int, *works: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> list[float]:
    """The median seconds of each work, run in turn so that a slow moment of the machine hits all alike."""
    for work in works:
        work()
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for spent, work in zip(seconds, works, strict=True):
            began = clock()
            work()
            spent.append(clock() - began)
    return [statistics.median(spent) for spent in seconds]
