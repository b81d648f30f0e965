"""The consumer report: what a client's calls say about how well it behaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outpaint_mocks.report.verdict import CheckResult, Finding, Outcome, Report, Severity, Verdict

if TYPE_CHECKING:
    from outpaint_mocks.world import World

__all__ = ["CheckResult", "Finding", "Outcome", "Report", "Severity", "Verdict", "judge"]


def judge(world: World) -> Report:
    """The report on all calls that the world's journal has."""
    from outpaint_mocks.report.judging import judge as judged  # who reads reports needs none of the checks

    return judged(world)
