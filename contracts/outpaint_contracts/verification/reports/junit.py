"""A verification as JUnit XML, as continuous integration reads it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from xml.etree import ElementTree as ET

from outpaint_contracts.verification.outcome import CaseResult, Outcome
from outpaint_contracts.verification.reports.curl import as_curl
from outpaint_contracts.verification.reports.junit_format import clean, counts, written
from outpaint_contracts.verification.reports.table import shown_body
from outpaint_contracts.verification.verdict import Verification

_LONGEST_BODY: Final = 2000


def as_junit(verification: Verification) -> str:
    """A suite for each area; too little seen is an error of the suite `coverage`."""
    areas: dict[str, list[ET.Element]] = {}
    for result in verification.results:
        areas.setdefault(result.subject.area, []).append(_case(result))
    areas["coverage"] = [_coverage(verification)]
    root = ET.Element("testsuites", {"name": clean(f"outpaint contract: {verification.provider}")})
    stamp = datetime.fromtimestamp(verification.began_at, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    for area, cases in sorted(areas.items()):
        seconds = sum(float(case.get("time", "0")) for case in cases)
        suite = ET.SubElement(root, "testsuite", {"name": area, **counts(cases), "timestamp": stamp})
        suite.set("time", f"{seconds:.3f}")
        suite.extend(cases)
    for name, value in counts([case for cases in areas.values() for case in cases]).items():
        root.set(name, value)
    root.set("time", f"{verification.seconds:.3f}")
    return written(root)


def _case(result: CaseResult) -> ET.Element:
    subject = result.subject
    case = ET.Element(
        "testcase",
        {"classname": f"outpaint.contract.{subject.area}", "name": subject.id, "time": f"{result.seconds:.3f}"},
    )
    if result.outcome in (Outcome.NOT_OFFERED, Outcome.NOT_RUN):
        ET.SubElement(case, "skipped", {"message": clean(f"{result.outcome.value}: {result.said}")})
    elif result.outcome is Outcome.FAILED:
        failure = ET.SubElement(case, "failure", {"message": clean(result.said), "type": subject.severity})
        lines = [subject.sentence, f"guards {subject.guards.id}: {subject.guards.says}", ""]
        for exchange in result.exchanges:
            lines += [f"$ {as_curl(exchange)}", f"{exchange.status} {shown_body(exchange.body, _LONGEST_BODY)}", ""]
        failure.text = clean("\n".join(lines))
    return case


def _coverage(verification: Verification) -> ET.Element:
    case = ET.Element("testcase", {"classname": "outpaint.contract.coverage", "name": "enough was seen", "time": "0"})
    if verification.too_little:
        ET.SubElement(case, "error", {"message": clean(" ".join(verification.too_little))})
    seen = (f"{aspect.name}: {len(aspect.seen)} of {aspect.of}" for aspect in verification.coverage)
    ET.SubElement(case, "system-out").text = clean("\n".join(seen))
    return case
