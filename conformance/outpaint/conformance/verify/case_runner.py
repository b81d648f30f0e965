"""Cases run at a provider, and a judge that holds each of its answers to what every answer promises."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum
from random import Random
from typing import Final

import httpx

from outpaint.conformance.proving.answer_promises import AnswerCheck, broken
from outpaint.conformance.proving.api import Api, no_connection
from outpaint.conformance.proving.case import Case, Subject
from outpaint.conformance.proving.expectations import NotOffered, Unmet
from outpaint.conformance.proving.observed_exchange import ObservedExchange
from outpaint.conformance.proving.provider import Need, Provider
from outpaint.conformance.verify.case_selection import CreditBudget
from outpaint.conformance.verify.coverage import SeenOfContract
from outpaint.conformance.verify.redacted_runs import redacted_exchange, redacting_keys
from outpaint.contracts.profiles import WireProfile
from outpaint.contracts.redaction import Redaction

_PROVIDER_WIDE: Final = frozenset({Need.TIME, Need.HELD_JOBS, Need.FAILING_JOBS, Need.SETTINGS})
"""Controls that act on every account: a case that moves time or holds jobs would disturb the ones beside it."""
KEPT_EXCHANGES: Final = 6
"""How many of a failed case's exchanges are kept, the last ones."""
_NOT_OFFERED: Final = {
    Need.ACCOUNTS: "accounts cannot be made there",
    Need.SECOND_ACCOUNT: "there is no second account",
    Need.SOURCES: "it cannot be made to read an address of ours",
    Need.HELD_JOBS: "its jobs cannot be held",
    Need.FAILING_JOBS: "its jobs cannot be made to fail",
    Need.TIME: "its clock is its own",
    Need.SETTINGS: "it has the settings it has",
    Need.SOCKET: "it has no socket for plain HTTP",
}


class Outcome(StrEnum):
    """How a case ended."""

    PASSED = "passed"
    FAILED = "failed"
    FAILED_ALIKE = "failed alike"
    """It failed for the cause for which another case is shown as failed."""
    NOT_OFFERED = "not offered"
    """The provider cannot do what the case needs: it says nothing about the provider."""
    NOT_RUN = "not run"
    """It was not begun: the budget was used up, or the run was interrupted."""


@dataclass(frozen=True, slots=True)
class CaseResult:
    """The result of a case, or of a promise about every answer; credentials were redacted when it was made.

    `said` is what was seen instead, or why it was not offered or not run; empty where it passed. `exchanges` are the
    last ones of a failed case, oldest first; no other has any.
    """

    subject: Subject
    outcome: Outcome
    said: str = ""
    exchanges: tuple[ObservedExchange, ...] = ()
    seconds: float = 0.0
    credits: int = 0
    """The most that it may have cost, as the case declares; 0 where it was not begun."""
    causes: tuple[str, ...] = ()
    """What it failed for: each explains the whole failure, and is the same for all that failed for it."""
    partly: tuple[str, ...] = ()
    """Causes that explain a part of it each, where answers broke a promise for several."""
    guarded_by: str = ""
    """The family of the case that is about the cause, where there is one (`Unmet`)."""
    failed_with: str = ""
    """The id of the case that is shown as failed for the cause, of one that failed alike."""


