"""What takes long at the mock over TCP: addresses that are really fetched, and files that are painted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from uuid import uuid4

import httpx
from PIL import Image

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.responses import PainterCard
from outpaint.mocks.transports.tcp_server import ThreadServer
from outpaint.mocks.world.world import Studio, World
from outpaint.painting.canvas import Brief, Canvas
from outpaint.painting.painters.flat import FlatPainter

KEY = {"X-Picsart-API-Key": "anyone"}


def picture(size: tuple[int, int]) -> bytes:
    """A PNG of noise, which hardly compresses, with a transparent border."""
    noise = Image.effect_noise(size, 90).convert("RGB")
    alpha = Image.new("L", size, 0)
    alpha.paste(255, (size[0] // 4, size[1] // 4, size[0], size[1]))
    noise.putalpha(alpha)
    stream = BytesIO()
    noise.save(stream, "PNG", compress_level=0)
    return stream.getvalue()


SMALL = picture((32, 32))


class HeldFetch:
    """Really fetches, so to speak: its pictures come when it is told so."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go = threading.Event()

    def fetch(self, url: str, *, max_bytes: int, timeout: float, field: str) -> bytes:
        self.begun.release()
        assert self.go.wait(30)
        if url.endswith("gone.png"):
            raise OutpaintError.wrong_value(field, url, "it is gone", code=ErrorCode.SOURCE_UNAVAILABLE)
        return SMALL


class HeldPainter:
    """The flat painter, which begins when it is told so."""

    def __init__(self) -> None:
        self._flat = FlatPainter()
        self.begun = threading.Semaphore(0)
        self.go = threading.Event()

    @property
    def card(self) -> PainterCard:
        return self._flat.card

    def paint(self, canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        self.begun.release()
        assert self.go.wait(30)
        return self._flat.paint(canvas, brief)


def test_addresses_that_are_really_fetched_hold_up_no_other_call_of_their_world(server: ThreadServer) -> None:
    slow = HeldFetch()
    with (
        ThreadPoolExecutor(20) as clients,
        server.serving(World(uuid4().hex, live=slow)) as served,
        httpx.Client(base_url=served.base_url, headers=KEY, timeout=30, verify=False) as client,
    ):
        fields = {"prompt": "a lake", "count": 1}
        form = {name: (None, str(value)) for name, value in fields.items()}

        def by_address(name: str) -> httpx.Response:
            body = {**fields, "image_url": f"https://pictures.example/{name}.png"}
            return httpx.post(f"{served.base_url}/painting/outpaint", json=body, headers=KEY, timeout=30, verify=False)

        try:
            # More than there are threads for other calls.
            waiting = [clients.submit(by_address, f"slow{number}") for number in range(12)]
            gone = clients.submit(by_address, "gone")
            for _ in range(13):
                assert slow.begun.acquire(timeout=30)
            finished = client.post("/painting/outpaint", files={**form, "image": ("a.png", SMALL)}).json()
            assert client.get(f"/painting/{finished['inference_id']}").status_code == 200
            assert client.get(finished["data"][0]["url"]).status_code == 200
            assert not any(one.done() for one in waiting)
        finally:
            slow.go.set()
        assert {one.result().status_code for one in waiting} == {200}
        assert (gone.result().status_code, gone.result().json()["error_code"]) == (422, "source_unavailable")
        assert len({one.result().json()["inference_id"] for one in waiting}) == 12


def test_files_that_are_painted_hold_up_no_large_submit(server: ThreadServer) -> None:
    painter = HeldPainter()
    with (
        ThreadPoolExecutor(20) as clients,
        server.serving(World(uuid4().hex, studio=Studio(painter))) as served,
        httpx.Client(base_url=served.base_url, headers=KEY, timeout=30, verify=False) as client,
    ):
        large = picture((1000, 700))
        assert len(large) > 1024 * 1024

        def submitted() -> httpx.Response:
            form = {"prompt": (None, "a lake"), "count": (None, "10"), "image": ("a.png", large)}
            return client.post("/painting/outpaint", files=form)

        try:
            files = [item["url"] for item in submitted().json()["data"]]
            downloads = [clients.submit(httpx.get, url, timeout=30, verify=False) for url in files]
            assert painter.begun.acquire(timeout=30)
            assert submitted().status_code == 200
            assert not any(one.done() for one in downloads)
        finally:
            painter.go.set()
        assert {one.result().status_code for one in downloads} == {200}
