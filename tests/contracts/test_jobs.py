"""The moves of a job."""

from __future__ import annotations

import pytest

from outpaint.contracts.job_states import ENDED, MOVES, JobState, sources_of


def test_every_state_has_its_moves() -> None:
    assert set(MOVES) == set(JobState)


@pytest.mark.parametrize("state", sorted(ENDED))
def test_an_end_is_final(state: JobState) -> None:
    assert state.ended
    assert MOVES[state] == frozenset()


@pytest.mark.parametrize("state", sorted(set(JobState) - ENDED))
def test_every_end_can_be_reached_from_every_state_before_it(state: JobState) -> None:
    assert not state.ended
    assert MOVES[state] >= ENDED


def test_no_job_goes_backwards() -> None:
    order = [JobState.ACCEPTED, JobState.DISPATCHED, JobState.PAINTING]
    for later, state in enumerate(order):
        assert not MOVES[state] & set(order[: later + 1])


@pytest.mark.parametrize("state", list(JobState))
def test_sources_are_the_moves_read_backwards(state: JobState) -> None:
    assert sources_of(state) == {source for source in JobState if state in MOVES[source]}
