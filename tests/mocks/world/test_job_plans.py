"""How jobs go on: each progress, each end, and that ends count as of the moment they were due."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from outpaint.contracts.errors import ERROR_KINDS, ErrorCode
from outpaint.contracts.job_states import JobState
from outpaint.functions.http.messages import Waiting
from outpaint.functions.service.sweeping import sweep
from outpaint.mocks.scenarios.grammar import ScenarioError
from outpaint.mocks.world.mock_answers import MockResponse
from outpaint.mocks.world.virtual_clock import VirtualClock
from outpaint.mocks.world.world import World


def meant(text: str) -> dict[str, Any]:
    """The scenario in a call's header."""
    return {"headers": (("x-mock-scenario", text),)}


def test_a_sync_request_has_its_pictures_and_an_async_one_is_taken_first(api: Any) -> None:
    assert api.submit(mode="sync").status == 200
    inference_id = api.job()
    assert api.words(inference_id, 3) == ["success"] * 3


@pytest.mark.parametrize("n", [0, 1, 3])
def test_polls_are_pending_so_many_times(api: Any, n: int) -> None:
    inference_id = api.job(**meant(f"polls({n})"))
    assert api.words(inference_id, n + 2) == ["processing"] * n + ["success"] * 2


def test_only_the_owners_polls_count(api: Any) -> None:
    inference_id = api.job(**meant("polls(1)"))
    assert api.poll(inference_id, key="somebody else").status == 404
    assert api.poll(inference_id, key="").status == 401
    api.balance()
    assert api.words(inference_id, 2) == ["processing", "success"]


def test_a_poll_that_is_refused_moves_nothing_on(api: Any, world: World) -> None:
    inference_id = api.job(**meant("polls(1)"))
    world.scenarios.next("error(unavailable)", on="poll")
    assert api.words(inference_id, 3) == ["unavailable", "processing", "success"]


def test_a_job_may_fail_after_polls(api: Any) -> None:
    inference_id = api.job(**meant("fail_after_polls(2, timed_out)"))
    assert api.words(inference_id, 4) == ["processing", "processing", "error", "error"]
    assert json.loads(api.poll(inference_id).body)["error_code"] == "timed_out"


@pytest.mark.parametrize("code", [ErrorCode.PAINTING_FAILED, ErrorCode.INTERNAL, ErrorCode.UNREADABLE_IMAGE])
def test_a_failed_sync_request_has_the_error_and_its_credits_back(api: Any, code: ErrorCode) -> None:
    answer = api.submit(mode="sync", **meant(f"fail({code})"))
    assert answer.status == ERROR_KINDS[code].status
    assert json.loads(answer.body)["error_code"] == code
    assert api.balance() == 1000


def test_time_ends_a_job_when_it_is_up(api: Any, world: World) -> None:
    inference_id = api.job(**meant("time(30)"))
    assert api.words(inference_id, 2) == ["processing"] * 2
    world.clock.advance(29.9)
    assert api.words(inference_id, 1) == ["processing"]
    world.clock.advance(0.1)
    assert api.words(inference_id, 1) == ["success"]


def test_a_frozen_clock_passes_the_wait_of_a_sync_request(api: Any, world: World) -> None:
    begun = world.clock.now()
    assert api.submit(mode="sync", **meant("time(30)")).status == 200
    assert world.clock.now() == begun + 30
    assert api.submit(mode="sync", **meant("time(300)")).status == 202
    assert world.clock.now() == begun + 30 + 60


def test_prefer_wait_bounds_the_wait(api: Any, world: World) -> None:
    begun = world.clock.now()
    answer = api.submit(headers=(("prefer", "wait=5"), ("x-mock-scenario", "time(30)")))
    assert (answer.status, answer.header("Preference-Applied")) == (202, "wait=5")
    assert world.clock.now() == begun + 5


@pytest.mark.parametrize("progress", ["polls(2)", "sequence(processing, success)", "fail_after_polls(1)"])
def test_nothing_waits_for_what_only_polls_can_end(api: Any, world: World, progress: str) -> None:
    begun = world.clock.now()
    assert api.submit(mode="sync", **meant(progress)).status == 202
    assert world.clock.now() == begun


def test_a_manual_job_waits_for_its_release(api: Any, world: World) -> None:
    one, other = api.job(**meant("manual")), api.job(**meant("manual; fail"))
    world.clock.advance(minutes=50)
    assert world.pending == (one, other)
    assert api.words(one, 1) == api.words(other, 1) == ["processing"]
    world.release(other)
    assert api.words(one, 1) == ["processing"]
    assert api.words(other, 1) == ["error"]
    world.release()
    assert api.words(one, 1) == ["success"]


def test_what_is_not_pending_is_not_released(api: Any, world: World) -> None:
    inference_id = api.job()
    api.poll(inference_id)
    with pytest.raises(ScenarioError, match="has ended"):
        world.release(inference_id)
    with pytest.raises(ScenarioError, match="there is no job"):
        world.release("nothing")


def test_a_sequence_is_answered_in_turn(api: Any) -> None:
    inference_id = api.job(**meant("sequence(processing*2, error, gateway, error(unavailable), processing, success)"))
    assert [api.poll(inference_id).status for _ in range(8)] == [202, 202, 500, 502, 503, 202, 200, 200]


