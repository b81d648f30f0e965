"""The mock as a provider of the cases, by each of its transports: respx, httpx2 and TCP."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import httpx2

from outpaint.conformance.proving.expectations import NotOffered
from outpaint.conformance.proving.provider import Need, NewAccounts, Provider
from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.paths_and_headers import MAX_WAIT
from outpaint.contracts.profiles import WireProfile
from outpaint.functions.service.admission import key_digest
from outpaint.functions.service.records import Account
from outpaint.functions.service.service import ServiceSettings
from outpaint.mocks.scenarios.job_effects import Fail
from outpaint.mocks.transports.httpx2_patch import OutpaintPatch
from outpaint.mocks.transports.respx_router import OutpaintRouter
from outpaint.mocks.transports.tcp_server import ThreadServer, thread_server
from outpaint.mocks.world.virtual_clock import VirtualClock
from outpaint.mocks.world.world import World

_NUMBERS = itertools.count(1)


class MockProvider(NewAccounts):
    """A world of the mock behind one of its transports, on a clock that runs, so that clients wait for held jobs."""

    def __init__(
        self, name: str, world: World, base_url: str, client: Callable[[], httpx.Client], another: Any
    ) -> None:
        self.name = name
        self.offers = frozenset(Need) if name == "mock-tcp" else frozenset(Need) - {Need.SOCKET}
        self.shares_account = False
        self.poll_pause = 0.005
        self.longest_wait = MAX_WAIT
        self._world = world
        self._base_url = base_url
        self._client = client
        self._another = another

    def client(self) -> httpx.Client:
        return self._client()

    def new_account(self, balance: int, *, allowed: bool = True) -> str:
        name = f"wire-{next(_NUMBERS)}"
        account = Account(id=name, name=name, credits=balance, allowed=allowed)
        self._world.ledger.add_account(account, key_digest(f"key-{name}"))
        return f"key-{name}"

    def publish(self, data: bytes | ErrorCode) -> str:
        url = f"https://pictures.test/{next(_NUMBERS)}.png"
        if isinstance(data, bytes):
            self._world.sources.register(url, data)
        else:
            assert data is ErrorCode.SOURCE_UNAVAILABLE
            self._world.sources.register(url, status=404)
        return url

    @contextmanager
    def hold(self) -> Iterator[None]:
        before = set(self._world.pending)
        with self._world.scenarios.always("manual"):
            try:
                yield
            finally:
                for inference_id in set(self._world.pending) - before:
                    self._world.release(inference_id)

    @contextmanager
    def failing(self, error: Exception) -> Iterator[None]:
        end = Fail(code=error.code, detail=error.detail) if isinstance(error, OutpaintError) else Fail()
        with self._world.scenarios.always(end):
            yield

    def advance(self, seconds: float) -> None:
        self._world.clock.advance(seconds)

    def configured(self, **settings: Any) -> AbstractContextManager[Provider]:
        return self._another(ServiceSettings(**settings))

    def address(self) -> tuple[str, int]:
        url = urlsplit(self._base_url)
        if Need.SOCKET not in self.offers:
            raise NotOffered("a mock in process has no socket")
        assert url.hostname is not None
        assert url.port is not None
        return url.hostname, url.port


def _client(base_url: str) -> httpx.Client:
    # Nothing leaves the machine. Without `verify` no certificates are read, which takes longer than most cases.
    return httpx.Client(base_url=base_url, timeout=60, verify=False)


def _world(settings: ServiceSettings | None, profile: WireProfile = WireProfile.OURS) -> World:
    # Only named keys are known, as at a real service.
    return World(uuid4().hex, clock=VirtualClock.ticking(), settings=settings, keys={}, profile=profile)


@contextmanager
def respx_provider(
    settings: ServiceSettings | None = None, profile: WireProfile = WireProfile.OURS
) -> Iterator[Provider]:
    """The mock behind respx, in a profile, for as long as the block runs."""
    world = _world(settings, profile)
    base_url = f"https://{world.name}.mock.test"
    with OutpaintRouter(world, base_urls=[base_url]):
        yield MockProvider(
            "respx", world, base_url, lambda: _client(base_url), partial(respx_provider, profile=profile)
        )


@contextmanager
def httpx2_provider(settings: ServiceSettings | None = None) -> Iterator[Provider]:
    """The mock behind patched httpx2 transports, for as long as the block runs."""
    world = _world(settings)
    base_url = f"https://{world.name}.mock.test"

    with OutpaintPatch(world, base_urls=[base_url]), httpx2.Client(timeout=60, verify=False) as through:
        yield MockProvider(
            "httpx2",
            world,
            base_url,
            lambda: httpx.Client(base_url=base_url, transport=_Through(through)),
            httpx2_provider,
        )


class _Through(httpx.BaseTransport):
    """Sends by httpx2, byte for byte, what the cases send by httpx."""

    def __init__(self, client: httpx2.Client) -> None:
        self._client = client

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        sent = httpx2.Request(
            request.method, str(request.url), headers=request.headers.raw, content=request.read(), extensions={}
        )
        answer = self._client.send(sent)
        return httpx.Response(answer.status_code, headers=answer.headers.raw, content=answer.read(), request=request)


@contextmanager
def mock_tcp_provider(settings: ServiceSettings | None = None) -> Iterator[Provider]:
    """The mock over TCP, for as long as the block runs; worlds of other settings share its server."""
    with ExitStack() as stack:
        server = stack.enter_context(thread_server())
        yield stack.enter_context(_served(server, settings))


@contextmanager
def _served(server: ThreadServer, settings: ServiceSettings | None) -> Iterator[Provider]:
    with server.serving(_world(settings)) as served:
        yield MockProvider(
            "mock-tcp",
            served.world,
            served.url,
            lambda: _client(served.url),
            lambda other: _served(server, other),
        )
