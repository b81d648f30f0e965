"""A verification as JUnit XML, as continuous integration reads it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final
from xml.etree import ElementTree as ET

from outpaint_contracts.verification.outcome import CaseResult, Outcome
from outpaint_contracts.verification.reports.curl import as_curl
from outpaint_contracts.verification.reports.table import shown_body
from outpaint_contracts.verification.verdict import Verification

_UNWRITABLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONGEST_BODY: Final = 2000


def as_junit(verification: Verification) -> str:
    """A suite for each area; too little seen is an error of the suite `coverage`."""
    areas: dict[str, list[ET.Element]] = {}
    for result in verification.results:
        areas.setdefault(result.subject.area, []).append(_case(result))
    areas["coverage"] = [_coverage(verification)]
    root = ET.Element("testsuites", {"name": _clean(f"outpaint contract: {verification.provider}")})
    stamp = datetime.fromtimestamp(verification.began_at, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    for area, cases in sorted(areas.items()):
        seconds = sum(float(case.get("time", "0")) for case in cases)
        suite = ET.SubElement(root, "testsuite", {"name": area, **_counts(cases), "timestamp": stamp})
        suite.set("time", f"{seconds:.3f}")
        suite.extend(cases)
    for name, value in _counts([case for cases in areas.values() for case in cases]).items():
        root.set(name, value)
    root.set("time", f"{verification.seconds:.3f}")
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _counts(cases: list[ET.Element]) -> dict[str, str]:
    tags = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    return {"tests": str(len(cases))} | {
        word: str(sum(case.find(tag) is not None for case in cases)) for word, tag in tags.items()
    }


def _case(result: CaseResult) -> ET.Element:
    subject = result.subject
    case = ET.Element(
        "testcase",
        {"classname": f"outpaint.contract.{subject.area}", "name": subject.id, "time": f"{result.seconds:.3f}"},
    )
    if result.outcome in (Outcome.NOT_OFFERED, Outcome.NOT_RUN):
        ET.SubElement(case, "skipped", {"message": _clean(f"{result.outcome.value}: {result.said}")})
    elif result.outcome is Outcome.FAILED:
        failure = ET.SubElement(case, "failure", {"message": _clean(result.said), "type": subject.severity})
        lines = [subject.sentence, f"guards {subject.guards.id}: {subject.guards.says}", ""]
        for exchange in result.exchanges:
            lines += [f"$ {as_curl(exchange)}", f"{exchange.status} {shown_body(exchange.body, _LONGEST_BODY)}", ""]
        failure.text = _clean("\n".join(lines))
    return case


def _coverage(verification: Verification) -> ET.Element:
    case = ET.Element("testcase", {"classname": "outpaint.contract.coverage", "name": "enough was seen", "time": "0"})
    if verification.too_little:
        ET.SubElement(case, "error", {"message": _clean(" ".join(verification.too_little))})
    seen = (f"{aspect.name}: {len(aspect.seen)} of {aspect.of}" for aspect in verification.coverage)
    ET.SubElement(case, "system-out").text = _clean("\n".join(seen))
    return case


def _clean(text: str) -> str:
    """Without what XML 1.0 cannot hold."""
    return _UNWRITABLE.sub("\ufffd", text)
