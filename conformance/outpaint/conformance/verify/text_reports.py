"""A run as it goes on, as table, JSON, JUnit."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final
from xml.etree import ElementTree as ET

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from outpaint.conformance.proving.observed_exchange import ObservedExchange
from outpaint.conformance.verify.case_outcome import CaseResult, Outcome
from outpaint.conformance.verify.curl import as_curl
from outpaint.conformance.verify.verification import ExitCode, Verification
from outpaint.mocks.report.junit_xml import clean, outcome_counts, written


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


FORMAT: Final = 1
"""Goes up when a member changes its meaning or goes away."""
_LONGEST_JSON_BODY: Final = 4000


def as_json(verification: Verification) -> str:
    """One object: the verdict, the counts, every case, and what was seen and missed of the contract."""
    return json.dumps(as_object(verification), indent=2, ensure_ascii=False) + "\n"


def as_object(verification: Verification) -> dict[str, Any]:
    """The same as plain values."""
    return {
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
        "cases": [_case_as_object(result) for result in verification.results],
    }


def _case_as_object(result: CaseResult) -> dict[str, Any]:
    subject = result.subject
    told: dict[str, Any] = {
        "id": subject.id,
        "area": subject.area,
        "outcome": result.outcome.value,
        "severity": subject.severity.value,
        "sentence": subject.sentence,
        "clause": {"id": subject.guards.id, "says": subject.guards.says, "origin": subject.guards.origin.value},
        "seconds": round(result.seconds, 4),
        "credits": result.credits,
    }
    if result.said:
        told["said"] = result.said
    if result.exchanges:
        told["exchanges"] = [_exchange(exchange) for exchange in result.exchanges]
    return told


def _exchange(exchange: ObservedExchange) -> dict[str, Any]:
    return {
        "request": as_curl(exchange),
        "status": exchange.status,
        "headers": [list(header) for header in exchange.headers],
        "body": exchange.body[:_LONGEST_JSON_BODY].decode("utf-8", "replace"),
        "body_size": len(exchange.body),
        "seconds": round(exchange.seconds, 4),
    }


_LONGEST_TABLE_BODY: Final = 300
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
    console.print(_coverage_lines(verification))
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
        console.print(
            f"    {exchange.status} {shown_body(exchange.body, _LONGEST_TABLE_BODY)}", style="dim", markup=False
        )


def _coverage_lines(verification: Verification) -> Table:
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


_LONGEST_JUNIT_BODY: Final = 2000


def as_junit(verification: Verification) -> str:
    """A suite for each area; too little seen is an error of the suite `coverage`."""
    areas: dict[str, list[ET.Element]] = {}
    for result in verification.results:
        areas.setdefault(result.subject.area, []).append(_test_case(result))
    areas["coverage"] = [_coverage_suite(verification)]
    root = ET.Element("testsuites", {"name": clean(f"outpaint contract: {verification.provider}")})
    stamp = datetime.fromtimestamp(verification.began_at, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    for area, cases in sorted(areas.items()):
        seconds = sum(float(case.get("time", "0")) for case in cases)
        suite = ET.SubElement(root, "testsuite", {"name": area, **outcome_counts(cases), "timestamp": stamp})
        suite.set("time", f"{seconds:.3f}")
        suite.extend(cases)
    for name, value in outcome_counts([case for cases in areas.values() for case in cases]).items():
        root.set(name, value)
    root.set("time", f"{verification.seconds:.3f}")
    return written(root)


def _test_case(result: CaseResult) -> ET.Element:
    subject = result.subject
    case = ET.Element(
        "testcase",
        {"classname": f"outpaint.contract.{subject.area}", "name": subject.id, "time": f"{result.seconds:.3f}"},
    )
    if result.outcome in (Outcome.NOT_OFFERED, Outcome.NOT_RUN):
        ET.SubElement(case, "skipped", {"message": clean(f"{result.outcome.value}: {result.said}")})
    elif result.outcome is Outcome.FAILED:
        failure = ET.SubElement(case, "failure", {"message": clean(result.said), "type": subject.severity})
        lines = [subject.sentence, f"guards {subject.guards.id}: {subject.guards.says}", ""]
        for exchange in result.exchanges:
            lines += [
                f"$ {as_curl(exchange)}",
                f"{exchange.status} {shown_body(exchange.body, _LONGEST_JUNIT_BODY)}",
                "",
            ]
        failure.text = clean("\n".join(lines))
    return case


def _coverage_suite(verification: Verification) -> ET.Element:
    case = ET.Element("testcase", {"classname": "outpaint.contract.coverage", "name": "enough was seen", "time": "0"})
    if verification.too_little:
        ET.SubElement(case, "error", {"message": clean(" ".join(verification.too_little))})
    seen = (f"{aspect.name}: {len(aspect.seen)} of {aspect.of}" for aspect in verification.coverage)
    ET.SubElement(case, "system-out").text = clean("\n".join(seen))
    return case
