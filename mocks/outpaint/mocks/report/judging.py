"""A world's journal judged by every check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from outpaint.mocks.report.client_checks import CHECKS, ClientCheck
from outpaint.mocks.report.findings import CheckOutcome, CheckResult, Finding, Report, ReportVerdict
from outpaint.mocks.report.traffic import Traffic

if TYPE_CHECKING:
    from outpaint.mocks.world.world import World

_SHOWN: Final = 20
_CLOCK_WAS_FROZEN: Final = (
    "the clock stood still, so nobody can tell how long the client waited: let its sleep advance the clock, or let "
    "the clock tick"
)


def judge(world: World) -> Report:
    """The report on all calls that the world's journal has."""
    with world.lock:
        calls, dropped, now = list(world.calls), world.journal.dropped, world.clock.now()
    traffic = Traffic(calls, now)
    checks = tuple(_result(check, traffic) for check in CHECKS)
    if any(check.breaks for check in checks):
        verdict = ReportVerdict.FAILED
    else:
        judged = any(check.judged for check in checks)
        verdict = ReportVerdict.PASSED if judged else ReportVerdict.NOTHING_JUDGED
    return Report(world=world.name, at=now, calls=len(calls), dropped=dropped, verdict=verdict, checks=checks)


def _result(check: ClientCheck, traffic: Traffic) -> CheckResult:
    occasions = list(check.judge(traffic))
    certain = [occasion for occasion in occasions if occasion.known or occasion.problem is None]
    wrong = [occasion for occasion in certain if occasion.problem is not None]
    note = ""
    if not certain:
        outcome = CheckOutcome.NOT_APPLICABLE
        note = _CLOCK_WAS_FROZEN if occasions else check.needs
    else:
        outcome = CheckOutcome.FAILED if wrong else CheckOutcome.PASSED
    return CheckResult(
        code=check.code,
        severity=check.severity,
        rule=check.rule,
        outcome=outcome,
        judged=len(certain),
        failed=len(wrong),
        findings=tuple(Finding(text=one.problem or "", calls=one.calls) for one in wrong[:_SHOWN]),
        note=note,
    )
