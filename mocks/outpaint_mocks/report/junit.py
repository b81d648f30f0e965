"""A report as JUnit XML, as continuous integration reads it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final
from xml.etree import ElementTree as ET

from outpaint_mocks.report.verdict import CheckResult, Outcome, Report, Verdict

_UNWRITABLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(report: Report, *, strict: bool = False) -> str:
    """One suite, one case a check: failures for errors (with `strict`, for warnings too), skips with their reason.

    A warning that fails nothing stands in its case's output. Nothing judged is an error of the suite.
    """
    cases = [_case(report, check, strict=strict) for check in report.checks]
    if report.verdict is Verdict.NOTHING_JUDGED:
        case = ET.Element("testcase", _names(report, "calls_came"))
        ET.SubElement(case, "error", {"message": "no call of the API came"})
        cases.append(case)
    counts = {word: str(sum(case.find(tag) is not None for case in cases)) for word, tag in _TAGS.items()}
    suite = ET.Element(
        "testsuite",
        {
            "name": f"outpaint consumer report: {_clean(report.world)}",
            "tests": str(len(cases)),
            **counts,
            "timestamp": datetime.fromtimestamp(report.at, UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        },
    )
    suite.extend(cases)
    root = ET.Element("testsuites", {"tests": str(len(cases)), **counts})
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


_TAGS: Final = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def _case(report: Report, check: CheckResult, *, strict: bool) -> ET.Element:
    case = ET.Element("testcase", _names(report, check.code))
    text = _clean("\n".join(finding.text for finding in check.findings))
    if check.outcome is Outcome.NOT_APPLICABLE:
        ET.SubElement(case, "skipped", {"message": _clean(check.note)})
    elif check.breaks or (strict and check.outcome is Outcome.FAILED):
        message = f"{check.rule} Broken on {check.failed} of {check.judged} occasions."
        ET.SubElement(case, "failure", {"message": message, "type": check.severity}).text = text
    elif check.outcome is Outcome.FAILED:
        ET.SubElement(case, "system-out").text = f"warning: {check.rule}\n{text}"
    return case


def _names(report: Report, name: str) -> dict[str, str]:
    return {"classname": f"outpaint.consumer.{_clean(report.world)}", "name": name}


def _clean(text: str) -> str:
    """Without what XML 1.0 cannot hold."""
    return _UNWRITABLE.sub("\ufffd", text)
