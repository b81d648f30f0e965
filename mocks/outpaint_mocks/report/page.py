"""A report as one page of HTML that needs nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from html import escape
from pathlib import Path
from typing import Final

import outpaint_functions.http as http_core

from outpaint_mocks.report.verdict import CheckResult, Outcome, Report, Verdict

_WORDS: Final = {Outcome.PASSED: "passed", Outcome.FAILED: "failed", Outcome.NOT_APPLICABLE: "not applicable"}
_VERDICTS: Final = {
    Verdict.PASSED: "The client behaves well.",
    Verdict.FAILED: "The client breaks rules.",
    Verdict.NOTHING_JUDGED: "Nothing was judged: no call of the API came.",
}


def as_page(report: Report) -> str:
    """The verdict, then what failed, then the rest; light and dark, without a script."""
    told = f"{report.calls} calls in world {escape(report.world)}, at {_time(report.at)} of its clock"
    if report.dropped:
        told += f"; {report.dropped} earlier ones are no longer kept"
    failed = [check for check in report.failures if check.breaks]
    warned = [check for check in report.failures if not check.breaks]
    rest = {
        outcome: [check for check in report.checks if check.outcome is outcome]
        for outcome in (Outcome.PASSED, Outcome.NOT_APPLICABLE)
    }
    return "".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">',
            f"<title>Consumer report: {escape(report.world)}</title><style>{_style()}</style></head><body><main>",
            f'<header><h1>Consumer report</h1><p class=lead>{told}</p><p class="verdict {report.verdict}">',
            f"{_VERDICTS[report.verdict]}</p></header>",
            _section("Broken rules", failed),
            _section("Warnings", warned),
            _section("Kept rules", rest[Outcome.PASSED]),
            _section("Not applicable", rest[Outcome.NOT_APPLICABLE]),
            "</main></body></html>\n",
        )
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
    warned = check.outcome is Outcome.FAILED and not check.breaks
    word = "warned" if warned else _WORDS[check.outcome]
    kept = f"{check.judged - check.failed} of {check.judged}" if check.judged else ""
    items = "".join(f"<li>{escape(finding.text)}</li>" for finding in check.findings)
    if check.failed > len(check.findings):
        items += f"<li>and {check.failed - len(check.findings)} more</li>"
    findings = f"<ul class=findings>{items}</ul>" if items else ""
    note = f"<br><span class=quiet>{escape(check.note)}</span>" if check.note else ""
    style = "warned" if warned else check.outcome
    return (
        f'<tr id="{check.code}"><td class="{style}">{word}</td>'
        f"<td>{escape(check.rule)} <code>{check.code}</code>{note}{findings}</td><td>{kept}</td></tr>"
    )


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


@cache
def _style() -> str:
    base = Path(next(iter(http_core.__path__))) / "docs_page.css"
    return base.read_text(encoding="utf-8") + Path(__file__).with_name("page.css").read_text(encoding="utf-8")
