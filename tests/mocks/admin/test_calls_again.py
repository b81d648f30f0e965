"""A call of the journal once more: sent by the mock, as a curl command, as a test. Copies are run, not only read."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from outpaint.contracts.profiles import WireProfile
from outpaint.functions.embedded.server import serving
from outpaint.functions.http.messages import RequestHead, Waiting
from outpaint.mocks.admin.copied_tests import as_test
from outpaint.mocks.exchange.mock_application import MockApplication
from outpaint.mocks.scenarios.effect import On
from outpaint.mocks.transports.httpx_transport import OutpaintTransport
from outpaint.mocks.transports.respx_router import OutpaintRouter
from outpaint.mocks.transports.tcp_connection import MockConnection
from outpaint.mocks.transports.tcp_server import MockHost
from outpaint.mocks.world.recorded_call import Call
from outpaint.mocks.world.virtual_clock import VirtualClock
from outpaint.mocks.world.web_sources import picture_for
from outpaint.mocks.world.world import World
from outpaint.mocks.world.worlds import Worlds

JSON = (("content-type", "application/json"),)
FORM = (("content-type", "application/x-www-form-urlencoded"),)
SOURCE = "https://example.com/a.png"
OUTPAINT = "/v1/painting/outpaint"


# Sent again by the mock


def test_a_call_is_sent_again_as_an_entry_of_its_own(server: Any) -> None:
    first = server.submit("a red door")["inference_id"]
    made = server.post("/journal/1/replay")
    assert (made["number"], made["status"], made["replay_of"], made["prompt"]) == (2, 202, 1, "a red door")
    assert made["inference_id"] != first
    one, two = server.worlds.get().calls
    assert (one.body, one.image_sha256) == (two.body, two.image_sha256)
    assert set(two.request_head.headers) - set(one.request_head.headers) == {("x-mock-replay-of", "1")}
    assert server.post("/journal/2/replay")["replay_of"] == 1
    assert len(server.worlds.get().calls[2].request_head.header_values("x-mock-replay-of")) == 1


def test_a_call_that_is_sent_again_meets_the_world_of_now(server: Any) -> None:
    server.post("/scenarios/next", {"scenario": "error(rate_limited)"})
    server.submit()
    server.post("/scenarios/always", {"scenario": "latency(3)"})
    before = server.get("/clock")["now"]
    assert [server.post("/journal/1/replay")["status"] for _ in range(2)] == [202, 202]
    assert server.get("/clock")["now"] == before + 6
    server.call("POST", OUTPAINT, (*FORM, ("idempotency-key", "k")), f"image_url={SOURCE}&prompt=x&mode=async".encode())
    job = server.worlds.get().calls.last.inference_id
    server.post("/journal/4/replay")
    assert server.worlds.get().calls.last.json["inference_id"] == job


def test_nobody_waits_for_a_call_that_is_sent_again(make_server: Any) -> None:
    worlds = Worlds(lambda name: World(name, clock=VirtualClock.ticking()))
    server = make_server(worlds)
    server.post("/scenarios/always", {"scenario": "time(3600)"})
    head = RequestHead("POST", OUTPAINT, "", (("x-picsart-api-key", "anyone"), *FORM))
    waiting = MockApplication(worlds).respond(head, f"image_url={SOURCE}&prompt=x&mode=sync".encode())
    assert isinstance(waiting, Waiting)
    waiting.abandon()
    made = server.post("/journal/1/replay")
    assert (made["status"], made["answered"], worlds.get().under_way) == (202, True, 0)


@pytest.mark.parametrize("path", ["replay", "body", "curl", "test"])
def test_a_body_that_is_no_longer_kept_is_said_to_be(make_server: Any, path: str) -> None:
    server = make_server(Worlds(lambda name: World(name, body_bytes=0)))
    server.submit()
    answer = server.ask("POST" if path == "replay" else "GET", f"/journal/1/{path}")
    assert (answer.status, answer.json["error_code"]) == (404, "unknown_file")
    assert "the body of call 1 is not kept, or no longer" in answer.detail
    assert len(server.worlds.get().calls) == 1


def test_a_part_of_a_form_comes_as_it_was_sent(server: Any) -> None:
    server.submit("a red door", with_mask=True)
    body = server.ask("GET", "/journal/1/body").response
    assert body.body == server.worlds.get().calls[0].body
    assert body.header("content-type") == "application/octet-stream"
    parts = [server.ask("GET", f"/journal/1/body/{place}").response.body for place in range(5)]
    assert parts[0] == b"a red door"
    assert [part[:4] for part in parts[3:]] == [b"\x89PNG", b"\x89PNG"]
    assert server.ask("GET", "/journal/1/body/5").status == 404
    assert server.ask("GET", "/journal/1/body/x").json["field"] == "place"


# As a test


def add_polls(server: Any, scenario: str, *seconds: float, **fields: str) -> None:
    server.post("/scenarios/next", {"scenario": scenario})
    inference_id = server.submit(**fields)["inference_id"]
    for pause in seconds:
        server.post("/clock/advance", {"seconds": pause})
        server.poll(inference_id)


def fetch_result(server: Any, *, hours: float = 0) -> None:
    add_polls(server, "polls(1)", 2, 2)
    url = server.worlds.get().calls.last.json["data"][0]["url"]
    server.post("/clock/advance", {"hours": hours})
    path, _, query = url.removeprefix("http://127.0.0.1:4010").partition("?")
    server._application.respond(RequestHead("GET", path, query, (), "http://127.0.0.1:4010"))


def submit_json(server: Any, headers: Any = (), **fields: Any) -> None:
    document = {"image_url": SOURCE, "prompt": 'a "red" door \\ ü', "mode": "async", **fields}
    server.call("POST", OUTPAINT, (*JSON, *headers), json.dumps(document).encode())


def refuse_source(server: Any) -> None:
    server.post("/sources", {"url": SOURCE, "status": 404})
    submit_json(server)


def repeat(server: Any, **second: Any) -> None:
    key = (("idempotency-key", "order-1"),)
    submit_json(server, key)
    submit_json(server, key, **second)


def release(server: Any) -> None:
    add_polls(server, "manual", 2)
    server.post("/jobs/release")
    server.poll(server.worlds.get().calls.last.inference_id)


def of_several_keys(server: Any) -> None:
    inference_id = server.submit()["inference_id"]
    server.call("GET", f"/v1/painting/{inference_id}", key="another")


def broken_form(server: Any) -> None:
    server.call("POST", OUTPAINT, (("content-type", "multipart/form-data; boundary=b"),), b"--b\r\nno form\xff")


SITUATIONS: dict[str, tuple[Callable[[Any], Any], int | None]] = {
    "a form with files": (lambda server: server.submit("a 'red' door\n\"", with_mask=True), 202),
    "a form that is refused": (lambda server: server.submit(count="11"), 422),
    "a job that is waited for": (lambda server: server.submit(mode="sync"), 200),
    "JSON": (submit_json, 202),
    "JSON of another shape": (lambda server: submit_json(server, count=[1], seed=None, size={"a": 1.5}), 422),
    "a urlencoded form": (
        lambda server: server.call("POST", OUTPAINT, FORM, b"prompt=a+b%26c&image_url=" + SOURCE.encode()),
        200,
    ),
    "a broken form": (broken_form, 400),
    "no content type": (lambda server: server.call("POST", OUTPAINT, (), b"prompt=x"), 415),
    "JSON that is none": (lambda server: server.call("POST", OUTPAINT, JSON, b'{"prompt": "x", "prompt": 1,'), 400),
    "a poll in time": (lambda server: add_polls(server, "time(5)", 2, 2), 202),
    "a poll that finds the end": (lambda server: add_polls(server, "time(5)", 2, 4), 200),
    "counted polls": (lambda server: add_polls(server, "polls(2)", 2, 2, 2), 200),
    "a sequence": (lambda server: add_polls(server, "sequence(processing, error(internal), success)", 2, 2), 500),
    "a failed job": (lambda server: add_polls(server, "polls(1); fail(timed_out)", 2, 2), 200),
    "a released job": (release, 200),
    "trouble of polls": (lambda server: add_polls(server, "latency(7, on=poll)", 2), 200),
    "a job of another's": (of_several_keys, 404),
    "a job of nobody's": (lambda server: server.poll("none"), 404),
    "a file": (fetch_result, 200),
    "a file too late": (lambda server: fetch_result(server, hours=25), 403),
    "a repeat": (repeat, 200),
    "a mismatch": (lambda server: repeat(server, prompt="other"), 422),
    "a source that is gone": (refuse_source, 422),
    "a scenario of the header": (lambda server: submit_json(server, (("x-mock-scenario", "error(unavailable)"),)), 503),
    "a magic key": (lambda server: server.call("GET", "/v1/balance", key="mock_rate_limited"), 429),
    "a magic prompt": (lambda server: server.submit("mock_internal a door"), 500),
    "no credits": (
        lambda server: server.call(
            "POST", OUTPAINT, FORM, f"prompt=x&image_url={SOURCE}".encode(), key="mock_no_credits"
        ),
        402,
    ),
    "a rate limit": (
        lambda server: [server.call("GET", "/v1/balance", key="mock_limit_2_in_10") for _ in range(3)],
        429,
    ),
    "a gateway": (lambda server: server.call("GET", "/v1/balance", (("x-mock-scenario", "gateway(503)"),)), 503),
    "a connection that breaks": (
        lambda server: server.call("GET", "/v1/balance", (("x-mock-scenario", "reset(after)"),)),
        None,
    ),
    "HEAD": (lambda server: server.call("HEAD", "/v1/balance"), 200),
    "another verb": (lambda server: server.call("DELETE", "/v1/balance"), 405),
    "no such path": (lambda server: server.call("GET", "/v1/a b{c}"), 404),
    "another form of errors": (
        lambda server: server.call("GET", "/v1/x", (("accept", "application/problem+json"),)),
        404,
    ),
    "uploads": (lambda server: server.call("POST", "/v1/uploads", JSON, b'{"content_type": "image/png"}'), 200),
}


def run_copy(text: str, folder: Path, profile: WireProfile = WireProfile.OURS) -> Call:
    """Run the one test of a module in a world of its own; its last call."""
    names: dict[str, Any] = {"__file__": str(folder / "test_copy.py")}
    exec(compile(text, "test_copy.py", "exec"), names)
    (test,) = [value for name, value in names.items() if name.startswith("test_")]
    with OutpaintRouter(World("copy", profile=profile, seed=9)) as api:
        test(api)
        return api.calls.last


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_copied_test_gets_the_same_answer(server: Any, tmp_path: Path, situation: str) -> None:
    arrange, status = SITUATIONS[situation]
    arrange(server)
    call = server.worlds.get().calls.last
    assert call.status == status
    copied = server.ask("GET", f"/journal/{call.number}/test")
    assert copied.status == 200, copied.response.body
    text = copied.response.body.decode()
    assert (f"answer.status_code == {status}" in text) == (status is not None)
    last = run_copy(text, tmp_path)
    assert (last.status, last.error_code, last.route, last.method) == (status, call.error_code, call.route, call.method)
    assert last.image_sha256 == call.image_sha256
    if last.route is On.SUBMIT and call.request is not None:
        assert last.request is not None
        assert last.request.plain_values == call.request.plain_values


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
VALUES = st.none() | st.booleans() | st.integers(-3, 12) | st.floats(allow_nan=False) | WORDS


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["prompt", "count", "seed", "format", "mode", "other"]), VALUES),
    st.sampled_from(["json", "data", "files"]),
)
def test_any_fields_are_copied_as_they_were(fields: dict[str, Any], form: str) -> None:
    texts = {name: str(value) for name, value in fields.items()}
    source: dict[str, Any] = {"image_url": (None, SOURCE) if form == "files" else SOURCE}
    sent: dict[str, Any] = fields if form == "json" else texts
    if form == "files":
        sent = {name: (None, text) for name, text in texts.items()}
    world = World("first")
    with httpx.Client(transport=OutpaintTransport(world), base_url="https://a.test") as api:
        api.post(OUTPAINT, headers={"X-Picsart-API-Key": "k"}, **{form: sent | source})
    call = world.calls.last
    last = run_copy(as_test(world, call, "https://a.test/_mock/journal"), Path())
    assert (last.status, last.error_code, last.field_names) == (call.status, call.error_code, call.field_names)
    if call.request is None:
        assert last.json["detail"] == call.json["detail"]
    else:
        assert last.request is not None
        assert last.request.plain_values == call.request.plain_values


def test_a_copied_test_fails_where_the_answer_is_another(server: Any, tmp_path: Path) -> None:
    server.submit()
    text = server.ask("GET", "/journal/1/test").response.body.decode()
    with pytest.raises(AssertionError):
        run_copy(text.replace("'async'", "'sync'"), tmp_path)


def test_a_copied_test_of_the_vendors_api_plays_it(make_server: Any, tmp_path: Path) -> None:
    server = make_server(Worlds(lambda name: World(name, profile=WireProfile.VENDOR)))
    server.submit(count="11")
    text = server.ask("GET", "/journal/1/test").response.body.decode()
    assert '@pytest.mark.outpaint(profile="vendor")' in text
    assert run_copy(text, tmp_path, WireProfile.VENDOR).status == server.worlds.get().calls.last.status


def test_large_files_are_read_from_beside_the_test(server: Any, tmp_path: Path) -> None:
    picture = picture_for(SOURCE)
    assert len(picture) > 4096
    head = b'--b\r\nContent-Disposition: form-data; name="'
    body = head + b'prompt"\r\n\r\nx\r\n' + head + b'image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    form = (("content-type", "multipart/form-data; boundary=b"),)
    server.call("POST", OUTPAINT, form, body + picture + b"\r\n--b--\r\n")
    text = server.ask("GET", "/journal/1/test").response.body.decode()
    assert "# curl -sSf -o call-1-part-1 http://127.0.0.1:4010/_mock/journal/1/body/1\n" in text
    assert len(text) < 2000
    with pytest.raises(FileNotFoundError):
        run_copy(text, tmp_path)
    (tmp_path / "call-1-part-1").write_bytes(server.ask("GET", "/journal/1/body/1").response.body)
    assert run_copy(text, tmp_path).image_sha256 == server.worlds.get().calls[0].image_sha256


@pytest.mark.parametrize("side", [48, 256])
def test_a_picture_behind_an_address_comes_with_the_test(server: Any, tmp_path: Path, side: int) -> None:
    stream = BytesIO()
    Image.effect_noise((side, side), 60).convert("L").save(stream, "PNG")
    server.post("/sources", {"url": SOURCE, "data": base64.b64encode(stream.getvalue()).decode()})
    with_mask = {"mask_url": f"data:image/png;base64,{base64.b64encode(mask_file((side, side))).decode()}"}
    submit_json(server, **with_mask)
    text = server.ask("GET", "/journal/1/test?keys=shown").response.body.decode()
    if side > 48:
        assert "# curl -sSf -o call-1-image.png http://127.0.0.1:4010/_mock/journal/1/image\n" in text
        (tmp_path / "call-1-image.png").write_bytes(server.ask("GET", "/journal/1/image").response.body)
    last, first = run_copy(text, tmp_path), server.worlds.get().calls[0]
    assert (last.status, first.status) == (202, 202)
    assert last.image.tobytes() == first.image.tobytes()


def upload_by_form(server: Any) -> None:
    ticket = server.call("POST", "/v1/uploads", JSON, b'{"content_type": "image/png"}').json
    server.call("POST", ticket["url"].removeprefix("http://127.0.0.1:4010"), FORM, b"x=1")


def mask_file(size: tuple[int, int] = (48, 32)) -> bytes:
    mask = Image.new("L", size, 0)
    mask.paste(255, (12, 8, 36, 24))
    stream = BytesIO()
    mask.save(stream, "PNG")
    return stream.getvalue()


def use_an_id(server: Any) -> None:
    add_polls(server, "immediate", 2)
    picture = server.worlds.get().calls.last.json["data"][0]["id"]
    mask = f"data:image/png;base64,{base64.b64encode(mask_file()).decode()}"
    document = {"image_id": picture, "mask_url": mask, "prompt": "x", "mode": "async"}
    server.call("POST", OUTPAINT, JSON, json.dumps(document).encode())


def poll_after_clearing(server: Any) -> None:
    inference_id = server.submit()["inference_id"]
    server.ask("DELETE", "/journal")
    server.poll(inference_id)


REFUSED = {
    "a form that only its own world takes": upload_by_form,
    "is no longer kept": poll_after_clearing,
    "it names a picture by the id": use_an_id,
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_call_that_no_other_world_can_repeat_makes_no_test(server: Any, why: str) -> None:
    REFUSED[why](server)
    call = server.worlds.get().calls.last
    answer = server.ask("GET", f"/journal/{call.number}/test")
    assert (answer.status, answer.json["error_code"]) == (422, "invalid_parameter")
    assert f"call {call.number} makes no test" in answer.detail
    assert why in answer.detail


# As curl


@pytest.fixture
def served() -> Iterator[tuple[str, Worlds]]:
    worlds = Worlds()
    host = MockHost(worlds)
    with serving(host, connection=MockConnection) as url:
        yield url, worlds
    host.close()


def send_form(api: httpx.Client, picture: bytes) -> None:
    files = [("image", ('a "b".png', picture, "image/png")), ("mask_image", ("m.png", picture, "image/png"))]
    api.post("/painting/outpaint", data={"prompt": "a 'red' $HOME `door`\n@x", "mode": "async"}, files=files)


CALLS: dict[str, Callable[[httpx.Client, bytes], object]] = {
    "a form": send_form,
    "JSON": lambda api, _: api.post(
        "/painting/outpaint",
        json={"image_url": SOURCE, "prompt": "a 'red'\ndoor"},
        headers={"Idempotency-Key": "o'1"},
    ),
    "bytes": lambda api, _: api.post(
        "/painting/outpaint", content=b"\x00\xff@", headers={"Content-Type": "application/json"}
    ),
    "a poll": lambda api, _: api.get("/painting/none?x=[1]&y={2}", headers={"Accept": "application/problem+json"}),
    "HEAD": lambda api, _: api.head("/balance"),
    "a verb": lambda api, _: api.delete("/balance"),
    "an empty POST": lambda api, _: api.post("/painting/outpaint"),
}


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
@pytest.mark.parametrize(
    ("keys", "environment", "used"),
    [("redacted", {}, "any"), ("redacted", {"OUTPAINT_KEY": "mine"}, "mine"), ("shown", {}, "a-key-that-nobody-sees")],
)
def test_copied_commands_send_the_same(
    served: tuple[str, Worlds], tmp_path: Path, keys: str, environment: dict[str, str], used: str
) -> None:
    url, worlds = served
    base, key = f"{url}/t/shop", "a-key-that-nobody-sees"
    with httpx.Client(base_url=f"{base}/v1", headers={"X-Picsart-API-Key": key}, trust_env=False) as api:
        for send in CALLS.values():
            send(api, picture_for(SOURCE))
    journal = worlds.get("shop").journal
    sent = list(journal.calls)
    admin = httpx.Client(base_url=f"{base}/_mock/journal/", trust_env=False)
    with admin:
        script = "".join(admin.get(f"{call.number}/curl", params={"keys": keys}).text for call in sent)
    assert (key in script) == (keys == "shown")
    environment = {**os.environ, "no_proxy": "*", **environment}
    subprocess.run(
        ["sh", "-e", "-c", script], check=True, cwd=tmp_path, env=environment, capture_output=True, timeout=60
    )
    repeated = [call for call in journal.calls if call.number > len(sent)]
    for call, again in zip(sent, repeated, strict=True):
        assert again.api_key == used
        head, second = call.request_head, again.request_head
        assert (second.method, second.path, second.query) == (head.method, head.path, head.query)
        assert (again.status, again.error_code) == (call.status, call.error_code)
        if call.request is None:
            assert again.body == call.body
        else:
            assert again.request is not None
            assert again.request.plain_values == call.request.plain_values
        if call.idempotency_key is None:
            assert (again.image_sha256, again.mask_sha256) == (call.image_sha256, call.mask_sha256)
        for name in ("accept", "idempotency-key", "content-type"):
            value = head.header(name)
            assert value is None or "boundary" in value or second.header(name) == value


def test_what_is_a_credential_is_left_out_of_copies(server: Any) -> None:
    key, signature = "ok_a-key-that-nobody-should-see", "s1gnature"
    server.call("GET", "/v1/balance", (("cookie", "session=1"), ("x-note", f"my key is {key}")), key=key)
    submit_json(server, image_url=f"{SOURCE}?signature={signature}")
    for number in (1, 2):
        for form in ("curl", "test", "body"):
            redacted, shown = (
                server.ask("GET", f"/journal/{number}/{form}{query}").response for query in ("", "?keys=shown")
            )
            for secret in (key, "session=1", signature):
                assert secret.encode() not in redacted.body
            assert (form == "body" and number == 1) or redacted.body != shown.body
    assert key.encode() in server.ask("GET", "/journal/1/curl?keys=shown").response.body
    assert signature.encode() in server.ask("GET", "/journal/2/test?keys=shown").response.body
