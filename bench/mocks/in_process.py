"""Calls a second in process, beside what httpx users mock with today."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx
import respx
from servers import KEY
from uploads import noise_file

from outpaint.functions.service.service import ServiceSettings
from outpaint.mocks.transports.httpx_transport import OutpaintTransport
from outpaint.mocks.transports.in_process import VENDOR_BASE_URL
from outpaint.mocks.transports.respx_router import OutpaintRouter
from outpaint.mocks.world.world import World

FIELDS = {"prompt": "a field of poppies", "count": "1", "mode": "async"}
SUBMIT = f"{VENDOR_BASE_URL}/painting/outpaint"
BALANCE = f"{VENDOR_BASE_URL}/balance"
_SECONDS = 2.0
_A_TEST = 50


@dataclass(frozen=True)
class Rate:
    """Calls a second, by the clock and by the processor's time."""

    name: str
    by_clock: float
    by_cpu: float


def measure() -> list[Rate]:
    """Every rate, each with a client of its own."""
    image = noise_file(0)
    rates: list[Rate] = []

    def measured(name: str, work: Callable[[], object], world: World | None = None) -> None:
        work()
        began, busy, calls = time.perf_counter(), time.process_time(), 0
        while time.perf_counter() - began < _SECONDS:
            work()
            calls += 1
            if world is not None and not calls % _A_TEST:
                world.reset()  # as between tests
        rates.append(Rate(name, calls / (time.perf_counter() - began), calls / (time.process_time() - busy)))

    def upload(client: httpx.Client) -> httpx.Response:
        return client.post(SUBMIT, files={"image": ("a.png", image, "image/png")}, data=FIELDS)

    def asserting(client: httpx.Client, world: World) -> None:
        assert upload(client).status_code == 202
        call = world.calls.last
        assert call.request is not None
        assert call.request.wish.prompt == FIELDS["prompt"]
        assert call.image_size == len(image)

    with httpx.Client(transport=httpx.MockTransport(_fixed), headers=KEY) as client:
        measured("httpx.MockTransport, balance", lambda: client.get(BALANCE))
        measured("httpx.MockTransport, upload", lambda: upload(client))
    with respx.mock(base_url=VENDOR_BASE_URL) as router, httpx.Client(headers=KEY) as client:
        router.get("/balance").respond(json={"credits": 1000})
        router.post("/painting/outpaint").respond(202, json={"data": []})
        measured("respx, balance", lambda: client.get(BALANCE))
        measured("respx, upload", lambda: upload(client))
    with respx.mock(base_url=VENDOR_BASE_URL) as router, httpx.Client(headers=KEY) as client:
        router.post("/painting/outpaint", files={"image": image}).respond(202, json={"data": []})
        measured("respx with its multipart matcher, upload", lambda: upload(client))
    world = _world()
    with OutpaintRouter(world), httpx.Client(headers=KEY) as client:
        measured("outpaint_api (respx), balance", lambda: client.get(BALANCE), world)
        measured("outpaint_api (respx), upload", lambda: upload(client), world)
        measured("outpaint_api (respx), upload and assertions", lambda: asserting(client, world), world)
    world = _world()
    with httpx.Client(transport=OutpaintTransport(world), headers=KEY) as client:
        measured("OutpaintTransport, balance", lambda: client.get(BALANCE), world)
        measured("OutpaintTransport, upload and assertions", lambda: asserting(client, world), world)
        measured("World.reset after 100 calls", _reset_of(world, client))
    return rates


def _reset_of(world: World, client: httpx.Client) -> Callable[[], None]:
    for _ in range(100):
        client.get(BALANCE)
    return world.reset


def _fixed(request: httpx.Request) -> httpx.Response:
    request.read()
    return httpx.Response(200, json={"credits": 1000})


def _world() -> World:
    return World(settings=ServiceSettings(rate_limit=10**9), credits=2**53)
