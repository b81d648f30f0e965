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

from outpaint.functions.adapters.addresses import is_loopback
from outpaint.functions.embedded.endings import Endings
from outpaint.functions.embedded.server_limits import ServerLimits
from outpaint.functions.http.application import Application, Exchange
from outpaint.functions.http.messages import Body, ReceivedBody, RequestHead, Response, Waiting

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_REQUESTS: Final = logging.getLogger("outpaint.requests")

BODY_PATIENCE_S: Final = 30.0
"""How long a client may send nothing of a body it announced."""
BODY_MIN_RATE: Final = 4096
"""Bytes a second that a client must send on average, beyond the patience above."""
_THREADS: Final = 32

# A host name, IPv4 or bracketed IPv6 address with an optional port (RFC 3986, 3.2.2); it ends up in result URLs.
_AUTHORITY: Final = re.compile(r"(?:[A-Za-z0-9._~-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_FORWARDED: Final = frozenset({"forwarded", "x-forwarded-for", "x-real-ip"})


class Opened(Protocol):
    """What reading a request's body needs of it; `Exchange` has it."""

    body_limit: int

    def too_large(self) -> Response:
        """The answer to a body beyond `body_limit` bytes."""

    def cut_short(self) -> Response:
        """The answer to a body that stopped before its end."""


class ClientGone(Exception):  # noqa: N818 - an outcome, not an error
    """The client closed the connection before it had an answer."""


class PooledHost:
    """What applications share: a pool of threads for what takes long, and waits that the server ends as it stops."""

    def __init__(self, threads: int, name: str, limits: ServerLimits = ServerLimits()) -> None:
        self.limits = limits
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._waits: set[asyncio.Event] = set()
        self._closing = False

    def release_waits(self) -> None:
        """End every wait, so that it is answered now (a job's with 202, nothing is lost); call on the loop."""
        self._closing = True
        for wait in self._waits:
            wait.set()

    def close(self) -> None:
        """End the pool's threads, after the last request."""
        self._pool.shutdown()


class AsgiHost(PooledHost):
    """An ASGI 3 application over the HTTP core; serves scopes of HTTP alone.

    Heads are processed on the event loop, for that takes microseconds; bodies are read there and processed in a
    bounded pool of threads. A client that waits for a job occupies a connection and nothing else.
    """

    def __init__(self, application: Application, endings: Endings, limits: ServerLimits = ServerLimits()) -> None:
        super().__init__(_THREADS, "request", limits)
        self._application = application
        self._service = application.service
        self._endings = endings

    def unreadable(self) -> Response:
        """The answer to bytes that are not HTTP."""
        return self._application.unreadable()

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
            body: Body | Response = b""
            if exchange.body_limit > 0:
                body = await read_body(exchange, receive)
                unread = isinstance(body, Response)
            response = body if isinstance(body, Response) else await self._finish(exchange, body, receive)
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
        if unread and head.header("expect") is not None:
            # The client may or may not send its body now, so where the next request begins is not known.
            headers.append((b"Connection", b"close"))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})
        if _REQUESTS.isEnabledFor(logging.INFO):
            # Without the query: whoever reads a file's signature can read the file.
            took = (time.perf_counter() - began) * 1000
            _REQUESTS.info(
                "%s %r %d %d bytes %.1f ms", head.method, head.path, response.status, len(response.body), took
            )

    async def _finish(self, exchange: Exchange, body: Body, receive: Receive) -> Response:
        loop = asyncio.get_running_loop()
        outcome = await loop.run_in_executor(self._pool, exchange.finish, body)
        return outcome if isinstance(outcome, Response) else await self._wait(outcome, receive)

    async def _wait(self, waiting: Waiting, receive: Receive) -> Response:
        """The response at the job's end or at the end of the wait; raises `ClientGone` if the client has left."""
        loop = asyncio.get_running_loop()
        over = asyncio.Event()
        unsubscribe = self._endings.subscribe(waiting.inference_id, lambda: set_from_thread(loop, over))
        self._waits.add(over)
        tasks: list[asyncio.Task[Any]] = []
        try:
            clock = self._service.clock
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


class BlockingHost(PooledHost, ABC):
    """An application that reads each request whole and has a thread answer it, which may wait for another server.

    Of a body over `kept` bytes the thread gets the first part only, which is longer than that too.
    """

    kept = sys.maxsize

    @abstractmethod
    def answer(self, scope: Scope, body: bytes) -> Response:
        """The response; it has a Content-Length only to HEAD, and to others this class adds that of the body."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; one that breaks off is not answered."""
        try:
            body = await read_whole(receive, self.kept)
        except ClientGone:
            return
        response = await asyncio.get_running_loop().run_in_executor(self._pool, self.answer, scope, body)
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
        is_head = scope["method"] == "HEAD"
        if not is_head and response.status not in (204, 304):
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
            scope["path"],
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


def request_head(scope: Scope) -> RequestHead:
    """The head of an ASGI scope, whatever its connection."""
    return Heads().read(scope)


@lru_cache(maxsize=1024)
def _is_loopback(address: str) -> bool:
    try:
        return is_loopback(ip_address(address))
    except ValueError:
        return False


async def read_body(exchange: Opened, receive: Receive) -> Body | Response:
    """The whole body, or the refusal of one that is too large or stopped arriving."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    body = ReceivedBody()
    try:
        async with asyncio.timeout(BODY_PATIENCE_S) as patience:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                body.add(message.get("body", b""))
                if len(body) > exchange.body_limit:
                    return exchange.too_large()
                if not message.get("more_body", False):
                    return body.received
                latest = started + BODY_PATIENCE_S + len(body) / BODY_MIN_RATE
                patience.reschedule(min(loop.time() + BODY_PATIENCE_S, latest))
    except TimeoutError:
        refusal = exchange.cut_short()
        return Response(refusal.status, (*refusal.headers, ("Connection", "close")), refusal.body)


async def read_whole(receive: Receive, kept: int) -> bytes:
    """A body, read to its end; of one over `kept` bytes the first part, which is longer than that too.

    Raises `ClientGone` for one that breaks off.
    """
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk: bytes = message.get("body", b"")
        if size <= kept:
            chunks.append(chunk)
        size += len(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


async def disconnected(receive: Receive) -> None:
    """Return once the client has gone; for requests whose body was read."""
    while (await receive())["type"] != "http.disconnect":
        pass


def set_from_thread(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    """Set an event of the loop from any thread."""
    with contextlib.suppress(RuntimeError):  # the loop, and with it the wait, has ended
        loop.call_soon_threadsafe(event.set)
