"""One kind of caller over every transport: what a client sees, whichever library it uses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from uuid import uuid4

import httpx
import httpx2
import pytest
from PIL import Image

from outpaint.mocks.transports.httpx2_patch import Httpx2Transport as OutpaintTransport2
from outpaint.mocks.transports.httpx2_patch import OutpaintPatch
from outpaint.mocks.transports.httpx_transport import OutpaintTransport
from outpaint.mocks.transports.in_process import VENDOR_BASE_URL
from outpaint.mocks.transports.respx_router import OutpaintRouter
from outpaint.mocks.transports.tcp_server import ThreadServer, thread_server
from outpaint.mocks.world.virtual_clock import VirtualClock
from outpaint.mocks.world.world import World

TRANSPORTS = ("respx", "respx-async", "httpx-transport", "httpx-transport-async", "httpx2", "httpx2-async", "tcp")
IN_PROCESS = tuple(transport for transport in TRANSPORTS if transport != "tcp")


def canvas(size: tuple[int, int] = (96, 64)) -> bytes:
    """A PNG of noise whose border is open: its results are files of some size."""
    picture = Image.effect_noise(size, 90).convert("RGBA")
    alpha = Image.new("L", size, 0)
    alpha.paste(255, (size[0] // 4, size[1] // 4, 3 * size[0] // 4, 3 * size[1] // 4))
    picture.putalpha(alpha)
    stream = BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


CANVAS = canvas()


@dataclass
class Transport:
    """A world and a way to it; `library` is httpx or httpx2, whose errors are raised."""

    name: str
    world: World
    base_url: str
    library: Any
    send: Callable[..., Any]

    def call(self, method: str, path: str, **rest: Any) -> Any:
        """A response, read to its end; absolute URLs stay."""
        url = path if path.startswith("http") else self.base_url + path
        rest.setdefault("headers", {})
        rest["headers"] = {"X-Picsart-API-Key": "anyone", **rest["headers"]}
        return self.send(method, url, **rest)

    def balance(self, **rest: Any) -> Any:
        return self.call("GET", "/balance", **rest)

    def submit(self, prompt: str = "a field", *, image: bytes = CANVAS, **rest: Any) -> Any:
        fields = {"prompt": prompt, "count": "1", "format": "PNG"} | rest.pop("fields", {})
        return self.call("POST", "/painting/outpaint", data=fields, files={"image": ("a.png", image)}, **rest)

    def poll(self, inference_id: str, **rest: Any) -> Any:
        return self.call("GET", f"/painting/{inference_id}", **rest)

    def result(self) -> str:
        """The URL of a finished picture."""
        url: str = self.submit().json()["data"][0]["url"]
        return url


def _sync(client: Callable[[], Any]) -> Callable[..., Any]:
    def send(method: str, url: str, **rest: Any) -> Any:
        with client() as opened:
            return opened.request(method, url, **rest)

    return send


def _async(client: Callable[[], Any]) -> Callable[..., Any]:
    def send(method: str, url: str, **rest: Any) -> Any:
        async def go() -> Any:
            async with client() as opened:
                return await opened.request(method, url, **rest)

        return asyncio.run(go())

    return send


@contextmanager
def open_transport(name: str, world: World, server: ThreadServer) -> Iterator[Transport]:
    """A transport by its name."""
    if name == "tcp":
        with server.serving(world) as served:
            yield Transport(name, world, served.base_url, httpx, _sync(httpx.Client))
        return
    wrap = _async if name.endswith("-async") else _sync
    library = httpx2 if name.startswith("httpx2") else httpx
    kind = "AsyncClient" if name.endswith("-async") else "Client"
    client = getattr(library, kind)
    if name.startswith("httpx-transport"):
        transport = OutpaintTransport(world)
        yield Transport(name, world, VENDOR_BASE_URL, library, wrap(lambda: client(transport=transport)))
    elif library is httpx2:
        with OutpaintPatch(world):
            yield Transport(name, world, VENDOR_BASE_URL, library, wrap(client))
    else:
        with OutpaintRouter(world):
            yield Transport(name, world, VENDOR_BASE_URL, library, wrap(client))


@pytest.fixture(scope="session")
def server() -> Iterator[ThreadServer]:
    with thread_server() as running:
        yield running


@pytest.fixture
def world() -> World:
    return World(uuid4().hex)


@pytest.fixture
def going() -> World:
    """A world whose clock goes by itself, a hundred times as fast as time."""
    return World(uuid4().hex, clock=VirtualClock.ticking(scale=100))


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest, world: World, server: ThreadServer) -> Iterator[Transport]:
    with open_transport(request.param, world, server) as opened:
        yield opened


@pytest.fixture(params=IN_PROCESS)
def near(request: pytest.FixtureRequest, world: World, server: ThreadServer) -> Iterator[Transport]:
    with open_transport(request.param, world, server) as opened:
        yield opened


@pytest.fixture(params=TRANSPORTS)
def lively(request: pytest.FixtureRequest, going: World, server: ThreadServer) -> Iterator[Transport]:
    with open_transport(request.param, going, server) as opened:
        yield opened


@pytest.fixture
def far(world: World, server: ThreadServer) -> Iterator[Transport]:
    with open_transport("tcp", world, server) as opened:
        yield opened


@pytest.fixture
def transport2(world: World) -> OutpaintTransport2:
    return OutpaintTransport2(world)
