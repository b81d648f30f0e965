"""What the admin API refuses: one clear error each, and nothing has changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from outpaint.functions.http.local_requests import AllowedHosts

HOST = ("host", "127.0.0.1:4010")


def everything(server: Any) -> Any:
    """All that an admin call could have changed."""
    return [server.get(path) for path in ("/world", "/scenarios", "/jobs", "/journal", "/sources", "/clock")]


REFUSED = [
    ("POST", "/scenarios/always", {"scenario": "pols(2)"}, 422, "did you mean polls?"),
    ("POST", "/scenarios/always", {"scenario": "polls(-1)"}, 422, "greater than or equal to 0"),
    ("POST", "/scenarios/always", {"scenario": ""}, 422, "names at least one effect"),
    ("POST", "/scenarios/always", {"scenario": "polls(1); manual"}, 422, "contradict each other"),
    ("POST", "/scenarios/always", {"scenario": "sequence(success, processing)"}, 422, "nothing can follow success"),
    ("POST", "/scenarios/always", {"scenario": "sequence(processing*2)"}, 422, "ends with success or fail"),
    ("POST", "/scenarios/always", {"scenario": "fail(rate_limited)"}, 422, "a job cannot end with rate_limited"),
    ("POST", "/scenarios/always", {"scenario": [{"effect": "polls"}]}, 422, "polls needs n"),
    ("POST", "/scenarios/always", {"scenario": [{"n": 2}]}, 422, "says which it is"),
    ("POST", "/scenarios/always", {"scenario": [{"effect": "pols"}]}, 422, "did you mean polls?"),
    ("POST", "/scenarios/always", {"scenario": [{"effect": "sequence", "steps": 3}]}, 422, "a list of effects"),
    ("POST", "/scenarios/always", {"scenario": [{"effect": "polls", "m": 3}]}, 422, "no argument m"),
    ("POST", "/scenarios/always", {"scenario": 3}, 422, "scenario has wrong value 3"),
    ("POST", "/scenarios/always", {"scenario": "succeed", "on": "polling"}, 422, "on has wrong value polling"),
    ("POST", "/scenarios/always", {}, 422, "scenario is missing"),
    ("POST", "/scenarios/always", None, 422, "a body is missing"),
    ("POST", "/scenarios/next", {"scenario": "succeed", "times": 0}, 422, "times is 0"),
    ("POST", "/scenarios/next", {"scenario": "succeed", "times": "2"}, 422, "times has wrong value 2"),
    ("POST", "/scenarios/next", {"scenario": "polls(2)", "on": "balance"}, 422, "concerns jobs"),
    ("POST", "/scenarios/next", {"scenario": "succeed", "time": 2}, 422, "did you mean times?"),
    ("DELETE", "/scenarios/99", None, 404, "there is no scenario 99"),
    ("DELETE", "/scenarios/x", None, 422, "'x' is no number"),
    ("POST", "/clock/advance", {"seconds": -1}, 422, "a clock goes forward only"),
    ("POST", "/clock/advance", {"hours": 1, "minutes": -61}, 422, "a clock goes forward only"),
    ("POST", "/clock/advance", {"seconds": 1e300}, 422, "no time that a clock can show"),
    ("POST", "/clock/advance", {"weeks": 1}, 422, "there is no weeks"),
    ("POST", "/clock/set", {"time": "2025-12-31T23:59:59Z"}, 422, "is past"),
    ("POST", "/clock/set", {"time": "tomorrow"}, 422, "time has wrong value tomorrow"),
    ("POST", "/clock/tick", {"scale": -1}, 422, "cannot run -1"),
    ("POST", "/clock/tick", {"scale": 1e9}, 422, "cannot run"),
    ("POST", "/jobs/none/release", None, 404, "there is no job none in world default"),
    ("POST", "/jobs/none/scenario", {"scenario": "manual"}, 404, "there is no job none"),
    ("GET", "/journal/99", None, 404, "there is no call 99"),
    ("GET", "/journal?limit=0", None, 422, "limit has wrong value 0"),
    ("GET", "/journal?route=paint", None, 422, "route has wrong value paint"),
    ("GET", "/journal?rute=submit", None, 422, "did you mean route?"),
    ("GET", "/jobs?pending=perhaps", None, 422, "pending has wrong value"),
    ("POST", "/sources", {"url": "https://a.example/", "status": 42}, 422, "an HTTP status is 100 to 599"),
    ("POST", "/sources", {"url": "", "status": 404}, 422, "url has wrong value"),
    ("POST", "/sources", {"url": "https://a.example/", "data": "*"}, 422, "data has wrong value"),
    ("POST", "/sources", {"url": "https://a.example/", "seconds": -1}, 422, "seconds has wrong value"),
    ("DELETE", "/sources", None, 422, "url is missing"),
    ("PUT", "/worlds/-", None, 404, "cannot name a world"),
    ("DELETE", "/worlds/none", None, 404, "there is no world none"),
    ("GET", "/wurlds", None, 404, "there is nothing at /_mock/wurlds"),
    ("GET", "/ui/../secrets", None, 404, "there is nothing at"),
    ("PUT", "/clock", None, 405, "PUT is not taken here: use GET"),
    ("OPTIONS", "/clock", None, 405, "OPTIONS is not taken"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "words"), REFUSED)
def test_what_cannot_be_done_changes_nothing(
    server: Any, method: str, path: str, body: Any, status: int, words: str
) -> None:
    server.submit()
    server.post("/scenarios/always", {"scenario": "polls(3)"})
    before = everything(server)
    answer = server.ask(method, path, body)
    assert (answer.status, answer.json["status"]) == (status, "error")
    assert words in answer.detail
    assert everything(server) == before


@pytest.mark.parametrize("raw", [b"{", b"[]", b"null", b"[" * 100_000, b"\xff", b'{"a":[' + b"{}," * 10_000 + b"0]}"])
def test_a_body_that_is_no_json_object_is_refused(server: Any, raw: bytes) -> None:
    answer = server.ask("POST", "/clock/advance", raw=raw)
    assert (answer.status, answer.json["error_code"]) == (400, "malformed_body")


def test_an_allow_header_names_the_verbs(server: Any) -> None:
    assert server.ask("PATCH", "/scenarios").response.header("allow") == "GET, DELETE, HEAD"


# Another world


@pytest.mark.parametrize(("method", "path"), [("GET", "/clock"), ("POST", "/reset"), ("GET", "/journal")])
def test_a_world_is_made_by_whoever_administers_it_first(server: Any, method: str, path: str) -> None:
    assert server.within("new").ask(method, path).status == 200
    assert server.worlds.names == ("new",)


def test_a_name_of_no_world_is_refused(server: Any) -> None:
    for prefix in ("-", "a b", "x" * 65, "ü", ""):
        answer = server.within(prefix).ask("GET", "/clock")
        assert (answer.status, answer.json["error_code"]) == (404, "unknown_route")
    assert server.worlds.names == ()


def test_one_worlds_base_url_administers_that_world_alone(server: Any) -> None:
    for name in ("mine", "theirs"):
        server.ask("PUT", f"/worlds/{name}")
    mine = server.within("mine")
    for method, path in (("GET", "/worlds"), ("DELETE", "/worlds/theirs"), ("PUT", "/worlds/new")):
        answer = mine.ask(method, path)
        assert answer.status == 403
        assert "under /t/mine only world mine is administered" in answer.detail
    assert server.worlds.names == ("mine", "theirs")


def test_another_worlds_job_is_no_job_of_this_one(server: Any) -> None:
    for name in ("mine", "theirs"):
        server.ask("PUT", f"/worlds/{name}")
    theirs = server.within("theirs")
    theirs.post("/scenarios/always", {"scenario": "manual"})
    inference_id = theirs.submit()["inference_id"]
    for path, body in (("release", None), ("scenario", {"scenario": "fail(timed_out)"})):
        answer = server.within("mine").ask("POST", f"/jobs/{inference_id}/{path}", body)
        assert answer.status == 404
        assert "in world mine: every world has its own" in answer.detail
    assert theirs.poll(inference_id).status == 202


# Who may ask


@pytest.mark.parametrize(
    ("headers", "peer_is_loopback"),
    [
        ((HOST,), False),
        ((("host", "attacker.example"),), True),
        ((("host", "attacker.example:4010"),), True),
        ((("host", "127.0.0.1.attacker.example"),), True),
        ((("host", "[::ffff:8.8.8.8]"),), True),
        ((HOST, ("origin", "https://attacker.example")), True),
        ((HOST, ("origin", "http://127.0.0.1:3000")), True),
        ((HOST, ("origin", "null")), True),
        ((HOST, ("sec-fetch-site", "cross-site")), True),
        ((HOST, ("sec-fetch-site", "same-site")), True),
        ((), True),
    ],
)
def test_strangers_are_refused(server: Any, headers: tuple[tuple[str, str], ...], peer_is_loopback: bool) -> None:
    answer = server.ask("POST", "/clock/advance", {"hours": 1}, headers=headers, peer_is_loopback=peer_is_loopback)
    assert (answer.status, answer.json["error_code"]) == (403, "forbidden")
    assert server.get("/clock")["now"] == 1767225600.0


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:4010", "mock.localhost:1", "127.8.0.1:4010", "[::1]:4010"])
def test_this_machine_is_heard_under_all_its_names(server: Any, host: str) -> None:
    own = (("host", host), ("origin", f"http://{host}"), ("sec-fetch-site", "same-origin"))
    assert server.ask("POST", "/clock/advance", {"hours": 1}, headers=own).status == 200


def test_an_open_one_hears_other_machines_but_no_other_names_and_origins(make_server: Callable[..., Any]) -> None:
    server = make_server(hosts=AllowedHosts.of(["mock.internal"], remote=True))
    for host in ("mock.internal:4010", "192.0.2.7:4010", "[2001:db8::7]", "outpaint-mock:4010", "localhost"):
        other = (("host", host),)
        assert server.ask("GET", "/clock", headers=other, peer_is_loopback=False).status == 200
        foreign = (*other, ("origin", "https://attacker.example"))
        assert server.ask("POST", "/reset", headers=foreign, peer_is_loopback=False).status == 403
    answer = server.ask("GET", "/clock", headers=(("host", "attacker.example"),), peer_is_loopback=False)
    assert (answer.status, "--allowed-host" in answer.detail) == (403, True)


def test_a_link_from_another_site_shows_the_page_and_nothing_else_of_it_does_anything(server: Any) -> None:
    link = (HOST, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"))
    assert server.ask("GET", "/ui", headers=link).status == 200
    assert server.ask("POST", "/reset", headers=link).status == 403
    assert server.ask("GET", "/journal", headers=(HOST, ("sec-fetch-site", "cross-site"))).status == 403


def test_no_other_origin_may_read_frame_or_keep_an_answer(server: Any) -> None:
    for path in ("/clock", "/report.html", "/ui", "/nothing"):
        response = server.ask("GET", path).response
        assert response.header("access-control-allow-origin") is None
        assert response.header("cross-origin-resource-policy") == "same-origin"
        assert "frame-ancestors 'none'" in response.header("content-security-policy")
        assert response.header("cache-control") == "no-store"


def test_what_breaks_is_told_and_not_thrown(server: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    monkeypatch.setattr(type(server.worlds), "get", lambda self, name="default": 1 / 0)
    answer = server.ask("GET", "/clock")
    assert (answer.status, answer.json["error_code"]) == (500, "internal")
    assert "ZeroDivisionError" in caplog.text
