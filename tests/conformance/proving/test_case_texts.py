"""Ids and sentences of the cases: names of pages for years, and sentences that read on from one another."""

from __future__ import annotations

import re
from collections import Counter
from importlib import import_module
from pkgutil import iter_modules

from outpaint.conformance.cases import all_cases
from outpaint.conformance.proving import answer_promises, clauses
from outpaint.conformance.proving.clause import Clause

ROOMS = {
    room.name: {
        name: value
        for name, value in vars(import_module(f"{clauses.__name__}.{room.name}")).items()
        if isinstance(value, Clause)
    }
    for room in iter_modules(clauses.__path__)
}
CLAUSES = [clause for room in ROOMS.values() for clause in room.values()]


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


def test_every_room_is_open_and_no_clause_hides_another() -> None:
    together = {name: value for name, value in vars(clauses).items() if isinstance(value, Clause)}
    assert set(together) == set().union(*ROOMS.values())
    assert len(together) == len(CLAUSES)


def test_ids_that_begin_alike_stand_in_one_room() -> None:
    rooms = {(clause.id.partition(".")[0], name) for name, room in ROOMS.items() for clause in room.values()}
    assert [word for word, count in Counter(word for word, _ in rooms).items() if count > 1] == []
