"""The guard that keeps a test from the vendor's own host."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any

import aiohttp
import httpx
import pytest
import requests
import urllib3

from outpaint.mocks.transports.respx_router import OutpaintRouter
from outpaint.mocks.transports.vendor_guard import RealCallError, VendorGuard
from outpaint.mocks.world.world import World

HOST = "genai-api.picsart.io"
URL = f"https://{HOST}/v1/balance"


async def _by_aiohttp() -> None:
    async with aiohttp.ClientSession() as session, session.get(URL):
        pass


async def _by_httpx() -> None:
    async with httpx.AsyncClient() as client:
        await client.get(URL)


CALLS: dict[str, Callable[[], Any]] = {
    "httpx": lambda: httpx.get(URL),
    "httpx, async": lambda: asyncio.run(_by_httpx()),
    "requests": lambda: requests.get(URL),
    "urllib3": lambda: urllib3.request("GET", URL, retries=False),
    "aiohttp": lambda: asyncio.run(_by_aiohttp()),
    "a socket": lambda: socket.create_connection((HOST, 443)),
    "an old look-up": lambda: socket.gethostbyname(HOST),
    "an old look-up, in full": lambda: socket.gethostbyname_ex(HOST),
    "a socket by name": lambda: socket.socket().connect((f"{HOST.upper()}.", 443)),
}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("call", CALLS)
def test_a_call_to_the_vendor_fails_in_words(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(RealCallError, match="no mock answered the client"), VendorGuard():
        CALLS[call]()


async def _by_aiohttp_and_proxy() -> None:
    async with aiohttp.ClientSession(trust_env=True) as session, session.get(URL):
        pass


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize(
    "call",
    [lambda: httpx.get(URL), lambda: asyncio.run(_by_httpx()), lambda: asyncio.run(_by_aiohttp_and_proxy())],
    ids=["httpx", "httpx, async", "aiohttp"],
)
def test_a_proxy_of_the_environment_is_not_asked(call: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """These clients make tunnels by themselves, which nobody sees."""
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.setblocking(False)
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with pytest.raises(RealCallError, match=HOST), VendorGuard():
            call()
        with pytest.raises(BlockingIOError):
            proxy.accept()


def test_a_tunnel_through_a_proxy_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with pytest.raises(RealCallError, match=HOST), VendorGuard():
            requests.get(URL)


def test_a_client_that_swallows_errors_does_not_get_away_with_it() -> None:
    def careless() -> None:
        with contextlib.suppress(Exception):
            socket.getaddrinfo(HOST, 443)

    with (
        pytest.raises(RealCallError, match=r"real connections were tried: genai-api\.picsart\.io"),
        VendorGuard() as guard,
    ):
        careless()
    assert guard.attempts == (HOST,)


def test_everything_else_goes_on_as_before(world: World) -> None:
    real = (socket.getaddrinfo, socket.socket.connect)
    with VendorGuard(), OutpaintRouter(world), socket.create_server(("127.0.0.1", 0)) as listener:
        assert httpx.get(URL, headers={"X-Picsart-API-Key": "any"}).status_code == 200
        socket.create_connection(listener.getsockname()).close()
        with socket.socket() as one:
            assert one.connect_ex(listener.getsockname()) == 0
        assert socket.getaddrinfo("localhost", 80)
    assert (socket.getaddrinfo, socket.socket.connect) == real


def test_other_hosts_can_be_guarded() -> None:
    with pytest.raises(RealCallError, match=r"staging\.test"), VendorGuard(["https://staging.test/v1"]):
        socket.getaddrinfo(b"staging.test", 443)
