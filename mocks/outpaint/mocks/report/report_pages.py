"""The report as text for a terminal, and as an HTML page."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Final

from outpaint.contracts.profiles import WireProfile
from outpaint.functions.http.docs_page import DOCS_STYLE, html_page
from outpaint.mocks.report.findings import CheckOutcome, CheckResult, Report, ReportVerdict

_VERDICTS: Final = {
    ReportVerdict.PASSED: "The client behaves well.",
    ReportVerdict.FAILED: "The client breaks rules.",
    ReportVerdict.NOTHING_JUDGED: "Nothing was judged: no call of the API came.",
    ReportVerdict.CANNOT_TELL: "Nobody can tell: the calls that are kept break no rule, earlier ones are gone.",
}


def as_page(report: Report) -> str:
    """An HTML page: the verdict, what failed, the rest; for light and dark, without a script."""
    summary = f"{report.calls} calls in world {escape(report.world)}, at {_time(report.at)} of its clock"
    if report.profile is WireProfile.VENDOR:
        summary += "; judged as a client of the vendor"
    if report.dropped:
        summary += f"; {report.dropped} earlier ones are no longer kept"
    failed = [check for check in report.failures if check.breaks]
    warned = [check for check in report.failures if not check.breaks]
    rest = {
        outcome: [check for check in report.checks if check.outcome is outcome]
        for outcome in (CheckOutcome.PASSED, CheckOutcome.NOT_APPLICABLE)
    }
    return html_page(
        f"Consumer report: {report.world}",
        (DOCS_STYLE, Path(__file__).with_name("page.css")),
        f'<main><header><h1>Consumer report</h1><p class=lead>{summary}</p><p class="verdict {report.verdict}">',
        f"{_VERDICTS[report.verdict]}</p></header>",
        _section("Broken rules", failed),
        _section("Warnings", warned),
        _section("Kept rules", rest[CheckOutcome.PASSED]),
        _section("Not applicable", rest[CheckOutcome.NOT_APPLICABLE]),
        "</main>",
    )


def _section(title: str, checks: list[CheckResult]) -> str:
    if not checks:
        return ""
    rows = "".join(_row(check) for check in checks)
    return (
        f"<section><h2>{title}</h2><div class=wide><table><thead><tr><th scope=col>outcome</th><th scope=col>rule</th>"
        f"<th scope=col>kept</th></tr></thead><tbody>{rows}</tbody></table></div></section>"
    )


def _row(check: CheckResult) -> str:
    warned = check.outcome is CheckOutcome.FAILED and not check.breaks
    style = "warned" if warned else check.outcome
    kept = f"{check.judged - check.failed} of {check.judged}" if check.judged else ""
    items = "".join(f"<li>{escape(finding.text)}</li>" for finding in check.findings)
    if check.failed > len(check.findings):
        items += f"<li>and {check.failed - len(check.findings)} more</li>"
    findings = f"<ul class=findings>{items}</ul>" if items else ""
    note = f"<br><span class=quiet>{escape(check.note)}</span>" if check.note else ""
    return (
        f'<tr id="{check.code}"><td class="{style}">{style.replace("_", " ")}</td>'
        f"<td>{escape(check.rule)} <code>{check.code}</code>{note}{findings}</td><td>{kept}</td></tr>"
    )


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


_MARKS: Final = {CheckOutcome.PASSED: "pass", CheckOutcome.FAILED: "FAIL", CheckOutcome.NOT_APPLICABLE: "-"}
_FINDINGS: Final = 5


def as_text(report: Report) -> str:
    """Every check in a line, what was wrong below it, the verdict last; ends without a line break."""
    width = max(len(check.code) for check in report.checks)
    lines = [line for check in report.checks for line in _lines(check, width)]
    return "\n".join([*lines, "", _summary(report)])


def _lines(check: CheckResult, width: int) -> list[str]:
    indent = " " * (width + 8)
    if check.outcome is CheckOutcome.NOT_APPLICABLE:
        return [f"{_MARKS[check.outcome]:4}  {check.code:{width}}  not applicable: {check.note}"]
    mark = "warn" if check.outcome is CheckOutcome.FAILED and not check.breaks else _MARKS[check.outcome]
    lines = [f"{mark:4}  {check.code:{width}}  {check.rule} ({check.judged - check.failed} of {check.judged})"]
    lines += [f"{indent}{finding.text}" for finding in check.findings[:_FINDINGS]]
    if check.failed > _FINDINGS:
        lines.append(f"{indent}and {check.failed - _FINDINGS} more")
    return lines


def _summary(report: Report) -> str:
    counts = {outcome: sum(check.outcome is outcome for check in report.checks) for outcome in CheckOutcome}
    warnings = sum(check.outcome is CheckOutcome.FAILED and not check.breaks for check in report.checks)
    word = {
        ReportVerdict.PASSED: "passed",
        ReportVerdict.FAILED: "FAILED",
        ReportVerdict.NOTHING_JUDGED: "nothing was judged: no call of the API came",
        ReportVerdict.CANNOT_TELL: f"cannot tell, {report.dropped} calls dropped (--keep-calls keeps more)",
    }[report.verdict]
    as_whose = " as of the vendor" if report.profile is WireProfile.VENDOR else ""
    text = (
        f"world {report.world}{as_whose}: {word}; {counts[CheckOutcome.PASSED]} checks passed, "
        f"{counts[CheckOutcome.FAILED] - warnings} failed, {warnings} warned, "
        f"{counts[CheckOutcome.NOT_APPLICABLE]} not applicable; {report.calls} calls"
    )
    return f"{text} ({report.dropped} earlier ones are no longer kept)" if report.dropped else text
