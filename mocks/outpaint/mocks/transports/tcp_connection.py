"""One TCP connection to a mock: it answers at once where nothing has to be waited for, and breaks as a fault says."""

from __future__ import annotations

import asyncio
import contextlib
import http
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from outpaint.functions.embedded.bounded_connection import BoundedConnection
from outpaint.functions.embedded.server_limits import ServerLimits
from outpaint.functions.embedded.server_load import BodyShare, Pace
from outpaint.functions.http.messages import PAUSE_S, UNPACED_BYTES, Body, ReceivedBody, RequestHead, Response, Waiting
from outpaint.mocks.exchange.call_under_way import CallUnderWay
from outpaint.mocks.exchange.mock_application import RefusedHead
from outpaint.mocks.world.mock_answers import Break

CONNECTION: Final = "outpaint.connection"
"""The name under which a request's ASGI scope holds its connection."""
CYCLE: Final = "outpaint.cycle"
"""The name under which it holds uvicorn's part of the exchange, while a task answers it."""
BEGUN: Final = "outpaint.begun"
"""The name under which it holds the begun request."""
FLUSH_S: Final = 5.0
"""Seconds that a connection which is about to break waits for its client to read what it should still get."""
_BYTES_A_TURN: Final = 1024 * 1024
_STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in http.HTTPStatus
}


@dataclass(slots=True)
class Begun:
    """A request whose head was judged; `body` and `outcome` are None until they are there.

    `share` is what its body takes of the bytes in flight, `taken` whether the call has read the body.
    """

    head: RequestHead
    call: CallUnderWay | RefusedHead
    share: BodyShare
    body: Body | None = None
    taken: bool = False
    outcome: Response | Waiting | None = None

    @property
    def wants_body(self) -> bool:
        """Whether its body has still to be read."""
        return self.outcome is None and self.call.answer is None and self.call.body_limit > 0 and self.body is None


class AnswersAtOnce(Protocol):
    """What a connection asks its host within the parser's callback; see `MockHost`."""

    def begin(self, scope: Any) -> Response | Begun | None: ...

    def finish_at_once(self, begun: Begun) -> Response | None: ...


class IncomingBody:
    """A body that is being received."""

    __slots__ = ("_body", "_pace", "begun", "cycle")

    def __init__(self, cycle: RequestResponseCycle, begun: Begun, limits: ServerLimits, now: float) -> None:
        self.cycle = cycle
        self.begun = begun
        self._pace = Pace(limits, now)
        self._body = ReceivedBody()

    def take(self, chunk: bytes, now: float) -> Response | None:
        """Keep a chunk; returns the refusal of a body that is too large, has no room or comes too slowly."""
        begun = self.begun
        due = self._pace.until(len(self._body), now)
        self._body.add(chunk)
        if len(self._body) > begun.call.body_limit:
            return begun.call.too_large()
        if not begun.share.reach(len(self._body)):
            return begun.call.no_room()
        return begun.call.cut_short() if now > due else None

    @property
    def body(self) -> Body:
        """All of it."""
        return self._body.received


