"""The pages of docs/cases/, made from the cases' code: one for each area, one for the promises, and an index."""

from __future__ import annotations

import inspect
import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import partial
from itertools import groupby
from typing import Any

from tables import table

from outpaint.conformance.cases import all_cases
from outpaint.conformance.proving import answer_promises
from outpaint.conformance.proving.case import USUALLY_GIVEN, Case, Severity
from outpaint.conformance.proving.clauses import Clause
from outpaint.conformance.proving.provider import Need

ORIGINS = {"vendor": "The vendor's word", "ours": "Our own extension or decision", "rfc": "A standard"}
PICTURES = {
    b"\x89PNG": "a PNG file",
    b"\xff\xd8": "a JPEG file",
    b"RIFF": "a WebP file",
    b"GIF8": "a GIF file",
    b"II*": "a TIFF file",
    b"MM\0*": "a TIFF file",
    b"BM": "a BMP file",
}
LONGEST_VALUE = 60
LONGEST_TABLE = 20

Family = list[Case]
"""A case, or the variants of one that is tried with several values."""


def pages() -> dict[str, str]:
    """Every page by its name below docs/cases."""
    areas = {area: _families(cases) for area, cases in groupby(all_cases(), key=lambda case: case.area)}
    found = {f"{area}.md": _area_page(area, families) for area, families in areas.items()}
    return found | {"always.md": _promises_page(), "README.md": _index(areas)}


def _families(cases: Iterable[Case]) -> list[Family]:
    return [list(family) for _, family in groupby(cases, key=lambda case: case.family)]


def _index(areas: Mapping[str, list[Family]]) -> str:
    rows = [
        (f"[{area}]({area}.md)", _about(families), str(len(families)), str(sum(map(len, families))))
        for area, families in areas.items()
    ]
    promises = answer_promises.checks()
    total = sum(len(family) for families in areas.values() for family in families)
    lines = [
        "# The cases of the contract",
        "Made from the code by `make docs`. [Contract testing](../contract-testing.md) says how to run them; "
        "`outpaint contract cases` lists them.",
        "",
        f"{total} cases in {len(areas)} areas; many of them try one thing with several values, under one "
        f"heading. {len(promises)} [promises](always.md) are checked on every answer that any case gets.",
        "",
        table(
            ("area", "", "headings", "cases"),
            [
                *rows,
                ("[always](always.md)", "What every answer must have, whatever was asked.", str(len(promises)), ""),
            ],
        ),
        "",
        "## How to read a page",
        "A page has a heading for each sentence of the specification, with its id, who states it and where it was "
        "written first, and below it the cases that guard it. A case's id is its area, a point and its heading, as in "
        "`accept.results-are-plain-json`, and `[variant]` behind that for one of several values. "
        f"Where nothing else is said, {USUALLY_GIVEN} is given. Below the sentence it says how severe a failure is, "
        "what the case needs of a provider, how many credits it may cost, how long it waits on purpose, and whether it "
        "needs its account to itself; what is not mentioned is not needed. The code is the case itself, with `api` "
        "sending the requests.",
        "",
        table(("severity", "when a case fails"), _members(Severity)),
        "",
        table(("needs", "of a provider; one that does not offer it is not asked"), _members(Need)),
    ]
    return "\n".join(lines) + "\n"


def _members(kind: type[StrEnum]) -> list[tuple[str, str]]:
    """Each member of an enumeration with its docstring, which only the source has."""
    documented = re.findall(r'^    [A-Z_]+ = "(.+)"\n    """(.+?)"""', inspect.getsource(kind), re.MULTILINE)
    assert [value for value, _ in documented] == [*kind], f"each member of {kind.__name__} needs a docstring of a line"
    return [(f"`{value}`", text) for value, text in documented]


def _area_page(area: str, families: list[Family]) -> str:
    lines = [
        f"# {area}",
        _about(families),
        "",
        f"`outpaint contract verify --base-url URL --only {area}` proves them all, `--only {area}.NAME` one. "
        "[How to read this page](README.md#how-to-read-a-page).",
    ]
    clauses = {family[0].guards.id: family[0].guards for family in families}
    seen: dict[str, str] = {}
    for clause in clauses.values():
        lines += ["", *_clause(clause)]
        for family in families:
            if family[0].guards.id == clause.id:
                lines += ["", *_case(family, seen)]
    return "\n".join(lines) + "\n"


def _promises_page() -> str:
    lines = [
        "# always",
        "What every answer must have, whatever was asked. Each is looked at on every answer of every case and reported "
        "once, so a missing header is one failure, under its own name.",
        "",
        "[How to read this page](README.md#how-to-read-a-page).",
    ]
    promises = answer_promises.checks()
    for clause in {check.guards.id: check.guards for check in promises}.values():
        lines += ["", *_clause(clause)]
        for check in promises:
            if check.guards.id == clause.id:
                lines += [
                    "",
                    f"### {_name(check.id)}",
                    check.sentence,
                    "",
                    f"`{check.id}` · {check.severity}",
                ]
    return "\n".join(lines) + "\n"


