"""A verification as it runs, and its reports as a table for people, JSON for programs and JUnit XML for CI."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from outpaint.conformance.proving.observed_exchange import ObservedExchange
from outpaint.conformance.verify.case_runner import CaseResult, Outcome
from outpaint.conformance.verify.curl import as_curl
from outpaint.conformance.verify.verification import Verification
from outpaint.functions.command_line import console as command_line
from outpaint.functions.command_line.exit_codes import ExitCode
from outpaint.mocks.report.junit_xml import JunitCase, JunitSuite, junit_xml

FORMAT: Final = 2
"""Goes up when a member of the JSON report changes its meaning or goes away."""
_LONGEST_JSON_BODY: Final = 4000
_LONGEST_JUNIT_BODY: Final = 2000
_LONGEST_SHOWN_BODY: Final = 300
_SHOWN_FAILURES: Final = 20
_SHOWN_EXCHANGES: Final = 2
_SHOWN_ALIKE: Final = 5
_SELDOM: Final = (Outcome.FAILED_ALIKE, Outcome.NOT_RUN)
"""Has a column only where there are some."""
_LOG_WIDTH: Final = 160
"""Columns where standard output is no terminal."""


@contextmanager
def progress(total: int) -> Iterator[Callable[[CaseResult], None]]:
    """A bar on standard error while the block runs; what it gives is to be called with each result, from any thread."""
    with command_line.progress() as bar:
        task = bar.add_task("proving", total=total)
        failed = 0

        def count(result: CaseResult) -> None:
            nonlocal failed
            failed += result.outcome is Outcome.FAILED
            bar.update(task, advance=1, description=f"proving, {failed} failed" if failed else "proving")

        yield count


def report_console() -> Console:
    """Standard output for tables: nothing is wrapped, so that ids and commands can be copied."""
    console = command_line.CommandConsole()
    if not console.is_terminal:
        console.width = _LOG_WIDTH
    return console


def as_json(verification: Verification) -> str:
    """One object: the verdict, the counts, every case, and what was seen and missed of the contract."""
    report = {
        "format": FORMAT,
        "provider": verification.provider,
        "profile": verification.profile.value,
        "seed": verification.seed,
        "began_at": datetime.fromtimestamp(verification.began_at, UTC).isoformat(timespec="seconds"),
        "seconds": round(verification.seconds, 3),
        "verdict": verification.exit_code.name.lower(),
        "exit_code": verification.exit_code.value,
        "sentence": verification.sentence,
        "too_little": list(verification.too_little),
        "counts": {outcome.value: verification.counts[outcome] for outcome in Outcome},
        "coverage": {
            aspect.name: {"seen": list(aspect.seen), "missed": list(aspect.missed)} for aspect in verification.coverage
        },
        "cases": list(map(_case_object, verification.results)),
    }
    return json.dumps(report, indent=2, ensure_ascii=False) + "\n"


def _case_object(result: CaseResult) -> dict[str, Any]:
    case = result.subject.as_object() | {
        "outcome": result.outcome.value,
        "seconds": round(result.seconds, 4),
        "credits": result.credits,
    }
    if result.said:
        case["said"] = result.said
    if result.failed_with:
        case["failed_with"] = result.failed_with
    if result.exchanges:
        case["exchanges"] = list(map(_exchange_object, result.exchanges))
    return case


def _exchange_object(exchange: ObservedExchange) -> dict[str, Any]:
    return {
        "request": as_curl(exchange),
        "status": exchange.status,
        "headers": [list(header) for header in exchange.headers],
        "body": exchange.body[:_LONGEST_JSON_BODY].decode("utf-8", "replace"),
        "body_size": len(exchange.body),
        "seconds": round(exchange.seconds, 4),
    }


def failure_lines(result: CaseResult, longest_body: int = _LONGEST_SHOWN_BODY) -> list[str]:
    """The case's sentence, the clause that it guards, and each of its exchanges in two lines."""
    subject, clause = result.subject, result.subject.guards
    lines = [subject.sentence, f"guards {clause.id}: {clause.says} ({clause.source})"]
    for exchange in result.exchanges:
        lines += [f"$ {as_curl(exchange)}", f"  {exchange.status} {_shown_body(exchange.body, longest_body)}"]
    return lines


