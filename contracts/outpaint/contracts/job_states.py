"""The states of a job, and the only moves between them."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class JobState(StrEnum):
    """The state of a job. An ended one is final: no move leaves it."""

    ACCEPTED = "accepted"
    DISPATCHED = "dispatched"
    PAINTING = "painting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether the job is over and its credits are settled or given back."""
        return self in ENDED


ENDED: Final = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.EXPIRED, JobState.CANCELLED})

# An end may be reported before the moves that led to it were seen (a completion may overtake the row that
# says `dispatched`), so every end is reachable from every state that is not one.
MOVES: Final[dict[JobState, frozenset[JobState]]] = {
    JobState.ACCEPTED: frozenset({JobState.DISPATCHED, JobState.PAINTING}) | ENDED,
    JobState.DISPATCHED: frozenset({JobState.PAINTING}) | ENDED,
    JobState.PAINTING: ENDED,
    **dict.fromkeys(ENDED, frozenset()),
}


def sources_of(state: JobState) -> frozenset[JobState]:
    """The states from which a job may move to `state`: the condition of a conditional write."""
    return frozenset(source for source, targets in MOVES.items() if state in targets)
