"""Worlds: apart from each other, forward and back in time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.http.messages import RequestHead
from outpaint.functions.service.service import ServiceSettings
from outpaint.mocks.exchange.mock_application import MockApplication
from outpaint.mocks.world.mock_ledger import PackedJobs
from outpaint.mocks.world.virtual_clock import VirtualClock
from outpaint.mocks.world.world import World
from outpaint.mocks.world.world_options import WorldOptions
from outpaint.mocks.world.worlds import WorldError, Worlds

UPLOADING = (("x-picsart-api-key", "anyone"), ("content-type", "application/json"))


def test_a_path_prefix_names_a_world_and_result_urls_lead_back(caller: Callable[..., Any]) -> None:
    worlds = Worlds()
    api = caller(worlds, prefix="/t/mine")
    answer = json.loads(api.submit(mode="sync").body)
    url = answer["data"][0]["url"]
    assert urlsplit(url).path.startswith("/t/mine/v1/files/")
    assert api.get(url, key="").status == 200
    taken = api.submit()
    assert taken.header("Location").startswith("http://mock.test/t/mine/v1/painting/")
    assert worlds.names == ("mine",)
    assert worlds.get("mine").calls.submits[0].path == "/v1/painting/outpaint"


def test_a_key_prefix_names_a_world_and_result_urls_lead_back(caller: Callable[..., Any]) -> None:
    worlds = Worlds()
    api = caller(worlds, key="@mine:anyone")
    answer = json.loads(api.submit(mode="sync").body)
    assert api.get(answer["data"][0]["url"], key="").status == 200
    assert worlds.get("mine").calls.first.api_key == "anyone"
    assert api.get("/v1/painting/" + answer["inference_id"], key="@other:anyone").status == 404
    assert api.submit(key="@mine:mock_no_credits").status == 402


def test_worlds_share_nothing(caller: Callable[..., Any]) -> None:
    worlds = Worlds()
    one, other, none = (caller(worlds, prefix=prefix) for prefix in ("/t/one", "/t/other", ""))
    worlds.get("one").clock.advance(days=3)
    worlds.get("one").scenarios.always("error(internal)")
    inference_id = json.loads(other.submit().body)["inference_id"]
    assert one.submit().status == 500
    assert none.poll(inference_id).status == 404
    # Each began with its first call, at the beginning of a minute.
    ahead = worlds.get("one").clock.now() - worlds.get("other").clock.now()
    assert ahead in (3 * 86400, 3 * 86400 - 60)
    assert [len(worlds.get(name).calls) for name in ("one", "other", "default")] == [1, 1, 1]
    assert (other.balance(), none.balance()) == (998, 1000)


@pytest.mark.parametrize(
    "path", ["/t//v1/balance", "/t/a%20b/v1/balance", "/t/-x/v1/balance", "/t/" + "x" * 65 + "/v1"]
)
def test_a_name_that_cannot_be_a_worlds_is_refused(caller: Callable[..., Any], path: str) -> None:
    worlds = Worlds()
    answer = caller(worlds).get(path)
    body = json.loads(answer.body)
    assert (answer.status, body["error_code"], body["field"]) == (404, "unknown_route", "world")
    assert worlds.names in ((), ("default",))


def test_a_key_that_names_no_world_is_refused(caller: Callable[..., Any]) -> None:
    answer = caller(Worlds()).get("/v1/balance", key="@nobody")
    assert json.loads(answer.body)["detail"] == "a key that begins with @ names a world: write @<world>:<key>"


class TestTheLimitOnWorlds:
    def test_the_one_called_longest_ago_makes_room(
        self, caller: Callable[..., Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        worlds = Worlds(most=2)
        caller(worlds, prefix="/t/a").get("/v1/balance")
        caller(worlds, prefix="/t/b").get("/v1/balance")
        caller(worlds, prefix="/t/a").get("/v1/balance")
        caller(worlds, prefix="/t/c").get("/v1/balance")
        assert (worlds.names, worlds.dropped) == (("a", "c"), ("b",))
        assert "world b was dropped for world c: --limit worlds=N" in caplog.text

    def test_the_default_world_is_there_whatever_names_came_before(self, caller: Callable[..., Any]) -> None:
        worlds = Worlds(most=3)
        for number in range(10):
            assert caller(worlds, prefix=f"/t/made-up-{number}").get("/v1/balance").status == 200
        assert caller(worlds).get("/v1/balance").status == 200
        assert caller(worlds, prefix="/t/-").get("/v1/balance").status == 404
        caller(worlds, prefix="/t/another").get("/v1/balance")
        assert worlds.names == ("made-up-8", "made-up-9", "default", "another")

    def test_those_with_jobs_that_run_and_those_that_were_set_up_go_last(self, caller: Callable[..., Any]) -> None:
        worlds = Worlds(most=3)
        worlds.make("set-up", {"scenario": ["manual"]})
        worlds.get("busy").scenarios.always("manual")
        assert caller(worlds, prefix="/t/busy").submit(mode="async").status == 202
        worlds.get("idle")
        for name in "bcd":
            worlds.get(name)
        assert worlds.dropped == ("idle", "b", "c")
        worlds.keep("d")
        worlds.get("e")
        assert worlds.dropped[3:] == ("busy",)
        worlds.keep("e")
        worlds.get("f")
        assert worlds.dropped[4:] == ("set-up",)

    def test_one_with_a_call_under_way_stays_and_so_does_one_of_a_test(self, caller: Callable[..., Any]) -> None:
        worlds = Worlds(most=2)
        worlds.add(World("a-tests"))
        head = RequestHead("POST", "/t/called/v1/painting/outpaint", headers=UPLOADING)
        under_way = MockApplication(worlds).open(head)
        with pytest.raises(WorldError, match="all 2 worlds are in use") as refused:
            worlds.get("new")
        assert refused.value.code is ErrorCode.UNAVAILABLE
        answer = caller(worlds, prefix="/t/new").get("/v1/balance")
        assert (answer.status, json.loads(answer.body)["error_code"]) == (503, "unavailable")
        assert caller(worlds).get("/v1/balance").status == 200
        under_way.cut_short()
        assert worlds.get("new").name == "new"
        assert worlds.dropped == ("called",)
        worlds.remove("a-tests")
        with pytest.raises(WorldError, match="there is no world a-tests"):
            worlds.remove("a-tests")

    def test_one_that_cannot_be_made_costs_nobody_a_world(self) -> None:
        worlds = Worlds(most=1)
        worlds.get("a")
        with pytest.raises(OutpaintError):
            worlds.make("b", {"credits": -1})
        with pytest.raises(WorldError):
            worlds.get("-")
        assert worlds.names == ("a",)

    @given(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), max_size=40), st.integers(1, 4))
    def test_what_is_left_is_what_was_used_last(self, calls: list[tuple[str, bool]], most: int) -> None:
        """Of worlds that calls alone made, the latest `most` are there; those that were set up go after all others."""
        worlds = Worlds(most=most)
        used: dict[str, bool] = {}
        for moment, (name, sets_up) in enumerate(calls):
            kept = used.pop(name, False) or sets_up
            if name not in worlds.names and len(used) == most:
                del used[min(used, key=lambda other: used[other])]  # the first in order among those not set up
            worlds.get(name).used_at = moment
            if sets_up:
                worlds.keep(name)
            used[name] = kept
        assert set(worlds.names) == used.keys()


def test_a_world_goes_back_to_a_snapshot_as_often_as_one_likes(api: Any, world: World) -> None:
    world.scenarios.next("polls(1)", times=2)
    inference_id = api.job(headers=(("idempotency-key", "one"),))
    world.sources.register("https://pictures.example/a.png", b"x")
    began = world.clock.now()
    snapshot = world.snapshot()
    heard: list[Any] = []
    for _ in range(3):
        answers = [api.poll(inference_id), api.poll(inference_id), api.submit(headers=(("idempotency-key", "two"),))]
        world.scenarios.always("error(internal)")
        world.sources.forget("https://pictures.example/a.png")
        world.clock.advance(hours=30)
        heard.append([(answer.status, answer.body, answer.headers) for answer in answers])
        assert len(world.calls) == 4
        world.rollback(snapshot)
        assert (len(world.calls), world.clock.now()) == (1, began)
        assert (len(world.scenarios.waiting), world.scenarios.lasting) == (1, ())
        assert [source.url for source in world.sources.registered] == ["https://pictures.example/a.png"]
        assert api.balance() == 998
        world.rollback(snapshot)
    assert heard[0] == heard[1] == heard[2]


def test_a_snapshot_is_of_its_own_world() -> None:
    snapshot = World("one").snapshot()
    with pytest.raises(ValueError, match="of world one, not of other"):
        World("other").rollback(snapshot)


def test_a_reset_world_is_a_new_one(api: Any, world: World) -> None:
    def run() -> list[bytes]:
        answer = api.submit(mode="sync", format="PNG")
        return [answer.body, api.get(json.loads(answer.body)["data"][0]["url"], key="").body, api.submit().body]

    first = run()
    world.scenarios.always("refuse")
    world.clock.advance(days=2)
    world.clock.tick()
    world.reset()
    assert len(world.calls) == 0
    assert world.clock.is_frozen
    assert run() == first


def test_a_reset_world_keeps_the_scenarios_that_it_began_with() -> None:
    world = WorldOptions(scenario=["polls(2)", "rate_limit(7)"]).world("w")
    world.scenarios.always("refuse")
    world.reset()
    assert [str(always.scenario) for always in world.scenarios.lasting] == ["polls(2)", "rate_limit(7)"]


def test_a_ticking_world_goes_on_from_the_machines_time_when_reset() -> None:
    world = World(clock=VirtualClock.ticking())
    world.clock.advance(days=1)
    world.clock.freeze()
    world.reset()
    assert abs(world.clock.now() - time.time()) < 60
    assert not world.clock.is_frozen


def test_jobs_that_ended_long_ago_are_packed_and_stay_what_they_are(api: Any, world: World) -> None:
    api.submit(mode="sync", headers=(("x-mock-scenario", "fail(internal)"),))
    api.submit(mode="sync", prompt="a lake", count="3")
    failed, done = (job for job in world.ledger.snapshot()[2].values())
    packed = PackedJobs()
    for number in range(2500):
        packed[str(number)] = replace(failed if number % 3 else done, id=str(number))
    assert [packed[str(number)] for number in range(2500)] == list(packed.values())
    assert packed["3"] == replace(done, id="3")
    assert packed.get("4") == replace(failed, id="4")
    assert packed.get("none") is None
    assert list(copy(packed).values()) == list(packed.values())
    del packed["3"]
    assert packed.get("3") is None


def test_a_job_behind_a_thousand_others_is_as_it_was(caller: Callable[..., Any]) -> None:
    world = World(settings=ServiceSettings(rate_limit=10_000, credits_per_image=0))
    api = caller(world)
    first = json.loads(api.submit(mode="sync", prompt="the first").body)
    snapshot = world.snapshot()
    for _ in range(1200):
        api.submit(mode="sync")
    again = json.loads(api.poll(first["inference_id"]).body)
    assert again == first
    assert api.get(first["data"][1]["url"], key="").status == 200
    world.rollback(snapshot)
    assert json.loads(api.poll(first["inference_id"]).body) == first