@dataclass
class Runner:
    """Runs cases, up to `jobs` at a time; each gets an account's key, a connection of its own and a result.

    `watch` is called with every exchange, `on_result` with every result, both from any thread. Once `stopped` is set,
    no further case begins.
    """

    provider: Provider
    watch: Callable[[ObservedExchange], object]
    redaction: Redaction
    _: KW_ONLY
    jobs: int = 1
    budget: CreditBudget | None = None
    on_result: Callable[[CaseResult], None] = lambda _: None
    stopped: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.provider = redacting_keys(self.provider, self.redaction)

    def run(self, cases: Iterable[Case], seed: int) -> list[CaseResult]:
        """Every case's result, in the order in which they ran: one that the seed draws.

        Those that run alone come before or after all others, which the seed draws too.
        """
        random = Random(seed)  # noqa: S311 - an order, not a secret
        shuffled = list(cases)
        random.shuffle(shuffled)
        alone = list(filter(self._runs_alone, shuffled))
        together = [case for case in shuffled if not self._runs_alone(case)]
        rounds = [(alone, 1), (together, self.jobs)]
        random.shuffle(rounds)
        results: list[CaseResult] = []
        for batch, width in rounds:
            results += self._side_by_side(batch, width)
        return results

    def _runs_alone(self, case: Case) -> bool:
        """Whether nothing else may happen at the provider while this case runs."""
        watches_shared = case.watches_account and self.provider.shares_account
        return watches_shared or bool(case.needs & _PROVIDER_WIDE)

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
        """One case's result; whatever its `act` raises makes it a failure, or one that is not offered."""
        result = self._judged(case)
        self.on_result(result)
        return result

    def _judged(self, case: Case) -> CaseResult:
        if missing := case.needs - self.provider.offers:
            return CaseResult(case, Outcome.NOT_OFFERED, "; ".join(_NOT_OFFERED[need] for need in sorted(missing)))
        if self.stopped.is_set():
            return CaseResult(case, Outcome.NOT_RUN, "the run was ended before its turn")
        if self.budget is not None and not self.budget.take(case.credits):
            return CaseResult(case, Outcome.NOT_RUN, f"its {case.credits} credits would exceed the budget")
        exchanges: list[ObservedExchange] = []

        def observe(exchange: ObservedExchange) -> None:
            exchanges.append(exchange)
            self.watch(exchange)

        began = time.monotonic()
        met = self._act(case, observe)
        seconds = time.monotonic() - began
        if met is None:
            return CaseResult(case, Outcome.PASSED, seconds=seconds, credits=case.credits)
        said = self.redaction.text(str(met))
        if isinstance(met, NotOffered):
            return CaseResult(case, Outcome.NOT_OFFERED, said, seconds=seconds, credits=case.credits)
        kept = tuple(redacted_exchange(exchange, self.redaction) for exchange in exchanges[-KEPT_EXCHANGES:])
        causes = (met.cause,) if met.cause else ()
        return CaseResult(
            case, Outcome.FAILED, said, kept, seconds, case.credits, causes=causes, guarded_by=met.guarded_by
        )

    def _act(self, case: Case, observe: Callable[[ObservedExchange], None]) -> Unmet | NotOffered | None:
        """Run a case; what kept it from passing, None where nothing did."""
        try:
            with Api.connected(self.provider, self.provider.key(), observe) as api:
                case.act(api)
        except (Unmet, NotOffered) as met:
            return met
        except httpx.TimeoutException as error:
            return Unmet(f"no answer came in time: {_named(error)}")
        except httpx.ConnectError as error:
            return Unmet(f"no answer came: {_named(error)}", cause=no_connection(error))
        except httpx.HTTPError as error:
            return Unmet(f"no answer came: {_named(error)}")
        except Exception as error:  # noqa: BLE001 - an answer of any shape may trip a case: that is a finding too
            return Unmet(f"the answer could not be read as the case reads it: {_named(error)}")
        return None


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


@dataclass(slots=True)
class _Record:
    """How a promise about every answer fared: kept or broken, by which answers, and the first that broke it."""

    judged: int = 0
    broken_by: set[int] = field(default_factory=set)
    causes: set[str] = field(default_factory=set)
    said: str = ""
    exchange: ObservedExchange | None = None


class AnswerJudge:
    """Judges every exchange of a verification by these promises, and notes what of the contract was seen.

    Safe for many threads.
    """

    def __init__(
        self, checks: Iterable[AnswerCheck], redaction: Redaction, profile: WireProfile = WireProfile.OURS
    ) -> None:
        self.seen = SeenOfContract(profile)
        self._redaction = redaction
        self._lock = threading.Lock()
        self._answers = 0
        self._records = {check.id: (check, _Record()) for check in checks}

    def watch(self, exchange: ObservedExchange) -> list[tuple[AnswerCheck, str]]:
        """Judge and note an exchange; returns the promises that no exchange broke before it, with what was seen."""
        self.seen.note(exchange)
        found = {check.id: unmet for check, unmet in broken(exchange)}
        first = []
        with self._lock:
            self._answers += 1
            for check, record in self._records.values():
                if not check.applies(exchange):
                    continue
                record.judged += 1
                if check.id in found:
                    if record.exchange is None:
                        record.said = self._redaction.text(str(found[check.id]))
                        record.exchange = redacted_exchange(exchange, self._redaction)
                        first.append((check, record.said))
                    record.broken_by.add(self._answers)
                    record.causes.add(found[check.id].cause)
        return first

    def results(self) -> tuple[CaseResult, ...]:
        """Each promise as a case: kept, broken, or not offered where no answer was one that it is about."""
        with self._lock:
            return tuple(_result(check, record) for check, record in self._records.values())


def _result(check: AnswerCheck, record: _Record) -> CaseResult:
    if not record.judged:
        return CaseResult(check, Outcome.NOT_OFFERED, "no answer was one that this is asked of")
    if record.exchange is None:
        return CaseResult(check, Outcome.PASSED)
    said = f"broken by {len(record.broken_by)} of {record.judged} answers, first so: {record.said}"
    parts = tuple(sorted(record.causes - {""}))
    causes = parts if len(record.causes) == 1 else ()
    if len(record.broken_by) < record.judged:
        # What breaks several promises by the very same answers, such as a gateway's own page, is one thing.
        causes += (f"the answers {sorted(record.broken_by)}",)
    return CaseResult(check, Outcome.FAILED, said, (record.exchange,), causes=causes, partly=parts)
