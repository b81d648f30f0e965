"""Which cases are chosen."""

from __future__ import annotations

import pytest

from outpaint.conformance.proving.case import Severity
from outpaint.conformance.proving.clauses import Clause, Origin
from outpaint.conformance.verify.case_selection import Selection
from outpaint.contracts.profiles import WireProfile

from .conftest import made_up

OURS = Clause("our.own", "It is so.", "here", Origin.OURS)
RFC = Clause("an.rfc", "It is so.", "RFC", Origin.RFC)
CASES = (
    made_up("first.one", severity=Severity.CRITICAL),
    made_up("first.two[a b]", severity=Severity.MAJOR, guards=OURS),
    made_up("first.two[c]", severity=Severity.MAJOR, guards=RFC),
    made_up("second.one", severity=Severity.MINOR, guards=RFC),
)


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        (Selection(), [0, 1, 2, 3]),
        (Selection(only=["first"]), [0, 1, 2]),
        (Selection(only=["*.one"]), [0, 3]),
        (Selection(only=["first.two"]), [1, 2]),
        (Selection(only=["first.two[c]"]), [2]),
        (Selection(only=["first", "second"], skip=["first.two"]), [0, 3]),
        (Selection(skip=["second"]), [0, 1, 2]),
        (Selection(profile=WireProfile.VENDOR), [0, 2, 3]),
        (Selection(severity=Severity.MAJOR), [0, 1, 2]),
        (Selection(severity=Severity.CRITICAL), [0]),
        (Selection(only=["nothing"]), []),
    ],
)
def test_patterns_profiles_and_severities(selection: Selection, chosen: list[int]) -> None:
    assert selection.of(CASES) == tuple(CASES[number] for number in chosen)


def test_a_pattern_that_matches_nothing_is_told() -> None:
    assert Selection(only=["first", "frist"], skip=["x.*"]).unmatched(CASES) == ["frist", "x.*"]


def test_a_profile_is_no_part_that_somebody_chose() -> None:
    assert not Selection(profile=WireProfile.VENDOR).narrow
    assert Selection(only=["first"]).narrow
    assert Selection(severity=Severity.MAJOR).narrow
