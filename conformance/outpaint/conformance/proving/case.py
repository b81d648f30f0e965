"""What a case is, and the decorator that makes a function one.

A case guards one sentence of the contract. It says what is given, when and then, what it needs of a provider, and what
it costs there.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import partial
from itertools import product
from typing import Any, Final

from outpaint.conformance.proving import clauses
from outpaint.conformance.proving.api import Api
from outpaint.conformance.proving.clauses import Clause
from outpaint.conformance.proving.provider import Need


class Severity(StrEnum):
    """How bad it is when a case fails."""

    CRITICAL = "critical"
    """Money, pictures, privacy or a job is lost, or every client breaks."""
    MAJOR = "major"
    """A client that keeps to the contract breaks or misbehaves."""
    MINOR = "minor"
    """Something helpful is missing: a clear message, a hint, a header that few clients read."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be proven of a provider: a case, or a promise about every answer."""

    id: str
    guards: Clause
    given: str
    when: str
    then: str
    severity: Severity

    @property
    def area(self) -> str:
        """The part of the contract that it belongs to."""
        return self.id.partition(".")[0]

    @property
    def sentence(self) -> str:
        """Given, when and then as one sentence."""
        given = f"given {self.given}, " if self.given else ""
        text = f"{given}when {self.when}, then {self.then}"
        return f"{text[:1].upper()}{text[1:]}."

    def as_object(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "area": self.area,
            "sentence": self.sentence,
            "severity": self.severity.value,
            "clause": asdict(self.guards),
        }


@dataclass(frozen=True, slots=True)
class Case(Subject):
    """One thing that a provider must do.

    `id` is `area.name`, or `area.name[variant]` for one of several values that it is tried with. `credits` is the
    most that it may spend, `seconds` the most that it waits for on purpose. `watches_account`: it looks at the
    balance or the rate figures of its account, so nobody else may use that account meanwhile.
    """

    needs: frozenset[Need]
    credits: int
    seconds: float
    watches_account: bool
    act: Callable[[Api], None]
    family: str
    """The id without its variant: what a page of the documentation is about."""
    values: Mapping[str, Any]
    """What this variant is tried with, by name."""


USUALLY_GIVEN: Final = "an account with credits"
"""What a case is given that says nothing else."""
Act = Callable[..., None]
_CASES: Final[dict[str, Case]] = {}
_NO_VARIANTS: Final[Mapping[str, Mapping[str, Any]]] = {"": {}}


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
    each: Mapping[str, Mapping[str, Any]] = _NO_VARIANTS,
) -> Callable[[Act], Act]:
    """Make a function a case, or one case for each variant of `each`: its name to the arguments it is called with.

    The id is made of the module's and the function's name. `given`, `when` and `then` are clauses of one sentence,
    without a full stop.
    """

    def register(act: Act) -> Act:
        area = act.__module__.rpartition(".")[2].replace("_", "-")
        family = f"{area}.{act.__name__.replace('_', '-')}"
        unknown = set().union(*each.values()) - set(inspect.signature(act).parameters)
        assert not unknown, f"{family} does not take {', '.join(sorted(unknown))}"
        for variant, values in each.items():
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


# What many cases have in common, written once; each area has such parts of its own beside its constants.
critical: Final = partial(case, severity=Severity.CRITICAL)
minor: Final = partial(case, severity=Severity.MINOR)
costs_nothing: Final = partial(critical, clauses.REFUSED_FREE, watches_account=True)
refused_by_us_costs_nothing: Final = partial(critical, clauses.REFUSED_BY_US_FREE, watches_account=True)
with_held_job: Final = partial(case, given="a job that cannot end yet", needs=[Need.HELD_JOBS])


def variants(joint: str = ",", /, **parameters: Mapping[str, Any] | Iterable[Any]) -> dict[str, dict[str, Any]]:
    """For `case`'s `each`: every combination of the values that each parameter may have.

    Values are given by name, or alone where their text can be the name; a combination's name is theirs with `joint`
    between them.
    """
    choices = [
        values.items() if isinstance(values, Mapping) else [(str(value), value) for value in values]
        for values in parameters.values()
    ]
    return {
        joint.join(name for name, _ in chosen): dict(zip(parameters, (value for _, value in chosen), strict=True))
        for chosen in product(*choices)
    }


def registered() -> tuple[Case, ...]:
    """Every case of the modules that were imported so far, in the order of their text."""
    return tuple(_CASES.values())
