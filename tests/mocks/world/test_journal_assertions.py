"""Assertions on calls: their order, what they say when calls were dropped, and whose calls count."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from outpaint.mocks.scenarios.effect import On
from outpaint.mocks.world.calls import Calls, CannotTellError
from outpaint.mocks.world.world import World


@pytest.fixture
def short(caller: Callable[..., Any]) -> World:
    """A journal of three calls: a submit and two balances are dropped; a poll, a balance and a poll are kept."""
    world = World(max_calls=3)
    api = caller(world)
    inference_id = api.job("a lake")
    api.balance()
    api.balance()
    api.poll(inference_id)
    api.balance()
    api.poll(inference_id)
    return world


@pytest.mark.parametrize(
    ("check", "dropped"),
    [
        (lambda calls: calls.submits.assert_called(), "1 submits"),
        (lambda calls: calls.submits.assert_not_called(), "1 submits"),
        (lambda calls: calls.submits.assert_called_once(), "1 submits"),
        (lambda calls: calls.submits.assert_called_with(prompt="a lake"), "1 submits"),
        (lambda calls: calls.submits.last, "1 submits"),
        (lambda calls: calls.balances.first, "2 balances"),
        (lambda calls: calls.balances.assert_call_count(1), "2 balances"),
        (lambda calls: calls.balances.assert_called_with(status=500), "2 balances"),
        (lambda calls: calls.with_status(202).assert_not_called(), "3 calls"),
        (lambda calls: calls.of_key("nobody").assert_not_called(), "3 calls"),
        (lambda calls: calls[1:].assert_call_count(2), "3 calls"),
        (lambda calls: calls.assert_in_order("submit", "poll"), "3 calls"),
    ],
)
def test_what_dropped_calls_could_decide_is_not_answered(
    short: World, check: Callable[[Calls], object], dropped: str
) -> None:
    with pytest.raises(CannotTellError, match=f"^cannot tell, {dropped} dropped: .*max_calls"):
        check(short.calls)


def test_what_no_dropped_call_could_change_is_answered(short: World) -> None:
    calls = short.calls
    assert (calls.dropped, calls.submits.dropped, calls.balances.dropped) == (3, 1, 2)
    assert repr(calls) == "<3 calls, 3 dropped>"
    calls.polls.assert_call_count(2)
    assert calls.polls.first is calls[0]
    calls.files.assert_not_called()
    calls.assert_called_with(status=200)
    calls.assert_in_order("poll", "balance", "poll")
    calls[-2:].assert_call_count(2)
    short.journal.since(3).assert_call_count(3)
    assert calls.last.number == 6
    for wrong in (lambda: calls.balances.assert_not_called(), lambda: calls.polls.assert_call_count(3)):
        with pytest.raises(AssertionError) as failed:
            wrong()
        assert not isinstance(failed.value, CannotTellError)


def test_what_was_cleared_is_forgotten_on_purpose(short: World, caller: Callable[..., Any]) -> None:
    short.journal.clear()
    short.calls.assert_not_called()
    caller(short).balance()
    short.calls.assert_called_once()
    beginning = short.snapshot()
    for _ in range(3):
        caller(short).balance()
    assert short.calls.balances.dropped == 1
    short.rollback(beginning)
    assert short.calls.dropped == 0


@pytest.fixture
def polled(api: Any, world: World) -> Calls:
    world.scenarios.next("polls(1)")
    inference_id = api.job("a lake")
    api.balance()
    api.poll(inference_id)
    url = json.loads(api.poll(inference_id).body)["data"][0]["url"]
    api.get(url, key="")
    return world.calls


def test_an_order_holds_whatever_came_between(polled: Calls) -> None:
    done = {"route": "poll", "status": 200}
    found = polled.assert_in_order("submit", On.POLL, done, "file")
    assert [call.number for call in found] == [1, 3, 4, 5]
    found = polled.assert_in_order({"prompt": "a lake"}, {"status": lambda status: status == 200})
    assert [call.number for call in found] == [1, 2]
    assert polled.assert_in_order() == ()


def test_an_order_that_does_not_hold_is_explained(polled: Calls) -> None:
    with pytest.raises(AssertionError) as failed:
        polled.assert_in_order("submit", "poll", "balance", "file")
    said = str(failed.value).splitlines()
    assert said[0] == (
        f"step 3 of 4 (balance) did not come after {polled[2]}; it came before, as #2 GET /v1/balance -> 200"
    )
    assert said[1:] == ["what came instead:", f"  {polled[3]}", f"  {polled[4]}"]
    with pytest.raises(AssertionError, match=r"^step 1 of 1 \(upload\) did not come at all\nwhat came instead:\n  #1 "):
        polled.assert_in_order("upload")
    with pytest.raises(AssertionError, match=r"^step 2 of 2 \(file, status=404\) .*\nnothing came after that$"):
        polled.assert_in_order("file", {"route": "file", "status": 404})
    with pytest.raises(AssertionError) as keyed:
        polled.assert_in_order({"api_key": "a-secret", "headers": {"X-Picsart-API-Key": "a-secret"}})
    assert "a-secret" not in str(keyed.value)


@pytest.mark.parametrize("step", ["sumbit", "any", {"promt": "a lake"}])
def test_a_step_that_means_nothing_is_a_mistake_of_the_test(polled: Calls, step: Any) -> None:
    with pytest.raises(TypeError, match=r"did you mean submit|'any' is no kind of call|a call has no promt"):
        polled.assert_in_order(step)


@pytest.mark.parametrize(
    "path", ["/health", "/health?detail=1", "/ready", "/metrics", "/docs", "/openapi.json", "/", "/favicon.ico"]
)
def test_a_probe_or_a_page_is_no_call_of_the_api(api: Any, world: World, path: str) -> None:
    api.get(path, key="")
    world.calls.assert_not_called()
    assert (world.journal.total, world.under_way) == (0, 0)
    api.balance()
    assert world.calls.last.number == 1


def test_a_call_to_a_wrong_path_is_one(api: Any, world: World) -> None:
    api.get("/v1/paintings")
    api.send("/", b"{}", "application/json")
    assert [call.status for call in world.calls] == [404, 404]


def test_a_repeat_belongs_to_the_job_that_it_is_answered_with(api: Any, world: World) -> None:
    keyed = (("idempotency-key", "one"),)
    inference_id = api.job(image=None, image_url="https://pictures.example/a.png", headers=keyed)
    again = api.submit(image=None, image_url="https://pictures.example/a.png", headers=keyed)
    other = api.submit("a forest", image=None, image_url="https://pictures.example/a.png", headers=keyed)
    assert (again.header("Idempotent-Replayed"), other.status) == ("true", 422)
    assert [call.inference_id for call in world.calls] == [inference_id, inference_id, None]
    assert [call.replayed for call in world.calls] == [False, True, False]
    world.calls.of_job(inference_id).assert_call_count(2)


def test_a_submit_that_a_gateway_answers_is_understood_all_the_same(api: Any, world: World) -> None:
    world.scenarios.next("gateway(502)")
    api.submit("a lake", count="3")
    call = world.calls.submits.assert_called_with(prompt="a lake", count=3, status=502)
    assert call.image.size == (48, 32)


@pytest.mark.parametrize("way", ["file", "data"])
def test_the_text_of_a_call_is_short_whatever_was_sent(api: Any, world: World, way: str) -> None:
    large = bytes(3 * 1024 * 1024)
    if way == "file":
        api.submit("a lake " * 50, image=large)
    else:
        uri = f"data:image/png;base64,{b64encode(large).decode()}"
        body = json.dumps({"prompt": "a lake", "image_url": uri}).encode()
        api.send("/v1/painting/outpaint", body, "application/json")
    api.get("/v1/" + "x" * 5000)
    for call in world.calls:
        for one in (call, call.request, call.request_head, call.response):
            assert len(repr(one)) < 6000
        assert len(str(call)) < 250
    with pytest.raises(AssertionError) as failed:
        world.calls.submits.assert_called_with(body=b"", request=None, image_sha256="0")
    assert len(str(failed.value)) < 1000
