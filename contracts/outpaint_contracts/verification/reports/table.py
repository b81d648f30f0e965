"""A verification for a person at a terminal: a table by area, each failure, what was seen, the verdict."""

from __future__ import annotations

from collections import Counter
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from outpaint_contracts.verification.outcome import CaseResult, Outcome
from outpaint_contracts.verification.reports.curl import as_curl
from outpaint_contracts.verification.verdict import ExitCode, Verification

_LONGEST_BODY: Final = 300
_SHOWN_FAILURES: Final = 20
_SHOWN_EXCHANGES: Final = 2


def print_table(verification: Verification, console: Console) -> None:
    """All of it."""
    console.print(_by_area(verification))
    _print_not_offered(verification, console)
    failures = verification.failures
    for result in failures[:_SHOWN_FAILURES]:
        _print_failure(result, console)
    if len(failures) > _SHOWN_FAILURES:
        console.print(f"\nand {len(failures) - _SHOWN_FAILURES} more failures: --json, --junit or --html have them all")
    console.print()
    console.print(_coverage(verification))
    console.print()
    for reason in verification.too_little:
        console.print(f"[yellow]too little[/] {escape(reason)}")
    proven = verification.exit_code is ExitCode.PROVEN
    console.print(verification.sentence, style="bold green" if proven else "bold red", markup=False)
    told = f"profile {verification.profile}, seed {verification.seed}, {verification.seconds:.1f} s"
    console.print(f"{verification.provider}, {told}", style="dim", markup=False)


def _by_area(verification: Verification) -> Table:
    areas: dict[str, Counter[Outcome]] = {}
    for result in verification.results:
        areas.setdefault(result.subject.area, Counter())[result.outcome] += 1
    shown = [outcome for outcome in Outcome if outcome is not Outcome.NOT_RUN or verification.counts[outcome]]
    table = Table("area", box=None, pad_edge=False, header_style="bold")
    for outcome in shown:
        table.add_column(outcome.value, justify="right")
    for area, counts in sorted(areas.items()):
        style = "red" if counts[Outcome.FAILED] else None
        table.add_row(area, *(str(counts[outcome] or "") for outcome in shown), style=style)
    table.add_section()
    table.add_row("all", *(str(verification.counts[outcome] or "") for outcome in shown), style="bold")
    return table


def _print_not_offered(verification: Verification, console: Console) -> None:
    reasons = Counter(result.said for result in verification.results if result.outcome is Outcome.NOT_OFFERED)
    if reasons:
        console.print("\nnot offered", style="bold")
    for reason, count in reasons.most_common():
        console.print(f"  {count:4d}  {reason}", markup=False)


def _print_failure(result: CaseResult, console: Console) -> None:
    subject = result.subject
    console.print(f"\n[bold red]failed[/] [bold]{escape(subject.id)}[/] ({subject.severity})")
    console.print(f"  {subject.sentence}", markup=False)
    console.print(f"  seen    {result.said}", markup=False)
    console.print(f"  guards  {subject.guards.id}: {subject.guards.says} ({subject.guards.source})", markup=False)
    for exchange in result.exchanges[-_SHOWN_EXCHANGES:]:
        console.print(f"  $ {as_curl(exchange)}", style="dim", markup=False)
        console.print(f"    {exchange.status} {shown_body(exchange.body, _LONGEST_BODY)}", style="dim", markup=False)


def _coverage(verification: Verification) -> Table:
    table = Table("seen of the contract", "", "", box=None, pad_edge=False, header_style="bold")
    for aspect in verification.coverage:
        missed = ", ".join(aspect.missed[:4]) + (", ..." if len(aspect.missed) > 4 else "")
        table.add_row(aspect.name, f"{len(aspect.seen)} of {aspect.of}", f"not {missed}" if missed else "")
    return table


def shown_body(body: bytes, most: int) -> str:
    """A body on one line, cut where it is long; bytes that are no text by their number."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return f"({len(body):,} bytes)"
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[:most]}... ({len(body):,} bytes)"
