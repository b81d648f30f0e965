"""Single edits of our own document are judged as a client's author would judge them; the table is in edits/areas."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache

import pytest
from edits.areas.parts import what_a_file_may_be_is_not_told
from edits.edit import Document, Edit, all_edits, document

from outpaint.conformance.diff.diff_rules import RULES, DiffVerdict
from outpaint.conformance.diff.operation_diff import compare
from outpaint.conformance.export.openapi_3_0 import downgraded

EDITS = all_edits()


@cache
def as_it_is(made: Callable[[Document], Document]) -> Document:
    """Our document, which most edits begin with, made once in each version."""
    return made(document())


def old_of(one: Edit, made: Callable[[Document], Document] = copy.copy) -> Document:
    return as_it_is(made) if one.before is None else made(one.old())


@pytest.mark.parametrize("one", EDITS, ids=lambda one: one.name)
def test_an_edit_is_judged_as_its_clients_would(one: Edit) -> None:
    found = compare(old_of(one), one.made())
    assert {change.code for change in found.changes} == one.codes
    assert found.verdict is one.verdict


@pytest.mark.parametrize("one", EDITS, ids=lambda one: one.name)
def test_an_edit_is_judged_alike_in_3_0(one: Edit) -> None:
    """Where OpenAPI 3.0 can say it at all."""
    try:
        old, new = old_of(one, downgraded), downgraded(one.made())
    except ValueError:
        pytest.skip("3.0 cannot say it")
    assert {change.code for change in compare(old, new).changes} == one.codes


def test_it_is_risky_to_tell_what_a_file_may_be() -> None:
    untold = document()
    what_a_file_may_be_is_not_told(untold)
    found = compare(untold, document())
    assert {change.code for change in found.changes} == {"request.part.types-declared"}
    assert found.verdict is DiffVerdict.RISKY


def test_there_are_enough_edits_of_each_verdict_and_side() -> None:
    assert len(EDITS) >= 150
    assert len({one.name for one in EDITS}) == len(EDITS)
    for verdict in DiffVerdict:
        assert sum(one.verdict is verdict for one in EDITS) >= 15
    assert set().union(*(one.codes for one in EDITS)) <= set(RULES)
