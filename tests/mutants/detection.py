"""Runs the contract's cases on the real service with a fault in it, and says which of them notice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from wire_kit.hosts import core_provider

from mutants.mutant import Mutant
from outpaint.conformance.cases import all_cases
from outpaint.conformance.proving import api
from outpaint.conformance.proving.answer_promises import checks
from outpaint.conformance.proving.case import Case
from outpaint.conformance.proving.observed_exchange import ObservedExchange
from outpaint.conformance.verify.case_runner import AnswerJudge, Outcome, Runner
from outpaint.contracts.redaction import Redaction
from outpaint.functions.service.service import ServiceSettings

PATIENCE_S: Final = 3.0
"""How long a case waits for a job's end: with some faults it never comes."""
_EVERY_KIND_OF_ANSWER: Final = {
    "asynchronous.mode-async-is-202",
    "rate-limit.one-too-many-is-429",
    "routes.an-unknown-path-is-404",
    "routes.another-verb-on-what-is-read-is-405",
}
"""Families whose exchanges have a 202, a 429, a 404 and a 405 among them."""


def found_by(mutant: Mutant, cases: Iterable[Case]) -> Mapping[str, str]:
    """The families of the cases that fail under the mutant and the promises it breaks, each with what was seen."""
    redaction = Redaction()
    judge = AnswerJudge(checks(), redaction)
    broken: dict[str, str] = {}

    def watch(exchange: ObservedExchange) -> None:
        broken.update((check.id, said) for check, said in judge.watch(exchange))

    with mutant.alive(), core_provider(ServiceSettings(sync_wait=3)) as provider, _impatient():
        for result in Runner(provider, watch, redaction).run(cases, seed=1):
            if result.outcome is Outcome.FAILED:
                broken.setdefault(result.subject.id.partition("[")[0], result.said)
    return broken


def named_cases(mutant: Mutant) -> list[Case]:
    """The cases of the families that must catch it; for a promise about every answer, those that make the answers."""
    families = {*mutant.caught_by, *mutant.seen_in}
    if not mutant.seen_in and any(family.startswith("always.") for family in families):
        families |= _EVERY_KIND_OF_ANSWER
    return [case for case in all_cases() if case.family in families]


@contextmanager
def _impatient() -> Iterator[None]:
    usual, api.LONGEST_POLL_S = api.LONGEST_POLL_S, PATIENCE_S  # type: ignore[misc]
    try:
        yield
    finally:
        api.LONGEST_POLL_S = usual  # type: ignore[misc]
