"""The HTTP core as an ASGI 3 application, without a framework."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Final, Protocol

from outpaint.contracts.errors import OutpaintError
from outpaint.functions.adapters.addresses import is_loopback
from outpaint.functions.embedded.client_addresses import TrustedProxies
from outpaint.functions.embedded.endings import Endings
from outpaint.functions.embedded.fetch_pool import FetchPool
from outpaint.functions.embedded.figures import OTHER, RequestFigures
from outpaint.functions.embedded.server_limits import ServerLimits
from outpaint.functions.embedded.server_load import BodyShare, Pace, ServerLoad
from outpaint.functions.http.application import Application, Exchange, no_room
from outpaint.functions.http.messages import (
    PAUSE_S,
    UNPACED_BYTES,
    Body,
    Fetching,
    ReceivedBody,
    RequestHead,
    Response,
    Waiting,
)
from outpaint.functions.http.routes import decoded_path
from outpaint.functions.service import log_keys

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_REQUESTS: Final = logging.getLogger("outpaint.requests")

_THREADS: Final = 32

# A host name, IPv4 or bracketed IPv6 address with an optional port (RFC 3986, 3.2.2); it ends up in result URLs.
_AUTHORITY: Final = re.compile(r"(?:[A-Za-z0-9._~-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
# What proxies and the networks before them add; programs that ask for themselves send none of these.
_FORWARDED: Final = frozenset(
    {
        *("forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip", "x-cluster-client-ip"),
        *(f"x-forwarded-{what}" for what in ("for", "host", "port", "proto", "server", "prefix", "by")),
        *("x-original-host", "x-original-forwarded-for", "x-envoy-external-address", "fly-client-ip"),
    }
)


class Opened(Protocol):
    """What reading a request's body needs of it; `Exchange` has it."""

    body_limit: int

    def too_large(self) -> Response:
        """The answer to a body beyond `body_limit` bytes."""

    def cut_short(self) -> Response:
        """The answer to a body that stopped before its end."""

    def no_room(self) -> Response:
        """The answer to a body that the bytes in flight leave no room for."""


class ClientGone(Exception):  # noqa: N818 - an outcome, not an error
    """The client closed the connection before it had an answer."""


class PooledHost:
    """What applications share: a pool of threads for what takes long, and waits that the server ends as it stops.

    `load` has the server's figures of the moment, and `proxies` whose X-Forwarded-For says who a client is.
    """

    def __init__(
        self,
        threads: int,
        name: str,
        limits: ServerLimits = ServerLimits(),
        proxies: TrustedProxies = TrustedProxies(),
    ) -> None:
        self.limits = limits
        self.load = ServerLoad(limits)
        self.proxies = proxies
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._waits: set[asyncio.Event] = set()
        self._closing = False

    def release_waits(self) -> None:
        """End every wait, so that it is answered now (a job's with 202, nothing is lost); call on the loop."""
        self._closing = True
        for wait in self._waits:
            wait.set()

    @property
    def closing(self) -> bool:
        """Whether the server has begun to stop."""
        return self._closing

    @property
    def waiting_clients(self) -> int:
        """How many clients wait for a job to end."""
        return len(self._waits)

    def close(self) -> None:
        """End the pool's threads, after the last request."""
        self._pool.shutdown()


