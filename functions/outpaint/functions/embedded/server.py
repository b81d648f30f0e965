"""uvicorn's server on a socket: for the main thread until a signal, or in a thread for as long as a block runs."""

from __future__ import annotations

import asyncio
import errno
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

import uvicorn

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.embedded.bounded_connection import BoundedConnection, Hosted

GRACE_S: Final = 10
"""How long running requests may take to end when the server stops."""

_TICK_S: Final = 0.1
_SWITCH_S: Final = 0.0005
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


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

    Raises `OutpaintError`, whose detail says what to do: INVALID_PARAMETER for what is no address, UNAVAILABLE where
    the port is taken or the address is not this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, OverflowError) as error:
        says = f"{host} is not an address to listen on: {error}"
        raise OutpaintError(ErrorCode.INVALID_PARAMETER, says, field="host") from None
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
    """Serve until a signal stops it; for the main thread of a process that does nothing else."""
    # A request goes from thread to thread several times, and each would wait 5 ms for one that computes.
    sys.setswitchinterval(_SWITCH_S)
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
