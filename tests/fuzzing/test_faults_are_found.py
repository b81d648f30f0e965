"""The machine finds a service that is broken: mutants of the service, asked beside the mock that is whole."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from mutants.mutant import Mutant, all_mutants

from fuzzing.both_sides import Answer, MockSide, Plan, ServiceSide
from fuzzing.test_mock_and_service import MockAndService
from outpaint.functions.http.messages import RequestHead

MUTANTS: Final = {mutant.name: mutant for mutant in all_mutants()}
BESIDE_THE_MOCK: Final = (
    "errors.detail-missing",
    "headers.reset-time-is-an-epoch",
    "idempotency.replay-is-charged",
    "pixels.kept-pixels-off-by-one",
    "requests.count-is-ignored",
)
"""Found because the mock answers otherwise."""
IN_BOTH: Final = (
    "jobs.foreign-job-readable",
    "jobs.poll-goes-backwards",
    "money.failure-is-not-refunded",
    "money.refusals-are-charged",
)
"""The mock shares the fault: found because of what must be so on either."""
QUICK: Final = settings(
    max_examples=100,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class BrokenSide(ServiceSide):
    """A service that has a mutant's fault whenever it works."""

    def __init__(self, mutant: Mutant) -> None:
        super().__init__()
        self._mutant = mutant

    def ask(self, head: RequestHead, body: bytes, plan: Plan) -> Answer:
        with self._mutant.alive():
            return super().ask(head, body, plan)

    def release(self, inference_id: str) -> None:
        with self._mutant.alive():
            super().release(inference_id)

    def advance(self, seconds: float) -> None:
        with self._mutant.alive():
            super().advance(seconds)


def is_found_in(machine: type[RuleBasedStateMachine]) -> bool:
    """Whether the machine notices anything; however it shows, the correct service shows nothing."""
    try:
        run_state_machine_as_test(machine, settings=QUICK)
    except Exception:  # noqa: BLE001
        return True
    return False


@pytest.mark.parametrize("name", BESIDE_THE_MOCK)
def test_a_service_that_differs_from_the_mock_is_found(name: str) -> None:
    class Broken(MockAndService):
        def sides(self) -> tuple[MockSide, ServiceSide]:
            return MockSide(), BrokenSide(MUTANTS[name])

    assert is_found_in(Broken), MUTANTS[name].breaks


@pytest.mark.parametrize("name", IN_BOTH)
def test_a_fault_that_both_have_is_found(name: str) -> None:
    with MUTANTS[name].alive():
        assert is_found_in(MockAndService), MUTANTS[name].breaks
