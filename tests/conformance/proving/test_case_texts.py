"""Ids and sentences of the cases: ids that last, and sentences of one form."""

from __future__ import annotations

import re
from collections import Counter

from outpaint.conformance.cases import all_cases
from outpaint.conformance.proving import answer_promises, clauses
from outpaint.conformance.proving.clauses import Clause

CLAUSES = [value for value in vars(clauses).values() if isinstance(value, Clause)]


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
