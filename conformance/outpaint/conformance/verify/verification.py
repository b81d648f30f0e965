"""The verdict on a provider: what was proven, what was not, and the exit code for it."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from outpaint.conformance.cases import all_cases
from outpaint.conformance.proving.answer_promises import checks
from outpaint.conformance.proving.case import Case, Severity
from outpaint.conformance.proving.provider import Provider
from outpaint.conformance.verify.case_runner import AnswerJudge, CaseResult, Outcome, Runner
from outpaint.conformance.verify.case_selection import CreditBudget, Selection
from outpaint.conformance.verify.coverage import Aspect, too_little
from outpaint.contracts.profiles import WireProfile
from outpaint.contracts.redaction import Redaction
from outpaint.functions.command_line.exit_codes import ExitCode as ExitCode  # public here, too


@dataclass(frozen=True)
class Verification:
    """All that a verification found, without any credential."""

    provider: str
    profile: WireProfile
    seed: int
    began_at: float
    """Seconds since the epoch."""
    seconds: float
    results: tuple[CaseResult, ...]
    """By id: cases first, then the promises about every answer."""
    coverage: tuple[Aspect, ...]
    too_little: tuple[str, ...]
    interrupted: bool = False

    @cached_property
    def counts(self) -> Counter[Outcome]:
        return Counter(result.outcome for result in self.results)

    @cached_property
    def counts_by_area(self) -> dict[str, Counter[Outcome]]:
        """The same for each area of the contract, in the order of their names."""
        areas: dict[str, Counter[Outcome]] = {}
        for result in sorted(self.results, key=lambda result: result.subject.area):
            areas.setdefault(result.subject.area, Counter())[result.outcome] += 1
        return areas

    def failed_with(self, result: CaseResult) -> tuple[CaseResult, ...]:
        """Those that failed alike: for the cause for which this one is shown as failed."""
        return tuple(other for other in self.results if other.failed_with == result.subject.id)

    @property
    def failures(self) -> tuple[CaseResult, ...]:
        """What failed, one for each cause, the worst first."""
        worst_first = list(Severity)
        failed = (result for result in self.results if result.outcome is Outcome.FAILED)
        return tuple(sorted(failed, key=lambda result: (worst_first.index(result.subject.severity), result.subject.id)))

    @property
    def exit_code(self) -> ExitCode:
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if self.failures:
            return ExitCode.FAILED
        return ExitCode.TOO_LITTLE_SEEN if self.too_little else ExitCode.PROVEN

    @property
    def sentence(self) -> str:
        """The verdict in one line."""
        passed, failed = self.counts[Outcome.PASSED], self.counts[Outcome.FAILED]
        rest = "".join(
            f", {self.counts[outcome]} {outcome.value}"
            for outcome in (Outcome.FAILED_ALIKE, Outcome.NOT_OFFERED, Outcome.NOT_RUN)
            if self.counts[outcome]
        )
        match self.exit_code:
            case ExitCode.PROVEN:
                return f"Proven: {passed} passed{rest}."
            case ExitCode.TOO_LITTLE_SEEN:
                return f"Not proven: {passed} passed{rest}, but too little was seen."
            case ExitCode.INTERRUPTED:
                return f"Interrupted: {passed} passed, {failed} failed{rest}."
            case _:
                return f"Broken: {failed} failed, {passed} passed{rest}."


def one_failure_a_cause(results: Iterable[CaseResult]) -> tuple[CaseResult, ...]:
    """The results, in their order, with one failure for each cause; the others that have it failed alike.

    Those that have a cause in common are shown as the case that is about it, else as a promise about every answer, else
    as the worst. Variants of one case that failed with the same words have one cause, too.
    """
    every = tuple(results)
    shown_as: dict[str, CaseResult] = {}
    for keys in (lambda one: dict.fromkeys((*one.causes, *one.partly)), _family_and_words):
        groups: dict[object, list[CaseResult]] = {}
        for one in every:
            if one.outcome is Outcome.FAILED:
                for key in keys(one):
                    groups.setdefault(key, []).append(one)
        for key, group in groups.items():
            lead = _lead(group)
            for one in group:
                # What explains a part of a failure alone leaves it one of its own.
                if lead is not None and one is not lead and key not in set(one.partly) - set(one.causes):
                    shown_as.setdefault(one.subject.id, lead)
    return tuple(_shown(one, shown_as) for one in every)


def _family_and_words(result: CaseResult) -> tuple[object, ...]:
    return ((result.subject.family, result.said),) if isinstance(result.subject, Case) else ()


def _lead(group: list[CaseResult]) -> CaseResult | None:
    """Which of a group with one cause is shown as failed; None where the case that is about the cause is not in it."""
    guard = next((one.guarded_by for one in group if one.guarded_by), "")
    if guard:
        return next((one for one in group if one.subject.id.partition("[")[0] == guard), None)
    worst = list(Severity)
    return min(
        group, key=lambda one: (isinstance(one.subject, Case), worst.index(one.subject.severity), one.subject.id)
    )


def _shown(result: CaseResult, shown_as: Mapping[str, CaseResult]) -> CaseResult:
    if result.subject.id not in shown_as:
        return result
    lead = shown_as[result.subject.id]
    while lead.subject.id in shown_as:
        # It is shown as another one itself, for another cause.
        lead = shown_as[lead.subject.id]
    return replace(result, outcome=Outcome.FAILED_ALIKE, failed_with=lead.subject.id)


def verify_provider(
    provider: Provider,
    cases: Iterable[Case] | None = None,
    *,
    selection: Selection | None = None,
    jobs: int | None = None,
    seed: int = 0,
    budget: CreditBudget | None = None,
    redaction: Redaction | None = None,
    on_result: Callable[[CaseResult], None] = lambda _: None,
) -> Verification:
    """Run the cases (by default all) that the selection wants, and judge the results.

    `jobs` cases run at a time, by default two for each core up to 8, for most of their time they wait. `budget` limits
    what they may spend. An interrupt ends the run; the verdict says so.
    """
    selection = selection or Selection()
    wanted = selection.of(all_cases() if cases is None else cases)
    redaction = redaction or Redaction()
    judge = AnswerJudge(selection.of(checks()), redaction, selection.profile)
    found: dict[str, CaseResult] = {}

    def keep(result: CaseResult) -> None:
        found[result.subject.id] = result
        on_result(result)

    runner = Runner(
        provider, judge.watch, redaction, jobs=jobs or min(8, 2 * (os.cpu_count() or 1)), budget=budget, on_result=keep
    )
    began_at, began, interrupted = time.time(), time.monotonic(), False
    try:
        runner.run(wanted, seed)
    except KeyboardInterrupt:
        interrupted = True
    results = tuple(sorted(found.values(), key=lambda result: result.subject.id))
    ran = sum(result.outcome in (Outcome.PASSED, Outcome.FAILED) for result in results)
    coverage = judge.seen.aspects()
    return Verification(
        provider=redaction.text(provider.name),
        profile=selection.profile,
        seed=seed,
        began_at=began_at,
        seconds=time.monotonic() - began,
        results=one_failure_a_cause(results + judge.results()),
        coverage=coverage,
        too_little=too_little(
            coverage,
            answers=judge.seen.answers,
            ran=ran,
            selected=len(wanted),
            offers=provider.offers,
            narrow=selection.narrow,
        ),
        interrupted=interrupted,
    )
