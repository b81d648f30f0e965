"""uvicorn, with limits on what a connection may take in time and memory."""

from __future__ import annotations

import asyncio
import errno
import logging
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final, Protocol

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from outpaint.contracts.errors import OutpaintError
from outpaint.functions.embedded.asgi import Heads, Receive, Scope, Send
from outpaint.functions.embedded.server_limits import ServerLimits
from outpaint.functions.http.messages import Response

PATIENCE_S: Final = 60.0
"""How long a connection may send nothing in the middle of a message, and how long a whole head may take."""
KEPT_HEAD_BYTES: Final = 128 * 1024
"""What is kept of a head: more than the core accepts, so that it answers 431."""
MAX_HEAD_BYTES: Final = 1024 * 1024
"""A connection with a larger head is closed without an answer."""
FREE_CHUNKS: Final = 16_384
"""Chunks of a body that may have any size (RFC 9112, 7.1)."""
MIN_CHUNK_BYTES: Final = 256
"""Bytes that all further chunks must have on average: the parser takes a microsecond for each."""
MAX_UNREAD_BYTES: Final = 256 * 1024 * 1024
"""How much of a body that was answered early is read and dropped, so that its client receives the answer."""

KEEP_ALIVE_S: Final = 75
"""How long an idle connection is kept open; longer than the minute that common load balancers use."""
GRACE_S: Final = 10
"""How long running requests may take to end when the server stops."""

