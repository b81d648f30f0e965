"""A world's time."""

from __future__ import annotations

from outpaint_mocks.admin import models, shown
from outpaint_mocks.admin.operation import Asked


def clock_shown(asked: Asked) -> models.ClockState:
    """The world's time and how it goes."""
    return shown.clock_state(asked.world.clock)


def advance_clock(asked: Asked) -> models.ClockState:
    """Move time on by so much."""
    step: models.Advance = asked.body
    asked.world.clock.advance(step.seconds, minutes=step.minutes, hours=step.hours, days=step.days)
    return clock_shown(asked)


def set_clock(asked: Asked) -> models.ClockState:
    """Move time on to a date."""
    asked.world.clock.set(asked.body.time)
    return clock_shown(asked)


def freeze_clock(asked: Asked) -> models.ClockState:
    """Let time stand still."""
    asked.world.clock.freeze()
    return clock_shown(asked)


def tick_clock(asked: Asked) -> models.ClockState:
    """Let time go, at this scale."""
    asked.world.clock.tick(asked.body.scale)
    return clock_shown(asked)
