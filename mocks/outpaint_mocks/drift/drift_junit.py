"""A drift as JUnit XML, as continuous integration reads it: a case for each exchange."""

from __future__ import annotations

import re
from typing import Final
from xml.etree import ElementTree as ET

from outpaint_mocks.drift.drift_table import name_of, sentence
from outpaint_mocks.drift.recording import Exchange
from outpaint_mocks.drift.replay import Drift

_UNWRITABLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(drift: Drift) -> str:
    """One suite: an exchange that differs is a failure, one that was not replayed is skipped with its reason."""
    cases = [_case(drift, exchange) for exchange in drift.recording.exchanges]
    if not drift.replayed:
        nothing = ET.Element("testcase", {"classname": "outpaint.contract.drift", "name": "something was replayed"})
        ET.SubElement(nothing, "error", {"message": "nothing in the recording could be replayed"})
        cases.append(nothing)
    counts = {
        word: str(sum(case.find(tag) is not None for case in cases))
        for word, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))
    }
    told = {"name": _clean(f"outpaint contract drift: {drift.target}"), "tests": str(len(cases)), **counts}
    suite = ET.Element("testsuite", {**told, "time": f"{drift.seconds:.3f}"})
    suite.extend(cases)
    ET.SubElement(suite, "system-out").text = _clean(sentence(drift))
    root = ET.Element("testsuites", {"tests": str(len(cases)), **counts})
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(drift: Drift, exchange: Exchange) -> ET.Element:
    name = f"{exchange.number:03d} {name_of(exchange)}"
    case = ET.Element("testcase", {"classname": "outpaint.contract.drift", "name": _clean(name), "time": "0"})
    found = [one for one in drift.differences if one.exchange == exchange.number]
    if found:
        breaking = any(one.breaking for one in found)
        message = f"{len(found)} {'difference' if len(found) == 1 else 'differences'}"
        failure = ET.SubElement(case, "failure", {"message": message, "type": "breaking" if breaking else "drift"})
        failure.text = _clean(
            "\n".join(f"{one.name}: recorded {one.recorded}, replayed {one.replayed}" for one in found)
        )
    elif exchange.number in drift.not_replayed:
        ET.SubElement(case, "skipped", {"message": _clean(drift.not_replayed[exchange.number])})
    return case


def _clean(text: str) -> str:
    """Without what XML 1.0 cannot hold."""
    return _UNWRITABLE.sub("\ufffd", text)
