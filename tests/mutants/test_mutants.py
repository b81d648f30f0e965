"""Every mutant is caught, by the cases that are named for its fault; the correct service fails none of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import pytest

from mutants.detection import found_by, named_cases
from mutants.mutant import CORRECT, Mutant, Patch, all_mutants

MUTANTS = all_mutants()


def test_there_are_enough_of_them() -> None:
    assert len(MUTANTS) >= 60


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_is_caught_by_name(mutant: Mutant) -> None:
    assert mutant.caught_by, "no case is named for this fault"
    found = found_by(mutant, named_cases(mutant))
    assert set(mutant.caught_by) <= set(found), f"{mutant.breaks}: found by {sorted(found)}"


def test_the_correct_service_fails_no_case_that_catches_a_mutant() -> None:
    cases = {case.id: case for mutant in MUTANTS for case in named_cases(mutant)}
    assert found_by(CORRECT, cases.values()) == {}


def test_a_patch_that_does_not_take_what_it_patches_is_refused() -> None:
    def patched(self: object, first: int, second: int = 0, *, third: int) -> None: ...

    owner = type("Owner", (), {"patched": patched})

    def around(wrapper: Callable[..., object]) -> None:
        with ExitStack() as undoing:
            Patch(undoing).around(owner, "patched", wrapper)

    around(lambda original, self, first, *, third: None)
    around(lambda original, self, first, second, *, third: None)
    around(lambda *_, **__: None)
    for wrapper in (
        lambda original, self: None,
        lambda original, self, first: None,
        lambda original, *rest, third, x: 0,
    ):
        with pytest.raises(AssertionError, match="does not take its arguments"):
            around(wrapper)
