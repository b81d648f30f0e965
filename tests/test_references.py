"""References between files: facts, headings and decision records that are named exist."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from outpaint.conformance.cases import all_cases
from outpaint.conformance.proving.answer_promises import checks

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
RECORDS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
FACTS = sorted(path.name for path in (ROOT / "docs" / "facts").glob("[a-z]*.md"))
# A page of docs/ as code and documents name it, from the root, and the anchor behind it.
REFERENCE = re.compile(r"\bdocs/([\w/-]+\.md)(?:#([\w-]+))?")
# A page of facts by its name, whatever stands before it.
FACT = re.compile(rf"\b(?:{'|'.join(re.escape(name) for name in FACTS)})(#[\w-]+)?(\W?)")
# A promise of docs/security.md: its threat, what holds, and where that is tested.
PROMISES = re.compile(r"^<!-- promises -->\n(.*?)^<!-- /promises -->", re.MULTILINE | re.DOTALL)
TEST = re.compile(r"`(tests/[\w/]+\.py)((?:::\w+)+)`")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors of a page's headings, as GitHub makes them: lower case, blanks as hyphens, punctuation left out."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ +(.+?) *$", FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE):
        text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        again = sum(1 for other in found if re.fullmatch(rf"{re.escape(slug)}(-\d+)?", other))
        found.add(f"{slug}-{again}" if again else slug)
    return frozenset(found)


@cache
def tracked() -> dict[str, str]:
    """Every text file of the repository but this one, which names what does not exist, by its path from the root."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=True,
    )
    texts = {}
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file() and ROOT / name != Path(__file__):
            try:
                texts[name] = (ROOT / name).read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue  # a picture or another binary file
    return texts


def leads_nowhere(text: str) -> list[str]:
    """The references in a text, from the root, whose page or heading does not exist."""
    return [
        match[0]
        for match in REFERENCE.finditer(text)
        if not (page := ROOT / "docs" / match[1]).is_file() or (match[2] and match[2] not in anchors(page))
    ]


def unfollowable(text: str) -> list[str]:
    """The names of pages of facts that are not written as a path from the root with a heading.

    A whole string may be the path alone, for code to put headings behind.
    """
    return [
        match[0].strip()
        for match in FACT.finditer(text)
        if not text.endswith("docs/facts/", 0, match.start()) or not (match[1] or match[2] == '"')
    ]


def test_every_page_and_heading_that_is_named_exists() -> None:
    texts = tracked()
    assert len(texts) > 100
    wrong = {name: found for name, text in texts.items() if (found := leads_nowhere(text))}
    assert not wrong


def test_facts_are_named_by_page_and_heading() -> None:
    # Documents link to pages relatively, which the test of links looks at.
    texts = {name: text for name, text in tracked().items() if not name.endswith(".md")}
    wrong = {name: found for name, text in texts.items() if (found := unfollowable(text))}
    assert not wrong
    named = {found for text in texts.values() for found in re.findall(r"docs/facts/(\w+)\.md#", text)}
    assert {"wire", "pixels", "aws"} <= named
    assert sum(len(FACT.findall(text)) for text in texts.values()) >= 40


@pytest.mark.parametrize(
    "text", ["docs/facts/wire.md#no-such-heading", "docs/facts/air.md#routes", "docs/no-such-page.md"]
)
def test_a_reference_to_nothing_is_found(text: str) -> None:
    assert leads_nowhere(f"# See {text}, which is not there.") == [text]


@pytest.mark.parametrize("text", ["wire.md", "docs/facts/wire.md", "facts/wire.md#routes"])
def test_a_name_that_nobody_can_follow_is_found(text: str) -> None:
    assert unfollowable(f"# See {text}.")
    assert not unfollowable("# See docs/facts/wire.md#routes.")


def test_every_clause_names_a_page_and_heading_that_exist() -> None:
    sources = {case.guards.source for case in all_cases()} | {check.guards.source for check in checks()}
    assert any("docs/facts/wire.md#" in source for source in sources)
    for source in sources:
        assert not leads_nowhere(source)


