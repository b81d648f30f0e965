"""A clock that a test owns."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpaint.mocks.world.virtual_clock import ClockError, VirtualClock

START = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def test_a_frozen_clock_stands_until_it_is_moved() -> None:
    clock = VirtualClock(START)
    assert clock.is_frozen
    assert clock.now() == clock.now() == START
    assert clock.advance(hours=25) == datetime(2026, 1, 2, 1, tzinfo=UTC)
    assert clock.advance(1, minutes=1, hours=1, days=1) == datetime(2026, 1, 3, 2, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "step",
    [{"seconds": -1}, {"hours": -0.001}, {"seconds": math.nan}, {"days": math.inf}, {"seconds": 5, "minutes": -1}],
)
def test_a_clock_is_not_turned_back(step: dict[str, float]) -> None:
    clock = VirtualClock(START)
    with pytest.raises(ClockError, match="forward"):
        clock.advance(**step)
    assert clock.now() == START


def test_a_clock_is_set_ahead_and_never_back() -> None:
    clock = VirtualClock(START)
    clock.set(datetime(2026, 1, 1, 12))  # noqa: DTZ001 - no zone counts as UTC
    assert clock.time == datetime(2026, 1, 1, 12, tzinfo=UTC)
    with pytest.raises(ClockError, match="is past"):
        clock.set(datetime(2026, 1, 1, 11, tzinfo=UTC))
    for never in (math.nan, math.inf, -1.0, 1e15):
        with pytest.raises(ClockError):
            clock.set(never)
    with pytest.raises(ClockError):
        clock.advance(days=4_000_000)
    assert clock.time == datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_a_wait_moves_a_frozen_clock_on_and_never_back() -> None:
    clock = VirtualClock(START)
    clock.reach(START + 100)
    clock.reach(START + 50)
    assert clock.now() == START + 100
    assert clock.real_seconds(1) == math.inf


def test_a_ticking_clock_says_how_long_its_host_has_to_wait() -> None:
    clock = VirtualClock.ticking(START, scale=10)
    assert clock.real_seconds(20) == 2.0
    first = clock.now()
    assert START <= first <= clock.now() < START + 100
    clock.freeze()
    assert clock.now() == clock.now()
    clock.tick()
    assert clock.scale == 1.0


@pytest.mark.parametrize("scale", [-1, math.nan, math.inf, 1e7])
def test_no_clock_runs_backwards_or_without_bound(scale: float) -> None:
    clock = VirtualClock(START)
    with pytest.raises(ClockError):
        clock.tick(scale)
    assert clock.is_frozen


def test_whoever_waits_is_told_of_every_move() -> None:
    clock = VirtualClock(START)
    told: list[float] = []
    unsubscribe = clock.on_change(lambda: told.append(clock.now() - START))
    clock.advance(1)
    clock.set(START + 2)
    clock.advance(1)
    clock.reach(START + 4)
    clock.restore((START, 0.0))
    unsubscribe()
    clock.advance(1)
    assert told == [1, 2, 3, 4, 0]


def test_a_clock_begins_again_where_it_began() -> None:
    clock = VirtualClock(START + 7)
    clock.advance(days=1)
    clock.tick()
    clock.begin_again()
    assert (clock.now(), clock.scale) == (START + 7, 0.0)


@given(st.lists(st.floats(0, 1e6), max_size=20))
def test_time_only_ever_grows(steps: list[float]) -> None:
    clock = VirtualClock(START)
    seen = [clock.now()]
    for step in steps:
        clock.advance(step)
        seen.append(clock.now())
    assert seen == sorted(seen)
    assert clock.now() == pytest.approx(START + sum(steps))
