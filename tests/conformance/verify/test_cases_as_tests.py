"""The cases as a team's own tests: a failure tells what was seen, a missing header fails one test and not all."""

from __future__ import annotations

import httpx
import pytest

from outpaint.conformance.proving.api import Api
from outpaint.conformance.proving.expectations import equal
from outpaint.conformance.proving.provider import Need
from outpaint.conformance.verify.pytest_cases import every_case, prove

from .conftest import GOOD_HEADERS, MadeUpProvider, made_up


def test_a_case_that_passes_says_nothing() -> None:
    prove(made_up(), MadeUpProvider())


def test_a_failure_tells_the_sentence_and_the_request_without_the_key() -> None:
    def act(api: Api) -> None:
        equal(api.get("/v1/balance").status_code, 418, "the status")

    with pytest.raises(pytest.fail.Exception) as failed:
        prove(made_up("area.teapot", act), MadeUpProvider())
    told = str(failed.value)
    for part in ("area.teapot (major)", "the status: expected 418, got 200", "Given something, when", "$OUTPAINT_KEY"):
        assert part in told
    assert "a-key-of-some-length" not in told


def test_what_is_not_offered_is_skipped_with_the_reason() -> None:
    with pytest.raises(pytest.skip.Exception, match="its clock is its own"):
        prove(made_up(needs=frozenset({Need.TIME})), MadeUpProvider())


def test_a_header_that_is_always_missing_fails_the_first_case_only() -> None:
    told = {name: value for name, value in GOOD_HEADERS.items() if "Correlation" not in name}
    provider = MadeUpProvider(lambda _: httpx.Response(200, json={"credits": 1}, headers=told), name="no correlation")
    with pytest.raises(pytest.fail.Exception, match=r"always\.correlation-id"):
        prove(made_up(), provider)
    prove(made_up(), provider)


def test_it_parametrizes_by_case() -> None:
    mark = every_case(only=["asynchronous"])
    assert mark.args[0] == "case"
    assert {case.area for case in mark.args[1]} == {"asynchronous"}
