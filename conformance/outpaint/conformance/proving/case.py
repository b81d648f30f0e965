"""What a case is: given, when, then, the sentence it guards, what it needs of a provider and what it costs there."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from outpaint.conformance.proving.clauses import Clause
from outpaint.conformance.proving.provider import Need

if TYPE_CHECKING:
    from outpaint.conformance.proving.api import Api


class Severity(StrEnum):
    """How bad it is when a case fails."""

    CRITICAL = "critical"
    """Money, pictures, privacy or a job is lost, or every client breaks."""
    MAJOR = "major"
    """A client that keeps to the contract breaks or misbehaves."""
    MINOR = "minor"
    """A courtesy is missing: a clear word, a hint, a header few read."""


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that a provider must do.

    `id` is `area.name`, or `area.name[variant]` for one of several values that it is tried with. `credits` is the
    most that it may spend, `seconds` the most that it waits for on purpose. `watches_account`: it looks at the
    balance or the rate figures of its account, so nobody else may use that account meanwhile.
    """

    id: str
    guards: Clause
    given: str
    when: str
    then: str
    severity: Severity
    needs: frozenset[Need]
    credits: int
    seconds: float
    watches_account: bool
    act: Callable[[Api], None]
    family: str
    """The id without its variant: what a page of the documentation is about."""
    values: Mapping[str, Any]
    """What this variant is tried with, by name."""

    @property
    def area(self) -> str:
        """The part of the contract that it belongs to."""
        return self.id.partition(".")[0]


USUALLY_GIVEN: Final = "an account with credits"
"""What a case is given that says nothing else."""
Act = Callable[..., None]
_CASES: Final[dict[str, Case]] = {}


def case(
    guards: Clause,
    *,
    given: str = USUALLY_GIVEN,
    when: str,
    then: str,
    severity: Severity = Severity.MAJOR,
    needs: Iterable[Need] = (),
    credits: int = 0,  # noqa: A002 - the field's word, as everywhere
    seconds: float = 0.0,
    watches_account: bool = False,
    each: Sequence[Mapping[str, Any]] = ({},),
    named: Sequence[str] = (),
) -> Callable[[Act], Act]:
    """Make a function a case, or one case for each mapping of `each`, whose values it takes by name.

    The id comes of the module's and the function's name. `named` gives the variants' names; without it a variant is
    named by its values, so it must be given where those are long or not plain text. `given`, `when`, `then` are read
    one after the other as a sentence each, without a full stop.
    """

    def register(act: Act) -> Act:
        area = act.__module__.rpartition(".")[2].replace("_", "-")
        family = f"{area}.{act.__name__.replace('_', '-')}"
        variants = tuple(named) or tuple(_named(values) for values in each)
        assert len(variants) == len(each), f"{family}: {len(variants)} names for {len(each)} variants"
        unknown = set().union(*each) - set(inspect.signature(act).parameters)
        assert not unknown, f"{family} does not take {', '.join(sorted(unknown))}"
        for values, variant in zip(each, variants, strict=True):
            id_ = f"{family}[{variant}]" if variant else family
            assert id_ not in _CASES, f"{id_} stands for two cases"
            _CASES[id_] = Case(
                id=id_,
                guards=guards,
                given=given,
                when=when,
                then=then,
                severity=severity,
                needs=frozenset(needs),
                credits=credits,
                seconds=seconds,
                watches_account=watches_account,
                act=partial(act, **values),
                family=family,
                values=values,
            )
        return act

    return register


def registered() -> tuple[Case, ...]:
    """Every case of the modules that were imported so far, in the order of their text."""
    return tuple(_CASES.values())


def _named(values: Mapping[str, Any]) -> str:
    return ",".join(str(value) for value in values.values())