def print_table(verification: Verification, console: Console) -> None:
    """The results by area, why cases were not offered, the first failures, what was seen, and the verdict."""
    console.print(_by_area(verification))
    _print_not_offered(verification, console)
    failures = verification.failures
    for result in failures[:_SHOWN_FAILURES]:
        console.print(f"\n[bold red]failed[/] [bold]{escape(result.subject.id)}[/] ({result.subject.severity})")
        console.print(f"  seen {result.said}", markup=False)
        if alike := verification.failed_with(result):
            console.print(f"  for the same cause {_listed(alike)}", markup=False)
        for line in failure_lines(replace(result, exchanges=result.exchanges[-_SHOWN_EXCHANGES:])):
            console.print(f"  {line}", markup=False)
    if len(failures) > _SHOWN_FAILURES:
        console.print(f"\nand {len(failures) - _SHOWN_FAILURES} more failures: --json, --junit or --html have them all")
    console.print()
    console.print(_coverage_table(verification))
    console.print()
    for reason in verification.too_little:
        console.print(f"[yellow]too little[/] {escape(reason)}")
    proven = verification.exit_code is ExitCode.PROVEN
    console.print(verification.sentence, style="bold green" if proven else "bold red", markup=False)
    run = f"profile {verification.profile}, seed {verification.seed}, {verification.seconds:.1f} s"
    console.print(f"{verification.provider}, {run}", style="dim", markup=False)


def _listed(alike: Sequence[CaseResult]) -> str:
    """How many failed alike, and the first of them."""
    names = ", ".join(one.subject.id for one in alike[:_SHOWN_ALIKE])
    return f"{len(alike)} more: {names}" + (", ..." if len(alike) > _SHOWN_ALIKE else "")


def _by_area(verification: Verification) -> Table:
    shown = [outcome for outcome in Outcome if outcome not in _SELDOM or verification.counts[outcome]]
    table = Table("area", box=None, pad_edge=False, header_style="bold")
    for outcome in shown:
        table.add_column(outcome.value, justify="right")
    for area, counts in verification.counts_by_area.items():
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


def _coverage_table(verification: Verification) -> Table:
    table = Table("seen of the contract", "", "", box=None, pad_edge=False, header_style="bold")
    for aspect in verification.coverage:
        missed = ", ".join(aspect.missed[:4]) + (", ..." if len(aspect.missed) > 4 else "")
        table.add_row(aspect.name, f"{len(aspect.seen)} of {aspect.of}", f"not {missed}" if missed else "")
    return table


def _shown_body(body: bytes, most: int) -> str:
    """A body on one line, cut where it is long; of bytes that are no text, how many there are."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return f"({len(body):,} bytes)"
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[:most]}... ({len(body):,} bytes)"


def as_junit(verification: Verification) -> str:
    """A suite for each area; too little seen is an error of the suite `coverage`."""
    areas: dict[str, list[JunitCase]] = {"coverage": [_coverage_case(verification)]}
    for result in verification.results:
        areas.setdefault(result.subject.area, []).append(_junit_case(result))
    suites = [
        JunitSuite(area, cases, at=verification.began_at, seconds=sum(case.seconds or 0 for case in cases))
        for area, cases in sorted(areas.items())
    ]
    return junit_xml(suites, name=f"outpaint contract: {verification.provider}", seconds=verification.seconds)


def _junit_case(result: CaseResult) -> JunitCase:
    subject = result.subject
    case = JunitCase(f"outpaint.contract.{subject.area}", subject.id, seconds=result.seconds)
    if result.outcome is Outcome.PASSED:
        return case
    if result.outcome is Outcome.FAILED:
        text = "\n".join(failure_lines(result, _LONGEST_JUNIT_BODY))
        return replace(case, problem="failure", message=result.said, type=subject.severity, text=text)
    if result.outcome is Outcome.FAILED_ALIKE:
        says = f"{result.outcome}, for the cause of {result.failed_with}: {result.said}"
        return replace(case, problem="skipped", message=says)
    return replace(case, problem="skipped", message=f"{result.outcome}: {result.said}")


def _coverage_case(verification: Verification) -> JunitCase:
    return JunitCase(
        "outpaint.contract.coverage",
        "enough was seen",
        "error" if verification.too_little else None,
        " ".join(verification.too_little),
        output="\n".join(f"{aspect.name}: {len(aspect.seen)} of {aspect.of}" for aspect in verification.coverage),
        seconds=0.0,
    )
