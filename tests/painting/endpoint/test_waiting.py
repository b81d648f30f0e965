"""The queue: which passes run together, when, and whose."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.requests import Wish
from outpaint.painting.endpoint.scheduler import WaitingPass, WaitingPasses
from outpaint.painting.painters.diffusion.passes import Pass, PassTicket, Scene

_SCENES = {side: Scene(Image.new("RGB", (side, side)), Image.new("L", (side, side), 255)) for side in (16, 32)}


def entry(
    account: str = "a", arrived: float = 0.0, side: int = 16, steps: int = 4, deadline: float | None = None
) -> WaitingPass:
    return WaitingPass(Pass(_SCENES[side], Wish(prompt="x"), 0, steps), PassTicket(account, deadline), arrived)


def queue(count: int = 4, linger: float = 0.015, capacity: int | None = None) -> WaitingPasses:
    return WaitingPasses(count, linger, lambda _, wanted: wanted if capacity is None else min(wanted, capacity))


def test_nothing_is_ready_where_nothing_waits() -> None:
    assert queue().ready_in(5.0) is None
    assert queue().take(5.0) == []


def test_a_full_batch_goes_at_once() -> None:
    waiting = queue(count=3)
    for _ in range(3):
        waiting.add(entry(arrived=1.0))
    assert waiting.ready_in(1.0) == 0
    assert len(waiting.take(1.0)) == 3
    assert waiting.ready_in(0.0) is None


def test_a_lone_pass_waits_for_company_until_its_deadline_and_no_longer() -> None:
    waiting = queue(count=3, linger=0.015)
    waiting.add(entry(arrived=1.0))
    assert waiting.take(1.014) == []
    assert waiting.ready_in(1.005) == pytest.approx(0.010)
    assert len(waiting.take(1.0151)) == 1


def test_sizes_and_steps_do_not_mix() -> None:
    waiting = queue(count=4, linger=0)
    for side, steps in ((16, 4), (32, 4), (16, 2), (16, 4)):
        waiting.add(entry(side=side, steps=steps))
    batches = []
    while batch := waiting.take(1.0):
        assert len({each.work.key for each in batch}) == 1
        batches.append(len(batch))
    assert sorted(batches) == [1, 1, 2]


def test_the_device_memory_bounds_a_batch() -> None:
    waiting = queue(count=8, capacity=2)
    for _ in range(5):
        waiting.add(entry())
    assert [len(waiting.take(1.0)) for _ in range(3)] == [2, 2, 1]


def test_a_flood_from_one_account_leaves_the_other_its_half() -> None:
    waiting = queue(count=4, linger=0)
    for _ in range(40):
        waiting.add(entry("flood"))
    for _ in range(4):
        waiting.add(entry("small"))
    first_two = [each.ticket.account for _ in range(2) for each in waiting.take(1.0)]
    assert Counter(first_two) == {"flood": 4, "small": 4}


def test_an_idle_account_has_saved_nothing_up() -> None:
    waiting = queue(count=2, linger=0)
    for _ in range(20):
        waiting.add(entry("busy"))
    for _ in range(5):
        waiting.take(1.0)
    for _ in range(20):
        waiting.add(entry("late"))
    shares = Counter(each.ticket.account for _ in range(4) for each in waiting.take(2.0))
    assert shares == {"busy": 4, "late": 4}


def test_the_shares_count_work_and_not_passes() -> None:
    waiting = queue(count=1, linger=0)
    for _ in range(20):
        waiting.add(entry("large", side=32))
        waiting.add(entry("small", side=16))
    served = Counter(waiting.take(1.0)[0].ticket.account for _ in range(20))
    assert served["small"] == pytest.approx(4 * served["large"], abs=2)


def test_what_nobody_wants_is_taken_out() -> None:
    waiting = queue()
    late, cancelled, fine = entry(deadline=5.0), entry(), entry()
    for each in (late, cancelled, fine):
        waiting.add(each)
    cancelled.future.cancel()
    assert waiting.take_ended(5.0) == [late, cancelled]
    end = late.ticket.end(5.0)
    assert end is not None
    assert end.code is ErrorCode.TIMED_OUT
    assert waiting.take_all() == [fine]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.floats(0, 1), st.sampled_from([16, 32]), st.sampled_from([2, 4])),
        max_size=40,
    ),
    st.integers(1, 6),
)
def test_every_pass_runs_once_and_in_time(arrivals: list[tuple[str, float, int, int]], count: int) -> None:
    waiting = queue(count=count, linger=0.01)
    entries = [
        entry(account, arrived, side, steps) for account, arrived, side, steps in sorted(arrivals, key=lambda a: a[1])
    ]
    ran: list[WaitingPass] = []
    now = 0.0
    for each in entries:
        now = max(now, each.arrived)
        waiting.add(each)
        ready = waiting.ready_in(now)
        assert ready is not None
        assert ready <= 0.01 + 1e-9
    now += 0.011
    while batch := waiting.take(now):
        assert len(batch) <= count
        ran += batch
    assert waiting.ready_in(0.0) is None
    assert Counter(map(id, ran)) == Counter(map(id, entries))