_UPGRADE: Final = re.compile(rb"\r\nupgrade:", re.IGNORECASE)
_TICK_S: Final = 0.1
_CHUNKS_A_TURN: Final = 2048
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class BoundedConnection(HttpToolsProtocol):
    """uvicorn's httptools connection, which by itself has no time limits and keeps heads of any size."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start checking the time limits."""
        super().connection_made(transport)
        self.heads = Heads()
        self._between_messages = False
        self._in_head = True
        self._head_bytes = 0
        self._unread_bytes = 0
        self._chunks = 0
        self._body_bytes = 0
        self._heard_at = self._head_began_at = self._answered_at = self.loop.time()
        self._watch = self.loop.call_later(PATIENCE_S / 2, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop checking them."""
        self._watch.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Note when the client last sent something."""
        self._heard_at = self.loop.time()
        if (self._in_head or self._between_messages) and self._offers_upgrade(data):
            # A server may ignore an upgrade (RFC 9110, 7.8), but httptools would take the body for the other protocol.
            # Java's HttpClient offers h2c with its first request, whatever that is.
            head, end, rest = data.partition(b"\r\n\r\n")
            data = _UPGRADE.sub(b"\r\nx-offer:", head) + end + rest
        super().data_received(data)

    @staticmethod
    def _offers_upgrade(data: bytes) -> bool:
        """Whether the head in it does; the body after it is not searched."""
        end = data.find(b"\r\n\r\n")
        return _UPGRADE.search(data, 0, end if end >= 0 else len(data)) is not None

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._between_messages = False
        self._in_head = True
        self._head_bytes = 0
        self._unread_bytes = 0
        self._chunks = 0
        self._body_bytes = 0
        self._head_began_at = self._heard_at

    def on_url(self, url: bytes) -> None:
        if self._keep(len(url)):
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._keep(len(name) + len(value)):
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_chunk_header(self) -> None:
        """A chunk of a body begins; raises for too many small ones, which the parser answers as no HTTP."""
        self._chunks += 1
        if self._chunks > FREE_CHUNKS and self._body_bytes < (self._chunks - FREE_CHUNKS) * MIN_CHUNK_BYTES:
            raise ValueError("too many small chunks")
        if self._chunks % _CHUNKS_A_TURN == 0:
            self._let_others()

    def on_body(self, body: bytes) -> None:
        """Part of a body: for the application, or dropped where that has answered without it."""
        self._body_bytes += len(body)
        if self.cycle.response_complete:
            self._unread_bytes += len(body)
            if self._unread_bytes > MAX_UNREAD_BYTES:
                self.transport.close()
            return
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._between_messages = True

    def on_response_complete(self) -> None:
        """An answer is sent: go on with the next pipelined request, if there is one.

        uvicorn would also set a timer with every answer, to close a connection that stays idle: `_look` does that.
        """
        self.server_state.total_requests += 1
        self._answered_at = self.loop.time()
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's text is not the wire contract's
        """Answer what is not HTTP in the contract's own form, and close the connection."""
        response: Response = self.config.app.unreadable()  # type: ignore[union-attr]
        head = [f"HTTP/1.1 {response.status} Bad Request", *(f"{name}: {value}" for name, value in response.headers)]
        self.transport.write("\r\n".join([*head, "Connection: close", "", ""]).encode("latin-1") + response.body)
        self.transport.close()

    def _let_others(self) -> None:
        """Let the other connections have their turn: uvloop reads on as long as there is something to read."""
        if not self.flow.read_paused:
            self.flow.pause_reading()
            self.loop.call_soon(self.flow.resume_reading)

    def _keep(self, size: int) -> bool:
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES:
            self.transport.close()
        return self._head_bytes <= KEPT_HEAD_BYTES

    def _look(self) -> None:
        """Close the connection of a client that stopped in a message, sends its head too slowly, or stays idle."""
        if self._between_messages:
            waits_for_client = self.cycle.response_complete
            since, patience = self._answered_at, float(self.timeout_keep_alive)
        else:
            waits_for_client = not self.flow.read_paused  # while we do not read, the client cannot send
            since, patience = self._head_began_at if self._in_head else self._heard_at, PATIENCE_S
        if waits_for_client and self.loop.time() - since >= patience:
            self.transport.close()
        else:
            self._watch = self.loop.call_later(PATIENCE_S / 2, self._look)


class Hosted(Protocol):
    """An ASGI application that this server can run, within its limits."""

    limits: ServerLimits

    def release_waits(self) -> None:
        """Answer every client that waits; the server is about to stop. Called on the loop."""

    def unreadable(self) -> Response:
        """The answer to bytes that are not HTTP."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""


class Server(uvicorn.Server):
    """uvicorn's server, which when it stops answers the clients that wait for a job."""

    def __init__(
        self,
        app: Hosted,
        on_started: Callable[[], None] = lambda: None,
        connection: type[BoundedConnection] = BoundedConnection,
    ) -> None:
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        # It warns of a client's malformed form, which the client is answered.
        logging.getLogger("python_multipart").setLevel(logging.ERROR)
        super().__init__(
            uvicorn.Config(
                app,
                interface="asgi3",
                http=connection,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                # The peer's real address decides who may use the development key.
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._app = app
        self._on_started = on_started
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()

    def stop(self) -> None:
        """Begin to stop, now rather than at the next tick; from any thread."""
        self.should_exit = True
        if self._loop is not None:
            with suppress(RuntimeError):  # it is closed: the server has stopped
                self._loop.call_soon_threadsafe(self._woken.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self._on_started()

    async def main_loop(self) -> None:
        """uvicorn's: a tick every tenth of a second until one says that the server shall stop."""
        counter = 0
        while not await self.on_tick(counter):
            counter += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), _TICK_S)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, answer those who wait, and end."""
        self._app.release_waits()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let the first SIGINT or SIGTERM stop the server gracefully, and the second at once.

        Unlike uvicorn's own, this does not raise the signal again afterwards: the host has yet to be closed.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(_signal: int, _frame: FrameType | None) -> None:
            self.force_exit = self.should_exit
            self.should_exit = True

        before = {number: signal.signal(number, stop) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on an address; port 0 takes any that is free.

    Raises `OutpaintError` UNAVAILABLE, whose detail says what to do, where the port is taken or the address is not
    this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, OverflowError) as error:
        raise OutpaintError.unavailable(f"{host} is not an address to listen on: {error}") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise OutpaintError.unavailable(
                f"port {port} is in use: stop the other server, or choose another with --port"
            ) from None
        raise OutpaintError.unavailable(f"cannot listen on {host}:{port}: {error.strerror or error}") from None
    return listener


def url_of(listener: socket.socket) -> str:
    """Where a client on this machine reaches a listening socket."""
    address, port = listener.getsockname()[:2]
    if address in ("0.0.0.0", "::"):  # noqa: S104 - not bound here, only named
        address = "127.0.0.1" if address == "0.0.0.0" else "::1"  # noqa: S104
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


def serve(
    app: Hosted,
    listener: socket.socket,
    on_started: Callable[[], None] = lambda: None,
    connection: type[BoundedConnection] = BoundedConnection,
) -> None:
    """Serve until a signal stops it; for the main thread."""
    Server(app, on_started, connection).run([listener])


@contextmanager
def serving(
    app: Hosted, host: str = "127.0.0.1", port: int = 0, connection: type[BoundedConnection] = BoundedConnection
) -> Iterator[str]:
    """Serve from a thread for as long as the block runs; yields the base URL."""
    listener = listen(host, port)
    url = url_of(listener)
    started = threading.Event()
    server = Server(app, started.set, connection)

    def run() -> None:
        try:
            server.run([listener])
        finally:
            started.set()

    thread = threading.Thread(target=run, name="server", daemon=True)
    thread.start()
    started.wait()
    try:
        if not server.started:
            raise OutpaintError.unavailable(f"the server on {url} did not start")
        yield url
    finally:
        server.stop()
        thread.join()