def test_a_sequence_may_end_in_failure_and_meet_the_wire(api: Any) -> None:
    inference_id = api.job(**meant("sequence(reset(during), latency(2), wrong_shape, fail(internal))"))
    answers = [api.poll(inference_id) for _ in range(4)]
    assert answers[0].fault is not None
    assert [answer.latency for answer in answers] == [0, 2, 0, 0]
    assert "inference_id" not in json.loads(answers[2].body)
    assert json.loads(answers[3].body)["status"] == "error"


def test_a_lost_completion_expires_at_the_deadline(api: Any, world: World) -> None:
    inference_id = api.job(**meant("lost_completion"))
    world.clock.advance(minutes=59, seconds=59)
    assert api.words(inference_id, 1) == ["processing"]
    assert api.balance() == 998
    world.clock.advance(seconds=1)
    assert api.balance() == 1000
    assert json.loads(api.poll(inference_id).body)["error_code"] == "timed_out"


def test_a_duplicate_completion_is_reported_again_and_otherwise(
    api: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[tuple[str, bool]] = []
    real = world.ledger.move

    def watched(inference_id: str, to: JobState, **more: Any) -> Any:
        moved = real(inference_id, to, **more)
        if to.ended:
            reported.append((to.value, moved is not None))
        return moved

    monkeypatch.setattr(world.ledger, "move", watched)
    api.submit(mode="sync", **meant("duplicate_completion"))
    assert reported == [("succeeded", True), ("succeeded", False), ("failed", False)]
    reported.clear()
    api.submit(mode="sync", **meant("duplicate_completion; fail"))
    assert reported == [("failed", True), ("failed", False), ("succeeded", False)]


def test_a_duplicate_completion_counts_once(api: Any) -> None:
    done, failed = api.job(**meant("duplicate_completion")), api.job(**meant("duplicate_completion; fail"))
    assert api.words(done, 2) == ["success"] * 2
    assert api.words(failed, 2) == ["error"] * 2
    assert api.balance() == 998


@pytest.mark.parametrize("seconds_until_somebody_looks", [10, 11, 23 * 3600])
def test_an_end_counts_as_of_its_moment_whenever_somebody_looks(
    api: Any, world: World, seconds_until_somebody_looks: float
) -> None:
    began = world.clock.now()
    inference_id = api.job(**meant("time(10)"))
    world.clock.advance(seconds_until_somebody_looks)
    done = json.loads(api.poll(inference_id).body)
    assert datetime.fromisoformat(done["data"][0]["expires_at"]).timestamp() == began + 10 + 86400
    world.clock.set(began + 86400 + 10)
    assert api.poll(inference_id).status == 404


def test_waits_replays_and_sweeps_are_no_polls(api: Any, world: World) -> None:
    headers = (("idempotency-key", "one"), ("x-mock-scenario", "polls(2)"))
    first = api.submit(mode="sync", headers=headers)
    assert [api.submit(mode="sync", headers=headers).status for _ in range(2)] == [202, 202]
    inference_id = json.loads(first.body)["inference_id"]
    sweep(world.service)
    assert api.words(inference_id, 1) == ["processing"]
    sweep(world.service)
    assert api.words(inference_id, 2) == ["processing", "success"]


def test_a_jobs_plan_can_be_changed_while_it_is_pending(api: Any, world: World) -> None:
    inference_id = api.job(**meant("manual"))
    world.clock.advance(5)
    world.scenarios.job(inference_id, "time(10); fail(internal)")
    world.clock.advance(9)
    assert api.words(inference_id, 1) == ["processing"]
    world.clock.advance(1)
    assert api.words(inference_id, 1) == ["error"]
    with pytest.raises(ScenarioError, match="has ended"):
        world.scenarios.job(inference_id, "succeed")


@pytest.mark.parametrize("text", ["credits(3)", "rate_limit(1)"])
def test_what_concerns_an_account_is_not_said_of_a_job(api: Any, world: World, text: str) -> None:
    with pytest.raises(ScenarioError, match="concerns an account"):
        world.scenarios.job(api.job(), text)


def test_a_wait_is_handed_on_while_the_clock_goes(caller: Callable[..., Any]) -> None:
    world = World(clock=VirtualClock.ticking(1_800_000_000.0))
    waiting = caller(world).submit_or_wait(mode="sync", **meant("manual"))
    assert isinstance(waiting, Waiting)
    assert 59 <= waiting.until - world.clock.now() <= 60
    seen = world.calls.last  # at once, not only with its answer
    assert (seen.inference_id, seen.effects, seen.status) == (waiting.inference_id, ("manual",), None)
    woken: list[bool] = []
    world.endings.subscribe(waiting.inference_id, lambda: woken.append(True))
    world.release(waiting.inference_id)
    assert woken == [True]
    answer = waiting.resume()
    assert isinstance(answer, MockResponse)
    assert answer.status == 200
    assert world.calls.last.status == 200


def test_a_wait_ends_with_its_plan_and_can_be_abandoned(caller: Callable[..., Any]) -> None:
    world = World(clock=VirtualClock.ticking(1_800_000_000.0))
    api = caller(world)
    waiting = api.submit_or_wait(mode="sync", **meant("time(7)"))
    assert isinstance(waiting, Waiting)
    assert 6 <= waiting.until - world.clock.now() <= 7
    waiting.abandon()
    assert world.calls.last.abandoned
    world.clock.advance(7)
    assert api.words(waiting.inference_id, 1) == ["success"]
