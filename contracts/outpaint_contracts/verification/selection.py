"""Which cases are wanted: by id, area, origin and severity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final, TypeVar

from outpaint_contracts.proving.always import Check
from outpaint_contracts.proving.case import Case, Severity
from outpaint_contracts.proving.clause import Origin

_HEAVIEST_FIRST: Final = (Severity.CRITICAL, Severity.MAJOR, Severity.MINOR)
What = TypeVar("What", Case, Check)


class Profile(StrEnum):
    """How much of the contract a provider is held to."""

    VENDOR = "vendor"
    """What the vendor promises, and the standards that it keeps to."""
    FULL = "full"
    """That, and our own extensions and decisions."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Patterns are globs over ids, or areas as they are; none of `only` means all."""

    only: Sequence[str] = ()
    skip: Sequence[str] = ()
    profile: Profile = Profile.FULL
    severity: Severity = Severity.MINOR
    """The mildest that is wanted."""

    @property
    def narrow(self) -> bool:
        """Whether somebody asked for a part of the contract: then no more than that part can be expected to be seen."""
        return bool(self.only or self.skip) or self.severity is not Severity.MINOR

    def of(self, cases: Iterable[What]) -> tuple[What, ...]:
        """Those that are wanted, in their order."""
        return tuple(case for case in cases if self._wants(case))

    def unmatched(self, cases: Iterable[Case | Check]) -> list[str]:
        """The patterns that no id matches: a typing error, most likely."""
        ids = [case.id for case in cases]
        return [pattern for pattern in (*self.only, *self.skip) if not any(_matches(id_, pattern) for id_ in ids)]

    def _wants(self, case: Case | Check) -> bool:
        if self.profile is Profile.VENDOR and case.guards.origin is Origin.OURS:
            return False
        if _HEAVIEST_FIRST.index(case.severity) > _HEAVIEST_FIRST.index(self.severity):
            return False
        if self.only and not any(_matches(case.id, pattern) for pattern in self.only):
            return False
        return not any(_matches(case.id, pattern) for pattern in self.skip)


def _matches(id_: str, pattern: str) -> bool:
    # An id as it is counts too, for its brackets mean a set of characters in a glob.
    return pattern in (id_, id_.partition(".")[0], id_.partition("[")[0]) or fnmatchcase(id_, pattern)
