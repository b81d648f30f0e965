"""What a measurement gives back, and the machine it was made on."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path


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
        rows = "\n".join(f"| {name} | {value} | {remark} |" for name, value, remark in self.rows)
        return f"## {self.title}\n{self.method}\n\n| | | |\n|---|---:|---|\n{rows}\n"


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


def alternate(rounds: int, *works: Callable[[], object]) -> list[float]:
    """The median seconds of each work, run in turn so that a slow moment of the machine hits all alike."""
    for work in works:
        work()
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for spent, work in zip(seconds, works, strict=True):
            began = time.perf_counter()
            work()
            spent.append(time.perf_counter() - began)
    return [statistics.median(spent) for spent in seconds]
