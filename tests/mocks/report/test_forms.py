"""The report's forms: text, JUnit XML, a page, JSON."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from outpaint.mocks.report.client_checks import CHECKS
from outpaint.mocks.report.findings import CheckOutcome, Report, ReportVerdict
from outpaint.mocks.report.junit_xml import as_junit
from outpaint.mocks.report.report_pages import as_page, as_text

HOSTILE = "<script>alert(1)</script>\x00\ud800 & ]]>"


@pytest.fixture
def bad(client: Any) -> Report:
    """An error, a warning, passes, and much that is not applicable."""
    inference_id = client.job(idem=None, colour="red")
    for _ in range(2):
        client.sleep(2)
        client.poll(inference_id)
    report: Report = client.report()
    assert {check.code for check in report.failures} == {"stops_at_end", "idempotency_key", "known_fields"}
    return report


def test_as_text_every_check_has_its_line_and_its_findings(bad: Report) -> None:
    lines = as_text(bad).splitlines()
    marks = {line.split()[1]: line.split()[0] for line in lines if line[:4].strip() in ("pass", "FAIL", "warn", "-")}
    assert set(marks) == {check.code for check in CHECKS}
    assert (marks["stops_at_end"], marks["idempotency_key"]) == ("FAIL", "warn")
    assert (marks["polling_pace"], marks["key_in_header"]) == ("-", "pass")
    assert any("#2 was answered with the job's end" in line for line in lines)
    assert lines[-1].startswith("world default: FAILED; ")
    assert "1 failed, 2 warned" in lines[-1]


def test_junit_counts_what_it_holds(bad: Report) -> None:
    for strict in (False, True):
        root = ET.fromstring(as_junit(bad, strict=strict))
        (suite,) = root
        cases = suite.findall("testcase")
        assert len(cases) == int(suite.attrib["tests"]) == len(CHECKS)
        assert len(suite.findall("testcase/failure")) == int(suite.attrib["failures"]) == (3 if strict else 1)
        assert len(suite.findall("testcase/skipped")) == int(suite.attrib["skipped"])
        assert all(skipped.attrib["message"] for skipped in suite.findall("testcase/skipped"))
        assert int(suite.attrib["errors"]) == 0
    assert "was answered with the job's end" in (suite.findtext("testcase[@name='stops_at_end']/failure") or "")


def test_junit_says_when_nothing_was_judged(client: Any) -> None:
    (suite,) = ET.fromstring(as_junit(client.report()))
    assert int(suite.attrib["errors"]) == 1


class Outline(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name in ("href", "src") and value]
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_and_needs_nothing_else(bad: Report) -> None:
    outline = Outline()
    outline.feed(as_page(bad))
    assert outline.open == []
    assert not outline.tags & {"script", "img", "iframe"}
    assert outline.links == ["data:,"]
    for check in bad.checks:
        assert check.rule in outline.text
        assert check.note in outline.text
        assert all(finding.text in outline.text for finding in check.findings)


def test_what_clients_sent_breaks_no_form(client: Any) -> None:
    client.submit(idem=None, query=f"key={HOSTILE.encode('utf-8', 'replace').hex()}")
    report = client.report()
    hostile = report.of("key_in_header").findings[0].model_copy(update={"text": HOSTILE})
    checks = tuple(
        check.model_copy(update={"findings": (hostile,)}) if check.findings else check for check in report.checks
    )
    report = report.model_copy(update={"checks": checks, "world": "a&<b>"})
    assert "<script>alert" not in as_page(report)
    ET.fromstring(as_junit(report))


def test_json_comes_back_the_same(bad: Report) -> None:
    assert Report.model_validate_json(bad.model_dump_json()) == bad


def test_ignored_checks_are_left_out_of_every_form(bad: Report) -> None:
    report = bad.ignoring(["stops_at_end"])
    assert report.verdict is ReportVerdict.PASSED
    assert report.of("stops_at_end").outcome is CheckOutcome.NOT_APPLICABLE
    assert report.passes()
    assert not report.passes(strict=True)
    assert bad.ignoring(["stops_at_end", "idempotency_key", "known_fields"]).passes(strict=True)
    assert "not applicable: ignored" in as_text(report)


def test_calls_that_are_no_longer_kept_are_told(make_client: Any) -> None:
    from outpaint.mocks.world.world import World

    client = make_client(World(max_calls=2))
    for _ in range(5):
        client.balance()
    report = client.report()
    assert (report.calls, report.dropped) == (2, 3)
    assert "3 earlier ones are no longer kept" in as_text(report)
    assert "3 earlier ones are no longer kept" in as_page(report)
    assert "cannot tell, 3 calls dropped" in as_text(report)
    assert 'class="verdict cannot_tell"' in as_page(report)
    (case,) = ET.fromstring(as_junit(report)).findall("testsuite/testcase[error]")
    assert case.attrib["name"] == "calls_kept"
    client.world.journal.clear()
    assert client.report().dropped == 0
