"""The documents keep to the code: tables, commands, routes, links and snippets."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from mutants.mutant import all_mutants, case_link

from outpaint.conformance.cases import all_cases
from outpaint.conformance.proving import answer_promises
from outpaint.contracts import openapi

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def fenced(page: Path, language: str) -> list[str]:
    return [text for found, text in FENCED.findall(page.read_text(encoding="utf-8")) if found == language]


@cache
def shell_lines() -> list[tuple[str, str]]:
    text = [(page.name, block.replace("\\\n", " ")) for page in PAGES for block in fenced(page, "sh")]
    return [(name, line.partition(" #")[0].strip()) for name, block in text for line in block.splitlines() if line]


@cache
def make_targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    included = re.findall(r"^include (\S+)$", makefile, re.MULTILINE)
    rules = makefile + "".join((ROOT / name).read_text(encoding="utf-8") for name in included)
    return set(re.findall(r"^([a-z][a-z-]*):.*?##", rules, re.MULTILINE))


@pytest.fixture
def docs_module(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """A module of docs/, which is no package."""
    monkeypatch.syspath_prepend(ROOT / "docs")
    return importlib.import_module


def anchors(page: Path) -> list[str]:
    """The anchors of a page's headings, as code hosts make them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = (
        re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in re.findall(r"^#+ (.+)", text, re.MULTILINE)
    )
    return [re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings]


def broken_links(page: Path, text: str) -> list[str]:
    """The links of a text in a page that lead to no file, or to no heading of it."""
    broken = []
    for target, _, anchor in (link.partition("#") for link in re.findall(r"\]\(([^)\s]+)\)", text)):
        file = page.parent / target if target else page
        if not target.startswith("http") and (not file.exists() or (anchor and anchor not in anchors(file))):
            broken.append(f"{target}#{anchor}")
    return broken


def test_what_comes_from_the_code_is_as_the_code_makes_it(docs_module: Callable[[str], ModuleType]) -> None:
    generate = docs_module("generate")
    assert generate.made()
    assert not generate.left_over(), "run `make docs` and commit docs/cases"
    for path, text in generate.made().items():
        assert path.read_text(encoding="utf-8") == text, f"run `make docs` and commit {path.relative_to(ROOT)}"


def test_every_case_and_promise_has_one_heading_of_its_own() -> None:
    expected: dict[str, list[str]] = {}
    for name in dict.fromkeys(
        [*(case.family for case in all_cases()), *(check.id for check in answer_promises.checks())]
    ):
        area, _, anchor = name.partition(".")
        expected.setdefault(area, []).append(anchor)
    for area, names in expected.items():
        there = anchors(ROOT / "docs" / "cases" / f"{area}.md")
        assert len(there) == len(set(there)), f"docs/cases/{area}.md has a heading twice"
        assert set(names) <= set(there)


def test_every_link_from_a_mutant_to_its_cases_leads_to_one() -> None:
    links = " ".join(case_link(name) for mutant in all_mutants() for name in mutant.caught_by)
    assert links
    assert broken_links(ROOT / "docs" / "mutants.md", links) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    assert broken_links(page, FENCED.sub("", page.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    named = set(re.findall(r"`make ([a-z-]+)", page.read_text(encoding="utf-8")))
    named |= {line.split()[1] for name, line in shell_lines() if name == page.name and line.startswith("make ")}
    assert named <= make_targets()


def test_every_route_that_is_named_is_in_the_api_description() -> None:
    known = {re.sub(r"\{\w+\}", "{}", path) for path in openapi.document()["paths"]}
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    for path in re.findall(r"^\| (?:GET|POST) (/\S+)", text, re.MULTILINE):
        assert re.sub(r"\{\w+\}", "{}", path.partition("?")[0]) in known


def test_a_bare_make_prints_every_target() -> None:
    printed = subprocess.run(["make", "-C", str(ROOT)], capture_output=True, text=True, check=True).stdout
    assert all(re.search(rf"make {target}\s", printed) for target in make_targets())


def test_the_locks_hold_versions_and_hashes_and_no_address() -> None:
    for lock in (ROOT / "locks").glob("*.txt"):
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text
        # Each requirement goes on to at least one hash.
        for requirement in re.split(r"\n(?=\S)", text.strip()):
            assert re.match(r"[a-z0-9-]+(\[[a-z,-]+\])?==\S+", requirement), requirement[:60]
            assert "--hash=sha256:" in requirement, requirement[:60]


def test_the_lock_of_npms_packages_holds_versions_and_hashes_and_no_address_to_fetch_from() -> None:
    lock = json.loads((ROOT / "tests" / "generators" / "package-lock.json").read_text(encoding="utf-8"))
    wanted = json.loads((ROOT / "tests" / "generators" / "package.json").read_text(encoding="utf-8"))["dependencies"]
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert len(packages) > 100
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert package["integrity"].startswith("sha512-"), name
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted
