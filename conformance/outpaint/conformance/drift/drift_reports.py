"""What a replay found, as a table for people, JSON for programs and JUnit XML for CI."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from outpaint.conformance.drift.answer_comparison import AnswerDifference
from outpaint.conformance.drift.recording_file import RecordedExchange
from outpaint.conformance.drift.replay import Drift
from outpaint.mocks.report.junit_xml import JunitCase, JunitSuite, junit_xml

FORMAT: Final = 1
"""Goes up when a member of the JSON report changes its meaning or goes away."""
_SHOWN_EXCHANGES: Final = 6
_CLASSNAME: Final = "outpaint.contract.drift"


def print_drift(drift: Drift, console: Console) -> None:
    """Every difference with the exchanges that have it, what was not replayed and why, and the verdict."""
    if drift.differences:
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for column in ("breaks", "what", "recorded", "replayed", "exchanges"):
            table.add_column(column, overflow="fold")
        for same in grouped(drift.differences):
            first = same[0]
            table.add_row(
                "yes" if first.breaking else "no",
                escape(first.name),
                escape(first.recorded),
                escape(first.replayed),
                _numbers(drift, [one.exchange for one in same]),
                style="red" if first.breaking else "yellow",
            )
        console.print(table)
        console.print()
    for number, why in drift.not_replayed.items():
        console.print(f"[dim]not replayed: {number} {escape(_name(drift, number))}: {escape(why)}[/]")
    console.print(sentence(drift), style="bold green" if drift.is_none else "bold red", markup=False)


def grouped(differences: Iterable[AnswerDifference]) -> list[list[AnswerDifference]]:
    """Differences that are the same but for the exchange, those that break clients first."""
    groups: dict[tuple[object, ...], list[AnswerDifference]] = {}
    for one in differences:
        groups.setdefault((one.kind, one.where, one.recorded, one.replayed, one.breaking), []).append(one)
    return sorted(groups.values(), key=lambda group: not group[0].breaking)


def sentence(drift: Drift) -> str:
    asked = f"{len(drift.replayed)} of {len(drift.recording.exchanges)} exchanges replayed at {drift.target}"
    left = f", {drift.ignored} {_differences(drift.ignored)} ignored" if drift.ignored else ""
    if drift.is_none:
        return f"No drift: {asked}{left}, in {drift.seconds:.2f} s."
    count = len(grouped(drift.differences))
    broken = sum(group[0].breaking for group in grouped(drift.differences))
    return f"Drift: {count} {_differences(count)}, {broken} of them breaking; {asked}{left}, in {drift.seconds:.2f} s."


def _differences(count: int) -> str:
    return "difference" if count == 1 else "differences"


def _numbers(drift: Drift, numbers: list[int]) -> str:
    unique = sorted(set(numbers))
    if len(unique) == 1:
        return escape(f"{unique[0]} {_name(drift, unique[0])}")
    shown = ", ".join(map(str, unique[:_SHOWN_EXCHANGES]))
    return shown if len(unique) <= _SHOWN_EXCHANGES else f"{shown} and {len(unique) - _SHOWN_EXCHANGES} more"


def _name(drift: Drift, number: int) -> str:
    exchange = next((one for one in drift.recording.exchanges if one.number == number), None)
    return "" if exchange is None else request_line(exchange)


def request_line(exchange: RecordedExchange) -> str:
    """Method and target of an exchange, cut to a line."""
    return f"{exchange.request.method} {exchange.request.target[:60]}"


def as_json(drift: Drift) -> str:
    """One object: the verdict, every difference, and what was not replayed."""
    names = {exchange.number: request_line(exchange) for exchange in drift.recording.exchanges}
    report = {
        "format": FORMAT,
        "upstream": drift.recording.upstream,
        "recorded_at": drift.recording.recorded_at,
        "target": drift.target,
        "baseline": drift.baseline.value,
        "drift": not drift.is_none,
        "breaking": drift.breaks,
        "sentence": sentence(drift),
        "seconds": round(drift.seconds, 3),
        "replayed": list(drift.replayed),
        "ignored": drift.ignored,
        "not_replayed": [
            {"exchange": number, "request": names[number], "why": why} for number, why in drift.not_replayed.items()
        ],
        "differences": [asdict(one) | {"request": names[one.exchange], "name": one.name} for one in drift.differences],
    }
    return json.dumps(report, indent=2, ensure_ascii=False) + "\n"


def as_junit(drift: Drift) -> str:
    """One suite: an exchange that differs is a failure, one that was not replayed is skipped with its reason."""
    cases = [_case(drift, exchange) for exchange in drift.recording.exchanges]
    if not drift.replayed:
        cases.append(
            JunitCase(_CLASSNAME, "something was replayed", "error", "nothing in the recording could be replayed")
        )
    name = f"outpaint contract drift: {drift.target}"
    return junit_xml([JunitSuite(name, cases, seconds=drift.seconds, output=sentence(drift))])


def _case(drift: Drift, exchange: RecordedExchange) -> JunitCase:
    name = f"{exchange.number:03d} {request_line(exchange)}"
    found = [one for one in drift.differences if one.exchange == exchange.number]
    if found:
        kind = "breaking" if any(one.breaking for one in found) else "drift"
        text = "\n".join(f"{one.name}: recorded {one.recorded}, replayed {one.replayed}" for one in found)
        return JunitCase(_CLASSNAME, name, "failure", f"{len(found)} {_differences(len(found))}", kind, text)
    if exchange.number in drift.not_replayed:
        return JunitCase(_CLASSNAME, name, "skipped", drift.not_replayed[exchange.number])
    return JunitCase(_CLASSNAME, name)