def test_every_link_to_a_heading_leads_to_one() -> None:
    wrong = []
    for page in PAGES:
        text = FENCED.sub("", page.read_text(encoding="utf-8"))
        for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", text):
            there = page.parent / target if target else page
            if "://" not in target and there.suffix == ".md" and anchor not in anchors(there):
                wrong.append(f"{page.relative_to(ROOT)}: {target}#{anchor}")
    assert not wrong


def test_the_index_of_decisions_tells_which_numbers_have_no_record() -> None:
    numbers = [int(path.name[:4]) for path in RECORDS]
    missing = sorted(set(range(1, max(numbers))) - set(numbers))
    index = (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^No record was ever committed under (.+)$", index, re.MULTILINE)
    assert [int(number) for number in re.findall(r"\d{4}", line)] == missing
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.name[:4])
def test_every_record_has_its_number_and_a_state(path: Path) -> None:
    title, status, *_ = path.read_text(encoding="utf-8").splitlines()
    assert title.startswith(f"# {path.name[:4]}. ")
    state = re.fullmatch(
        r"Status: (?:accepted(?:; amended by (?P<amended>.+))?|superseded by (?P<superseded>.+))", status
    )
    assert state
    later = state["amended"] or state["superseded"]
    if later:
        link = re.fullmatch(r"\[(\d{4})\]\((\d{4})-[\w-]+\.md\)", later)
        assert link
        assert link[1] == link[2] > path.name[:4]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_module_that_a_document_names_exists(page: Path) -> None:
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    named = sorted(set(re.findall(r"(?<![\w/.-])(?:[\w-]+/)+\w+\.py\b", text)))
    there = [f"/{path}" for path in (*tracked(), "tests/test_references.py")]
    assert [name for name in named if not any(path.endswith(f"/{name}") for path in there)] == []


def untested(rows: list[str]) -> list[str]:
    """Those rows of docs/security.md that name no test and no case, or a test that does not exist.

    A test is written as pytest takes it: file, classes, function.
    """
    found = []
    for row in rows:
        *_, where = row.strip("| ").split(" | ")
        tests = TEST.findall(where)
        left = re.sub(r"\[case\]\(cases/[^)]+\)|[, ]", "", TEST.sub("", where))
        there = all(has_test(path, names.strip(":").split("::")) for path, names in tests)
        if not there or left or not (tests or "[case]" in where):
            found.append(row)
    return found


def has_test(path: str, names: list[str]) -> bool:
    """Whether a file has a test, or a class of tests, by these names from the outside in."""
    if not (ROOT / path).is_file():
        return False
    body = ast.parse((ROOT / path).read_text(encoding="utf-8")).body
    for name in names:
        found = [node for node in body if getattr(node, "name", None) == name]
        if not found:
            return False
        body = getattr(found[0], "body", [])
    return True


def test_every_promise_of_security_is_tested_where_it_says() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    tables = [table.strip().splitlines() for table in PROMISES.findall(page)]
    assert all(table[0] == "| threat | what holds | tested in |" for table in tables)
    rows = [row for table in tables for row in table[2:]]
    assert len(rows) >= 40
    assert untested(rows) == []


@pytest.mark.parametrize(
    "where",
    [
        "",
        "somewhere",
        "`tests/test_references.py::test_that_is_not_there`",
        "`tests/no_such_file.py::test_a_name`",
        "`tests/functions/test_fetch.py::TestAddresses::test_behind_no_fence`",
        "open",
        "open, [case](cases/keys.md#no-key-is-401)",
    ],
)
def test_a_promise_without_its_test_is_found(where: str) -> None:
    row = f"| a threat | what holds | {where} |"
    assert untested([row]) == [row]
    assert untested(["| a threat | what holds | `tests/functions/test_fetch.py::TestAddresses::test_loopback` |"]) == []
