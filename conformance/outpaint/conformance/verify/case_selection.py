"""Which cases run (`Selection`), what they could cost (`Plan`), and a limit on what they spend (`CreditBudget`)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, TypeVar

from outpaint.conformance.proving.answer_promises import AnswerCheck
from outpaint.conformance.proving.case import Case, Severity
from outpaint.conformance.proving.clauses import Origin
from outpaint.conformance.proving.provider import Provider
from outpaint.contracts.profiles import WireProfile
from outpaint.functions.command_line.command_endings import CommandError
from outpaint.functions.command_line.exit_codes import ExitCode

_CREDITS_BETWEEN_CHECKS: Final = 25
"""Credits between two looks at what was really spent."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What would run and what it could cost, in credits and in seconds of waiting on purpose."""

    runnable: tuple[Case, ...]
    not_offered: tuple[Case, ...]
    costs: bool
    """Whether the credits are somebody's: not where accounts are made for the run."""

    @classmethod
    def of(cls, cases: Iterable[Case], provider: Provider) -> Plan:
        every = tuple(cases)
        return cls(
            runnable=tuple(case for case in every if case.needs <= provider.offers),
            not_offered=tuple(case for case in every if not case.needs <= provider.offers),
            costs=provider.shares_account,
        )

    @property
    def credits(self) -> int:
        """The most that the run could cost."""
        return sum(case.credits for case in self.runnable)

    @property
    def seconds(self) -> float:
        """How long its cases wait on purpose, one after the other."""
        return sum(case.seconds for case in self.runnable)

    def check(self, *, balance: int | None, max_credits: int | None) -> None:
        """Raise `CommandError` OVER_BUDGET where the run could cost more than the account has or may be spent."""
        for limit, has, more in (
            (max_credits, "may be spent", "raise --max-credits"),
            (balance, "are the key's", "add credits"),
        ):
            if self.costs and limit is not None and self.credits > limit:
                raise CommandError(
                    ExitCode.OVER_BUDGET,
                    f"the cases could cost {self.credits:,} credits and {limit:,} {has}: {more}, "
                    "choose fewer cases by --only or --skip, or let --partial stop at the limit",
                )


class CreditBudget:
    """Credits that may be spent, any number without a limit; each is taken before it is spent. Safe for many threads.

    `really_spent` is asked now and then how many credits are gone: a provider that charges more than it should reaches
    the limit sooner.
    """

    def __init__(self, limit: int | None, really_spent: Callable[[], int] | None = None) -> None:
        self._lock = threading.Lock()
        self._limit = limit
        self._really_spent = really_spent
        self._asked_at = 0
        self.spent = 0

    @property
    def left(self) -> int | None:
        """What may still be spent; None without a limit."""
        return None if self._limit is None else self._limit - self.spent

    def take(self, credits_: int) -> bool:
        """Take so many credits; false, with nothing taken, where that would be more than is left."""
        with self._lock:
            if self._limit is None or not credits_:
                self.spent += credits_
                return True
            if self._really_spent is not None and self.spent - self._asked_at >= _CREDITS_BETWEEN_CHECKS:
                self.spent = max(self.spent, self._really_spent())
                self._asked_at = self.spent
            if self.spent + credits_ > self._limit:
                return False
            self.spent += credits_
            return True

    def give_back(self, credits_: int) -> None:
        """Put back credits that were taken and not spent."""
        with self._lock:
            self.spent -= credits_


_WORST_FIRST: Final = tuple(Severity)
What = TypeVar("What", Case, AnswerCheck)


@dataclass(frozen=True, slots=True)
class Selection:
    """The cases that are asked for. `only` and `skip` are globs over ids, or areas; without `only`, all are wanted.

    In the vendor's `profile` nothing is demanded that is ours.
    """

    only: Sequence[str] = ()
    skip: Sequence[str] = ()
    profile: WireProfile = WireProfile.OURS
    severity: Severity = Severity.MINOR
    """The mildest that is wanted."""

    @property
    def narrow(self) -> bool:
        """Whether a part of the contract was chosen, so that no more than that part can be seen."""
        return bool(self.only or self.skip) or self.severity is not Severity.MINOR

    def of(self, cases: Iterable[What]) -> tuple[What, ...]:
        """Those that are wanted, in their order."""
        return tuple(case for case in cases if self._wants(case))

    def unmatched(self, cases: Iterable[Case | AnswerCheck]) -> list[str]:
        """The patterns that no id matches, most likely mistyped."""
        ids = [case.id for case in cases]
        return [pattern for pattern in (*self.only, *self.skip) if not any(_matches(id_, pattern) for id_ in ids)]

    def _wants(self, case: Case | AnswerCheck) -> bool:
        if self.profile is WireProfile.VENDOR and case.guards.origin is Origin.OURS:
            return False
        if _WORST_FIRST.index(case.severity) > _WORST_FIRST.index(self.severity):
            return False
        if self.only and not any(_matches(case.id, pattern) for pattern in self.only):
            return False
        return not any(_matches(case.id, pattern) for pattern in self.skip)


def _matches(id_: str, pattern: str) -> bool:
    # An id as it is counts too, for its brackets mean a set of characters in a glob.
    return pattern in (id_, id_.partition(".")[0], id_.partition("[")[0]) or fnmatchcase(id_, pattern)
