"""Worlds and accounts that are set up over HTTP: what a test in another language, or a verification, begins with."""

from __future__ import annotations

from typing import Any

import pytest


def test_a_world_is_set_up_otherwise(server: Any) -> None:
    changes = {"settings": {"rate_limit": 2}, "credits": 7, "clock": "ticking", "stalled_polls": 3}
    made = server.ask("PUT", "/worlds/other", changes)
    assert made.status == 201
    assert made.json["clock"]["frozen"] is False
    world = server.worlds.get("other")
    assert world.service.settings.rate_limit == 2
    assert world.ledger.of_key("anybody").credits == 7
    begun = server.ask("PUT", "/worlds/past", {"start": "2020-02-02T02:00:00+02:00"})
    assert begun.json["clock"]["time"] == "2020-02-02T00:00:00Z"


def test_only_listed_keys_are_known_where_keys_are_listed(server: Any) -> None:
    server.ask("PUT", "/worlds/strict", {"keys": {"ann": 3}})
    ledger = server.worlds.get("strict").ledger
    assert ledger.of_key("ann").credits == 3
    assert ledger.of_key("bob") is None
    within = server.within("strict")
    assert within.ask("POST", "/accounts", {"key": "bob", "credits": 5}).status == 201
    assert ledger.of_key("bob").credits == 5


@pytest.mark.parametrize(
    "scenario",
    ["polls(2); latency(1)", ["polls(2); latency(1)"], [{"effect": "polls", "n": 2}, "latency(1)"]],
    ids=["text", "texts", "effects and texts"],
)
def test_a_scenario_may_stand_from_the_beginning(server: Any, scenario: Any) -> None:
    name = f"slow-{abs(hash(str(scenario)))}"
    server.ask("PUT", f"/worlds/{name}", {"scenario": scenario})
    (standing,) = server.within(name).get("/scenarios")["always"]
    assert standing["scenario"] == "polls(2); latency(1)"
    for way in ("always", "next"):
        server.within(name).ask("POST", f"/scenarios/{way}", {"scenario": scenario})
    state = server.within(name).get("/scenarios")
    assert [one["scenario"] for one in (*state["always"], *state["next"])] == ["polls(2); latency(1)"] * 3


def test_a_world_may_be_set_up_in_the_vendors_profile(server: Any) -> None:
    server.ask("PUT", "/worlds/theirs", {"profile": "vendor"})
    assert server.within("theirs").get("/world")["profile"] == "vendor"
    assert server.within("theirs").get("/report?profile=ours")["profile"] == "ours"
    assert server.within("theirs").get("/report")["profile"] == "vendor"


def test_a_world_that_exists_is_not_set_up_anew(server: Any) -> None:
    server.ask("PUT", "/worlds/mine")
    answer = server.ask("PUT", "/worlds/mine", {"credits": 5})
    assert answer.status == 422
    assert "remove it first" in answer.detail
    assert server.ask("PUT", "/worlds/mine", {}).status == 200


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"settings": {"rate_limt": 2}}, "there is no setting rate_limt: did you mean rate_limit"),
        ({"settings": {"rate_limit": 0}}, "settings.rate_limit has wrong value 0"),
        ({"clock": "backwards"}, "clock has wrong value backwards"),
        ({"keys": {"a": -1}}, "keys"),
        ({"credits": -1}, "credits"),
        ({"start": "1850-01-01T00:00:00Z"}, "no time that a clock can show"),
        ({"stalled_polls": -1}, "stalled_polls"),
        ({"painter": "flat"}, "there is no painter"),
    ],
)
def test_what_cannot_be_is_refused_and_makes_no_world(server: Any, body: dict[str, Any], said: str) -> None:
    answer = server.ask("PUT", "/worlds/odd", body)
    assert answer.status == 422
    assert said in answer.detail
    assert "odd" not in server.worlds.names


def test_an_account_stands_as_it_is_told(server: Any) -> None:
    server.ask("POST", "/accounts", {"key": "ann", "credits": 0})
    server.ask("POST", "/accounts", {"key": "bob", "allowed": False})
    ledger = server.worlds.get().ledger
    assert ledger.of_key("ann").credits == 0
    assert ledger.of_key("bob").allowed is False
    made = server.ask("POST", "/accounts", {"key": "ann", "credits": 9})
    assert (made.status, made.json["credits"]) == (201, 9)
    assert ledger.of_key("ann").credits == 9
