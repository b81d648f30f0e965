"""The journal: what came, as a test wants to ask for it."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from outpaint.contracts.requests import Upload, UrlSource
from outpaint.functions.http.application import Exchange
from outpaint.functions.service.admission import key_digest
from outpaint.mocks.scenarios.effect import On
from outpaint.mocks.world.recorded_call import Call
from outpaint.mocks.world.world import World


def test_a_call_is_parsed_and_its_pictures_are_decoded(api: Any, world: World, make_canvas: Any) -> None:
    sent = make_canvas((40, 20))
    inference_id = api.job("a lake", count="3", image=sent, headers=(("idempotency-key", "one"),))
    call = world.calls.submits.last
    assert call.request is not None
    assert (call.request.wish.prompt, call.request.wish.count) == ("a lake", 3)
    assert (call.method, call.path, call.api_key, call.idempotency_key) == (
        "POST",
        "/v1/painting/outpaint",
        "anyone",
        "one",
    )
    assert (call.image.size, call.image.mode, call.mask) == ((40, 20), "RGBA", None)
    assert call.keep_map.getpixel((0, 0)) == 0
    assert call.keep_map.getpixel((20, 10)) == 255
    assert (call.image_size, call.status, call.inference_id) == (len(sent), 202, inference_id)
    assert isinstance(call.request.image, Upload)
    assert call.request.image.data == sent
    assert call.body is not None
    assert call.body_size == len(call.body)
    assert call.json["inference_id"] == inference_id


def test_a_mask_is_read_as_the_service_reads_it(api: Any, world: World) -> None:
    mask = Image.new("L", (48, 32), 0)
    mask.paste(255, (0, 0, 24, 32))
    stream = BytesIO()
    mask.save(stream, "PNG")
    api.submit_files({"prompt": "a lake", "mask_mode": "inverted_luminance"}, {"mask_image": stream.getvalue()})
    call = world.calls.submits.last
    assert call.status == 202
    assert call.mask is not None
    assert call.mask.size == (48, 32)
    assert call.keep_map.getpixel((12, 16)) == 0
    assert call.keep_map.getpixel((30, 16)) == 255


def test_a_picture_behind_an_address_is_in_the_journal_too(api: Any, world: World) -> None:
    api.job(image=None, image_url="https://pictures.example/a.png")
    call = world.calls.submits.last
    assert call.request is not None
    assert call.request.image == UrlSource("https://pictures.example/a.png")
    assert call.image.mode == "RGBA"


def test_refused_calls_are_there_with_what_is_known_of_them(api: Any, world: World) -> None:
    api.submit(count="11")
    api.submit(image=b"no picture at all")
    api.submit(key="")
    counted, text, keyless = world.calls.submits
    assert (counted.status, counted.error_code, counted.request) == (422, "invalid_parameter", None)
    assert (text.status, text.error_code, text.image_size) == (415, "unsupported_image_type", 17)
    assert (keyless.status, keyless.error_code, keyless.account_id) == (401, "missing_key", None)
    with pytest.raises(LookupError, match="brought no image"):
        _ = counted.image
    world.calls.assert_call_count(3)


def test_calls_are_sorted_by_what_they_are(api: Any, world: World) -> None:
    inference_id = api.job()
    api.balance(key="another")
    url = json.loads(api.poll(inference_id).body)["data"][0]["url"]
    api.get(url, key="")
    api.get("/v1/painting")
    calls = world.calls
    assert [call.route for call in calls] == [On.SUBMIT, On.BALANCE, On.POLL, On.FILE, None]
    assert [len(some) for some in (calls.submits, calls.polls, calls.balances, calls.files)] == [1, 1, 1, 1]
    assert [call.route for call in calls.of_job(inference_id)] == [On.SUBMIT, On.POLL, On.FILE]
    assert len(calls.of_key("another")) == 1
    assert len(calls.with_status(202)) == 1
    assert len(calls[1:3]) == 2
    assert calls.where(lambda call: call.path == "/v1/painting").first is calls[-1]
    assert [call.number for call in calls] == [1, 2, 3, 4, 5]
    assert calls.first.at == calls.last.answered_at == world.clock.now()


def test_assertions_pass_where_calls_are_as_expected(api: Any, world: World) -> None:
    world.calls.assert_not_called()
    api.job("a lake", headers=(("x-trace", "7"),))
    calls = world.calls.submits
    calls.assert_called_once()
    assert calls.assert_called_with(prompt="a lake", count=2, status=202, headers={"X-Trace": "7"}) is calls.last
    calls.assert_called_with(prompt=lambda prompt: prompt.startswith("a "), api_key="anyone")


def test_a_near_miss_is_explained(api: Any, world: World) -> None:
    api.job("a forest", count="1")
    api.job("a lake", count="1")
    with pytest.raises(AssertionError) as caught:
        world.calls.submits.assert_called_with(prompt="a lake", count=3, format="JPG", headers={"x-trace": "7"})
    assert str(caught.value) == (
        "none of 2 submits came like that; "
        "the closest is #2 POST /v1/painting/outpaint prompt='a lake' count=1 -> 202\n"
        "  count: expected 3, was 1\n"
        "  header x-trace: expected '7', was None\n"
        "  as expected: prompt, format"
    )


@pytest.mark.parametrize(
    ("check", "says"),
    [
        (lambda calls: calls.polls.assert_called(), "no poll came"),
        (lambda calls: calls.polls.assert_called_with(status=200), "no poll came"),
        (lambda calls: calls.polls.last, "no poll came"),
        (lambda calls: calls.submits.assert_not_called(), "no submit was expected, 1 came:\n  #1 POST"),
        (lambda calls: calls.submits.assert_call_count(2), "2 submits were expected, 1 came:\n  #1 POST"),
    ],
)
def test_what_was_not_called_fails_in_words(api: Any, world: World, check: Callable[[Any], Any], says: str) -> None:
    api.job()
    with pytest.raises(AssertionError, match=says):
        check(world.calls)


def test_a_name_that_no_call_has_is_a_mistake_of_the_test(api: Any, world: World) -> None:
    api.job()
    with pytest.raises(TypeError, match="a call has no promt"):
        world.calls.assert_called_with(promt="a lake")


def test_the_journal_is_bounded_and_keeps_digests(caller: Callable[..., Any], make_canvas: Any) -> None:
    world = World(max_calls=5, body_bytes=3000)
    api = caller(world)
    image = make_canvas((300, 300))
    for _ in range(9):
        api.job(image=image)
    assert [call.number for call in world.calls] == [5, 6, 7, 8, 9]
    assert world.journal.total == 9
    assert sum(len(call.body or b"") for call in world.calls) <= 3000
    old = world.calls[0]
    assert old.body is None
    assert old.body_size > len(image)
    assert old.request is not None
    assert isinstance(old.request.image, Upload)
    assert (old.request.wish.prompt, old.request.image.data, old.image.size) == ("a field", b"", (300, 300))


def test_a_journal_without_bodies_keeps_none(caller: Callable[..., Any]) -> None:
    world = World(body_bytes=0)
    api = caller(world)
    url = json.loads(api.submit(mode="sync", format="PNG", image=None, image_url="https://a.example/").body)["data"][0]
    assert len(api.get(url["url"], key="").body) > 1000
    assert [call.body for call in world.calls] == [None, None]
    response = world.calls.files.last.response
    assert response is not None
    assert (response.body, world.calls.files.last.status) == (b"", 200)
    assert world.calls.submits.last.json["status"] == "success"


def test_whoever_follows_hears_of_each_call_twice(api: Any, world: World) -> None:
    heard: list[tuple[int, int | None]] = []
    unsubscribe = world.journal.on_call(lambda call: heard.append((call.number, call.status)))
    api.balance()
    unsubscribe()
    api.balance()
    assert heard == [(1, None), (1, 200)]
    assert [call.number for call in world.journal.since(1)] == [2]
    found = world.journal.find(2)
    assert isinstance(found, Call)
    assert world.journal.find(3) is None


class TestKeys:
    KEY = "ok_a-key-that-nobody-should-see-in-a-log"

    def test_are_in_no_text_of_a_call(self, caller: Callable[..., Any], world: World) -> None:
        caller(world, key=self.KEY).job("a lake", headers=(("authorization", f"Bearer {self.KEY}"), ("cookie", "a=b")))
        call = world.calls.last
        assert call.api_key == self.KEY
        for text in (repr(call), str(call), repr(call.request_head), repr(world.calls), repr(call.response)):
            assert self.KEY not in text
        assert call.request_head.header("authorization") == f"Bearer {self.KEY}"

    def test_are_told_apart_by_id_where_an_assertion_fails(self, caller: Callable[..., Any], world: World) -> None:
        caller(world, key=self.KEY).get("/v1/balance", headers=(("cookie", "session=1"),))
        calls = world.calls
        assert len(calls.of_key(self.KEY)) == 1
        calls.assert_called_with(api_key=self.KEY, headers={"X-Picsart-API-Key": self.KEY})
        for expected in ({"api_key": "other"}, {"headers": {"X-Picsart-API-Key": "other", "Cookie": "session=2"}}):
            with pytest.raises(AssertionError) as failed:
                calls.assert_called_with(**expected)
            said = str(failed.value)
            assert f"expected 'key {key_digest('other')[:8]}', was 'key {key_digest(self.KEY)[:8]}'" in said
            assert self.KEY not in said
            assert "session=" not in said


@pytest.mark.parametrize("cut", [0, 60, None], ids=["empty", "damaged", "good"])
def test_a_call_leaves_nothing_for_the_garbage_collector(api: Any, make_canvas: Any, cut: int | None) -> None:
    """A cycle would keep its body until the collector comes, which is seldom in a process of many objects."""
    gc.collect()
    gc.disable()
    try:
        api.submit(image=make_canvas((40, 20))[:cut])
        assert not [one for one in gc.get_objects() if isinstance(one, Exchange)]
    finally:
        gc.enable()
