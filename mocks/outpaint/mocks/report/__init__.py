"""The consumer report: what a client's calls say about how well it behaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outpaint.mocks.report.findings import CheckOutcome, CheckResult, Finding, FindingSeverity, Report, ReportVerdict

if TYPE_CHECKING:
    from outpaint.mocks.world.world import World

__all__ = ["CheckOutcome", "CheckResult", "Finding", "FindingSeverity", "Report", "ReportVerdict", "judge"]


def judge(world: World) -> Report:
    """The report on all calls that the world's journal has."""
    from outpaint.mocks.report.judging import judge as judged  # who reads reports needs none of the checks

    return judged(world)
