"""The JSON of the admin API's operations on calls: searched, watched, compared, sent once more."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256

from pydantic import BaseModel, ConfigDict, Field

from outpaint.mocks.admin.admin_models import (
    CallQuery,
    CallSummary,
    JobList,
    KeysQuery,
    ScenarioStates,
    SourceList,
    WorldDetail,
)
from outpaint.mocks.mock_paths import DEFAULT_WORLD


class _OfCalls(BaseModel):
    model_config = ConfigDict(frozen=True)


class WatchQuery(CallQuery):
    """Which world to show, and which of its calls."""

    world: str = Field(default=DEFAULT_WORLD, max_length=64, description="The world.")


class SearchQuery(CallQuery):
    """Which calls of which worlds to show."""

    world: str | None = Field(default=None, max_length=64, description="Only worlds with this in their name.")


class FoundCall(_OfCalls):
    """A call, and the world that it came to."""

    world: str
    call: CallSummary


class FoundCalls(_OfCalls):
    """Calls of several worlds, world by world, in the order they came."""

    calls: tuple[FoundCall, ...]
    more: bool = Field(description="Whether there are more than were asked for.")


class NearMiss(_OfCalls):
    """The call that comes nearest to a search which finds none."""

    call: CallSummary
    unmet: tuple[str, ...] = Field(description="The criteria that it does not meet.")


class Watched(_OfCalls):
    """A world as the page shows it; while its clock ticks, the time on it changes no ETag."""

    world: WorldDetail
    worlds: tuple[str, ...] = Field(description="The worlds there are, by name.")
    scenarios: ScenarioStates
    jobs: JobList = Field(description="The latest that have not ended.")
    sources: SourceList
    calls: tuple[CallSummary, ...]
    first: int | None = Field(description="The number of the first call that is kept.")
    settled: int = Field(description="Calls up to this number change no more: ask for those after it the next time.")
    nearest: NearMiss | None = Field(default=None, description="Where a search from the first call on finds none.")

    def tag(self) -> str:
        """What changes whenever there is something new to show."""
        clock = self.world.clock
        shown = self
        if not clock.frozen:
            still = clock.model_copy(update={"now": 0.0, "time": datetime.fromtimestamp(0, UTC)})
            shown = self.model_copy(update={"world": self.world.model_copy(update={"clock": still})})
        return sha256(shown.model_dump_json().encode()).hexdigest()[:32]


class Part(StrEnum):
    """What of a call a value is part of, in the order in which differences are told."""

    REQUEST = "request"
    FIELD = "field"
    HEADER = "header"
    ANSWER = "answer"
    ANSWER_HEADER = "answer's header"


class DifferingValue(_OfCalls):
    """A value that differs between two calls; null where a call has none."""

    part: Part
    name: str
    here: str | None
    there: str | None


class Difference(_OfCalls):
    """What differs between a call and another one."""

    call: int
    other: CallSummary | None = Field(description="The other call; null where the journal has none of its kind.")
    nearest: bool = Field(
        description="Whether the other is the one whose request is most like this one's, of those answered otherwise."
    )
    values: tuple[DifferingValue, ...]
    same: int = Field(description="How many values are the same.")


class DifferenceQuery(KeysQuery):
    """From which other call."""

    other: int | None = Field(default=None, ge=0, description="The other call; without it the nearest one.")
