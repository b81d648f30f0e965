"""The layout's rules that the linter has no contract for: what the ground floor imports, and names that are unique."""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = ("contracts", "painting", "functions", "mocks", "conformance")
# A rule and its cases: the module of cases is named like the module of the rule, and its name is in every case's id.
RULE_AND_CASES = {"idempotency", "routes"}


def modules(floor: str) -> Iterator[Path]:
    yield from sorted((ROOT / floor / "outpaint" / floor).rglob("*.py"))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_the_contracts_import_pydantic_and_the_standard_library_and_nothing_else() -> None:
    allowed = {*sys.stdlib_module_names, "pydantic", "outpaint"}
    found = set()
    for path in modules("contracts"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Import):
                found |= {(path.name, alias.name.partition(".")[0]) for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add((path.name, (node.module or "").partition(".")[0]))
    assert ("requests.py", "pydantic") in found
    assert [one for one in sorted(found) if one[1] not in allowed] == []


@pytest.mark.parametrize("floor", FLOORS[:-1])
def test_no_text_names_a_module_of_a_floor_above(floor: str) -> None:
    """The linter sees imports alone: a name given to importlib or to a subprocess would pass it."""
    above = re.compile(rf"outpaint\.({'|'.join(FLOORS[FLOORS.index(floor) + 1 :])})\b")
    named = [
        (path.relative_to(ROOT).as_posix(), node.value)
        for path in modules(floor)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and above.search(node.value)
    ]
    assert named == []


def test_a_name_of_a_module_or_a_class_says_one_thing() -> None:
    files, classes = defaultdict(list), defaultdict(list)
    for floor in FLOORS:
        for path in modules(floor):
            place = path.relative_to(ROOT).as_posix()
            if path.stem not in ("__init__", "__main__"):
                files[path.stem].append(place)
            for node in tree(path).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    classes[node.name].append(place)
    assert len(files) > 200
    assert {name: places for name, places in files.items() if len(places) > 1 and name not in RULE_AND_CASES} == {}
    assert {name: places for name, places in classes.items() if len(places) > 1} == {}
