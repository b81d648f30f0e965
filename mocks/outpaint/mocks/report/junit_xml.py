"""JUnit's XML, and the report in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from xml.etree import ElementTree as ET

from outpaint.mocks.report.findings import CheckOutcome, CheckResult, Report, ReportVerdict

_UNWRITABLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAGS: Final = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def clean(text: str) -> str:
    """The text with the characters replaced that XML 1.0 does not allow."""
    return _UNWRITABLE.sub("\ufffd", text)


def outcome_counts(cases: Sequence[ET.Element]) -> dict[str, str]:
    """The attributes of a suite that count its `testcase` elements."""
    return {"tests": str(len(cases))} | {
        word: str(sum(case.find(tag) is not None for case in cases)) for word, tag in _TAGS.items()
    }


def written(root: ET.Element) -> str:
    """The document as text, indented, with its declaration."""
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def as_junit(report: Report, *, strict: bool = False) -> str:
    """One suite, one case a check: failures for errors (with `strict`, for warnings too), skips with their reason.

    A warning that fails nothing is in its case's output. If nothing was judged, that is an error of the suite.
    """
    cases = [_case(report, check, strict=strict) for check in report.checks]
    if report.verdict is ReportVerdict.NOTHING_JUDGED:
        case = ET.Element("testcase", _names(report, "calls_came"))
        ET.SubElement(case, "error", {"message": "no call of the API came"})
        cases.append(case)
    counted = outcome_counts(cases)
    suite = ET.Element(
        "testsuite",
        {
            "name": f"outpaint consumer report: {clean(report.world)}",
            **counted,
            "timestamp": datetime.fromtimestamp(report.at, UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        },
    )
    suite.extend(cases)
    root = ET.Element("testsuites", counted)
    root.append(suite)
    return written(root)


def _case(report: Report, check: CheckResult, *, strict: bool) -> ET.Element:
    case = ET.Element("testcase", _names(report, check.code))
    text = clean("\n".join(finding.text for finding in check.findings))
    if check.outcome is CheckOutcome.NOT_APPLICABLE:
        ET.SubElement(case, "skipped", {"message": clean(check.note)})
    elif check.breaks or (strict and check.outcome is CheckOutcome.FAILED):
        message = f"{check.rule} Broken on {check.failed} of {check.judged} occasions."
        ET.SubElement(case, "failure", {"message": message, "type": check.severity}).text = text
    elif check.outcome is CheckOutcome.FAILED:
        ET.SubElement(case, "system-out").text = f"warning: {check.rule}\n{text}"
    return case


def _names(report: Report, name: str) -> dict[str, str]:
    return {"classname": f"outpaint.consumer.{clean(report.world)}", "name": name}
