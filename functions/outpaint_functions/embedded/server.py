"""The embedded host on a TCP port: uvicorn with uvloop and httptools, set up once."""

from __future__ import annotations

import errno
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, Protocol

import uvicorn
from outpaint_contracts.errors import ErrorCode, OutpaintError

from outpaint_functions.embedded.asgi import Receive, Scope, Send
from outpaint_functions.embedded.connection import BoundedConnection
from outpaint_functions.http.messages import Response

KEEP_ALIVE_S: Final = 75
"""How long an idle connection is kept open; longer than the minute that common load balancers use."""
GRACE_S: Final = 10
"""How long running requests may take to end when the server stops."""
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Hosted(Protocol):
    """An ASGI application that this server can run."""

    def release_waits(self) -> None:
        """Answer every client that waits; the server is about to stop. Called on the loop."""
        ...

    def unreadable(self) -> Response:
        """The answer to bytes that are not HTTP."""
        ...

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        ...


class Server(uvicorn.Server):
    """uvicorn's server, which on its way out answers those who wait for a job before it counts them out."""

    def __init__(
        self,
        app: Hosted,
        on_started: Callable[[], None] = lambda: None,
        connection: type[BoundedConnection] = BoundedConnection,
    ) -> None:
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        super().__init__(
            uvicorn.Config(
                app,
                interface="asgi3",
                http=connection,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                # Who is called from this machine decides who may use the development key.
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._app = app
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections."""
        await super().startup(sockets)
        self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, answer everyone, and end."""
        self._app.release_waits()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let the first SIGINT or SIGTERM end the server in order, and the second at once.

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

    Raises `OutpaintError` UNAVAILABLE with the way out where the port is taken or the address is not ours.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, OverflowError) as error:
        raise _unavailable(f"{host} is not an address to listen on: {error}") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise _unavailable(f"port {port} is in use: stop the other server, or choose another with --port") from None
        raise _unavailable(f"cannot listen on {host}:{port}: {error.strerror or error}") from None
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
    """Serve until a signal says stop; for the main thread."""
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
            raise _unavailable(f"the server on {url} did not start")
        yield url
    finally:
        server.should_exit = True
        thread.join()


def _unavailable(detail: str) -> OutpaintError:
    return OutpaintError(ErrorCode.UNAVAILABLE, detail)
