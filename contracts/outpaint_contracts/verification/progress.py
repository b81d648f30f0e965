"""A bar on a terminal while cases run; nothing where nobody watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

from outpaint_contracts.verification.outcome import CaseResult, Outcome


@contextmanager
def progress(console: Console, total: int) -> Iterator[Callable[[CaseResult], None]]:
    """What is to be told of every result, from any thread, while the block runs."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("proving", total=total)
        failed = 0

        def tell(result: CaseResult) -> None:
            nonlocal failed
            failed += result.outcome is Outcome.FAILED
            bar.update(task, advance=1, description=f"proving, {failed} failed" if failed else "proving")

        yield tell
