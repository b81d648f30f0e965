"""Our own service as a provider of the cases: in process without a socket, and over TCP."""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
from PIL import Image

from outpaint.conformance.proving.expectations import NotOffered
from outpaint.conformance.proving.provider import Need, NewAccounts, Provider
from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.paths_and_headers import MAX_WAIT
from outpaint.contracts.responses import PainterCard
from outpaint.functions.adapters.clock_and_ids import RandomIds
from outpaint.functions.adapters.fetch import SafeFetch
from outpaint.functions.embedded.asgi import AsgiHost, Receive, Scope, Send
from outpaint.functions.embedded.endings import Endings
from outpaint.functions.embedded.host import Host
from outpaint.functions.embedded.memory_ledger import MemoryLedger, MemoryLimits, MemoryPictures
from outpaint.functions.embedded.painting_threads import PaintingThreads
from outpaint.functions.embedded.server import serving
from outpaint.functions.http.application import Application
from outpaint.functions.http.messages import RequestHead, Response, Waiting
from outpaint.functions.http.routes import decoded_path
from outpaint.functions.service.admission import key_digest
from outpaint.functions.service.file_urls import FileUrls
from outpaint.functions.service.records import Account
from outpaint.functions.service.service import Service, ServiceSettings
from outpaint.painting.canvas import Brief, Canvas
from outpaint.painting.painters.flat import FlatPainter

_NUMBERS = itertools.count(1)


class ShiftedClock:
    """The machine's clock, set ahead by as much as a case asks for."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> float:
        return time.time() + self.ahead


class Web:
    """Addresses that a case has published; any other is left to the real fetcher, which refuses it."""

    def __init__(self) -> None:
        self._pages: dict[str, bytes | ErrorCode] = {}
        self._real = SafeFetch()

    def publish(self, data: bytes | ErrorCode) -> str:
        url = f"https://pictures.test/{len(self._pages)}.png"
        self._pages[url] = data
        return url

    def fetch(self, url: str, *, max_bytes: int, timeout: float, field: str) -> bytes:
        page = self._pages.get(url)
        if page is None:
            return self._real.fetch(url, max_bytes=max_bytes, timeout=timeout, field=field)
        if isinstance(page, ErrorCode):
            raise OutpaintError.wrong_value(field, url, "as the case wants it", code=page)
        return page


class ObedientPainter:
    """The flat painter, which waits or fails while a case says so."""

    def __init__(self) -> None:
        self._flat = FlatPainter()
        self.may_paint = threading.Event()
        self.may_paint.set()
        self.error: Exception | None = None

    @property
    def card(self) -> PainterCard:
        return self._flat.card

    def paint(self, canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        assert self.may_paint.wait(60), "a case forgot to release its jobs"
        if self.error is not None:
            raise self.error
        yield from self._flat.paint(canvas, brief)


class _OwnProvider(NewAccounts):
    """What the in-process and the TCP provider share: a host in memory whose parts the cases control."""

    offers = frozenset(Need) - {Need.SOCKET}
    shares_account = False
    poll_pause = 0.005
    longest_wait = MAX_WAIT

    def __init__(self, host: Host, painter: ObedientPainter, clock: ShiftedClock, web: Web) -> None:
        self._host = host
        self._painter = painter
        self._clock = clock
        self._web = web

    def new_account(self, balance: int, *, allowed: bool = True) -> str:
        name = f"wire-{next(_NUMBERS)}"
        accounts = self._host.service.accounts
        assert isinstance(accounts, MemoryLedger)
        accounts.add_account(Account(id=name, name=name, credits=balance, allowed=allowed), key_digest(f"key-{name}"))
        return f"key-{name}"

    def publish(self, data: bytes | ErrorCode) -> str:
        return self._web.publish(data)

    @contextmanager
    def hold(self) -> Iterator[None]:
        self._painter.may_paint.clear()
        try:
            yield
        finally:
            self._painter.may_paint.set()

    @contextmanager
    def failing(self, error: Exception) -> Iterator[None]:
        self._painter.error = error
        try:
            yield
        finally:
            self._painter.error = None

    def advance(self, seconds: float) -> None:
        self._clock.ahead += seconds


class CoreProvider(_OwnProvider):
    """The HTTP core, called with requests without any socket."""

    name = "core"

    def client(self) -> httpx.Client:
        return httpx.Client(transport=_CoreTransport(self._host.application), base_url="http://core.test")

    @contextmanager
    def configured(self, **settings: Any) -> Iterator[Provider]:
        with core_provider(ServiceSettings(**settings)) as provider:
            yield provider

    def address(self) -> tuple[str, int]:
        raise NotOffered("the core in process has no socket")


class TcpProvider(_OwnProvider):
    """The real server on a loopback port."""

    name = "tcp"
    offers = frozenset(Need)

    def __init__(self, host: Host, painter: ObedientPainter, clock: ShiftedClock, web: Web, base_url: str) -> None:
        super().__init__(host, painter, clock, web)
        self._base_url = base_url

    def client(self) -> httpx.Client:
        # Plain HTTP: without `verify` no certificates are read, which takes longer than most cases.
        return httpx.Client(base_url=self._base_url, timeout=60, verify=False)

    @contextmanager
    def configured(self, **settings: Any) -> Iterator[Provider]:
        with tcp_provider(ServiceSettings(**settings)) as provider:
            yield provider

    def address(self) -> tuple[str, int]:
        url = urlsplit(self._base_url)
        assert url.hostname is not None
        assert url.port is not None
        return url.hostname, url.port


@contextmanager
def core_provider(settings: ServiceSettings | None = None) -> Iterator[Provider]:
    """The core in process, for as long as the block runs."""
    with _host(settings or ServiceSettings()) as parts:
        yield CoreProvider(*parts)


@contextmanager
def tcp_provider(
    settings: ServiceSettings | None = None, served: Callable[[AsgiHost], AbstractContextManager[str]] = serving
) -> Iterator[TcpProvider]:
    """The server over TCP, for as long as the block runs, as `served` serves its application."""
    with _host(settings or ServiceSettings()) as parts, served(parts[0].asgi) as base_url:
        yield TcpProvider(*parts, base_url)


class Latency:
    """The server's application behind a network with random latency in both directions."""

    def __init__(self, inner: AsgiHost, most: float) -> None:
        self._inner = inner
        self._most = most
        self.release_waits = inner.release_waits
        self.refusal = inner.refusal
        self.limits, self.load, self.proxies = inner.limits, inner.load, inner.proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(random.uniform(0, self._most))

        async def later(message: Any) -> None:
            await asyncio.sleep(random.uniform(0, self._most))
            await send(message)

        await self._inner(scope, receive, later)


