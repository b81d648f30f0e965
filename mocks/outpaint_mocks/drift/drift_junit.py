"""A drift as JUnit XML, as continuous integration reads it: a case for each exchange."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from outpaint_contracts.verification.reports.junit_format import clean, counts, written

from outpaint_mocks.drift.drift_table import name_of, sentence
from outpaint_mocks.drift.recording import Exchange
from outpaint_mocks.drift.replay import Drift


def as_junit(drift: Drift) -> str:
    """One suite: an exchange that differs is a failure, one that was not replayed is skipped with its reason."""
    cases = [_case(drift, exchange) for exchange in drift.recording.exchanges]
    if not drift.replayed:
        nothing = ET.Element("testcase", {"classname": "outpaint.contract.drift", "name": "something was replayed"})
        ET.SubElement(nothing, "error", {"message": "nothing in the recording could be replayed"})
        cases.append(nothing)
    counted = counts(cases)
    told = {"name": clean(f"outpaint contract drift: {drift.target}"), **counted}
    suite = ET.Element("testsuite", {**told, "time": f"{drift.seconds:.3f}"})
    suite.extend(cases)
    ET.SubElement(suite, "system-out").text = clean(sentence(drift))
    root = ET.Element("testsuites", counted)
    root.append(suite)
    return written(root)


def _case(drift: Drift, exchange: Exchange) -> ET.Element:
    name = f"{exchange.number:03d} {name_of(exchange)}"
    case = ET.Element("testcase", {"classname": "outpaint.contract.drift", "name": clean(name), "time": "0"})
    found = [one for one in drift.differences if one.exchange == exchange.number]
    if found:
        breaking = any(one.breaking for one in found)
        message = f"{len(found)} {'difference' if len(found) == 1 else 'differences'}"
        failure = ET.SubElement(case, "failure", {"message": message, "type": "breaking" if breaking else "drift"})
        failure.text = clean(
            "\n".join(f"{one.name}: recorded {one.recorded}, replayed {one.replayed}" for one in found)
        )
    elif exchange.number in drift.not_replayed:
        ET.SubElement(case, "skipped", {"message": clean(drift.not_replayed[exchange.number])})
    return case
