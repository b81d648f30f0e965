"""JUnit XML: its format, for every report, and the consumer report in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal
from xml.etree import ElementTree as ET

from outpaint.mocks.report.findings import CheckOutcome, CheckResult, Report, ReportVerdict

_UNWRITABLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAGS: Final = {"failures": "failure", "errors": "error", "skipped": "skipped"}


@dataclass(frozen=True, slots=True)
class JunitCase:
    """One `testcase`: without a `problem` it passed; `message`, `type` and `text` are the problem's."""

    classname: str
    name: str
    problem: Literal["failure", "error", "skipped"] | None = None
    message: str = ""
    type: str = ""
    text: str = ""
    output: str = ""
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class JunitSuite:
    """One `testsuite`; `at` is when it began, in seconds since 1970 UTC."""

    name: str
    cases: Sequence[JunitCase]
    at: float | None = None
    seconds: float | None = None
    output: str = ""


def junit_xml(suites: Sequence[JunitSuite], *, name: str = "", seconds: float | None = None) -> str:
    """The document as text, indented, with its declaration; what XML 1.0 cannot hold is replaced by U+FFFD."""
    every = [case for suite in suites for case in suite.cases]
    root = _element("testsuites", name=name, seconds=seconds, **_counts(every))
    for suite in suites:
        at = "" if suite.at is None else datetime.fromtimestamp(suite.at, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        below = _element("testsuite", name=suite.name, timestamp=at, seconds=suite.seconds, **_counts(suite.cases))
        below.extend(map(_test_case, suite.cases))
        _add_output(below, suite.output)
        root.append(below)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _test_case(case: JunitCase) -> ET.Element:
    found = _element("testcase", classname=case.classname, name=case.name, seconds=case.seconds)
    if case.problem is not None:
        problem = _element(case.problem, message=case.message, type=case.type)
        problem.text = _clean(case.text) or None
        found.append(problem)
    _add_output(found, case.output)
    return found


def _add_output(element: ET.Element, output: str) -> None:
    if output:
        ET.SubElement(element, "system-out").text = _clean(output)


def _element(tag: str, *, seconds: float | None = None, **attributes: str) -> ET.Element:
    """An element with these attributes, without those that are empty."""
    found = ET.Element(tag, {name: _clean(value) for name, value in attributes.items() if value})
    if seconds is not None:
        found.set("time", f"{seconds:.3f}")
    return found


def _counts(cases: Sequence[JunitCase]) -> dict[str, str]:
    return {"tests": str(len(cases))} | {
        word: str(sum(case.problem == tag for case in cases)) for word, tag in _TAGS.items()
    }


def _clean(text: str) -> str:
    return _UNWRITABLE.sub("\ufffd", text)


def as_junit(report: Report, *, strict: bool = False) -> str:
    """One suite, one case a check: failures for errors (with `strict`, for warnings too), skips with their reason.

    A warning that fails nothing is in its case's output. If nothing was judged, or nobody can tell because calls were
    dropped, that is an error of the suite.
    """
    classname = f"outpaint.consumer.{report.world}"
    cases = [_of_check(classname, check, strict=strict) for check in report.checks]
    if report.verdict is ReportVerdict.NOTHING_JUDGED:
        cases.append(JunitCase(classname, "calls_came", "error", "no call of the API came"))
    if report.verdict is ReportVerdict.CANNOT_TELL:
        cases.append(JunitCase(classname, "calls_kept", "error", f"cannot tell, {report.dropped} calls dropped"))
    return junit_xml([JunitSuite(f"outpaint consumer report: {report.world}", cases, at=report.at)])


def _of_check(classname: str, check: CheckResult, *, strict: bool) -> JunitCase:
    text = "\n".join(finding.text for finding in check.findings)
    if check.outcome is CheckOutcome.NOT_APPLICABLE:
        return JunitCase(classname, check.code, "skipped", check.note)
    if check.breaks or (strict and check.outcome is CheckOutcome.FAILED):
        message = f"{check.rule} Broken on {check.failed} of {check.judged} occasions."
        return JunitCase(classname, check.code, "failure", message, check.severity, text)
    warning = f"warning: {check.rule}\n{text}" if check.outcome is CheckOutcome.FAILED else ""
    return JunitCase(classname, check.code, output=warning)