@contextmanager
def slow_provider(settings: ServiceSettings | None = None) -> Iterator[Provider]:
    """The server over TCP with up to 30 ms of latency before a request is read and before each part of an answer."""
    with (
        _host(settings or ServiceSettings()) as parts,
        serving(Latency(parts[0].asgi, 0.03)) as base_url,
    ):
        yield TcpProvider(*parts, base_url)


@contextmanager
def _host(settings: ServiceSettings) -> Iterator[tuple[Host, ObedientPainter, ShiftedClock, Web]]:
    clock, web, painter, endings = ShiftedClock(), Web(), ObedientPainter(), Endings()
    ledger = MemoryLedger(on_end=endings.announce)
    file_urls = FileUrls(b"known to this test only")
    pictures = MemoryPictures(file_urls)
    painting = PaintingThreads(painter)
    service = Service(
        clock=clock,
        ids=RandomIds(),
        accounts=ledger,
        limits=MemoryLimits(),
        jobs=ledger,
        pictures=pictures,
        dispatch=painting,
        fetch=web,
        file_urls=file_urls,
        uploads=pictures,
        settings=settings,
    )
    host = Host(service, painting, endings)
    with ExitStack() as stack:
        host.start()
        stack.callback(host.close, 10.0)
        yield host, painter, clock, web


class _CoreTransport(httpx.BaseTransport):
    """Passes an httpx request to the core and its answer back, as a host would; waits by polling the job."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host != "core.test":
            # As on a network: what a URL says of its host must be so.
            raise httpx.ConnectError(f"nothing answers at {request.url.host}", request=request)
        body = request.read()
        head = RequestHead(
            method=request.method,
            path=decoded_path(request.url.raw_path.partition(b"?")[0].decode("ascii")),
            query=request.url.query.decode("ascii"),
            headers=tuple(
                (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in request.headers.raw
            ),
            origin=f"{request.url.scheme}://{request.url.netloc.decode('ascii')}",
            peer_is_loopback=True,
        )
        outcome = self._application.respond(head, body)
        response = self._wait(outcome) if isinstance(outcome, Waiting) else outcome
        return httpx.Response(response.status, headers=list(response.headers), content=response.body, request=request)

    def _wait(self, waiting: Waiting) -> Response:
        service = self._application.service
        while service.clock.now() < waiting.until:
            job = service.jobs.find(waiting.inference_id, service.clock.now())
            if job is None or job.state.ended:
                break
            time.sleep(0.001)
        return waiting.resume()
