"""`outpaint serve` and `outpaint mock` at half of full load beside five hostile clients: `make soak`.

Needs Linux, for /proc. Ends with 1 where a promise was broken, and names each; `--write` puts what was seen into
docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from report import machine, put
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from soak.outcome import HEADINGS, as_markdown, rows
from soak.phases import Plan, Told, soaked
from soak.promises import judge


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--minutes", type=float, default=30.0, help="how long the hostile clients are there (default: 30)"
    )
    parser.add_argument("--write", action="store_true", help="write what was seen into docs/benchmarks.md")
    options = parser.parse_args()
    if not 0.1 <= options.minutes <= 24 * 60:
        parser.error("--minutes takes 0.1 to 1440")
    if not Path("/proc/self/status").exists():
        sys.exit("a soak needs Linux: memory and processor time are read from /proc")
    before, console = machine(), Console()
    plan = Plan.of(options.minutes)
    console.print(before, f"about {plan.whole / 60:.0f} minutes from here", sep="\n", highlight=False, soft_wrap=True)
    with tempfile.TemporaryDirectory(prefix="outpaint-soak-") as folder, _progress(console, plan) as told:
        record = soaked(plan, Path(folder), told)
    broken = judge(record)
    shown = Table(*HEADINGS)
    for column in shown.columns[1:]:
        column.justify = "right"
    for row in rows(record):
        shown.add_row(*row)
    console.print(shown)
    for one in broken:
        console.print(f"broken: {one.promise}: {one.seen}", style="red", markup=False, highlight=False, soft_wrap=True)
    if options.write:
        print(f"written to {put('soak', as_markdown(record, broken, before, options.minutes))}")
    if broken:
        sys.exit(1)
    console.print("every promise was kept", style="green")


@contextmanager
def _progress(console: Console, plan: Plan) -> Iterator[Told]:
    """A bar on a terminal, elsewhere a line as each phase begins."""
    if not console.is_terminal:
        yield lambda name, seconds: print(f"{name}{f', {seconds:.0f} s' if seconds else ''}", flush=True)
        return
    columns = (TextColumn("{task.description:<24}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        ticking = _Ticking(bar, plan)
        try:
            yield ticking.told
        finally:
            ticking.stop()


class _Ticking:
    """Moves a bar by the time that has passed, a phase after the other."""

    def __init__(self, bar: Progress, plan: Plan) -> None:
        import threading

        self._bar, self._task = bar, bar.add_task("the servers start", total=plan.whole)
        self._done, self._until = 0.0, 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)
        self._thread.start()

    def told(self, name: str, seconds: float) -> None:
        """A phase begins."""
        self._done = self._until
        self._until += seconds
        self._bar.update(self._task, description=name, completed=self._done)

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _tick(self) -> None:
        while not self._stopped.wait(1.0):
            self._done = min(self._until, self._done + 1.0)
            self._bar.update(self._task, completed=self._done)


if __name__ == "__main__":
    main()
