"""The device's thread: shared batches, what is given up, and what goes wrong in them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any

import pytest
from PIL import Image

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.requests import Wish
from outpaint.painting.endpoint.scheduler import DeviceMemory, Scheduler
from outpaint.painting.painters.diffusion.passes import (
    BatchKey,
    DeviceLost,
    OutOfMemory,
    Pass,
    PassTicket,
    PassTooLarge,
    Scene,
)
from outpaint.painting.pipeline import HostMemory

WAIT = 20


def work(seed: int = 0, side: int = 32, scene: Scene | None = None) -> Pass:
    scene = scene or Scene(Image.new("RGB", (side, side)), Image.new("L", (side, side), 255))
    return Pass(scene, Wish(prompt="x"), seed, 4)


@pytest.fixture
def held(model: Any) -> Iterator[Callable[[], None]]:
    """The first batch stays before its first step until this is called; later ones run through."""
    gate = threading.Event()
    reached = threading.Event()

    def wait_once(passes: Sequence[Pass]) -> None:
        reached.set()
        assert gate.wait(WAIT)

    model.before = wait_once
    model.reached = reached
    yield gate.set
    gate.set()


def submit_behind(
    scheduler: Scheduler, model: Any, passes: list[Pass], ticket: PassTicket | None = None
) -> list[Future[Image.Image]]:
    """Submit passes while the device is busy with another, so that they all wait together."""
    scheduler.submit(work(999), PassTicket())
    assert model.reached.wait(WAIT)
    return [scheduler.submit(each, ticket or PassTicket()) for each in passes]


def test_passes_of_several_jobs_share_a_batch(scheduler: Scheduler, model: Any, held: Callable[[], None]) -> None:
    futures = submit_behind(scheduler, model, [work(seed) for seed in range(4)])
    held()
    pictures = [future.result(WAIT) for future in futures]
    assert [len(batch) for batch in model.batches] == [1, 4]
    assert [picture.getpixel((0, 0)) for picture in pictures] == [model.colour(work(seed)) for seed in range(4)]


def test_a_scene_is_encoded_once_for_all_its_variants(
    scheduler: Scheduler, model: Any, held: Callable[[], None]
) -> None:
    scene = work().scene
    futures = submit_behind(scheduler, model, [work(seed, scene=scene) for seed in range(6)])
    held()
    for future in futures:
        future.result(WAIT)
    assert model.scenes_encoded == 2  # the one in front, and the one of six


def test_a_cancelled_pass_never_begins(scheduler: Scheduler, model: Any, held: Callable[[], None]) -> None:
    ticket = PassTicket()
    futures = [*submit_behind(scheduler, model, [work(1)], ticket), scheduler.submit(work(2), PassTicket())]
    ticket.cancel()
    held()
    with pytest.raises(OutpaintError) as caught:
        futures[0].result(WAIT)
    assert caught.value.code is ErrorCode.PAINTING_FAILED
    futures[1].result(WAIT)
    assert [each.seed for batch in model.batches for each in batch] == [999, 2]


def test_a_pass_cancelled_between_steps_leaves_its_batch(
    scheduler: Scheduler, model: Any, held: Callable[[], None]
) -> None:
    ticket = PassTicket()
    steps: list[int] = []

    def cancel_at_two(step: int) -> None:
        steps.append(step)
        if step == 1:
            ticket.cancel()

    futures = [*submit_behind(scheduler, model, [work(1)], ticket), scheduler.submit(work(2), PassTicket())]
    model.between = cancel_at_two
    held()
    with pytest.raises(OutpaintError):
        futures[0].result(WAIT)
    assert futures[1].result(WAIT).getpixel((0, 0)) == model.colour(work(2))


def test_a_batch_nobody_wants_any_more_stops_between_steps(scheduler: Scheduler, model: Any) -> None:
    ticket = PassTicket()
    steps: list[int] = []

    def cancel_at_once(step: int) -> None:
        steps.append(step)
        ticket.cancel()

    model.between = cancel_at_once
    with pytest.raises(OutpaintError):
        scheduler.submit(work(1), ticket).result(WAIT)
    model.between = lambda _: None
    scheduler.submit(work(2), PassTicket()).result(WAIT)
    assert steps == [0]


def test_a_deadline_that_passed_while_waiting_ends_the_pass(model: Any, hand_clock: Any) -> None:
    scheduler = Scheduler(model, count=4, linger=0, clock=hand_clock)
    late = scheduler.submit(work(1), PassTicket(deadline=2.0))
    fine = scheduler.submit(work(2), PassTicket(deadline=9.0))
    hand_clock.seconds = 5.0
    scheduler.start()
    fine.result(WAIT)
    with pytest.raises(OutpaintError) as caught:
        late.result(WAIT)
    assert caught.value.code is ErrorCode.TIMED_OUT
    scheduler.close()


def test_a_batch_too_large_for_the_device_is_split_and_the_size_remembered(
    scheduler: Scheduler, model: Any, held: Callable[[], None]
) -> None:
    gate = model.before

    def only_one_fits(passes: Sequence[Pass]) -> None:
        gate(passes)
        if len(passes) > 1:
            raise OutOfMemory("no")

    model.before = only_one_fits
    futures = submit_behind(scheduler, model, [work(seed) for seed in range(4)])
    held()
    assert [future.result(WAIT).getpixel((0, 0)) for future in futures] == [model.colour(work(s)) for s in range(4)]
    assert [len(batch) for batch in model.batches] == [1] * 5
    tried: list[int] = []
    model.before = lambda passes: tried.append(len(passes))
    for future in [scheduler.submit(work(seed), PassTicket()) for seed in range(3)]:
        future.result(WAIT)
    assert tried == [1, 1, 1]


def test_a_single_pass_too_large_says_so(scheduler: Scheduler, model: Any) -> None:
    def nothing_fits(passes: Sequence[Pass]) -> None:
        raise OutOfMemory("no")

    model.before = nothing_fits
    with pytest.raises(PassTooLarge):
        scheduler.submit(work(), PassTicket()).result(WAIT)
    model.before = lambda _: None
    scheduler.submit(work(side=16), PassTicket()).result(WAIT)


def test_a_pass_that_breaks_takes_nobody_with_it(scheduler: Scheduler, model: Any, held: Callable[[], None]) -> None:
    gate = model.before

    def seed_two_breaks(passes: Sequence[Pass]) -> None:
        gate(passes)
        if any(each.seed == 2 for each in passes):
            raise RuntimeError("boom")

    model.before = seed_two_breaks
    futures = submit_behind(scheduler, model, [work(seed) for seed in range(4)])
    held()
    for seed in (0, 1, 3):
        futures[seed].result(WAIT)
    with pytest.raises(OutpaintError) as caught:
        futures[2].result(WAIT)
    assert caught.value.code is ErrorCode.PAINTING_FAILED
    assert scheduler.failure is None


def test_a_lost_device_is_sick_for_good(scheduler: Scheduler, model: Any) -> None:
    def lost(step: int) -> None:
        raise DeviceLost("an illegal memory access was encountered")

    model.between = lost
    with pytest.raises(OutpaintError) as caught:
        scheduler.submit(work(), PassTicket()).result(WAIT)
    assert caught.value.code is ErrorCode.UNAVAILABLE
    assert scheduler.failure == "an illegal memory access was encountered"
    with pytest.raises(OutpaintError):
        scheduler.submit(work(), PassTicket()).result(WAIT)


def test_a_device_stuck_at_one_step_is_sick_until_it_moves(model: Any, hand_clock: Any) -> None:
    scheduler = Scheduler(model, count=1, linger=0, stuck=10, clock=hand_clock)
    seen: list[str | None] = []

    def stuck(step: int) -> None:
        hand_clock.seconds += 11
        seen.append(scheduler.failure)

    model.between = stuck
    scheduler.start()
    scheduler.submit(work(), PassTicket()).result(WAIT)
    assert seen[0] == "the device has been at one step for 11 seconds"
    scheduler.close()
    assert scheduler.failure is None


def test_closing_ends_what_waits(scheduler: Scheduler, model: Any, held: Callable[[], None]) -> None:
    waiting = submit_behind(scheduler, model, [work(1)])
    closing = threading.Thread(target=scheduler.close)
    closing.start()
    held()
    closing.join(WAIT)
    with pytest.raises(OutpaintError) as caught:
        waiting[0].result(WAIT)
    assert caught.value.code is ErrorCode.UNAVAILABLE
    with pytest.raises(OutpaintError):
        scheduler.submit(work(2), PassTicket()).result(WAIT)


def test_memory_is_learnt_from_what_batches_took() -> None:
    memory = DeviceMemory(budget=1000, first_guess=1.0)
    key = BatchKey((16, 16), 4, 1.0)
    assert memory.capacity(key, 8) == 3
    memory.learn(key, 2, 900)
    assert memory.capacity(key, 8) == 2
    # What was learnt of one size guides the first batch of another.
    assert memory.capacity(BatchKey((32, 32), 4, 1.0), 8) == 1
    memory.refuse(key, 2)
    assert memory.capacity(key, 8) == 1


def test_host_memory_is_given_in_turn_and_a_giant_goes_alone() -> None:
    memory = HostMemory(100)
    order: list[str] = []
    inside = threading.Event()
    go = threading.Event()

    def giant() -> None:
        with memory.reserve(500):
            order.append("giant")
            inside.set()
            assert go.wait(WAIT)

    def small() -> None:
        assert inside.wait(WAIT)
        with memory.reserve(10):
            order.append("small")

    threads = [threading.Thread(target=giant), threading.Thread(target=small)]
    for thread in threads:
        thread.start()
    assert inside.wait(WAIT)
    assert order == ["giant"]
    go.set()
    for thread in threads:
        thread.join(WAIT)
    assert order == ["giant", "small"]
