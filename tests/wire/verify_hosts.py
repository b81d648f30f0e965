"""`make verify`: whether each of our own hosts keeps the contract, a row for each."""

from __future__ import annotations

import argparse
import logging
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from local_cloud import proof
from rich.console import Console
from rich.table import Table
from wire_kit.clouds import missing
from wire_kit.every_host import IN_CLOUDS, IN_VERIFY, ON_REQUEST, opened

from outpaint.conformance.cases import all_cases
from outpaint.conformance.proving.case import Case
from outpaint.conformance.verify.case_runner import Outcome
from outpaint.conformance.verify.case_selection import Selection
from outpaint.conformance.verify.text_reports import print_table, progress
from outpaint.conformance.verify.verification import Verification, verify_provider
from outpaint.conformance.verify.verification_page import as_page
from outpaint.functions.command_line.exit_codes import ExitCode

OUT, ERR = Console(highlight=False, soft_wrap=True), Console(stderr=True)
if not OUT.is_terminal:
    OUT.width = 140

HOSTS = {**IN_VERIFY, **IN_CLOUDS, **ON_REQUEST}


def main() -> int:
    """0 where every host keeps the contract, 1 where one does not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("hosts", nargs="*", metavar="HOST", help=f"by default {', '.join((*IN_VERIFY, *IN_CLOUDS))}")
    parser.add_argument("--only", action="append", default=[], metavar="PATTERN", help="cases by id or area")
    parser.add_argument("--seed", type=int, default=random.randrange(100_000))
    parser.add_argument("--html", type=Path, metavar="FOLDER", help="write a page for each host")
    parser.add_argument("--loop", type=int, default=1, metavar="N", help="so often, each time in another order")
    asked = parser.parse_args()
    if unknown := set(asked.hosts) - HOSTS.keys():
        parser.error(f"there is no host {min(unknown)}: choose from {', '.join(HOSTS)}")
    # Its messages about forms that are broken on purpose would be printed between the progress bars.
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
    absent = {} if asked.hosts else {name: why for name in IN_CLOUDS if (why := missing(name)) is not None}
    rows = {name: _row(name, asked) for name in asked.hosts or (*IN_VERIFY, *IN_CLOUDS) if name not in absent}
    titles = ("passed", "failed", "not offered", "left out", "seconds")
    table = Table("host", "verdict", *titles, box=None, header_style="bold")
    for name, found in rows.items():
        table.add_row(
            f"{name}: {HOSTS[name][0]}", *_cells(found, len(all_cases()) - len(_cases(name))), style=_style(found)
        )
    OUT.print(table)
    if rows.keys() & IN_CLOUDS.keys():
        proof.say_left_out()
    for name, why in absent.items():
        OUT.print(f"{name} was not asked: {why}", style="yellow", markup=False)
    OUT.print(f"seed {asked.seed}", style="dim")
    return int(any(one.exit_code is not ExitCode.PROVEN for found in rows.values() for one in found))


def _row(name: str, asked: argparse.Namespace) -> list[Verification]:
    found = []
    for number in range(asked.loop):
        with opened(HOSTS[name][1]) as provider, progress(len(_cases(name))) as tell:
            selection = Selection(only=tuple(asked.only))
            one = verify_provider(provider, _cases(name), selection=selection, seed=asked.seed + number, on_result=tell)
        if one.exit_code is not ExitCode.PROVEN:
            print_table(one, OUT)
        if asked.html is not None:
            asked.html.mkdir(parents=True, exist_ok=True)
            # A loop looks for what fails once in a hundred times: the page that shows it must not be overwritten.
            page = f"{name}.html" if asked.loop == 1 else f"{name}-{asked.seed + number}.html"
            (asked.html / page).write_text(as_page(one), encoding="utf-8")
        found.append(one)
    return found


def _cases(name: str) -> Sequence[Case]:
    return proof.stack_cases() if name in IN_CLOUDS else all_cases()


def _cells(found: list[Verification], left_out: int) -> tuple[str, ...]:
    proven = sum(one.exit_code is ExitCode.PROVEN for one in found)
    last = found[-1]
    verdict = ("proven" if proven else "broken") if len(found) == 1 else f"proven {proven} of {len(found)} times"
    counts = (last.counts[outcome] for outcome in (Outcome.PASSED, Outcome.FAILED, Outcome.NOT_OFFERED))
    return verdict, *map(str, counts), str(left_out or ""), f"{last.seconds:.1f}"


def _style(found: list[Verification]) -> str:
    return "green" if all(one.exit_code is ExitCode.PROVEN for one in found) else "red"


if __name__ == "__main__":
    sys.exit(main())
