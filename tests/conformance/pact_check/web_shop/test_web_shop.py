"""The tests of a small web shop that grows product photos: what a consumer's suite looks like, and its pact's source.

They know the mock and the shop's own client, and nothing of Pact.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

KEY = "web-shops-secret-key-4711"


class Shop:
    """The shop's client of the API."""

    def __init__(self, sleep: Callable[[float], object]) -> None:
        self._sleep = sleep
        self.api = httpx.Client(base_url="https://genai-api.picsart.io/v1", headers={"X-Picsart-API-Key": KEY})

    def grow(self, photo: bytes, mask: bytes | None = None, **wishes: Any) -> httpx.Response:
        """Finished pictures, or the failed answer."""
        files = {"image": ("photo.png", photo, "image/png")}
        if mask is not None:
            files["mask_image"] = ("mask.png", mask, "image/png")
        return self._finished(self._submit(files=files, data={"prompt": "a marble table", **wishes}))

    def grow_from(self, address: str, **wishes: Any) -> httpx.Response:
        """The same of a photo that lies on the web."""
        return self._finished(self._submit(data={"image_url": address, "prompt": "a marble table", **wishes}))

    def _submit(self, **sent: Any) -> httpx.Response:
        return self.api.post("/painting/outpaint", headers={"Idempotency-Key": str(uuid.uuid4())}, **sent)

    def _finished(self, answer: httpx.Response) -> httpx.Response:
        while answer.status_code == 202:
            self._sleep(float(answer.headers["Retry-After"]))
            answer = self.api.get(f"/painting/{answer.json()['inference_id']}")
        return answer


@pytest.fixture
def shop(outpaint_api: Any, outpaint_world: Any) -> Shop:
    return Shop(outpaint_world.clock.advance)


def photo(mode: str = "RGBA") -> bytes:
    picture = Image.new(mode, (64, 64), (0,) * len(mode))
    picture.paste((200, 40, 40, 255)[: len(mode)], (16, 16, 48, 48))
    file = BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def mask() -> bytes:
    picture = Image.new("L", (64, 64), 0)
    picture.paste(255, (16, 16, 48, 48))
    file = BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def test_a_photo_grows_at_once(shop: Shop) -> None:
    done = shop.grow(photo(), count=1, format="PNG")
    picture = httpx.get(done.json()["data"][0]["url"])
    assert picture.headers["Content-Type"] == "image/png"
    assert picture.content.startswith(b"\x89PNG")


def test_two_photos_grow_with_a_mask_while_the_shop_waits(shop: Shop, outpaint_world: Any) -> None:
    outpaint_world.scenarios.next("polls(2)")
    done = shop.grow(photo("RGB"), mask(), count=2, mode="async")
    assert len(done.json()["data"]) == 2


def test_a_photo_of_the_web_takes_long(shop: Shop, outpaint_world: Any) -> None:
    outpaint_world.scenarios.next("polls(1)")
    assert shop.grow_from("https://shop.example/lamp.png?X-Amz-Signature=f00d", count=1).json()["status"] == "success"


def test_a_job_that_failed_is_told(shop: Shop, outpaint_world: Any) -> None:
    outpaint_world.scenarios.next("fail_after_polls(1, painting_failed)")
    assert shop.grow(photo(), count=1, mode="async").json()["error_code"] == "painting_failed"


@pytest.mark.outpaint(credits=1)
def test_without_credits_nothing_is_bought(shop: Shop) -> None:
    assert shop.api.get("/balance").json() == {"credits": 1}
    assert shop.grow(photo(), count=2).status_code == 402


def test_a_wish_that_cannot_be_is_explained(shop: Shop) -> None:
    refused = shop.grow(photo(), count=11)
    assert (refused.status_code, refused.json()["field"]) == (422, "count")


def test_too_many_requests_are_told(shop: Shop, outpaint_world: Any) -> None:
    outpaint_world.scenarios.next("error(rate_limited)")
    assert int(shop.api.get("/balance").headers["X-Picsart-Ratelimit-Reset-Time"]) > 0


def test_a_service_that_is_down_is_told(shop: Shop, outpaint_world: Any) -> None:
    outpaint_world.scenarios.next("error(unavailable)")
    assert shop.grow(photo(), count=1).status_code == 503


def test_an_old_link_has_expired(shop: Shop, outpaint_world: Any) -> None:
    url = shop.grow(photo(), count=1, format="PNG").json()["data"][0]["url"]
    outpaint_world.clock.advance(hours=25)
    assert httpx.get(url).status_code == 403


def test_a_key_that_nobody_has_is_refused(shop: Shop, outpaint_world: Any) -> None:
    outpaint_world.scenarios.next("error(unknown_key)")
    assert shop.api.get("/balance").status_code == 401


def test_a_gateway_before_the_service_may_fail(shop: Shop, outpaint_world: Any) -> None:
    outpaint_world.scenarios.next("gateway(502)")
    assert shop.api.get("/balance").status_code == 502


@pytest.mark.outpaint(pact=False)
def test_how_the_shop_behaves_is_nobodys_contract(shop: Shop) -> None:
    assert shop.api.get("/painting/no-such-job").status_code == 404
