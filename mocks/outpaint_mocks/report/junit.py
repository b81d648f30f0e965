"""A report as JUnit XML, as continuous integration reads it."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from outpaint_contracts.verification.reports.junit_format import clean, counts, written

from outpaint_mocks.report.verdict import CheckResult, Outcome, Report, Verdict


def as_junit(report: Report, *, strict: bool = False) -> str:
    """One suite, one case a check: failures for errors (with `strict`, for warnings too), skips with their reason.

    A warning that fails nothing stands in its case's output. Nothing judged is an error of the suite.
    """
    cases = [_case(report, check, strict=strict) for check in report.checks]
    if report.verdict is Verdict.NOTHING_JUDGED:
        case = ET.Element("testcase", _names(report, "calls_came"))
        ET.SubElement(case, "error", {"message": "no call of the API came"})
        cases.append(case)
    counted = counts(cases)
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
    if check.outcome is Outcome.NOT_APPLICABLE:
        ET.SubElement(case, "skipped", {"message": clean(check.note)})
    elif check.breaks or (strict and check.outcome is Outcome.FAILED):
        message = f"{check.rule} Broken on {check.failed} of {check.judged} occasions."
        ET.SubElement(case, "failure", {"message": message, "type": check.severity}).text = text
    elif check.outcome is Outcome.FAILED:
        ET.SubElement(case, "system-out").text = f"warning: {check.rule}\n{text}"
    return case


def _names(report: Report, name: str) -> dict[str, str]:
    return {"classname": f"outpaint.consumer.{clean(report.world)}", "name": name}
