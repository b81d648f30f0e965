"""Whatever clients do, the report can be made, and every finding points at calls that are there."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outpaint.mocks.report.findings import CheckOutcome, Report
from outpaint.mocks.report.junit_xml import as_junit
from outpaint.mocks.report.report_pages import as_page, as_text

SCENARIOS = (
    "succeed",
    "polls(1)",
    "fail(painting_failed)",
    "error(unavailable)",
    "error(rate_limited, retry_after=3)",
    "error(insufficient_credits)",
    "error(unknown_key)",
    "gateway(502)",
    "wrong_shape",
    "reset(before)",
    "reset(after)",
    "refuse",
    "expired_url",
    "cut(100, lying)",
    "latency(2)",
    "lost_completion",
)
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("scenario"), st.sampled_from(SCENARIOS), st.integers(1, 3)),
        st.tuples(st.just("submit"), st.sampled_from(["a", "b", "mock_gateway"]), st.sampled_from([None, "k", "l"])),
        st.tuples(st.just("refused"), st.sampled_from(["0", "x"]), st.none()),
        st.tuples(st.just("poll"), st.integers(0, 3), st.none()),
        st.tuples(st.just("fetch"), st.integers(0, 3), st.none()),
        st.tuples(st.just("balance"), st.none(), st.none()),
        st.tuples(st.just("sleep"), st.sampled_from([0.01, 0.5, 2.0, 90000.0]), st.none()),
        st.tuples(st.just("clear"), st.none(), st.none()),
    ),
    max_size=25,
)


def play(client: Any, moves: list[tuple[str, Any, Any]]) -> None:
    ids: list[str] = ["nobody"]
    urls: list[str] = ["/v1/files/nothing.png"]
    for move, what, more in moves:
        answer = None
        if move == "scenario":
            client.scenario(what, times=more)
        elif move == "submit":
            answer = client.submit(what, idem=more)
        elif move == "refused":
            client.submit(count=what)
        elif move == "poll":
            answer = client.poll(ids[what % len(ids)])
        elif move == "fetch":
            client.fetch(urls[what % len(urls)])
        elif move == "balance":
            client.balance()
        elif move == "sleep":
            client.sleep(what)
        else:
            client.world.journal.clear()
        if answer is not None and answer.status in (200, 202) and answer.body.startswith(b"{"):
            body = json.loads(answer.body)
            ids += [body["inference_id"]] if "inference_id" in body else []
            urls += [one["url"] for one in body["data"]] if isinstance(body.get("data"), list) else []


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(moves=MOVES)
def test_the_report_can_always_be_made(make_client: Callable[..., Any], moves: list[tuple[str, Any, Any]]) -> None:
    client = make_client()
    play(client, moves)
    report: Report = client.report()
    numbers = {call.number for call in client.world.calls}
    for check in report.checks:
        assert (check.outcome is CheckOutcome.FAILED) == (check.failed > 0) == bool(check.findings)
        assert (check.outcome is CheckOutcome.NOT_APPLICABLE) == (check.judged == 0) == bool(check.note)
        assert check.failed <= check.judged
        for finding in check.findings:
            assert finding.calls
            assert set(finding.calls) <= numbers
    assert Report.model_validate_json(report.model_dump_json()) == report
    assert as_text(report)
    assert as_page(report)
    ET.fromstring(as_junit(report))
