"""The documents keep to the code: tables, commands, routes, links and snippets."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import click
import pytest
from outpaint_contracts import openapi
from outpaint_functions.embedded.cli.entry import outpaint

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def fenced(page: Path, language: str) -> list[str]:
    return [text for found, text in FENCED.findall(page.read_text(encoding="utf-8")) if found == language]


def shell_lines() -> list[tuple[str, str]]:
    text = [(page.name, block.replace("\\\n", " ")) for page in PAGES for block in fenced(page, "sh")]
    return [(name, line.partition(" #")[0].strip()) for name, block in text for line in block.splitlines() if line]


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


def test_the_tables_are_those_the_code_makes(docs_module: Callable[[str], ModuleType]) -> None:
    tables = docs_module("tables")
    assert tables.PAGES
    for name in tables.PAGES:
        page = (ROOT / "docs" / name).read_text(encoding="utf-8")
        assert tables.written(name, page) == page, f"run `make docs` and commit docs/{name}"


def test_the_pages_of_the_cases_are_those_the_code_makes(docs_module: Callable[[str], ModuleType]) -> None:
    made = docs_module("case_pages").pages()
    folder = ROOT / "docs" / "cases"
    there = {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.md")}
    assert there.keys() == made.keys(), "run `make docs` and commit docs/cases"
    for name, text in made.items():
        assert there[name] == text, f"run `make docs` and commit docs/cases/{name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    named = set(re.findall(r"`make ([a-z-]+)", page.read_text(encoding="utf-8")))
    named |= {line.split()[1] for name, line in shell_lines() if name == page.name and line.startswith("make ")}
    assert named <= make_targets()


def test_every_outpaint_command_that_is_shown_is_understood() -> None:
    shown = [line for _, line in shell_lines() if line.startswith(".venv/bin/outpaint ")]
    assert shown
    for line in shown:
        _, *words = line.split()
        if words in (["--help"], ["--version"]):
            continue  # the entry's own, before any command
        command: click.Command = outpaint
        context = click.Context(outpaint)
        while words and isinstance(command, click.Group) and not words[0].startswith("-"):
            found = command.get_command(context, words.pop(0))
            assert found is not None, line
            command = found
        options = {option for parameter in command.get_params(context) for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_python_snippet_compiles(page: Path) -> None:
    for snippet in fenced(page, "python"):
        ast.parse(snippet)


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
