"""What the page looks at and searches: the world at once with an ETag, calls by what they say, across worlds."""

from __future__ import annotations

from typing import Any

import pytest

from outpaint.functions.http.messages import RequestHead
from outpaint.functions.service.admission import key_digest
from outpaint.mocks.exchange.call_under_way import CallUnderWay
from outpaint.mocks.world.virtual_clock import VirtualClock
from outpaint.mocks.world.world import World
from outpaint.mocks.world.worlds import Worlds

JSON = (("content-type", "application/json"),)


def numbers(answer: Any) -> list[int]:
    return [call["number"] for call in answer["calls"]]


def look(server: Any, tag: str | None = None, query: str = "") -> Any:
    headers = (("host", "127.0.0.1:4010"), *((("if-none-match", tag),) if tag else ()))
    return server.ask("GET", f"/watch{query}", headers=headers)


CHANGES = {
    "a call": lambda server: server.submit(),
    "a scenario": lambda server: server.post("/scenarios/always", {"scenario": "polls(1)"}),
    "the clock": lambda server: server.post("/clock/advance", {"seconds": 1}),
    "a source": lambda server: server.post("/sources", {"url": "https://a.example/", "status": 404}),
    "another world": lambda server: server.ask("PUT", "/worlds/other"),
    "a reset": lambda server: server.post("/reset"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_look_is_answered_304_until_there_is_something_new(server: Any, change: str) -> None:
    server.submit()
    first = look(server)
    tag = first.response.header("etag")
    assert (first.status, numbers(first.json)) == (200, [1])
    again = look(server, tag)
    assert (again.status, again.response.body, again.response.header("etag")) == (304, b"", tag)
    assert look(server, f'"other", {tag}').status == 304
    CHANGES[change](server)
    after = look(server, tag)
    assert after.status == 200
    assert after.response.header("etag") != tag


def test_time_that_passes_by_itself_is_nothing_new(make_server: Any) -> None:
    server = make_server(Worlds(lambda name: World(name, clock=VirtualClock.ticking(scale=1000))))
    tag = look(server).response.header("etag")
    assert look(server, tag).status == 304
    server.post("/clock/freeze")
    assert look(server, tag).status == 200


def test_a_look_has_all_of_one_world(server: Any) -> None:
    server.post("/scenarios/always", {"scenario": "manual"})
    inference_id = server.submit("here")["inference_id"]
    server.within("other").submit("there")
    shown = look(server).json
    assert shown["world"]["base_url"] == "http://127.0.0.1:4010/v1"
    assert shown["worlds"] == ["default", "other"]
    assert [job["inference_id"] for job in shown["jobs"]["jobs"]] == [inference_id]
    assert [one["scenario"] for one in shown["scenarios"]["always"]] == ["manual"]
    assert look(server, query="?world=other").json["calls"][0]["prompt"] == "there"
    assert server.within("other").ask("GET", "/watch").status == 403


def test_a_call_that_waits_is_looked_at_again(server: Any) -> None:
    server.submit()
    world = server.worlds.get()
    head = RequestHead("POST", "/v1/painting/outpaint", "", (("x-picsart-api-key", "a"), *JSON))
    waiting = CallUnderWay(world, head)
    assert waiting.answer is None
    server.submit()
    shown = look(server).json
    assert (numbers(shown), shown["settled"]) == ([1, 2, 3], 1)
    waiting.finish(b"")
    shown = look(server, query=f"?after={shown['settled']}").json
    assert (numbers(shown), shown["settled"]) == ([2, 3], 3)


def test_a_cleared_journal_keeps_no_number(server: Any) -> None:
    server.submit()
    server.ask("DELETE", "/journal")
    assert (look(server).json["first"], look(server).json["settled"]) == (None, 0)
    server.submit()
    assert (look(server).json["first"], look(server).json["settled"]) == (2, 2)


# Searches


@pytest.fixture
def searched(server: Any) -> Any:
    """Five calls: two submits, a refused one, one without an answer, and one of another key."""
    server.submit("A red door")
    server.submit("hills", count="11")
    server.post("/scenarios/next", {"scenario": "reset(before)", "on": "balance"})
    server.call("GET", "/v1/balance")
    server.call("GET", "/v1/balance", (("x-note", "From The Shop"),), key="another")
    server.call("GET", "/v1/painting/none")
    return server


def key_id(key: str) -> str:
    return key_digest(key)[:8]


SEARCHES = {
    "text=red%20DOOR": [1],
    "text=hills": [2],
    "text=IMAGE.png": [1, 2],
    "text=invalid_parameter": [2],
    "text=from%20the%20shop": [4],
    "text=reset(before": [3],
    "text=/v1/balance": [3, 4],
    "status=4xx": [2, 5],
    "status=422": [2],
    "status=none": [3],
    "status=2xx": [1, 4],
    f"key={key_id('another')}": [4],
    f"key={key_id('anyone')}&route=submit": [1, 2],
    f"key=account-{key_digest('another')[:16]}": [4],
    "route=submit&status=2xx&text=door": [1],
    "text=anyone": [],
    "text=redacted": [],
    "key=another": [],
}


@pytest.mark.parametrize("query", SEARCHES)
def test_calls_are_found_by_what_they_say(searched: Any, query: str) -> None:
    """The key itself finds nothing: it is in no address of the page's."""
    assert numbers(searched.get(f"/journal?{query}")) == SEARCHES[query]
    assert numbers(searched.get(f"/watch?{query}")) == SEARCHES[query]
    assert [found["call"]["number"] for found in searched.get(f"/calls?{query}")["calls"]] == SEARCHES[query]


def test_the_nearest_miss_of_a_search_says_what_it_lacks(searched: Any) -> None:
    nearest = searched.get("/watch?route=submit&status=404&text=door")["nearest"]
    assert (nearest["call"]["number"], nearest["unmet"]) == (1, ["status"])
    nearest = searched.get("/watch?route=balance&status=2xx&text=door")["nearest"]
    assert (nearest["call"]["number"], nearest["unmet"]) == (4, ["text"])
    assert searched.get("/watch?text=nowhere")["nearest"] is None
    assert searched.get("/watch?text=door")["nearest"] is None
    assert searched.get("/watch?route=submit&status=404&after=2")["nearest"] is None


def test_every_world_is_searched(searched: Any) -> None:
    searched.within("shop").submit("a red gate")
    found = searched.get("/calls?text=a%20red")
    assert [(one["world"], one["call"]["number"]) for one in found["calls"]] == [("default", 1), ("shop", 1)]
    assert found["more"] is False
    assert [one["world"] for one in searched.get("/calls?text=a%20red&world=SHO")["calls"]] == ["shop"]
    few = searched.get("/calls?limit=2")
    assert ([one["call"]["number"] for one in few["calls"]], few["more"]) == ([4, 5], True)
    assert searched.within("shop").ask("GET", "/calls").status == 403


@pytest.mark.parametrize("query", ["status=42x", "text=" + "x" * 201, "status=6xx"])
def test_a_search_that_means_nothing_is_refused(server: Any, query: str) -> None:
    assert server.ask("GET", f"/journal?{query}").status == 422


# Differences


def test_two_calls_are_compared_value_by_value(server: Any) -> None:
    server.submit("a red door")
    server.submit("a blue door", count="11")
    found = server.get("/journal/2/difference?other=1")
    values = {(one["part"], one["name"]): (one["here"], one["there"]) for one in found["values"]}
    assert values["field", "prompt"] == ("a blue door", "a red door")
    assert values["field", "count"] == ("11", None)
    assert values["answer", "status"] == ("422", "202")
    assert values["answer", "error_code"] == ("invalid_parameter", None)
    assert ("field", "image") not in values
    assert not any(part == "header" for part, _ in values)
    assert found["nearest"] is False
    parts = [one["part"] for one in found["values"]]
    assert parts == sorted(parts, key=["request", "field", "header", "answer", "answer's header"].index)


def test_the_nearest_call_is_one_that_was_answered_otherwise(server: Any) -> None:
    for prompt, more in (
        ("hills", {}),
        ("a red door", {"format": "JPG"}),
        ("a red door", {}),
        ("a blue door", {"count": "0"}),
    ):
        server.submit(prompt, **more)
    server.submit("a red door", count="11")
    found = server.get("/journal/5/difference")
    assert (found["nearest"], found["other"]["number"]) == (True, 3)
    assert [one["name"] for one in found["values"] if one["part"] == "field"] == ["count"]
    # Of what was never answered otherwise, the nearest of all.
    server.call("GET", "/v1/balance")
    server.call("GET", "/v1/balance", (("x-note", "1"),))
    assert server.get("/journal/7/difference")["other"]["number"] == 6
    server.call("GET", "/v1/nothing-else")
    assert server.get("/journal/8/difference") == {"call": 8, "other": None, "nearest": True, "values": [], "same": 0}


def test_keys_are_compared_by_their_ids(server: Any) -> None:
    for key in ("a-key-of-somebody", "a-key-of-another"):
        server.call("GET", "/v1/balance", (("cookie", f"session={key}"),), key=key)
    answer = server.ask("GET", "/journal/1/difference?other=2")
    (value,) = [one for one in answer.json["values"] if one["part"] == "header"]
    assert value["here"] == f"key {key_id('a-key-of-somebody')}"
    assert value["there"] == f"key {key_id('a-key-of-another')}"
    assert b"a-key-of" not in answer.response.body
    shown = server.ask("GET", "/journal/1/difference?other=2&keys=shown")
    assert {one["name"] for one in shown.json["values"] if one["part"] == "header"} == {"x-picsart-api-key", "cookie"}
    assert server.ask("GET", "/journal/1/difference?other=9").status == 404
