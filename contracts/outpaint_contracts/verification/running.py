"""Runs cases against a provider: side by side where that is safe, in an order that a seed decides."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Final

import httpx

from outpaint_contracts.proving.api import Api
from outpaint_contracts.proving.case import Case
from outpaint_contracts.proving.exchange import Exchange
from outpaint_contracts.proving.expectations import NotOffered, Unmet
from outpaint_contracts.proving.provider import Need, Provider
from outpaint_contracts.verification.budget import Purse
from outpaint_contracts.verification.keys_given_out import KeysGivenOut
from outpaint_contracts.verification.outcome import CaseResult, Outcome, Subject
from outpaint_contracts.verification.redaction import Redaction

OF_THE_WHOLE_PROVIDER: Final = frozenset({Need.TIME, Need.HELD_JOBS, Need.FAILING_JOBS, Need.SETTINGS})
"""Controls that may act on everybody: who moves time or holds jobs would disturb whoever runs beside."""
KEPT_EXCHANGES: Final = 6
"""How many of a failed case's exchanges are kept, the last ones."""
NOT_OFFERED_WORDS: Final = {
    Need.ACCOUNTS: "accounts cannot be made there",
    Need.SECOND_ACCOUNT: "there is no second account",
    Need.SOURCES: "it cannot be made to read an address of ours",
    Need.HELD_JOBS: "its jobs cannot be held",
    Need.FAILING_JOBS: "its jobs cannot be made to fail",
    Need.TIME: "its clock is its own",
    Need.SETTINGS: "it has the settings it has",
    Need.SOCKET: "it has no socket for plain HTTP",
}


def runs_alone(case: Case, provider: Provider) -> bool:
    """Whether nothing else may happen at the provider while this case runs."""
    return bool(case.needs & OF_THE_WHOLE_PROVIDER) or (case.watches_account and provider.shares_account)


def missing_words(case: Case, provider: Provider) -> str | None:
    """Why a case is not asked of a provider, None where it is."""
    missing = sorted(case.needs - provider.offers)
    return "; ".join(NOT_OFFERED_WORDS[need] for need in missing) or None


class Runner:
    """Runs cases one way or another; each gets an account's key, a connection of its own and a result.

    `watch` is told of every exchange, `on_result` of every result; both from any thread. `stopped` ends the run:
    cases that have not begun by then are not run.
    """

    def __init__(
        self,
        provider: Provider,
        watch: Callable[[Exchange], object],
        redaction: Redaction,
        *,
        jobs: int = 1,
        purse: Purse | None = None,
        on_result: Callable[[CaseResult], None] = lambda _: None,
    ) -> None:
        self._provider = KeysGivenOut(provider, redaction)
        self._watch = watch
        self._redaction = redaction
        self._jobs = jobs
        self._purse = purse or Purse(None)
        self._on_result = on_result
        self.stopped = threading.Event()

    def run(self, cases: Iterable[Case], seed: int) -> list[CaseResult]:
        """Every case's result, in the order they ended.

        Those that run alone come before or after all others, which the seed decides too.
        """
        random = Random(seed)  # noqa: S311 - an order, not a secret
        shuffled = list(cases)
        random.shuffle(shuffled)
        alone = [case for case in shuffled if runs_alone(case, self._provider)]
        together = [case for case in shuffled if not runs_alone(case, self._provider)]
        rounds = [(alone, 1), (together, self._jobs)]
        random.shuffle(rounds)
        results: list[CaseResult] = []
        for batch, width in rounds:
            results += self._side_by_side(batch, width)
        return results

    def _side_by_side(self, cases: list[Case], width: int) -> list[CaseResult]:
        if width == 1:
            return [self.one(case) for case in cases]
        with ThreadPoolExecutor(width, "case") as pool:
            running = [pool.submit(self.one, case) for case in cases]
            try:
                return [case.result() for case in running]
            except BaseException:
                self.stopped.set()
                raise

    def one(self, case: Case) -> CaseResult:
        """One case's result; whatever goes wrong in it is one."""
        result = self._judged(case)
        self._on_result(result)
        return result

    def _judged(self, case: Case) -> CaseResult:
        subject = Subject.of(case)
        missing = missing_words(case, self._provider)
        if missing is not None:
            return CaseResult(subject, Outcome.NOT_OFFERED, missing)
        if self.stopped.is_set():
            return CaseResult(subject, Outcome.NOT_RUN, "the run was ended before its turn")
        if not self._purse.take(case.credits):
            return CaseResult(subject, Outcome.NOT_RUN, f"its {case.credits} credits would exceed the budget")
        exchanges: list[Exchange] = []

        def observe(exchange: Exchange) -> None:
            exchanges.append(exchange)
            self._watch(exchange)

        began = time.monotonic()
        outcome, said = self._act(case, observe)
        kept = exchanges[-KEPT_EXCHANGES:] if outcome is Outcome.FAILED else []
        return CaseResult(
            subject,
            outcome,
            self._redaction.text(said),
            tuple(map(self._redaction.exchange, kept)),
            time.monotonic() - began,
            case.credits,
        )

    def _act(self, case: Case, observe: Callable[[Exchange], None]) -> tuple[Outcome, str]:
        try:
            with Api.connected(self._provider, self._provider.key(), observe) as api:
                case.act(api)
        except Unmet as unmet:
            return Outcome.FAILED, str(unmet)
        except NotOffered as missing:
            return Outcome.NOT_OFFERED, str(missing)
        except httpx.TimeoutException as error:
            return Outcome.FAILED, f"no answer came in time: {_named(error)}"
        except httpx.HTTPError as error:
            return Outcome.FAILED, f"no answer came: {_named(error)}"
        except Exception as error:  # noqa: BLE001 - an answer of any shape may trip a case: that is a finding too
            return Outcome.FAILED, f"the answer could not be read as the case reads it: {_named(error)}"
        return Outcome.PASSED, ""


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
