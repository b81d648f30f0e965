"""Running cases: which side by side and which alone, in what order, and what becomes of whatever goes wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from outpaint.conformance.proving.api import Api
from outpaint.conformance.proving.expectations import NotOffered, Unmet
from outpaint.conformance.proving.provider import Need
from outpaint.conformance.verify.case_runner import KEPT_EXCHANGES, CaseResult, Outcome, Runner
from outpaint.conformance.verify.case_selection import CreditBudget
from outpaint.contracts.redaction import Redaction

from .conftest import MadeUpProvider, made_up


def runner(provider: Any = None, **options: Any) -> Runner:
    return Runner(provider or MadeUpProvider(), lambda _: None, Redaction(), **options)


def of(act: Callable[[Api], Any]) -> CaseResult:
    return runner().one(made_up(act=act))


def raising(error: Exception) -> Callable[[Api], None]:
    def act(_: Api) -> None:
        raise error

    return act


class TestWhatBecomesOfACase:
    def test_one_that_raises_nothing_has_passed(self) -> None:
        result = runner().one(made_up(credits=3))
        assert (result.outcome, result.said, result.exchanges) == (Outcome.PASSED, "", ())
        assert result.credits == 3

    def test_an_expectation_unmet_fails_it_with_what_was_seen(self) -> None:
        result = of(raising(Unmet("the status: expected 200, got 418")))
        assert (result.outcome, result.said) == (Outcome.FAILED, "the status: expected 200, got 418")

    @pytest.mark.parametrize(
        ("error", "said"),
        [
            (KeyError("data"), "the answer could not be read as the case reads it: KeyError: 'data'"),
            (httpx.ReadTimeout("slow"), "no answer came in time: ReadTimeout: slow"),
            (httpx.RemoteProtocolError(""), "no answer came: RemoteProtocolError"),
        ],
    )
    def test_whatever_else_breaks_it_is_a_finding_too(self, error: Exception, said: str) -> None:
        result = of(raising(error))
        assert (result.outcome, result.said) == (Outcome.FAILED, said)

    def test_what_turns_out_not_to_be_offered_is_no_failure(self) -> None:
        result = of(raising(NotOffered("there is no such thing")))
        assert (result.outcome, result.said) == (Outcome.NOT_OFFERED, "there is no such thing")

    def test_a_need_that_is_not_offered_is_not_even_begun(self) -> None:
        result = runner().one(made_up(act=raising(AssertionError("begun")), needs=frozenset({Need.TIME})))
        assert (result.outcome, result.said) == (Outcome.NOT_OFFERED, "its clock is its own")

    def test_the_last_exchanges_of_a_failure_are_kept(self) -> None:
        def act(api: Api) -> None:
            for number in range(20):
                api.get(f"/v1/painting/{number}")
            raise Unmet("no")

        kept = of(act).exchanges
        assert [exchange.path.rpartition("/")[2] for exchange in kept] == [
            str(n) for n in range(20 - KEPT_EXCHANGES, 20)
        ]


class TestOrder:
    cases = tuple(made_up(f"area.case-{number}") for number in range(30))

    def order(self, seed: int, **options: Any) -> list[str]:
        return [result.subject.id for result in runner(**options).run(self.cases, seed)]

    def test_a_seed_gives_an_order_and_another_another(self) -> None:
        assert self.order(1) == self.order(1)
        assert self.order(1) != self.order(2)
        assert sorted(self.order(1)) == sorted(case.id for case in self.cases)

    def test_side_by_side_all_run_too(self) -> None:
        assert sorted(self.order(3, jobs=4)) == sorted(case.id for case in self.cases)


class TestSideBySide:
    """Who runs together meets at a barrier, which takes them all; who runs alone never sees anybody else inside."""

    def together(self, needs: frozenset[Need], *, watches: bool = False, shares: bool = True) -> bool:
        barrier = threading.Barrier(4)
        return self._ran(lambda _: barrier.wait(60), needs, watches=watches, shares=shares)

    def alone(self, needs: frozenset[Need], *, watches: bool = False, shares: bool = True) -> bool:
        inside = threading.Lock()

        def act(_: Api) -> None:
            assert inside.acquire(blocking=False)
            for _ in range(1000):
                threading.get_ident()  # others get a chance to come in
            inside.release()

        return self._ran(act, needs, watches=watches, shares=shares)

    def _ran(self, act: Callable[[Api], Any], needs: frozenset[Need], *, watches: bool, shares: bool) -> bool:
        cases = [made_up(f"area.{n}", act, needs=needs, watches_account=watches) for n in range(4)]
        provider = MadeUpProvider(offers=frozenset(Need), shares_account=shares)
        results = runner(provider, jobs=4).run(cases, 1)
        return all(result.outcome is Outcome.PASSED for result in results)

    def test_plain_cases_run_together(self) -> None:
        assert self.together(frozenset())

    def test_who_watches_an_account_is_alone_on_a_shared_one(self) -> None:
        assert self.alone(frozenset(), watches=True)
        assert self.together(frozenset(), watches=True, shares=False)

    @pytest.mark.parametrize("need", [Need.TIME, Need.HELD_JOBS, Need.FAILING_JOBS, Need.SETTINGS])
    def test_who_moves_the_whole_provider_is_alone(self, need: Need) -> None:
        assert self.alone(frozenset({need}), shares=False)

    @pytest.mark.parametrize("need", [Need.ACCOUNTS, Need.SECOND_ACCOUNT, Need.SOURCES, Need.SOCKET])
    def test_other_needs_disturb_nobody(self, need: Need) -> None:
        assert self.together(frozenset({need}))


class TestBudget:
    def test_no_case_begins_that_could_cost_too_much(self) -> None:
        begun: list[str] = []
        cases = [
            made_up(f"area.{n}", lambda _, n=n: begun.append(f"area.{n}"), credits=4)  # type: ignore[misc]
            for n in range(5)
        ]
        budget = CreditBudget(10)
        results = runner(budget=budget).run(cases, 1)
        assert len(begun) == 2
        assert budget.spent == 8
        not_run = [result for result in results if result.outcome is Outcome.NOT_RUN]
        assert len(not_run) == 3
        assert "budget" in not_run[0].said

    def test_a_case_that_costs_nothing_goes_on_with_an_empty_purse(self) -> None:
        assert runner(budget=CreditBudget(0)).one(made_up()).outcome is Outcome.PASSED

    def test_threads_never_take_more_than_there_is(self) -> None:
        budget = CreditBudget(100)
        threads = [threading.Thread(target=lambda: [budget.take(3) for _ in range(50)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert budget.spent == 99


def test_a_stopped_runner_begins_nothing() -> None:
    stopped = runner()
    stopped.stopped.set()
    result = stopped.one(made_up(act=raising(AssertionError("begun"))))
    assert result.outcome is Outcome.NOT_RUN
