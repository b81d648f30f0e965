"""`python -m mutants`, or `make mutants`: each mutant, the case that named it, and who else noticed.

Ends with 0 where every mutant was caught by the cases that are named for its fault, and the correct service by none.
"""

from __future__ import annotations

import argparse
import fnmatch
import logging
import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import track
from wire_kit.hosts import tcp_provider

from mutants.detection import found_by, named_cases
from mutants.mutant import CORRECT, Mutant, all_mutants, case_link
from mutants.other_tools import OtherTool, Pact, Schemathesis, Specmatic, Target, Unavailable
from outpaint.conformance.cases import all_cases
from outpaint.conformance.proving.provider import Provider
from outpaint.functions.service.service import ServiceSettings

PAGE = Path(__file__).parents[2] / "docs" / "mutants.md"
OUT = Console(highlight=False)
ERR = Console(stderr=True, highlight=False)


def main() -> int:
    """0 where every mutant was caught by name, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m mutants", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--only", action="append", default=[], metavar="GLOB", help="these mutants, by name")
    parser.add_argument("--no-other-tools", action="store_true", help="the contract's cases alone")
    parser.add_argument("--whole", action="store_true", help="all cases on each, not only those named for its fault")
    parser.add_argument("--write", action="store_true", help="write the table to docs/mutants.md")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)  # a broken service says so at length
    chosen = [
        mutant
        for mutant in all_mutants()
        if not options.only or any(fnmatch.fnmatch(mutant.name, glob) for glob in options.only)
    ]
    if not chosen:
        parser.error("no mutant is named so")
    # In random order, so that an interrupted run is a fair sample.
    random.Random(1).shuffle(chosen)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        notes: list[str] = []
        tools = [] if options.no_other_tools else _other_tools(Path(folder), notes)
        false_alarms = sorted(found_by(CORRECT, all_cases()))
        rows: list[Row] = []
        try:
            rows.extend(
                _row(mutant, tools, notes, whole=options.whole) for mutant in track(chosen, "Mutants", console=ERR)
            )
        except KeyboardInterrupt:
            notes.append(f"Interrupted after {len(rows)} of {len(chosen)} mutants, drawn by chance.")
        rows.sort()
    missed = [row for row in rows if not row[2]]
    table = _table(rows, tools, notes)
    OUT.print(table, markup=False, soft_wrap=True)
    if options.write:
        PAGE.write_text(table, encoding="utf-8")
    for row in missed:
        ERR.print(f"not caught by name: {row[0]}: {row[1]}", markup=False)
    for name in false_alarms:
        ERR.print(f"false alarm on the correct service: {name}", markup=False)
    return 1 if missed or false_alarms else 0


Row = tuple[str, str, str, Sequence[bool]]
"""A mutant's name, what it breaks, the cases that named it (empty where one of them did not), and who else noticed."""


def _row(mutant: Mutant, tools: Sequence[OtherTool], notes: list[str], *, whole: bool) -> Row:
    def noticed(tool: OtherTool, target: Target) -> bool:
        try:
            return tool.finds_fault(target)
        except Unavailable as reason:
            notes.append(f"{tool.name} on `{mutant.name}`: {reason}.")
            return False

    with mutant.alive(), _server() as provider, ThreadPoolExecutor(len(tools) or 1) as pool:
        judging = [pool.submit(noticed, tool, Target.of(provider)) for tool in tools]
        verdicts = [judged.result() for judged in judging]
    found = found_by(mutant, all_cases() if whole else named_cases(mutant))
    named = ", ".join(map(case_link, mutant.caught_by)) if set(mutant.caught_by) <= set(found) else ""
    return mutant.name, mutant.breaks, named, verdicts


def _other_tools(folder: Path, notes: list[str]) -> list[OtherTool]:
    """Those that run and find no fault with the correct service; `notes` gets what is wrong with the others."""
    kinds: dict[str, Callable[[], OtherTool]] = {
        "Schemathesis": Schemathesis,
        "Specmatic": lambda: Specmatic(folder),
        "Pact": lambda: Pact(folder),
    }
    found = []
    for name, make in kinds.items():
        ERR.print(f"trying {name} on the correct service ...", markup=False)
        try:
            tool = make()
            with _server() as provider:
                blames = tool.finds_fault(Target.of(provider))
        except Unavailable as reason:
            notes.append(f"{name} is left out: {reason}.")
            continue
        if blames:
            notes.append(
                f"{name} finds fault with the correct service, so that it cannot distinguish a mutant from it."
            )
        else:
            found.append(tool)
    return found


def _server() -> AbstractContextManager[Provider]:
    return tcp_provider(ServiceSettings(rate_limit=10**9, sync_wait=5))


def _table(rows: Sequence[Row], tools: Sequence[OtherTool], notes: Sequence[str]) -> str:
    caught = sum(bool(row[2]) for row in rows)
    others = "".join(f", {one.name} noticed {sum(row[3][index] for row in rows)}" for index, one in enumerate(tools))
    head = ["mutant", "what it breaks", "caught by", *(one.name for one in tools)]
    lines = [
        "# Mutants",
        f"{datetime.now(UTC):%Y-%m-%d}, made by `make mutants WRITE=1`. Of {len(rows)} deliberately broken services "
        f"`outpaint contract verify` names {caught} by the right case{others}. A tool notices where it finds fault "
        "with a mutant; one that finds fault with the correct service too has no column.",
        "",
        *(f"- {one.name}: {one.setting}." for one in tools),
        *(f"- {note}" for note in notes),
        *([""] if tools or notes else []),
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
        *(
            f"| `{name}` | {breaks} | {named or '**missed**'} |{''.join(' yes |' if one else ' |' for one in noticed)}"
            for name, breaks, named, noticed in rows
        ),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
