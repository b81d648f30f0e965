"""A drift for a person at a terminal: each difference in a line with the exchanges it was seen in, then the verdict."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from outpaint_mocks.drift.difference import Difference
from outpaint_mocks.drift.recording import Exchange
from outpaint_mocks.drift.replay import Drift

_SHOWN_EXCHANGES = 6


def print_drift(drift: Drift, console: Console) -> None:
    """All of it."""
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


def grouped(differences: Iterable[Difference]) -> list[list[Difference]]:
    """Differences that are the same but for the exchange, those that break clients first."""
    groups: dict[tuple[object, ...], list[Difference]] = {}
    for one in differences:
        groups.setdefault((one.kind, one.where, one.recorded, one.replayed, one.breaking), []).append(one)
    return sorted(groups.values(), key=lambda group: not group[0].breaking)


def sentence(drift: Drift) -> str:
    """The verdict in a line."""
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
    return "" if exchange is None else name_of(exchange)


def name_of(exchange: Exchange) -> str:
    """An exchange in a few words."""
    return f"{exchange.request.method} {exchange.request.target[:60]}"