class AsgiHost(PooledHost):
    """An ASGI 3 application over the HTTP core; serves scopes of HTTP alone.

    Heads are processed on the event loop, for that takes microseconds; bodies are read there and processed in a
    bounded pool of threads; what has to read an address goes on in another, so that slow sources hold up nobody. A
    client that waits for a job occupies a connection and nothing else.
    """

    def __init__(
        self,
        application: Application,
        endings: Endings,
        limits: ServerLimits = ServerLimits(),
        proxies: TrustedProxies = TrustedProxies(),
    ) -> None:
        super().__init__(_THREADS, "request", limits, proxies)
        self._fetches = FetchPool(limits)
        self._application = application
        self._service = application.service
        self._endings = endings
        self.figures = RequestFigures()

    def close(self) -> None:
        """End the threads, after the last request."""
        self._fetches.close()
        super().close()

    def refusal(self, error: OutpaintError) -> Response:
        """The answer to a request that the server refuses by itself."""
        response = self._application.refusal(error)
        self.figures.answered(OTHER, None, response.status, 0.0)
        return response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with contextlib.suppress(ClientGone):
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = request_head(scope)
        began = time.perf_counter()
        exchange = self._application.open(head)
        response = exchange.answer
        unread = True
        if response is None:
            response, unread = await self._finish(exchange, receive, head.declared_size)
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
        if unread and head.header("expect") is not None:
            # The client may or may not send its body now, so where the next request begins is not known.
            headers.append((b"Connection", b"close"))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})
        took = time.perf_counter() - began
        self.figures.answered(
            head.method, None if exchange.match is None else exchange.match.route, response.status, took
        )
        if _REQUESTS.isEnabledFor(logging.INFO):
            _log(head, exchange, response, took)

    async def _finish(self, exchange: Exchange, receive: Receive, declared: int | None) -> tuple[Response, bool]:
        """The answer to a request of which the body counts, and whether that was left unread."""
        body: Body | Response = b""
        share = self.load.share(exchange.payer)
        try:
            if exchange.body_limit > 0:
                body = await read_body(exchange, receive, share, self.limits, declared)
            if isinstance(body, Response):
                return body, True
            outcome = await asyncio.get_running_loop().run_in_executor(self._pool, exchange.begin, body)
            del body  # who waits for a job holds a connection and nothing else
            if isinstance(outcome, Fetching):
                outcome = await self._fetch(outcome)
        finally:
            share.release()
        unread = exchange.body_limit == 0
        return outcome if isinstance(outcome, Response) else await self._wait(outcome, receive), unread

    async def _fetch(self, fetching: Fetching) -> Response | Waiting:
        try:
            return await self._fetches.run(fetching.account_id, fetching.go, self._service.settings.fetch_timeout)
        except OutpaintError as error:
            return fetching.refuse(error)

    async def _wait(self, waiting: Waiting, receive: Receive) -> Response:
        """The response at the job's end or at the end of the wait; raises `ClientGone` if the client has left."""
        loop = asyncio.get_running_loop()
        over = asyncio.Event()
        unsubscribe = self._endings.subscribe(waiting.inference_id, lambda: set_from_thread(loop, over))
        self._waits.add(over)
        tasks: list[asyncio.Task[Any]] = []
        try:
            clock = self._service.clock
            job = None
            with contextlib.suppress(OutpaintError):  # a store that cannot be read now: `resume` says so
                job = self._service.jobs.find(waiting.inference_id, clock.now())
            if job is not None and not job.state.ended and not self._closing:
                gone = asyncio.ensure_future(disconnected(receive))
                tasks = [gone, asyncio.ensure_future(over.wait())]
                await asyncio.wait(
                    tasks, timeout=max(0.0, waiting.until - clock.now()), return_when=asyncio.FIRST_COMPLETED
                )
                if gone.done() and not over.is_set():
                    raise ClientGone
            return await loop.run_in_executor(self._pool, waiting.resume)
        except BaseException:
            # On the loop: this may be the task's cancellation, which must not wait.
            waiting.abandon()
            raise
        finally:
            self._waits.discard(over)
            unsubscribe()
            for task in tasks:
                task.cancel()


def _log(head: RequestHead, exchange: Exchange, response: Response, took: float) -> None:
    """A record of an answer, without the query: whoever reads a file's signature can read the file."""
    milliseconds, size = took * 1000, len(response.body)
    about = {
        log_keys.CORRELATION_ID: exchange.correlation_id,
        log_keys.INFERENCE_ID: exchange.inference_id,
        log_keys.ACCOUNT: exchange.account_id,
    }
    _REQUESTS.info(
        "%s %r %d %d bytes %.1f ms",
        head.method,
        head.path,
        response.status,
        size,
        milliseconds,
        extra={
            "method": head.method,
            "path": head.path,
            "status": response.status,
            "bytes": size,
            "milliseconds": round(milliseconds, 1),
            **{name: value for name, value in about.items() if value is not None},
        },
    )


class BlockingHost(PooledHost, ABC):
    """An application that reads each request whole and has a thread answer it, which may wait for another server.

    Of a body over `kept` bytes the thread gets the first part only, which is longer than that too.
    """

    kept = sys.maxsize

    @abstractmethod
    def answer(self, scope: Scope, body: bytes) -> Response:
        """The response; it has a Content-Length only to HEAD, and to others this class adds that of the body."""

    @abstractmethod
    def refusal(self, error: OutpaintError) -> Response:
        """The answer to a request that the server refuses by itself."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; one that breaks off is not answered."""
        share = self.load.share("")
        try:
            body = await read_whole(receive, self.kept, share, self.limits)
            if body is None:
                response = self.refusal(no_room())
            else:
                response = await asyncio.get_running_loop().run_in_executor(self._pool, self.answer, scope, body)
        except ClientGone:
            return
        finally:
            share.release()
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
        is_head = scope["method"] == "HEAD"
        if not is_head and response.status not in (204, 304) and response.header("content-length") is None:
            headers.append((b"Content-Length", b"%d" % len(response.body)))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if is_head else response.body})


