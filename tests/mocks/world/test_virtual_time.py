"""Everything that lasts, lasts in virtual time: credits, claims, rate windows, URLs, results."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from outpaint.functions.service import sweeping
from outpaint.functions.service.service import ServiceSettings
from outpaint.mocks.world.virtual_clock import ClockError
from outpaint.mocks.world.world import World


def url_of(answer: Any) -> str:
    return str(json.loads(answer.body)["data"][0]["url"])


def test_result_urls_and_results_end_after_a_day(api: Any, world: World) -> None:
    inference_id = api.job()
    url = url_of(api.poll(inference_id))
    assert api.get(url, key="").status == 200
    world.clock.advance(hours=23, minutes=59, seconds=59)
    assert api.get(url, key="").status == 200
    world.clock.advance(seconds=1)
    assert json.loads(api.get(url, key="").body)["error_code"] == "url_expired"
    assert json.loads(api.poll(inference_id).body)["error_code"] == "unknown_inference"


def test_an_idempotency_key_is_free_again_after_a_day(api: Any, world: World) -> None:
    headers = (("idempotency-key", "attempt-1"),)
    first = api.job(headers=headers)
    world.clock.advance(hours=23)
    again = api.submit(headers=headers)
    assert json.loads(again.body)["inference_id"] == first
    assert again.header("Idempotent-Replayed") == "true"
    assert json.loads(api.submit("another wish", headers=headers).body)["error_code"] == "idempotency_mismatch"
    assert api.balance() == 998
    world.clock.advance(hours=2)
    assert api.job("another wish", headers=headers) != first


def test_the_rate_window_ends_by_the_clock(caller: Callable[..., Any]) -> None:
    world = World(settings=ServiceSettings(rate_limit=3, rate_window=60))
    api = caller(world)
    assert [api.get("/v1/balance").status for _ in range(4)] == [200, 200, 200, 429]
    world.clock.advance(59.5)
    refused = api.get("/v1/balance")
    assert (refused.status, refused.header("Retry-After")) == (429, "1")
    world.clock.advance(1)
    assert api.get("/v1/balance").header("X-Picsart-Ratelimit-Available") == "2"


@pytest.mark.parametrize("how", ["key", "prompt", "header", "world"])
def test_a_rate_limit_of_any_length_counts_by_itself(api: Any, world: World, how: str) -> None:
    told: dict[str, Any] = {
        "key": {"key": "mock_limit_2_in_10"},
        "prompt": {"prompt": "mock_limit_2_in_10"},
        "header": {"headers": (("x-mock-scenario", "rate_limit(2, 10)"),)},
        "world": {},
    }[how]
    if how == "world":
        world.scenarios.always("rate_limit(2, 10)")
    world.clock.advance(3)
    assert [api.submit(**told).status for _ in range(3)] == [202, 202, 429]
    refused = api.submit(**told)
    assert refused.header("Retry-After") == refused.header("X-Picsart-Ratelimit-Reset-Time") == "7"
    assert refused.header("X-Picsart-Ratelimit-Limit") == "2"
    world.clock.advance(7)
    assert api.submit(**told).status == 202
    world.scenarios.clear()
    assert api.get("/v1/balance", key="somebody else").header("X-Picsart-Ratelimit-Limit") == "500"


def test_credits_are_kept_reserved_and_given_back(api: Any, world: World) -> None:
    pending = api.job(count="4", headers=(("x-mock-scenario", "time(100); fail"),))
    assert api.balance() == 996
    world.clock.advance(99)
    assert api.balance() == 996
    world.clock.advance(1)
    assert api.balance() == 1000
    assert api.words(pending, 1) == ["error"]


@pytest.mark.parametrize("told", [{"key": "mock_low_credits"}, {"prompt": "mock_low_credits a lake"}])
def test_credits_end_at_n(api: Any, told: dict[str, Any]) -> None:
    first = api.submit(count="2", **told)
    assert (first.status, first.header("X-Picsart-Credit-Available")) == (202, "3")
    assert api.submit(count="2", **told).status == 402
    assert api.submit(count="1", **told).status == 202
    assert api.submit(count="1", **told).status == 402


def test_a_worlds_credits_are_set_once_for_each_account(api: Any, world: World) -> None:
    assert api.balance(key="old") == 1000
    with world.scenarios.always("credits(5)"):
        assert [api.balance(key=key) for key in ("old", "new")] == [5, 5]
        api.job(key="old")
        assert api.balance(key="old") == 3
    world.scenarios.next("credits(0)")
    assert api.submit(key="old").status == 402
    world.scenarios.always("credits(5)")
    assert api.balance(key="old") == 5


def test_a_result_may_come_with_urls_that_have_expired(api: Any, world: World) -> None:
    always = api.job(headers=(("x-mock-scenario", "expired_url"),))
    once = api.job(headers=(("x-mock-scenario", "expired_url(times=1)"),))
    for inference_id, later in ((always, 403), (once, 200)):
        first = api.poll(inference_id)
        assert {api.get(picture["url"], key="").status for picture in json.loads(first.body)["data"]} == {403}
        assert api.get(url_of(api.poll(inference_id)), key="").status == later
    assert "expired_url" in str(world.calls.polls.of_job(once)[0].effects)
    assert world.calls.polls.of_job(once)[1].effects == ()


def test_urls_name_their_end_in_virtual_time(api: Any, world: World) -> None:
    world.clock.advance(days=100)
    query = parse_qs(urlsplit(url_of(api.submit(mode="sync"))).query)
    assert int(query["expires"][0]) == world.clock.now() + 24 * 3600


def test_a_clock_turned_back_changes_nothing(api: Any, world: World) -> None:
    inference_id = api.job(headers=(("x-mock-scenario", "time(10)"),))
    with pytest.raises(ClockError):
        world.clock.advance(hours=-1)
    with pytest.raises(ClockError):
        world.clock.set(0.0)
    world.clock.advance(10)
    assert api.words(inference_id, 1) == ["success"]


def test_a_sweep_forgets_what_has_expired_and_nothing_else(api: Any, world: World) -> None:
    old = api.job(headers=(("x-mock-scenario", "cut(3)"),))
    api.job(headers=(("x-mock-scenario", "lost_completion"),))
    world.clock.advance(hours=20)
    new = api.job()
    url = url_of(api.poll(new))
    world.clock.advance(hours=6)
    sweeping.sweep(world.service)
    assert api.poll(old).status == 404
    assert api.words(new, 1) == ["success"]
    assert api.get(url, key="").status == 200
    assert world.pending == ()
