"""What the admin API does, operation by operation."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from outpaint.mocks.scenarios.scenario import EFFECTS, PRESETS
from outpaint.mocks.world.world import World
from outpaint.mocks.world.worlds import Worlds

START = 1767225600.0  # 2026-01-01, where a frozen clock begins


def test_worlds_are_made_listed_and_removed(server: Any) -> None:
    assert server.ask("PUT", "/worlds/mine").status == 201
    assert server.ask("PUT", "/worlds/mine").status == 200
    worlds = server.get("/worlds")["worlds"]
    assert [world["name"] for world in worlds] == ["mine"]
    assert worlds[0]["base_url"] == "http://127.0.0.1:4010/t/mine/v1"
    assert server.ask("DELETE", "/worlds/mine").json == {"worlds": [], "dropped": []}


def test_the_default_world_is_there_from_the_start_and_stays(server: Any) -> None:
    assert server.get("/world")["base_url"] == "http://127.0.0.1:4010/v1"
    assert server.ask("DELETE", "/worlds/default").status == 422
    assert server.get("/worlds")["worlds"][0]["name"] == "default"


def test_a_world_tells_its_accounts_and_is_reset(server: Any) -> None:
    server.submit(count="3")
    detail = server.get("/world")
    assert [account["credits"] for account in detail["accounts"]] == [997]
    assert detail["calls"] == 1
    after = server.post("/reset")
    assert (after["accounts"], after["calls"], after["clock"]["now"]) == ([], 0, START)


def test_the_clock_moves_freezes_and_goes(server: Any) -> None:
    assert server.get("/clock") == {"now": START, "time": "2026-01-01T00:00:00Z", "scale": 0.0, "frozen": True}
    assert server.post("/clock/advance", {"hours": 25, "seconds": 1})["now"] == START + 25 * 3600 + 1
    assert server.post("/clock/set", {"time": "2026-02-01T00:00:00Z"})["time"] == "2026-02-01T00:00:00Z"
    assert server.post("/clock/set", {"time": "2026-02-02T00:00:00"})["time"] == "2026-02-02T00:00:00Z"
    ticking = server.post("/clock/tick", {"scale": 60})
    assert (ticking["scale"], ticking["frozen"]) == (60.0, False)
    assert server.post("/clock/tick")["scale"] == 1.0
    assert server.post("/clock/freeze")["frozen"] is True


def test_time_is_a_worlds_own(server: Any) -> None:
    server.ask("PUT", "/worlds/other")
    server.within("other").post("/clock/advance", {"days": 1})
    assert server.get("/clock")["now"] == START
    assert server.within("other").get("/clock")["now"] == START + 86400


def test_scenarios_are_set_listed_and_taken_back(server: Any) -> None:
    server.post("/scenarios/always", {"scenario": "polls(2)"})
    set_now = server.post("/scenarios/next", {"scenario": "error(internal)", "times": 2, "on": "balance"})
    assert [one["scenario"] for one in set_now["always"]] == ["polls(2)"]
    assert set_now["next"] == [
        {"number": 2, "scenario": "error(internal, on=balance)", "on": ["balance"], "left": 2, "used": 0}
    ]
    assert server.call("GET", "/v1/balance").status == 500
    assert server.get("/scenarios")["next"][0]["left"] == 1
    assert server.call("GET", "/v1/balance").status == 500
    assert server.get("/scenarios")["consumed"][0]["used"] == 2
    assert server.call("GET", "/v1/balance").status == 200
    assert server.ask("DELETE", "/scenarios/1").json["always"] == []
    server.post("/scenarios/always", {"scenario": "manual"})
    assert server.ask("DELETE", "/scenarios").json == {"always": [], "next": [], "consumed": []}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([{"effect": "polls", "n": 2}], "polls(2)"),
        ([{"effect": "latency", "distribution": "uniform", "low": 0, "high": 1}], "latency(uniform, low=0, high=1)"),
        (
            [{"effect": "sequence", "steps": [{"effect": "processing"}, {"effect": "error"}, {"effect": "success"}]}],
            "sequence(processing, error(internal), success)",
        ),
        ([{"effect": "polls", "n": 1}, {"effect": "cut", "at": 10, "length": "lying"}], "polls(1); cut(10, lying)"),
    ],
)
def test_a_scenario_may_be_json_as_well_as_text(server: Any, value: Any, text: str) -> None:
    understood = server.post("/scenarios/check", {"scenario": value})
    assert understood == server.post("/scenarios/check", {"scenario": text})
    assert server.post("/scenarios/check", {"scenario": understood["scenario"]}) == understood
    assert server.get("/scenarios")["always"] == []


def test_the_language_has_every_effect_and_preset(server: Any) -> None:
    language = server.get("/language")
    assert [effect["name"] for effect in language["effects"]] == list(EFFECTS)
    assert {preset["name"]: preset["scenario"] for preset in language["presets"]} == {
        f"mock_{name}": text for name, text in PRESETS.items()
    }
    for effect in language["effects"]:
        names = [parameter["name"] for parameter in effect["parameters"]]
        assert set(names) == set(EFFECTS[effect["name"]].model_fields)


def test_jobs_are_listed_released_and_changed(server: Any) -> None:
    server.post("/scenarios/always", {"scenario": "manual"})
    first, second = (server.submit(f"job {n}")["inference_id"] for n in (1, 2))
    jobs = server.get("/jobs?pending=true")["jobs"]
    assert [(job["inference_id"], job["progress"]) for job in jobs] == [(second, "manual"), (first, "manual")]
    assert server.poll(first).status == 202
    assert server.post(f"/jobs/{first}/release")["state"] == "succeeded"
    assert server.poll(first).status == 200
    assert server.post(f"/jobs/{second}/scenario", {"scenario": "fail(timed_out)"})["outcome"] == "fail(timed_out)"
    assert [job["state"] for job in server.post("/jobs/release")["jobs"]] == ["failed"]
    assert server.get(f"/jobs/{second}")["error_code"] == "timed_out"
    assert server.get("/jobs?pending=true")["jobs"] == []


def test_the_journal_is_listed_filtered_and_cleared(server: Any) -> None:
    inference_id = server.submit("a red door", count="1")["inference_id"]
    server.poll(inference_id)
    server.call("GET", "/v1/balance")
    page = server.get("/journal")
    assert [call["route"] for call in page["calls"]] == ["submit", "poll", "balance"]
    assert page["calls"][0]["prompt"] == "a red door"
    assert page["total"] == 3
    assert [call["number"] for call in server.get("/journal?after=1")["calls"]] == [2, 3]
    assert [call["number"] for call in server.get("/journal?limit=1")["calls"]] == [3]
    assert [call["number"] for call in server.get("/journal?status=202")["calls"]] == [1]
    assert [call["number"] for call in server.get(f"/journal?inference_id={inference_id}")["calls"]] == [1, 2]
    assert server.ask("DELETE", "/journal").json["calls"] == []
    server.call("GET", "/v1/balance")
    assert [call["number"] for call in server.get("/journal")["calls"]] == [4]
    assert server.get("/journal")["dropped"] == 0


def test_a_call_is_told_with_its_pictures(server: Any) -> None:
    inference_id = server.submit("a red door", with_mask=True, count="2")["inference_id"]
    server.poll(inference_id)
    call = server.get("/journal/1")
    assert call["request"]["prompt"] == "a red door"
    assert call["request"]["mask_image"].endswith("bytes, mask_image.png")
    assert json.loads(call["response"])["inference_id"] == inference_id
    assert {header["name"] for header in call["request_headers"]} >= {"content-type", "x-picsart-api-key"}
    assert [picture["what"] for picture in call["pictures"]] == [
        "image",
        "mask",
        "keep-map",
        "results/0",
        "results/1",
    ]
    for picture in call["pictures"]:
        shown = server.ask("GET", picture["url"].removeprefix("/_mock")).picture
        assert shown.size == (48, 32)
    keep = server.ask("GET", "/journal/1/keep-map").picture
    assert (keep.getpixel((20, 15)), keep.getpixel((1, 1))) == (255, 0)
    result = server.ask("GET", "/journal/1/results/0").picture
    assert result.getpixel((20, 15)) == (200, 30, 30)
    assert server.ask("GET", "/journal/1/results/0?side=24").picture.size == (24, 16)


def test_credentials_are_shown_where_they_are_asked_for(server: Any) -> None:
    key = "ok_a-key-that-nobody-should-see-in-a-log"
    server.call("GET", "/v1/balance", (("cookie", "session=1"), ("x-note", f"my key is {key}")), key=key)
    redacted, shown = (server.ask("GET", f"/journal/1{query}") for query in ("", "?keys=shown"))
    for secret in (key, "session=1"):
        assert secret.encode() not in redacted.response.body
        assert secret.encode() in shown.response.body
    assert {"name": "cookie", "value": "[redacted]"} in redacted.json["request_headers"]
    assert {"name": "x-picsart-api-key", "value": key} in shown.json["request_headers"]
    assert key.encode() not in server.ask("GET", "/journal").response.body
    assert server.ask("GET", "/journal/1?keys=all").status == 422


def test_looking_at_pictures_moves_nothing(server: Any) -> None:
    server.post("/scenarios/always", {"scenario": "polls(1); expired_url(times=1)"})
    inference_id = server.submit()["inference_id"]
    assert server.ask("GET", "/journal/1/results/0").status == 404
    before = server.get("/journal/1")
    server.ask("GET", "/journal/1/image")
    server.get(f"/jobs/{inference_id}")
    assert server.get("/journal/1") == before
    assert [server.poll(inference_id).status for _ in range(2)] == [202, 200]


def test_pictures_in_other_files_and_damaged_ones_do_no_harm(server: Any) -> None:
    multipart = ("content-type", "multipart/form-data; boundary=b")
    body = (
        b'--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nx\r\n'
        b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\nno picture at all\r\n--b--\r\n'
    )
    assert server.call("POST", "/v1/painting/outpaint", (multipart,), body).status == 415
    for what in ("image", "keep-map", "mask", "results/0", "results/x"):
        answer = server.ask("GET", f"/journal/1/{what}")
        assert (answer.status, answer.json["error_code"]) == (404, "unknown_file")
    assert server.get("/journal/1")["status"] == 415


def test_assertions_explain_what_came_closest(server: Any) -> None:
    server.submit("a red door")
    holds = server.post("/journal/assertions", {"route": "submit", "times": 1, "values": {"prompt": "a red door"}})
    assert holds == {"holds": True, "message": None, "call": 1}
    other = server.post("/journal/assertions", {"values": {"prompt": "a blue door", "count": 2}})
    assert other["holds"] is False
    assert "prompt: expected 'a blue door', was 'a red door'" in other["message"]
    assert "as expected: count" in other["message"]
    server.post("/scenarios/next", {"scenario": "polls(9)"})
    unused = server.post("/journal/assertions", {"all_called": True})
    assert "scenario polls(9)" in unused["message"]
    wrong = server.ask("POST", "/journal/assertions", {"values": {"colour": "red"}})
    assert (wrong.status, wrong.json["field"]) == (422, "values")


def test_the_figures_of_the_journal_are_of_what_was_asked_for(make_server: Any) -> None:
    server = make_server(Worlds(lambda name: World(name, max_calls=3)))
    server.call("GET", "/health")
    inference_id = server.submit()["inference_id"]
    for _ in range(2):
        server.call("GET", "/v1/balance")
    assert (server.get("/journal")["total"], server.get("/journal?route=balance")["total"]) == (3, 2)
    assert server.get("/journal?status=202&limit=1&after=3")["total"] == 1
    server.poll(inference_id)
    figures = {
        query: (page["total"], page["dropped"])
        for query in ("", "?route=submit", "?route=balance", "?route=poll", "?status=200", "?route=poll&status=200")
        for page in [server.get(f"/journal{query}")]
    }
    assert figures == {
        "": (4, 1),
        "?route=submit": (1, 1),
        "?route=balance": (2, 0),
        "?route=poll": (1, 0),
        "?status=200": (None, 1),
        "?route=poll&status=200": (1, 0),
    }
    assert server.get("/world")["calls"] == 4
    cleared = server.ask("DELETE", "/journal").json
    assert (cleared["total"], cleared["dropped"], server.get("/journal")["total"]) == (0, 0, 0)


def test_an_assertion_on_dropped_calls_is_not_answered(make_server: Any) -> None:
    server = make_server(Worlds(lambda name: World(name, max_calls=2)))
    server.submit()
    for _ in range(2):
        server.call("GET", "/v1/balance")
    unknown = server.post("/journal/assertions", {"route": "submit", "times": 1})
    assert unknown["holds"] is None
    assert unknown["message"].startswith("cannot tell, 1 submits dropped: 1 were expected, and 0 are kept")
    assert server.post("/journal/assertions", {"route": "balance", "times": 2})["holds"] is True
    assert server.post("/journal/assertions", {"route": "balance", "times": 1})["holds"] is False
    assert server.get("/report")["verdict"] == "cannot_tell"


def test_an_order_is_asserted(server: Any) -> None:
    inference_id = server.submit("a red door")["inference_id"]
    server.poll(inference_id)
    order = ["submit", {"route": "poll", "status": 200}]
    assert server.post("/journal/assertions", {"order": order})["holds"] is True
    reversed_ = server.post("/journal/assertions", {"order": order[::-1]})
    assert reversed_["holds"] is False
    assert "step 2 of 2 (submit) did not come after #2" in reversed_["message"]
    for wrong in ({"promt": "a red door"}, "sumbit"):
        answer = server.ask("POST", "/journal/assertions", {"order": [wrong]})
        assert answer.status == 422
        assert answer.json["field"].startswith("order")


def test_sources_are_put_behind_addresses(server: Any) -> None:
    url = "https://example.com/a.png"
    listed = server.post("/sources", {"url": url, "data": base64.b64encode(b"bytes").decode()})
    assert listed["sources"][0] | {"sha256": ""} == {
        "url": url,
        "size": 5,
        "sha256": "",
        "status": 200,
        "seconds": 0.0,
        "broken": False,
        "fetched": 0,
    }
    server.post("/sources", {"url": "https://example.com/gone.png", "status": 404})
    assert len(server.get("/sources")["sources"]) == 2
    assert len(server.ask("DELETE", f"/sources?url={url}").json["sources"]) == 1
    assert server.ask("DELETE", f"/sources?url={url}").status == 404


def test_the_report_comes_in_three_forms(server: Any) -> None:
    assert server.get("/report")["verdict"] == "nothing_judged"
    server.submit()
    assert server.get("/report")["verdict"] == "passed"
    page = server.ask("GET", "/report.html").response
    assert page.header("content-type") == "text/html; charset=utf-8"
    assert b"Consumer report" in page.body
    assert b"<testsuites" in server.ask("GET", "/report.xml").response.body
    assert b"<failure" in server.ask("GET", "/report.xml?strict=true").response.body


def test_a_head_is_a_get_without_its_body(server: Any) -> None:
    answer = server.ask("HEAD", "/clock").response
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.header("content-length")) > 0