class Heads:
    """Reads the heads of one connection; headers that its client repeats are parsed once."""

    def __init__(self) -> None:
        self._raw: Any = None
        self._headers: tuple[tuple[str, str], ...] = ()
        self._origin = ""
        self._is_local = False

    def read(self, scope: Scope) -> RequestHead:
        if scope["headers"] != self._raw:
            self._read_headers(scope)
        return RequestHead(
            scope["method"],
            path_of(scope),
            scope["query_string"].decode("latin-1"),
            self._headers,
            self._origin,
            self._is_local,
        )

    def _read_headers(self, scope: Scope) -> None:
        headers = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"])
        host = ""
        forwarded = False
        for name, value in headers:
            if name == "host":
                host = host or value
            elif name in _FORWARDED:
                forwarded = True
        if not _AUTHORITY.fullmatch(host):
            address, port = scope.get("server") or ("localhost", None)
            host = (f"[{address}]" if ":" in address else address) + ("" if port is None else f":{port}")
        client = scope.get("client")
        self._headers = headers
        self._origin = f"{scope['scheme']}://{host}"
        # A proxy on this machine would make every client seem to be here.
        self._is_local = client is not None and not forwarded and _is_loopback(client[0])
        self._raw = scope["headers"]


def path_of(scope: Scope) -> str:
    """The path of an ASGI scope, in which an encoded slash is no slash."""
    raw: bytes = scope["raw_path"]
    return decoded_path(raw.decode("latin-1")) if b"%" in raw else scope["path"]


def request_head(scope: Scope) -> RequestHead:
    """The head of an ASGI scope, whatever its connection."""
    return Heads().read(scope)


@lru_cache(maxsize=1024)
def _is_loopback(address: str) -> bool:
    try:
        return is_loopback(ip_address(address))
    except ValueError:
        return False


async def read_body(
    exchange: Opened, receive: Receive, share: BodyShare, limits: ServerLimits, declared: int | None = None
) -> Body | Response:
    """The whole body, or the refusal of one that is too large, has no room, or stopped arriving.

    Room for what is `declared` of it, in bytes, is taken before any of it is read.
    """
    loop = asyncio.get_running_loop()
    if not share.reach(min(declared or 0, exchange.body_limit)):
        return exchange.no_room()
    pace = Pace(limits, loop.time())
    body = ReceivedBody()
    try:
        async with asyncio.timeout(limits.body_patience) as patience:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                body.add(message.get("body", b""))
                if len(body) > exchange.body_limit:
                    return exchange.too_large()
                if not share.reach(len(body)):
                    return exchange.no_room()
                if not message.get("more_body", False):
                    return body.received
                patience.reschedule(pace.until(len(body), loop.time()))
                if len(body) > UNPACED_BYTES:
                    await asyncio.sleep(PAUSE_S)
    except TimeoutError:
        refusal = exchange.cut_short()
        return Response(refusal.status, (*refusal.headers, ("Connection", "close")), refusal.body)


async def read_whole(receive: Receive, kept: int, share: BodyShare, limits: ServerLimits) -> bytes | None:
    """A body, read to its end; of one over `kept` bytes the first part, which is longer than that too.

    None where the bytes in flight leave no room for it. Raises `ClientGone` for one that breaks off or stops arriving.
    """
    loop = asyncio.get_running_loop()
    pace = Pace(limits, loop.time())
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(limits.body_patience) as patience:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                chunk: bytes = message.get("body", b"")
                if size <= kept:
                    if not share.reach(size + len(chunk)):
                        return None
                    chunks.append(chunk)
                size += len(chunk)
                if not message.get("more_body", False):
                    return b"".join(chunks)
                patience.reschedule(pace.until(size, loop.time()))
    except TimeoutError:
        raise ClientGone from None


async def disconnected(receive: Receive) -> None:
    """Return once the client has gone; for requests whose body was read."""
    while (await receive())["type"] != "http.disconnect":
        pass


def set_from_thread(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    """Set an event of the loop from any thread."""
    with contextlib.suppress(RuntimeError):  # the loop, and with it the wait, has ended
        loop.call_soon_threadsafe(event.set)
