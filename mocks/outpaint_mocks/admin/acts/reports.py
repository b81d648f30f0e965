"""How well the client behaves, in each form of the report."""

from __future__ import annotations

from outpaint_mocks.admin.operation import Asked
from outpaint_mocks.report import Report, judge
from outpaint_mocks.report.junit import as_junit
from outpaint_mocks.report.page import as_page


def report_shown(asked: Asked) -> Report:
    """The report as it is."""
    return judge(asked.world)


def report_page(asked: Asked) -> bytes:
    """The report as a page."""
    return as_page(judge(asked.world)).encode()


def report_junit(asked: Asked) -> bytes:
    """The report as JUnit XML."""
    return as_junit(judge(asked.world), strict=asked.query.strict).encode()
