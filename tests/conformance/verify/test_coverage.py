"""What of the contract was seen, and when that is too little to believe a verdict."""

from __future__ import annotations

import json
from typing import Any

import pytest

from outpaint.conformance.proving.observed_exchange import ObservedExchange
from outpaint.conformance.proving.provider import Need
from outpaint.conformance.verify import coverage as surface
from outpaint.conformance.verify.coverage import Aspect, SeenOfContract, Transition, too_little
from outpaint.contracts import examples
from outpaint.contracts import paths_and_headers as names
from outpaint.contracts.errors import ErrorBody, ErrorCode

JOB = examples.INFERENCE_ID
OUTPAINT = "/v1/painting/outpaint"


def exchange(method: str, path: str, status: int, document: Any = None, **headers: str) -> ObservedExchange:
    told = tuple((name.lower().replace("_", "-"), value) for name, value in headers.items())
    body = b"" if document is None else json.dumps(document).encode()
    return ObservedExchange(
        method, f"https://h{path}", path, (), b"", status, (("content-type", "application/json"), *told), body, 0.0
    )


def shown(model: Any) -> Any:
    return model.model_dump(mode="json")


ACCEPTED = exchange("POST", OUTPAINT, 202, shown(examples.ACCEPTED))
RUNNING = exchange("GET", f"/v1/painting/{JOB}", 202, shown(examples.ACCEPTED))
DONE = exchange("GET", f"/v1/painting/{JOB}", 200, shown(examples.RESULT))
FAILED = exchange("GET", f"/v1/painting/{JOB}", 200, shown(examples.FAILED))
GONE = exchange("GET", f"/v1/painting/{JOB}", 404, shown(ErrorBody.of(examples.error(ErrorCode.UNKNOWN_INFERENCE))))
AT_ONCE = exchange("POST", OUTPAINT, 200, shown(examples.RESULT))


def seen(*exchanges: ObservedExchange) -> dict[str, Aspect]:
    found = SeenOfContract()
    for one in exchanges:
        found.note(one)
    return {aspect.name: aspect for aspect in found.aspects()}


def test_nothing_was_seen_at_first_and_everything_can_be_missed() -> None:
    for aspect in seen().values():
        assert aspect.seen == ()
        assert aspect.of > 5


@pytest.mark.parametrize(
    ("exchanges", "steps"),
    [
        ([ACCEPTED], [Transition.TAKEN]),
        ([AT_ONCE], [Transition.FINISHED_AT_ONCE]),
        ([ACCEPTED, RUNNING], [Transition.TAKEN, Transition.STILL_RUNNING]),
        ([ACCEPTED, DONE, DONE], [Transition.TAKEN, Transition.SUCCEEDED, Transition.STAYS_SUCCEEDED]),
        ([ACCEPTED, FAILED, FAILED], [Transition.TAKEN, Transition.FAILED, Transition.STAYS_FAILED]),
        ([ACCEPTED, DONE, GONE], [Transition.TAKEN, Transition.SUCCEEDED, Transition.FORGOTTEN]),
        ([DONE], []),
        ([GONE], []),
        (
            [exchange("POST", OUTPAINT, 504, shown(ErrorBody.of(examples.error(ErrorCode.TIMED_OUT))))],
            [Transition.FAILED_AT_ONCE],
        ),
        ([exchange("POST", OUTPAINT, 500, shown(ErrorBody.of(examples.error(ErrorCode.INTERNAL))))], []),
        (
            [exchange("POST", OUTPAINT, 202, shown(examples.ACCEPTED), Idempotent_Replayed="true")],
            [Transition.TAKEN, Transition.REPLAYED],
        ),
    ],
)
def test_a_jobs_steps_are_told_apart(exchanges: list[ObservedExchange], steps: list[Transition]) -> None:
    assert set(seen(*exchanges)["job transitions"].seen) == {step.value for step in steps}


def test_every_step_can_be_seen() -> None:
    """No threshold asks for what `SeenOfContract` would never note."""
    replay = exchange("POST", OUTPAINT, 202, shown(examples.ACCEPTED), **{names.IDEMPOTENT_REPLAYED: "true"})
    timed_out = exchange("POST", OUTPAINT, 504, shown(ErrorBody.of(examples.error(ErrorCode.TIMED_OUT))))
    failing = [ACCEPTED, FAILED, FAILED]
    told = seen(AT_ONCE, ACCEPTED, RUNNING, DONE, DONE, GONE, *failing, replay, timed_out)
    assert told["job transitions"].missed == ()


