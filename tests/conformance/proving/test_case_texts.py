"""Ids and sentences of the cases: ids that last, and sentences of one form."""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated

import pytest
from pydantic import Field

from outpaint.conformance.cases import all_cases
from outpaint.conformance.proving import answer_promises, clauses
from outpaint.conformance.proving.clauses import Clause, Origin
from outpaint.conformance.proving.field_clauses import FIELD_CLAUSES, field_clause
from outpaint.contracts.requests import About, Wish

CLAUSES = [*(value for value in vars(clauses).values() if isinstance(value, Clause)), *FIELD_CLAUSES.values()]


def test_ids_are_slugs() -> None:
    for case in all_cases():
        assert re.fullmatch(r"[a-z0-9-]+\.[a-z0-9-]+(\[[^\s\[\]]+\])?", case.id), case.id


def test_sentences_have_no_full_stop_and_begin_small() -> None:
    for case in all_cases():
        for text in (case.given, case.when, case.then):
            first = text.split()[0]
            assert text == text.strip(), case.id
            assert not text.endswith("."), case.id
            is_header = first == "Allow" or "-" in first
            assert first[0].islower() or not first[0].isalpha() or first[1:2].isupper() or is_header, text


def test_every_clause_has_an_id_of_its_own_and_is_guarded() -> None:
    assert [id_ for id_, count in Counter(clause.id for clause in CLAUSES).items() if count > 1] == []
    guarded = {case.guards.id for case in all_cases()} | {check.guards.id for check in answer_promises.checks()}
    assert [clause.id for clause in CLAUSES if clause.id not in guarded] == []
    assert all(clause.says.endswith(".") for clause in CLAUSES)


class LongerWish(Wish):
    strength: Annotated[float, Field(ge=0, le=1), About(ours=True)] = 0.5
    tiled: bool = False
    margin: Annotated[int | None, Field(ge=0, le=4096)] = None
    grain: Annotated[int, Field(multiple_of=3)] = 0


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("strength", "`strength` is a number from 0 to 1, 0.5 where it is left out."),
        ("tiled", "`tiled` is true or false, false where it is left out."),
        ("margin", "`margin` is a whole number from 0 to 4,096, and may be left out."),
        ("prompt", "`prompt` is text that is not empty, and is required."),
        ("format", "`format` is JPG, PNG or WEBP, JPG where it is left out."),
    ],
)
def test_the_clause_of_a_field_says_what_the_model_does(name: str, says: str) -> None:
    clause = field_clause(LongerWish, name)
    assert (clause.id, clause.says) == (f"fields.{name}", says)
    assert clause.origin is (Origin.OURS if name == "strength" else Origin.VENDOR)


def test_a_field_whose_values_no_sentence_tells_is_refused() -> None:
    with pytest.raises(ValueError, match="which values grain takes"):
        field_clause(LongerWish, "grain")
