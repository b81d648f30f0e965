"""What goes wrong on the wire: what the fault says, and what happened behind it."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from outpaint.mocks.world.mock_answers import Break, WireFault
from outpaint.mocks.world.world import World


def meant(text: str) -> dict[str, Any]:
    return {"headers": (("x-mock-scenario", text),)}


def picture_url(api: Any, text: str) -> str:
    """The URL of a result whose fetch meets this trouble."""
    return str(json.loads(api.submit(mode="sync", format="PNG", **meant(text)).body)["data"][0]["url"])


@pytest.mark.parametrize("text", ["refuse", "reset(before)", "refuse(on=submit)"])
def test_nothing_happens_behind_a_connection_that_never_was(api: Any, world: World, text: str) -> None:
    answer = api.submit(**meant(text))
    assert answer.fault is not None
    assert not answer.fault.answers
    assert world.pending == ()
    assert api.balance() == 1000
    assert world.calls.submits.last.status is None
    assert world.calls.submits.last.effects == (text,)


@pytest.mark.parametrize("prompt", ["mock_refuse a lake", "mock_reset_before"])
def test_a_magic_prompt_breaks_the_connection_too(api: Any, world: World, prompt: str) -> None:
    assert not api.submit(prompt).fault.answers
    assert api.balance() == 1000


def test_a_reset_after_the_request_leaves_a_job_behind(api: Any, world: World) -> None:
    answer = api.submit(headers=(("x-mock-scenario", "reset(after)"), ("idempotency-key", "one")))
    assert answer.fault == WireFault(Break.AFTER)
    assert api.balance() == 998
    again = api.submit(headers=(("idempotency-key", "one"),))
    assert again.header("Idempotent-Replayed") == "true"
    assert json.loads(again.body)["inference_id"] == world.calls.submits.first.inference_id
    assert api.balance() == 998


def test_a_reset_during_the_answer_sends_half_of_it(api: Any) -> None:
    answer = api.submit(**meant("reset(during)"))
    assert answer.fault == WireFault(Break.DURING, sent=len(answer.body) // 2)
    assert answer.fault.visible(answer.body) == answer.body[: len(answer.body) // 2]


def test_a_picture_cut_honestly_looks_complete_on_the_wire(api: Any, world: World) -> None:
    url = picture_url(api, "immediate")
    whole = api.get(url, key="").body
    world.scenarios.next("cut(100)")
    answer = api.get(url, key="")
    assert (answer.status, answer.fault) == (200, None)
    assert (answer.body, answer.header("Content-Length")) == (whole[:100], "100")


def test_a_picture_cut_with_a_lie_declares_the_whole(api: Any) -> None:
    answer = api.get(picture_url(api, "cut(100, lying)"), key="")
    assert answer.fault == WireFault(Break.SHORT, sent=100)
    assert answer.header("Content-Length") == str(len(answer.body))
    assert len(answer.fault.visible(answer.body)) == 100


def test_a_cut_behind_the_end_cuts_nothing(api: Any) -> None:
    answer = api.get(picture_url(api, "cut(100000000, lying)"), key="")
    assert answer.fault is None
    assert int(answer.header("Content-Length")) == len(answer.body) > 100


def test_a_drip_has_a_pace_in_virtual_time(api: Any) -> None:
    answer = api.get(picture_url(api, "drip(2000)"), key="")
    assert answer.fault == WireFault(bytes_per_second=2000)
    assert answer.fault.visible(answer.body) == answer.body


def test_a_content_type_may_lie(api: Any) -> None:
    answer = api.get(picture_url(api, 'content_type("text/html")'), key="")
    assert [value for name, value in answer.headers if name == "Content-Type"] == ["text/html"]
    assert answer.body.startswith(b"\x89PNG")


@pytest.mark.parametrize("text", ["wrong_shape(on=submit)", "wrong_shape"])
def test_json_of_the_wrong_shape_hides_a_real_job(api: Any, world: World, text: str) -> None:
    answer = api.submit(**meant(text))
    assert answer.status == 202
    assert answer.header("Content-Length") == str(len(answer.body))
    assert not {"inference_id", "status", "detail"} & set(json.loads(answer.body))
    assert api.balance() == 998
    assert api.words(world.calls.submits.last.inference_id, 1) == ["success"]


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_gateway_answers_with_a_page_and_asks_nobody(api: Any, world: World, status: int) -> None:
    answer = api.submit(**meant(f"gateway({status})"))
    assert answer.status == status
    assert answer.header("Content-Type") == "text/html"
    assert answer.body.startswith(b"<html>")
    assert answer.header("X-Picsart-Correlation-Id") is None
    assert world.calls.submits.last.body_size > 0
    world.scenarios.next("gateway", on="poll")
    assert api.get("/v1/painting/anything").status == 502
    assert api.balance() == 1000


def test_latency_is_virtual_and_drawn_from_a_seed(api: Any, world: World) -> None:
    assert api.submit(**meant("latency(0.3)")).latency == 0.3
    world.scenarios.always("latency(lognormal, median=0.2, sigma=0.5)")
    drawn = [api.get("/v1/balance").latency for _ in range(400)]
    assert sorted(drawn)[200] == pytest.approx(0.2, rel=0.15)
    assert len(set(drawn)) == 400
    world.scenarios.always("latency(uniform, low=1, high=2)")
    drawn = [api.get("/v1/balance").latency for _ in range(400)]
    assert 1 <= min(drawn) < 1.1
    assert 1.9 < max(drawn) <= 2
    world.scenarios.always("latency(exponential, median=3)")
    assert sorted(api.get("/v1/balance").latency for _ in range(400))[200] == pytest.approx(3, rel=0.3)


def test_a_slow_source_makes_a_slow_answer(api: Any, world: World) -> None:
    world.sources.register("https://pictures.example/slow.png", seconds=4)
    answer = api.submit(image=None, image_url="https://pictures.example/slow.png")
    assert (answer.status, answer.latency) == (202, 4)
    world.sources.register("https://pictures.example/slow.png", seconds=400)
    answer = api.submit(image=None, image_url="https://pictures.example/slow.png")
    assert (answer.status, answer.latency) == (422, 20)
    assert json.loads(answer.body)["error_code"] == "source_unavailable"


@pytest.mark.parametrize("on", ["submit", "poll", "balance", "file", "any"])
def test_on_says_which_calls_are_touched(api: Any, world: World, on: str) -> None:
    inference_id = api.job()
    url = str(json.loads(api.poll(inference_id).body)["data"][0]["url"])
    world.scenarios.always("refuse", on=on)
    touched = {
        "submit": api.submit(),
        "poll": api.poll(inference_id),
        "balance": api.get("/v1/balance"),
        "file": api.get(url, key=""),
    }
    broken = {name for name, answer in touched.items() if answer.fault is not None}
    assert broken == (set(touched) if on == "any" else {on})
    assert api.get("/health").fault is None


def test_a_whole_picture_is_what_it_should_be(api: Any, make_canvas: Any) -> None:
    sent = make_canvas((40, 24))
    body = json.loads(api.submit(mode="sync", format="PNG", count="3", image=sent).body)
    assert len(body["data"]) == 3
    before = Image.open(BytesIO(sent))
    for picture in body["data"]:
        after = Image.open(BytesIO(api.get(picture["url"], key="").body))
        assert (after.format, after.size, after.mode) == ("PNG", (40, 24), "RGB")
        box = (10, 6, 30, 18)
        assert after.crop(box).tobytes() == before.convert("RGB").crop(box).tobytes()
