"""Pictures behind addresses, without a network."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.mocks.world.web_sources import picture_for
from outpaint.mocks.world.world import World

URL = "https://pictures.example/a.png"


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever would leave the machine fails the test, and is looked for by it."""
    tried: list[object] = []

    def refuse(self: socket.socket, address: object) -> None:
        tried.append(address)
        raise OSError("no network in this test")

    real = socket.getaddrinfo

    def numbers_only(host: Any, *more: Any, **named: Any) -> Any:
        if not named.get("flags", 0) & socket.AI_NUMERICHOST:
            tried.append(host)
        return real(host, *more, **named)

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", numbers_only)
    yield
    assert tried == []


def by_url(api: Any, url: str) -> Any:
    return api.submit(image=None, image_url=url, mode="sync", format="PNG")


def test_an_unknown_address_stands_for_a_picture_that_can_be_outpainted(api: Any) -> None:
    answer = by_url(api, URL)
    body = json.loads(answer.body)
    assert answer.status == 200
    assert body["mask_interpretation"]["source"] == "image_alpha"
    result = Image.open(BytesIO(api.get(body["data"][0]["url"], key="").body))
    source = Image.open(BytesIO(picture_for(URL)))
    assert result.size == source.size
    box = (source.width // 8, source.height // 8, 7 * source.width // 8, 7 * source.height // 8)
    assert result.crop(box).tobytes() == source.convert("RGB").crop(box).tobytes()


def test_the_same_address_is_the_same_picture_and_another_is_another() -> None:
    pictures = {picture_for(f"https://pictures.example/{number}") for number in range(50)}
    assert len(pictures) == 50
    assert picture_for(URL) == picture_for(URL)
    assert {Image.open(BytesIO(data)).size for data in pictures} == {(512, 384)}


@pytest.mark.parametrize("number", range(8))
def test_an_unknown_image_and_mask_of_one_request_fit(api: Any, number: int) -> None:
    answer = api.submit(
        image=None, image_url=f"https://pictures.example/{number}", mask_url="https://example.com/mask.png"
    )
    assert answer.status == 202, answer.body


@pytest.mark.parametrize(
    "url", ["http://pictures.example/a", "https://127.0.0.1/a", "https://10.1.2.3/", "https://localhost/a", "a.png"]
)
def test_an_address_that_the_service_refuses_is_refused(api: Any, url: str) -> None:
    body = json.loads(by_url(api, url).body)
    assert (body["code"], body["error_code"], body["field"]) == (422, "source_refused", "image_url")


def test_a_test_registers_bytes_a_status_a_slow_one_and_a_broken_one(api: Any, world: World, make_canvas: Any) -> None:
    data = make_canvas((64, 20))
    world.sources.register(URL, data)
    assert by_url(api, URL).status == 200
    assert world.calls.last.image.size == (64, 20)
    world.sources.register(URL, status=404)
    missing = json.loads(by_url(api, URL).body)
    assert missing["error_code"] == "source_unavailable"
    assert "404" in missing["detail"]
    world.sources.register(URL, broken=True)
    assert json.loads(by_url(api, URL).body)["error_code"] == "source_unavailable"
    world.sources.register(URL, b"<html>")
    assert json.loads(by_url(api, URL).body)["error_code"] == "unsupported_image_type"
    world.sources.register(URL, b"x" * (32 * 1024 * 1024 + 1))
    assert json.loads(by_url(api, URL).body)["error_code"] == "file_too_large"
    assert [source.fetched for source in world.sources.registered] == [1]
    world.sources.forget(URL)
    assert by_url(api, URL).status == 200


@pytest.mark.parametrize("wrong", [{"status": 99}, {"status": True}, {"seconds": -1.0}, {"seconds": float("nan")}])
def test_what_cannot_stand_behind_an_address_is_refused(world: World, wrong: dict[str, Any]) -> None:
    with pytest.raises(OutpaintError) as caught:
        world.sources.register(URL, **wrong)
    assert caught.value.code is ErrorCode.INVALID_PARAMETER
    assert world.sources.registered == ()


def test_live_fetching_is_for_those_who_ask_for_it(caller: Any, make_canvas: Any) -> None:
    asked: list[str] = []

    class Live:
        def fetch(self, url: str, *, max_bytes: int, timeout: float, field: str) -> bytes:
            asked.append(url)
            return make_canvas((20, 64))  # type: ignore[no-any-return]

    world = World(live=Live())
    world.sources.register("https://own.example/", make_canvas((30, 30)))
    api = caller(world)
    by_url(api, "https://own.example/")
    by_url(api, URL)
    assert asked == [URL]
    assert world.calls.last.image.size == (20, 64)
