"""A report as lines for a terminal."""

from __future__ import annotations

from typing import Final

from outpaint_mocks.report.verdict import CheckResult, Outcome, Report, Verdict

_MARKS: Final = {Outcome.PASSED: "pass", Outcome.FAILED: "FAIL", Outcome.NOT_APPLICABLE: "-"}
_FINDINGS: Final = 5


def as_text(report: Report) -> str:
    """Every check in a line, what was wrong below it, the verdict last; ends without a line break."""
    width = max(len(check.code) for check in report.checks)
    lines = [line for check in report.checks for line in _lines(check, width)]
    return "\n".join([*lines, "", _summary(report)])


def _lines(check: CheckResult, width: int) -> list[str]:
    indent = " " * (width + 8)
    if check.outcome is Outcome.NOT_APPLICABLE:
        return [f"{_MARKS[check.outcome]:4}  {check.code:{width}}  not applicable: {check.note}"]
    mark = "warn" if check.outcome is Outcome.FAILED and not check.breaks else _MARKS[check.outcome]
    lines = [f"{mark:4}  {check.code:{width}}  {check.rule} ({check.judged - check.failed} of {check.judged})"]
    lines += [f"{indent}{finding.text}" for finding in check.findings[:_FINDINGS]]
    if check.failed > _FINDINGS:
        lines.append(f"{indent}and {check.failed - _FINDINGS} more")
    return lines


def _summary(report: Report) -> str:
    counts = {outcome: sum(check.outcome is outcome for check in report.checks) for outcome in Outcome}
    warnings = sum(check.outcome is Outcome.FAILED and not check.breaks for check in report.checks)
    word = {
        Verdict.PASSED: "passed",
        Verdict.FAILED: "FAILED",
        Verdict.NOTHING_JUDGED: "nothing was judged: no call of the API came",
    }[report.verdict]
    told = (
        f"world {report.world}: {word}; {counts[Outcome.PASSED]} checks passed, "
        f"{counts[Outcome.FAILED] - warnings} failed, {warnings} warned, "
        f"{counts[Outcome.NOT_APPLICABLE]} not applicable; {report.calls} calls"
    )
    return f"{told} ({report.dropped} earlier ones are no longer kept)" if report.dropped else told
