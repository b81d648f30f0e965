"""Writes docs/cases/: a page for each case of the contract, made from its code, and an index; `make docs`."""

from __future__ import annotations

import inspect
import shutil
from functools import partial
from itertools import groupby
from pathlib import Path

from outpaint_contracts.cases import all_cases
from outpaint_contracts.proving.always import Check, checks
from outpaint_contracts.proving.case import Case
from outpaint_contracts.verification.outcome import Subject

FOLDER = Path(__file__).parent / "cases"
ORIGINS = {
    "vendor": "the vendor's word",
    "ours": "our own extension or decision",
    "rfc": "a standard",
}


def pages() -> dict[str, str]:
    """Every page by its path below docs/cases."""
    families = [list(group) for _, group in groupby(all_cases(), key=lambda case: case.family)]
    found = {_path(family[0].family): _page(family) for family in families}
    found["README.md"] = _index(families)
    return found


def write() -> None:
    """Write all of them, and remove those of cases that there no longer are."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    for path, text in pages().items():
        file = FOLDER / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def _path(family: str) -> str:
    area, _, name = family.partition(".")
    return f"{area}/{name}.md"


def _page(family: list[Case]) -> str:
    case = family[0]
    lines = [
        f"# {case.family}",
        _sentence(case),
        "",
        *_facts(case),
        "",
        *_variants(family),
        "```python",
        _source(case).rstrip(),
        "```",
        "",
        f"`outpaint contract verify --base-url URL --only {case.family}` proves it; "
        "[all cases](../README.md), [how to read a verdict](../../contract-testing.md).",
    ]
    return "\n".join(lines) + "\n"


def _sentence(case: Case) -> str:
    return Subject.of(case).sentence


def _facts(case: Case) -> list[str]:
    clause = case.guards
    rows = {
        "guards": f"{clause.says} (`{clause.id}`, {ORIGINS[clause.origin]}: {clause.source})",
        "severity": case.severity.value,
        "needs": ", ".join(sorted(need.value for need in case.needs)) or "nothing but an answer",
        "costs": f"{case.credits} credits at most" if case.credits else "nothing",
    }
    if case.seconds:
        rows["waits"] = f"{case.seconds:g} s on purpose"
    if case.watches_account:
        rows["account"] = "it looks at its account, which nobody else may use meanwhile"
    return ["| | |", "|---|---|", *(f"| {name} | {_cell(text)} |" for name, text in rows.items())]


def _variants(family: list[Case]) -> list[str]:
    if family[0].id == family[0].family:
        return []
    names = ", ".join(f"`{case.id.removeprefix(case.family)[1:-1]}`" for case in family)
    return [f"Tried {len(family)} ways: {names}.", ""]


def _source(case: Case) -> str:
    """The function as it is written, from its `def` on."""
    act = case.act
    assert isinstance(act, partial)
    text = inspect.getsource(act.func)
    return text[text.index("\ndef ") + 1 :]


def _index(families: list[list[Case]]) -> str:
    lines = [
        "# The cases of the contract",
        "Made from the code by `make docs`. [Contract testing](../contract-testing.md) says how to run them.",
        "What the clauses go back to is told in [docs/facts](../facts/README.md) and [api.md](../api.md).",
        "",
        "## Promises about every answer",
        "Looked at on every answer of every case, and reported once each.",
        "",
        "| | | |",
        "|---|---|---|",
        *map(_check, checks()),
    ]
    for area, group in groupby(families, key=lambda family: family[0].area):
        lines += ["", f"## {area}", "| case | | |", "|---|---|---|"]
        lines += [_row(family) for family in group]
    return "\n".join(lines) + "\n"


def _check(check: Check) -> str:
    return f"| `{check.id}` | {_cell(Subject.of(check).sentence)} | {check.severity} |"


def _row(family: list[Case]) -> str:
    case = family[0]
    name = case.family.partition(".")[2]
    return f"| [{name}]({_path(case.family)}) | {_cell(_sentence(case))} | {case.severity} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
