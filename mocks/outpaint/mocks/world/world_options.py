"""The options of a world, for the pytest marker, the command line and the admin API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Self

from pydantic import ValidationError

from outpaint.contracts.errors import ErrorCode, OutpaintError, first_invalid
from outpaint.contracts.profiles import WireProfile
from outpaint.functions.service.service import ServiceSettings
from outpaint.mocks.scenarios.grammar import nearest
from outpaint.mocks.scenarios.scenario import Scenario, ScenarioLike
from outpaint.mocks.world.journal import BODY_BYTES, MAX_CALLS
from outpaint.mocks.world.mock_ledger import CREDITS
from outpaint.mocks.world.scripted_dispatch import STALLED_POLLS
from outpaint.mocks.world.virtual_clock import VirtualClock
from outpaint.mocks.world.world import Studio, World
from outpaint.painting.painters.painter_table import PainterHost, load_painter, names_on


@dataclass(frozen=True, slots=True)
class WorldOptions:
    """The options of a world.

    `scenario`, one or several, applies to the whole world. `credits` is what an account begins with; with `keys` (key
    to credits) only those are known. `clock` is frozen, ticking, or how many virtual seconds pass in a real one;
    `start` (UTC) is its first time: by default the present, of the test if frozen (`VirtualClock`), else of the
    machine. `painter` is one that runs in mocks. `settings` are fields of `ServiceSettings`. The journal keeps
    `max_calls` calls and `body_bytes` of their bodies. `profile` is `ours`, or `vendor` for a world that does nothing
    that the vendor's API does not do. `stalled_polls` is after how many polls of a job while the clock stands still a
    client gets no further, 0 for never.
    """

    scenario: ScenarioLike | Sequence[str] | None = None
    credits: int = CREDITS
    keys: Mapping[str, int] | None = None
    clock: str | float = "frozen"
    start: datetime | None = None
    seed: int = 0
    painter: str = "flat"
    settings: Mapping[str, Any] = field(default_factory=dict)
    body_bytes: int = BODY_BYTES
    max_calls: int = MAX_CALLS
    profile: str = WireProfile.OURS
    stalled_polls: int = STALLED_POLLS

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """The options with these values; raises `OutpaintError` naming the nearest for one that does not exist."""
        known = {option.name for option in fields(cls)}
        for name in values:
            if name not in known:
                raise OutpaintError(
                    ErrorCode.INVALID_PARAMETER, f"there is no option {name}: {nearest(name, known)}", field=name
                )
        return cls(**values)

    def world(self, name: str, studio: Studio | None = None) -> World:
        """A world with these options; raises `OutpaintError` for values out of range."""
        if isinstance(self.credits, bool) or not 0 <= self.credits <= 2**53:
            raise OutpaintError.wrong_value("credits", self.credits, "an account begins with 0 to 2**53 credits")
        return World(
            name,
            seed=self.seed,
            clock=self._clock(),
            settings=_settings(self.settings),
            credits=self.credits,
            keys=self.keys,
            studio=studio or Studio(painter_named(self.painter)),
            body_bytes=self.body_bytes,
            max_calls=self.max_calls,
            scenarios=self._scenarios(),
            profile=_checked_profile(self.profile),
            stalled_polls=self._checked_stalled_polls(),
        )

    def checked(self) -> Self:
        """These options; raises `OutpaintError` for values out of range."""
        self._clock()
        self._scenarios()
        _checked_painter(self.painter)
        _checked_profile(self.profile)
        self._checked_stalled_polls()
        return self

    def _checked_stalled_polls(self) -> int:
        polls = self.stalled_polls
        if not isinstance(polls, int) or isinstance(polls, bool) or polls < 0:
            raise OutpaintError.wrong_value("stalled_polls", polls, "use a whole number of polls, or 0 for never")
        return polls

    def _scenarios(self) -> list[Scenario]:
        if self.scenario is None:
            return []
        if isinstance(self.scenario, list | tuple) and all(isinstance(one, str) for one in self.scenario):
            return [Scenario.of(text) for text in self.scenario]
        return [Scenario.of(self.scenario)]  # type: ignore[arg-type]

    def _clock(self) -> VirtualClock:
        scale = {"frozen": 0.0, "ticking": 1.0}.get(str(self.clock))
        if scale is None:
            try:
                scale = float(self.clock)
            except ValueError:
                raise OutpaintError.wrong_value(
                    "clock", self.clock, "use frozen, ticking, or how many times as fast as time it goes"
                ) from None
        start = self.start if self.start is None or self.start.tzinfo else self.start.replace(tzinfo=UTC)
        return VirtualClock(None if start is None else start.timestamp(), scale=scale)


def _settings(values: Mapping[str, Any]) -> ServiceSettings:
    """The service's settings with these values; raises `OutpaintError` for unknown names and values out of range."""
    for name in values:
        if name not in ServiceSettings.model_fields:
            raise OutpaintError(
                ErrorCode.INVALID_PARAMETER,
                f"there is no setting {name[:60]}: {nearest(name[:60], ServiceSettings.model_fields)}",
                field="settings",
            )
    try:
        return ServiceSettings(**values)
    except ValidationError as error:
        place, value, reason = first_invalid(error)
        raise OutpaintError.wrong_value(f"settings.{place}", value, reason) from None


def painter_named(name: str) -> Any:
    """The painter of that name; raises `OutpaintError` for another, and where migan has no weights here."""
    return load_painter(_checked_painter(name))


def _checked_profile(name: str) -> WireProfile:
    try:
        return WireProfile(name)
    except ValueError:
        raise OutpaintError.wrong_value("profile", name, f"use {' or '.join(WireProfile)}") from None


def _checked_painter(name: str) -> str:
    known = names_on(PainterHost.MOCK)
    if name not in known:
        raise OutpaintError.wrong_value("painter", name, f"use {' or '.join(known)}")
    return name
