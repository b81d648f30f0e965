"""One cause is one failure: what else failed for it is listed under it."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import httpx
import pytest

from outpaint.conformance.cases import all_cases
from outpaint.conformance.proving.answer_promises import checks
from outpaint.conformance.proving.answer_reading import (
    BALANCE_FAMILY,
    PLAIN_FAMILIES,
    balance_of,
    finished,
    json_object,
    parsed,
    refused,
)
from outpaint.conformance.proving.api import Api
from outpaint.conformance.proving.case import Severity
from outpaint.conformance.proving.expectations import Unmet
from outpaint.conformance.verify.case_runner import CaseResult, Outcome
from outpaint.conformance.verify.text_reports import as_json, as_junit, print_table, report_console
from outpaint.conformance.verify.verification import Verification, one_failure_a_cause, verify_provider
from outpaint.conformance.verify.verification_page import as_page
from outpaint.contracts.errors import ErrorBody, ErrorCode
from outpaint.functions.command_line.exit_codes import ExitCode

from .conftest import GOOD_HEADERS, MadeUpProvider, made_up


def failed(id_: str, cause: str = "", guarded_by: str = "", severity: Severity = Severity.MAJOR) -> CaseResult:
    return CaseResult(
        made_up(id_, severity=severity),
        Outcome.FAILED,
        f"seen by {id_}",
        causes=(cause,) if cause else (),
        guarded_by=guarded_by,
    )


def alike(*results: CaseResult) -> dict[str, str]:
    """Those that failed alike, each with the one that is shown for it."""
    found = one_failure_a_cause(results)
    assert [one.subject.id for one in found] == [one.subject.id for one in results]
    return {one.subject.id: one.failed_with for one in found if one.outcome is Outcome.FAILED_ALIKE}


def cause_of(error: pytest.ExceptionInfo[Unmet]) -> str:
    return error.value.cause


class TestWhichIsShown:
    def test_results_without_a_cause_in_common_stay_as_they_are(self) -> None:
        assert alike(failed("a.one"), failed("a.two"), failed("a.three", "one cause"), failed("b.one", "another")) == {}

    def test_the_worst_is_shown(self) -> None:
        results = [failed("a.one", "it"), failed("b.two", "it", severity=Severity.CRITICAL), failed("c.three", "it")]
        assert alike(*results) == {"a.one": "b.two", "c.three": "b.two"}

    def test_a_promise_about_every_answer_is_shown_rather_than_a_case(self) -> None:
        promise = CaseResult(checks()[-1], Outcome.FAILED, "broken by all", causes=("it",))
        assert alike(failed("a.one", "it", severity=Severity.CRITICAL), promise) == {"a.one": promise.subject.id}

    def test_a_promise_that_was_broken_for_several_causes_is_shown_for_each_and_for_itself(self) -> None:
        promise = CaseResult(checks()[-1], Outcome.FAILED, "broken by all", partly=("it", "that"))
        worse = CaseResult(checks()[0], Outcome.FAILED, "broken by all", causes=("it",), partly=("it",))
        found = alike(failed("a.one", "it"), failed("b.two", "that"), promise)
        assert found == {"a.one": promise.subject.id, "b.two": promise.subject.id}
        assert promise.subject.id not in alike(promise, worse)

    def test_the_case_that_is_about_it_is_shown_and_without_it_each_for_itself(self) -> None:
        resting = [failed("a.one", "it", "c.guard", Severity.CRITICAL), failed("b.two", "it", "c.guard")]
        assert alike(*resting, failed("c.guard[small]", "it", "c.guard")) == {
            "a.one": "c.guard[small]",
            "b.two": "c.guard[small]",
        }
        assert alike(*resting, failed("c.guard", "another thing", "c.guard")) == {}

    def test_variants_that_failed_with_the_same_words_are_one(self) -> None:
        def variant(name: str, said: str) -> CaseResult:
            return CaseResult(made_up(f"a.one[{name}]"), Outcome.FAILED, said)

        results = [variant("x", "got 500"), variant("y", "got 500"), variant("z", "got 404")]
        assert alike(*results) == {"a.one[y]": "a.one[x]"}

    def test_who_is_shown_for_another_is_itself_a_failure(self) -> None:
        results = [
            CaseResult(made_up("a.one[x]"), Outcome.FAILED, "got 500"),
            CaseResult(made_up("a.one[y]"), Outcome.FAILED, "got 500", causes=("it",)),
            failed("b.two", "it"),
        ]
        found = one_failure_a_cause(results)
        shown = {one.subject.id for one in found if one.outcome is Outcome.FAILED}
        assert {one.failed_with for one in found if one.failed_with} <= shown

    def test_what_passed_or_was_not_offered_is_left_alone(self) -> None:
        passed = CaseResult(made_up("a.one"), Outcome.PASSED)
        missing = CaseResult(made_up("a.two"), Outcome.NOT_OFFERED, "no")
        assert one_failure_a_cause([passed, missing]) == (passed, missing)


class TestCauses:
    """Readers that many cases share give one cause for one thing that is wrong, and another for another."""

    def test_the_families_that_causes_are_guarded_by_are_there(self) -> None:
        assert {BALANCE_FAMILY, *PLAIN_FAMILIES.values()} <= {case.family for case in all_cases()}

    def test_a_body_that_is_no_json_is_one_cause_however_it_is_read(self) -> None:
        page = httpx.Response(413, html="<h1>Too large</h1>")
        causes = set()
        for read in (json_object, lambda answer: parsed(answer, ErrorBody)):
            with pytest.raises(Unmet) as error:
                read(page)
            causes.add(cause_of(error))
        assert len(causes) == 1
        with pytest.raises(Unmet) as elsewhere:
            json_object(httpx.Response(502, html="<h1>Bad gateway</h1>"))
        assert cause_of(elsewhere) not in causes

    def test_a_member_that_is_missing_is_one_cause_for_every_picture(self) -> None:
        body = {"status": "error", "detail": "so", "message": "Validation Failed", "code": 422}
        with pytest.raises(Unmet) as one:
            refused(httpx.Response(422, json=body), ErrorCode.INVALID_PARAMETER)
        with pytest.raises(Unmet) as other:
            refused(httpx.Response(422, json=body | {"detail": "another"}), ErrorCode.MISSING_PARAMETER)
        assert cause_of(one) == cause_of(other) != ""

    def test_a_plain_request_that_is_refused_is_guarded_by_the_case_that_sends_one(self) -> None:
        with pytest.raises(Unmet, match="the status: expected 200, got 500") as error:
            finished(httpx.Response(500, json={}))
        assert error.value.guarded_by == PLAIN_FAMILIES[200]

    @pytest.mark.parametrize("body", [{"credits": "5"}, {"credits": True}, {"credits": None}, {}, []])
    def test_a_balance_is_a_whole_number(self, body: object) -> None:
        with pytest.raises(Unmet) as error:
            balance_of(httpx.Response(200, json=body))
        assert error.value.guarded_by == BALANCE_FAMILY

    def test_a_balance_may_have_other_members_for_all_cases_but_one(self) -> None:
        assert balance_of(httpx.Response(200, json={"credits": 5, "plan": "pro"})) == 5


@pytest.fixture
def without_json() -> Verification:
    """A verification of a provider that answers a web page to whatever is asked."""

    def read(api: Api) -> None:
        json_object(api.get("/v1/balance"))

    page = httpx.Response(200, html="<h1>Welcome</h1>", headers=GOOD_HEADERS | {"Content-Type": "text/html"})
    provider = MadeUpProvider(lambda _: page)
    return verify_provider(provider, [made_up(f"area.case-{n}", read) for n in range(9)], jobs=1)


def test_every_report_shows_one_failure_and_the_others_under_it(
    without_json: Verification, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [one.subject.id for one in without_json.failures] == ["always.api-answers-json"]
    assert without_json.exit_code is ExitCode.FAILED
    assert "Broken: 1 failed" in without_json.sentence
    assert "9 failed alike" in without_json.sentence

    print_table(without_json, report_console())
    assert "for the same cause 9 more: area.case-0, area.case-1" in capsys.readouterr().out

    told = json.loads(as_json(without_json))
    assert told["counts"]["failed alike"] == 9
    under = [case["failed_with"] for case in told["cases"] if case["outcome"] == "failed alike"]
    assert under == ["always.api-answers-json"] * 9

    root = ET.fromstring(as_junit(without_json))
    assert root.get("failures") == "1"
    assert len(root.findall(".//skipped")) >= 9
    assert "area.case-8" in as_page(without_json)


def test_a_provider_that_goes_away_is_one_failure() -> None:
    def nobody(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused")

    found = verify_provider(MadeUpProvider(nobody), [made_up(f"area.case-{n}") for n in range(5)], jobs=1)
    assert len(found.failures) == 1
    assert found.counts[Outcome.FAILED_ALIKE] == 4


def test_an_answer_that_is_not_of_the_api_is_one_failure() -> None:
    """A gateway's own page has none of the headers, and breaks many promises at once."""
    page = httpx.Response(413, html="<h1>Request Entity Too Large</h1>")
    good = httpx.Response(200, json={"credits": 5}, headers=GOOD_HEADERS)
    provider = MadeUpProvider(lambda request: page if request.method == "POST" else good)
    cases = [made_up("area.posts", lambda api: api.outpaint()), made_up("area.reads")]
    found = verify_provider(provider, cases, jobs=1)
    assert len(found.failures) == 1, [(one.subject.id, one.said) for one in found.failures]
    assert found.counts[Outcome.FAILED_ALIKE] > 5


def test_headers_that_are_missing_everywhere_are_a_failure_each() -> None:
    told = {name: value for name, value in GOOD_HEADERS.items() if name not in ("Access-Control-Expose-Headers",)}
    without = {name: value for name, value in told.items() if "Correlation" not in name}
    provider = MadeUpProvider(lambda _: httpx.Response(200, json={"credits": 5}, headers=without))
    failures = verify_provider(provider, [made_up()], jobs=1).failures
    assert {one.subject.id for one in failures} == {"always.browsers-can-read-it", "always.correlation-id"}
