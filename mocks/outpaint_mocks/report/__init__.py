"""The consumer report: what a client's calls say about how well it behaves."""

from __future__ import annotations

from outpaint_mocks.report.judging import CHECKS, judge
from outpaint_mocks.report.verdict import CheckResult, Finding, Outcome, Report, Severity, Verdict

__all__ = ["CHECKS", "CheckResult", "Finding", "Outcome", "Report", "Severity", "Verdict", "judge"]