def test_statuses_fields_headers_and_codes_are_noted() -> None:
    told = seen(DONE, exchange("GET", "/v1/balance", 200, {"credits": 5}, Retry_After="1"))
    assert set(told["statuses"].seen) == {"GET /v1/painting/{inference_id} 200", "GET /v1/balance 200"}
    assert "Result.data[].url" in told["body fields"].seen
    assert "Balance.credits" in told["body fields"].seen
    assert told["headers"].seen == ("Retry-After",)
    told = seen(GONE)
    assert told["error codes"].seen == ("unknown_inference",)
    # A member that is there without a value was not seen with one.
    assert "ErrorBody.detail" in told["body fields"].seen


def test_the_api_may_lie_below_any_path() -> None:
    below = exchange("GET", f"/t/world{DONE.path}", 200, shown(examples.RESULT))
    assert seen(below)["statuses"].seen == ("GET /v1/painting/{inference_id} 200",)


def test_a_refused_verb_counts_for_the_path() -> None:
    refused = exchange("DELETE", OUTPAINT, 405, shown(ErrorBody.of(examples.error(ErrorCode.METHOD_NOT_ALLOWED))))
    assert seen(refused)["statuses"].seen == (f"POST {OUTPAINT} 405",)


def test_every_operation_has_its_own_pattern() -> None:
    paths = {
        one.name: one.name.partition(" ")[2].replace("{", "x").replace("}", "x") for one in surface.api_operations()
    }
    for operation in surface.api_operations():
        assert surface.operation_of(operation.method, paths[operation.name], 200) == operation


def test_no_body_breaks_it() -> None:
    for body in (b"", b"{", b"[1]", b"\xff", b'"text"', b'{"data": 5, "error_code": [1], "status": {}}'):
        found = SeenOfContract()
        for method, path in (("POST", OUTPAINT), ("GET", f"/v1/painting/{JOB}"), ("GET", "/v1/balance")):
            for status in (200, 202, 404, 500):
                found.note(
                    ObservedExchange(
                        method, path, path, (), b"", status, (("content-type", "application/json"),), body, 0.0
                    )
                )
        found.aspects()


class TestTooLittle:
    ENOUGH = (
        AT_ONCE,
        ACCEPTED,
        DONE,
        exchange("GET", "/v1/balance", 200, {"credits": 5}),
        *(exchange("POST", OUTPAINT, 422, shown(ErrorBody.of(examples.error(code)))) for code in list(ErrorCode)[:10]),
    )

    def judged(self, *exchanges: ObservedExchange, ran: int = 90, narrow: bool = False, offers: Any = ()) -> str:
        found = SeenOfContract()
        for one in exchanges:
            found.note(one)
        reasons = too_little(
            found.aspects(), answers=found.answers, ran=ran, selected=100, offers=frozenset(offers), narrow=narrow
        )
        return " ".join(reasons)

    def test_enough_is_enough(self) -> None:
        assert self.judged(*self.ENOUGH) == ""

    def test_nothing_is_too_little(self) -> None:
        assert "asked nothing" in self.judged()

    def test_nothing_but_401s_is_too_little(self) -> None:
        told = shown(ErrorBody.of(examples.error(ErrorCode.UNKNOWN_KEY)))
        reasons = self.judged(*[exchange("POST", OUTPAINT, 401, told)] * 500)
        for part in ("200 with pictures", "answered 202", "polled from 202", "No balance", "Hardly any refusal"):
            assert part in reasons

    @pytest.mark.parametrize(
        ("without", "said"), [(AT_ONCE, "200 with pictures"), (ACCEPTED, "answered 202"), (DONE, "polled from 202")]
    )
    def test_each_step_is_asked_for(self, without: ObservedExchange, said: str) -> None:
        assert said in self.judged(*(one for one in self.ENOUGH if one is not without))

    def test_what_a_provider_offers_is_asked_for(self) -> None:
        assert "still running" in self.judged(*self.ENOUGH, offers=[Need.HELD_JOBS])
        assert "had failed" in self.judged(*self.ENOUGH, offers=[Need.FAILING_JOBS])

    def test_half_of_the_cases_must_have_run(self) -> None:
        assert "Only 40 of 100 cases" in self.judged(*self.ENOUGH, ran=40)

    def test_a_part_that_somebody_chose_is_held_to_itself(self) -> None:
        assert self.judged(ACCEPTED, narrow=True) == ""
        assert "asked nothing" in self.judged(narrow=True)