def _about(families: list[Family]) -> str:
    """The first sentence of the area's module."""
    said = sys.modules[_written(families[0][0]).__module__].__doc__
    assert said
    return " ".join(said.split("\n\n")[0].split())


def _clause(clause: Clause) -> list[str]:
    source = re.sub(r"docs/([\w/-]+\.md(?:#[\w-]+)?)", r"[docs/\1](../\1)", clause.source)
    # With its id, for a sentence alone may read as a case's name does, and the two would share an anchor.
    return [f"## {clause.says.rstrip('.')} (`{clause.id}`)", f"{ORIGINS[clause.origin]}: {source}."]


def _case(family: Family, seen: dict[str, str]) -> list[str]:
    case = family[0]
    text = inspect.getsource(_written(case))
    return [
        f"### {_name(case.family)}",
        _sentence(case),
        "",
        " · ".join(_facts(case)),
        "",
        *_variants(family, seen),
        "```python",
        text[text.index("\ndef ") + 1 :].rstrip(),
        "```",
    ]


def _name(id_: str) -> str:
    return id_.partition(".")[2]


def _written(case: Case) -> Callable[..., None]:
    """The function as it was written, without the values of a variant."""
    act = case.act
    assert isinstance(act, partial)
    return act.func


def _sentence(case: Case) -> str:
    return (replace(case, given="") if case.given == USUALLY_GIVEN else case).sentence


def _facts(case: Case) -> list[str]:
    facts: list[str] = [f"`{case.family}`", case.severity]
    if case.needs:
        facts.append(f"needs {', '.join(f'`{need}`' for need in sorted(case.needs))}")
    if case.credits:
        facts.append(f"at most {case.credits} credit{'s' if case.credits > 1 else ''}")
    if case.seconds:
        facts.append(f"waits {case.seconds:g} s")
    if case.watches_account:
        facts.append("its account to itself")
    return facts


def _variants(family: Family, seen: dict[str, str]) -> list[str]:
    """What the variants are tried with, as short as possible; `seen` has the tables that the page shows already."""
    if family[0].id == family[0].family:
        return []
    names = [case.id.removeprefix(case.family)[1:-1] for case in family]
    columns = {name: [_value(case.values[name]) for case in family] for name in family[0].values}
    # A file says nothing that its variant's name does not.
    columns = {name: texts for name, texts in columns.items() if not all(text in PICTURES.values() for text in texts)}
    if not columns:
        return [f"Tried with {_listed(names)}.", ""]
    raw = {name: [str(case.values[name]) for case in family] for name in columns}
    if names in raw.values() and len(columns) == 1:
        return [f"`{next(iter(columns))}` is each of {_listed(names)}.", ""]
    if names == [",".join(texts) for texts in zip(*raw.values(), strict=True)]:
        each = {name: list(dict.fromkeys(texts)) for name, texts in raw.items()}
        if len(names) == math.prod(map(len, each.values())):
            every = " and ".join(f"`{name}` ({_listed(texts)})" for name, texts in each.items())
            return [f"Every combination of {every}.", ""]
    if len(names) > LONGEST_TABLE:
        ends = ", ".join(f"`{name}` {texts[0]} to {texts[-1]}" for name, texts in columns.items())
        return [f"{len(names)} variants, `{names[0]}` to `{names[-1]}`: {ends}.", ""]
    rows = [(f"`{name}`", *texts) for name, *texts in zip(names, *columns.values(), strict=True)]
    shown = table(("variant", *(f"`{name}`" for name in columns)), rows)
    earlier = seen.setdefault(shown, _name(family[0].family))
    if earlier != _name(family[0].family):
        return [f"Tried with the {len(names)} values of [{earlier}](#{earlier}).", ""]
    return [shown, ""]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _value(value: Any) -> str:
    """A value as it is read in a table: short, and without bytes that another version of a library makes otherwise."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_value(inner)}" for name, inner in value.items()) or "nothing"
    if isinstance(value, bytes):
        return _bytes(value)
    text = str(value) if not isinstance(value, str) or _reads_as_it_is(value) else repr(str(value))
    if len(text) > LONGEST_VALUE:
        return f"`{text[:LONGEST_VALUE]}`... ({len(text):,} characters)"
    return f"`{text}`"


def _reads_as_it_is(text: str) -> bool:
    return text.isprintable() and text == text.strip() != "" and "`" not in text


def _bytes(value: bytes) -> str:
    for start, kind in PICTURES.items():
        if value.startswith(start) and len(value) > LONGEST_VALUE:
            return kind
    if len(value) > LONGEST_VALUE:
        return f"`{value[:LONGEST_VALUE]!r}`..."
    return f"`{value!r}`"
