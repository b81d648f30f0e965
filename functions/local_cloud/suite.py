"""The contract's cases against a deployed stack. What is left out, and why, is written here and nowhere else."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from outpaint_contracts.cases import all_cases
from outpaint_contracts.proving.case import Case
from outpaint_contracts.proving.provider import Provider
from outpaint_contracts.verification.progress import progress
from outpaint_contracts.verification.reports.page import as_page
from outpaint_contracts.verification.reports.table import print_table
from outpaint_contracts.verification.selection import Selection
from outpaint_contracts.verification.verdict import ExitCode, Verification, verify
from rich.console import Console

from local_cloud.processes import say

FRONT_DOOR: Final = "a verb of nobody's ends at AWS's front door, and here at a stand-in's"
LEFT_OUT: Final[Mapping[str, tuple[str, ...]]] = {
    FRONT_DOOR: ("routes.an-invented-verb-is-405",),
}
"""Families of cases by the reason why they are not asked of a stack here."""


def asked() -> tuple[Case, ...]:
    """The cases that a stack here is held to."""
    families = {family for some in LEFT_OUT.values() for family in some}
    return tuple(case for case in all_cases() if case.family not in families)


def run(provider: Provider, *, only: Sequence[str] = (), html: Path | None = None) -> int:
    """Prove the provider and print the verdict; 0 where it is proven."""
    tell_left_out()
    found = proven(provider, only=only, seed=random.randrange(100_000))  # noqa: S311 - an order, not a secret
    print_table(found, Console(highlight=False, soft_wrap=True))
    if html is not None:
        html.write_text(as_page(found), encoding="utf-8")
    return int(found.exit_code is not ExitCode.PROVEN)


def proven(provider: Provider, *, only: Iterable[str] = (), seed: int = 0) -> Verification:
    """What the cases found."""
    with progress(Console(stderr=True), len(asked())) as on_result:
        return verify(provider, asked(), selection=Selection(only=tuple(only)), seed=seed, on_result=on_result)


def tell_left_out() -> None:
    """Print a line for each reason."""
    for reason, families in LEFT_OUT.items():
        say(f"left out, for {reason}: {', '.join(families)}")