class MockConnection(BoundedConnection):
    """The embedded host's connection, with two more ways to answer.

    What the host can answer without waiting is written within the parser's callback, without a task; and a fault is
    carried out on the socket itself. `config.app` must be an `AnswersAtOnce`.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected."""
        super().connection_made(transport)
        self._upload: IncomingBody | None = None
        self._default_headers: list[tuple[bytes, bytes]] = []
        self._default_lines = b""

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has disconnected, perhaps in the middle of a body."""
        self.give_up()
        super().connection_lost(exc)

    def give_up(self) -> None:
        """The body that is being received will not be answered."""
        upload, self._upload = self._upload, None
        if upload is not None:
            upload.begun.share.release()
            upload.begun.call.cut_short()
            upload.begun.call.left()

    def take_body(self, body: bytes) -> None:
        """Part of a body."""
        upload = self._upload
        if upload is None:
            super().take_body(body)
            return
        if self.body_bytes > UNPACED_BYTES:
            self.let_others(PAUSE_S)
        elif self.body_bytes // _BYTES_A_TURN > (self.body_bytes - len(body)) // _BYTES_A_TURN:
            self.let_others()
        refusal = upload.take(body, self.loop.time())
        if refusal is not None:
            self._upload = None
            self._write_whole(upload.cycle, refusal)

    def on_message_complete(self) -> None:
        """The whole request has been read."""
        upload, self._upload = self._upload, None
        if upload is not None:
            upload.cycle.more_body = False
            upload.begun.body = upload.body
            answer = self._host.finish_at_once(upload.begun)
            if answer is None:
                self._start_task(upload.cycle, self.app)
            else:
                self._write_whole(upload.cycle, answer)
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        cycle.scope[CONNECTION] = self  # type: ignore[typeddict-unknown-key]
        # A pipelined request may have its body already, and answering many of them within the callback would recurse
        # once for each: those are answered by a task.
        if cycle.more_body and not cycle.body and not self.pipeline and not self.flow.write_paused:
            begun = self._host.begin(cycle.scope)
            if isinstance(begun, Response):
                self._write_whole(cycle, begun)
                return
            if begun is not None and begun.wants_body:
                if cycle.waiting_for_100_continue:
                    cycle.waiting_for_100_continue = False
                    self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                self._upload = IncomingBody(cycle, begun, self.limits, self.loop.time())
                return
        self._start_task(cycle, app)

    def _start_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        cycle.scope[CYCLE] = cycle  # type: ignore[typeddict-unknown-key]
        super()._start_asgi_task(cycle, app)

    @property
    def _host(self) -> AnswersAtOnce:
        return self.config.app  # type: ignore[return-value]

    async def answer(self, cycle_scope: Any, response: Response) -> None:
        """Write a whole response."""
        cycle = self._cycle_of(cycle_scope)
        if cycle is None:
            return
        if self.flow.write_paused:
            await self.flow.drain()
        if self._is_there(cycle):
            self._write_whole(cycle, response)

    async def trickle(
        self, cycle_scope: Any, response: Response, pieces: AsyncIterator[bytes], breaks: Break | None
    ) -> None:
        """Write a response's head, then its body piece by piece, then break off if it should."""
        cycle = self._cycle_of(cycle_scope)
        if cycle is None or not self._is_there(cycle):
            return
        if breaks is not None:
            cycle.keep_alive = False
        cycle.response_started = True
        self.transport.write(self._head(cycle, response))
        async for piece in pieces:
            if self.flow.write_paused:
                await self.flow.drain()
            if not self._is_there(cycle):
                return
            self.transport.write(piece)
        if breaks is Break.DURING:
            await self._flushed()
            self.reset(cycle_scope)
        self._complete(cycle)

    def reset(self, cycle_scope: Any) -> None:
        """Break the connection off with a TCP reset."""
        cycle = self._cycle_of(cycle_scope)
        if cycle is not None:
            # uvicorn would complain of a request that is never answered.
            cycle.response_started = cycle.response_complete = True
        sock = self.transport.get_extra_info("socket")
        if sock is not None:
            with contextlib.suppress(OSError):
                # Lingering for no time at all turns a close into a reset.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    @staticmethod
    def _cycle_of(scope: Any) -> RequestResponseCycle | None:
        """The cycle that is being answered, which others behind it may wait for; None once it has been."""
        cycle: RequestResponseCycle | None = scope.get(CYCLE)
        return cycle

    def _is_there(self, cycle: RequestResponseCycle) -> bool:
        """Whether the client is; one that did not read may have been cut off meanwhile."""
        if self.transport.is_closing():
            cycle.disconnected = True  # uvicorn tells the latest cycle alone, and would answer this one with 500
        return not cycle.disconnected

    def _write_whole(self, cycle: RequestResponseCycle, response: Response) -> None:
        cycle.response_started = True
        self.transport.write(self._head(cycle, response) + response.body)
        self._complete(cycle)

    def _head(self, cycle: RequestResponseCycle, response: Response) -> bytes:
        defaults = self.server_state.default_headers
        if defaults is not self._default_headers:  # uvicorn makes another list when another second has begun
            self._default_headers = defaults
            self._default_lines = b"".join([b"%b: %b\r\n" % pair for pair in defaults])
        lines = [
            _STATUS_LINES.get(response.status) or f"HTTP/1.1 {response.status} \r\n".encode(),
            self._default_lines,
            "".join([f"{name}: {value}\r\n" for name, value in response.headers]).encode("latin-1"),
        ]
        if not cycle.keep_alive:
            lines.append(b"connection: close\r\n")
        lines.append(b"\r\n")
        return b"".join(lines)

    def _complete(self, cycle: RequestResponseCycle) -> None:
        cycle.waiting_for_100_continue = False
        cycle.response_complete = True
        # An idle connection holds its last request, which should not be a picture.
        cycle.scope.pop(CYCLE, None)  # type: ignore[typeddict-item]
        begun: Begun | None = cycle.scope.pop(BEGUN, None)  # type: ignore[typeddict-item]
        if begun is not None:
            begun.share.release()
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()

    async def _flushed(self) -> None:
        """Wait until the client's machine has all that was written, at most FLUSH_S."""
        give_up = self.loop.time() + FLUSH_S
        sock = self.transport.get_extra_info("socket")
        while self.loop.time() < give_up and not self.transport.is_closing():
            if not self.transport.get_write_buffer_size() and not _unsent(sock):
                return
            await asyncio.sleep(0.002)


def _unsent(sock: Any) -> int:
    """Bytes that the kernel has not delivered yet; 0 where it cannot say."""
    if sock is None:
        return 0
    try:
        from fcntl import ioctl
        from termios import TIOCOUTQ

        return int(struct.unpack("i", ioctl(sock.fileno(), TIOCOUTQ, bytes(4)))[0])
    except (ImportError, OSError):
        return 0
