"""uvicorn's HTTP connection within limits: on heads, on time, on answers that nobody reads, on how many there are."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from http import HTTPStatus
from typing import Final, Protocol

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.embedded.asgi import Heads, Receive, Scope, Send
from outpaint.functions.embedded.client_addresses import TrustedProxies, counted_as
from outpaint.functions.embedded.server_limits import ServerLimits
from outpaint.functions.embedded.server_load import ServerLoad
from outpaint.functions.http.messages import Response

_GOODBYE_S: Final = 1.0
"""How long a connection that was refused is kept for its client to read why."""
_HOST: Final = b"host"
FREE_CHUNKS: Final = 16_384
"""Chunks of a body that may have any size (RFC 9112, 7.1)."""
MIN_CHUNK_BYTES: Final = 256
"""Bytes that all further chunks must have on average: the parser takes a microsecond for each."""
_CHUNKS_A_TURN: Final = 2048
_NO_LINGER: Final = struct.pack("ii", 1, 0)
"""On, for 0 seconds: `close` resets the connection (POSIX, SO_LINGER)."""


class Hosted(Protocol):
    """An ASGI application that this server can run, within its limits."""

    limits: ServerLimits
    load: ServerLoad
    proxies: TrustedProxies

    def release_waits(self) -> None:
        """Answer every client that waits; the server is about to stop. Called on the loop."""

    def refusal(self, error: OutpaintError) -> Response:
        """The answer to a request that the server refuses by itself: what is no HTTP, has too large a head, is late."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""


class _Refused(Exception):  # noqa: N818 - an outcome, which ends the parsing of what was received
    """The request whose head was read is refused; nothing after it is read."""


class _NoTrailers(list[tuple[bytes, bytes]]):
    """Where trailer fields go: nowhere, for they must not be taken for headers (RFC 9110, 6.5.1)."""

    def append(self, field: tuple[bytes, bytes], /) -> None:
        """Drop it."""


_NO_TRAILERS: Final = _NoTrailers()


class BoundedConnection(HttpToolsProtocol):
    """uvicorn's httptools connection, which by itself has no time limits and keeps heads of any size.

    `config.app` must be a `Hosted`. Of uvicorn's own names this and its subclasses use those that
    tests/functions/test_uvicorn_names.py lists.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected: count it, and watch its times."""
        super().connection_made(transport)
        app: Hosted = self.config.app  # type: ignore[assignment]
        self.limits = app.limits
        self.load = app.load
        self.proxies = app.proxies
        self.heads = Heads()
        self._ended = False
        self._goodbye: bytes | None = None
        self._goodbye_s = self.limits.drain_seconds
        self._between_messages = False
        self._in_head = True
        self._offered = False
        self._moved = self._parsing = False
        self._before_bytes = self._framing_bytes = self._part_bytes = 0
        self._dropped_bytes = 0
        self._chunks = self.body_bytes = 0
        self._next_waits = False
        self._seen_closing = False
        self._heard_at = self._head_began_at = self._answered_at = self.loop.time()
        self._watch = self.loop.call_later(self.limits.message_patience / 2, self._look)
        self._drain: asyncio.TimerHandle | None = None
        self._reader_watch: asyncio.TimerHandle | None = None
        self._client: str | None = None
        self._requests_of: list[str | None] = []
        self._admit()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone: stop watching and counting."""
        self._ended = True
        for timer in (self._watch, self._drain, self._reader_watch):
            if timer is not None:
                timer.cancel()
        self.load.connections -= 1
        self.load.remove_reader(self)
        for client in (self._client, *self._requests_of):
            if client is not None:
                self.load.leave(client)
        super().connection_lost(exc)

    # What comes

    def data_received(self, data: bytes) -> None:
        """Parse what came, within the limit on what is neither body nor the end of a head."""
        self._heard_at = self.loop.time()
        if self._ended:
            self._drop(len(data))
            return
        self._part_bytes = len(data)
        self._moved = False
        self._parsing = True
        try:
            while True:
                try:
                    self.parser.feed_data(data)
                    break
                except httptools.HttpParserUpgrade as offer:
                    data = self._without_upgrade() + data[offer.args[0] :]
        except httptools.HttpParserError:
            if self._goodbye is None:
                self.send_400_response("")
            return
        finally:
            self._parsing = False
        if not self._between_messages:
            self._bound_rest()
        if self._moved:
            # A head may have begun after what moved it on.
            self._before_bytes, self._framing_bytes = self._part_bytes, 0
            return
        self._framing_bytes += self._part_bytes
        if self._framing_bytes > self.limits.head_bytes:
            self._end(self._too_large())

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._between_messages = False
        self._in_head = True
        self._dropped_bytes = 0
        self._chunks = self.body_bytes = 0
        self._head_began_at = self._heard_at

    def on_headers_complete(self) -> None:
        """A head is whole: refuse it, or begin to answer it."""
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            self._offered = True
            return
        self._moved = True
        refusal = self._refused_head()
        if refusal is not None:
            self._end(refusal)
            raise _Refused
        self._in_head = False
        super().on_headers_complete()
        self.headers = _NO_TRAILERS

    def on_chunk_header(self) -> None:
        """A chunk of a body begins; raises for too many small ones, which the parser answers as no HTTP."""
        self._chunks += 1
        if self._chunks > FREE_CHUNKS and self.body_bytes < (self._chunks - FREE_CHUNKS) * MIN_CHUNK_BYTES:
            raise ValueError("too many small chunks")
        if self._chunks % _CHUNKS_A_TURN == 0:
            self.let_others()

    def let_others(self, seconds: float = 0.0) -> None:
        """Let the other connections have their turn: uvloop reads on as long as there is something to read."""
        if not self.flow.read_paused:
            self.flow.pause_reading()
            self.loop.call_later(seconds, self.flow.resume_reading)

    def on_body(self, body: bytes) -> None:
        """Part of a body: for the application, or dropped where that has answered without it."""
        self._moved = True
        self.body_bytes += len(body)
        if self.cycle.response_complete:
            self._drop(len(body))
        else:
            self.take_body(body)

    def take_body(self, body: bytes) -> None:
        """Hand part of a body to the application."""
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self._offered:
            return
        super().on_message_complete()
        self._moved = True
        self._between_messages = True
        if self._drain is not None:
            self._drain.cancel()
            self._drain = None

    def _without_upgrade(self) -> bytes:
        """The head that was read, for a new parser, which it offers no upgrade to.

        A server may ignore an upgrade (RFC 9110, 7.8), but httptools would take the body for the other protocol. Java's
        HttpClient offers h2c with its first request, whatever that is.
        """
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (method, self.url, version)]
        lines += [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
        self._offered = False
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return b"\r\n".join([*lines, b"", b""])

    # What is refused

    def _admit(self) -> None:
        """Count the connection, or refuse it where there are too many."""
        load = self.load
        load.connections += 1
        peer = self.client[0] if self.client else None
        if load.is_overrun:
            load.refused_connections += 1
            self._ended = True
            self.transport.abort()
            return
        # A proxy's clients are counted by their requests.
        self._by_proxy = peer is not None and self.proxies.trusts(peer)
        client = None if peer is None or self._by_proxy else counted_as(peer)
        if load.is_full or (client is not None and not load.enter(client)):
            load.refused_connections += 1
            self._goodbye_s = min(_GOODBYE_S, self.limits.drain_seconds)
            self._end(OutpaintError.unavailable("there are too many connections: close some, or try again later"))
            return
        self._client = client

    def _refused_head(self) -> OutpaintError | None:
        """Why a request is refused by its head alone; else it is counted as one of its client's."""
        limits, headers = self.limits, self.headers
        if len(headers) > limits.head_fields:
            return OutpaintError(
                ErrorCode.HEADERS_TOO_LARGE,
                f"the request has more than {limits.head_fields} header fields",
                limit="head_fields",
            )
        # The head lies within what came since the last part that moved the parser on: few need to be counted.
        if self._before_bytes + self._framing_bytes + self._part_bytes > limits.head_bytes:
            size = len(self.url) + sum([len(name) + len(value) + 4 for name, value in headers])
            if size > limits.head_bytes:
                return self._too_large()
        known = dict(headers)
        if _HOST not in known:
            wrong_hosts = self.parser.get_http_version() != "1.0"
        else:
            wrong_hosts = len(known) < len(headers) and [name for name, _ in headers].count(_HOST) > 1
        if wrong_hosts:
            return _malformed("the request needs one Host header, no more and no less (RFC 9112, 3.2)")
        if self.parser.get_method() == b"CONNECT":
            return _malformed("this is no proxy: CONNECT is not taken")
        if self._by_proxy:
            forwarded = [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"]
            named = self.proxies.client(forwarded)
            client = None if named is None else counted_as(named)
            if client is not None and not self.load.enter(client):
                self.load.refused_requests += 1
                return OutpaintError.unavailable("there are too many requests of this client: try again later")
            self._requests_of.append(client)
        return None

    def _too_large(self) -> OutpaintError:
        return OutpaintError(
            ErrorCode.HEADERS_TOO_LARGE,
            f"the request headers have more than {self.limits.head_bytes} bytes",
            limit="head_bytes",
        )

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's text is not the wire contract's
        """Answer what is not HTTP in the contract's own form, and close the connection."""
        self._end(_malformed("this is not a request that HTTP/1.1 allows"))

    def _end(self, error: OutpaintError) -> None:
        """Refuse what is being received, after the answers to what came before it, and close the connection then."""
        self._ended = True
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not self._in_head and not self._between_messages:
            # The request whose body this is gets no other answer.
            if cycle.response_started:
                self._hang_up()
                return
            self.give_up()
            cycle.disconnected = True
            cycle.message_event.set()
            if self.pipeline:
                self.pipeline.popleft()
            else:
                cycle = None
        app: Hosted = self.config.app  # type: ignore[assignment]
        response = app.refusal(error)
        status = HTTPStatus(response.status)
        lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
        lines += [f"{name}: {value}" for name, value in response.headers if name.lower() != "connection"]
        self._goodbye = "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + response.body
        if cycle is None or cycle.response_complete:
            self._say_goodbye()

    def give_up(self) -> None:
        """The request that is being received will not be answered: let go of it."""

    def _say_goodbye(self) -> None:
        """Write the refusal, and read on for a while: a client that still sends would else be reset and not read it."""
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        self.transport.write(self._goodbye or b"")
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._drain_for(self._goodbye_s)

    def _drop(self, size: int) -> None:
        self._dropped_bytes += size
        if self._dropped_bytes > self.limits.drain_bytes:
            self._hang_up()

    def _drain_for(self, seconds: float) -> None:
        if self._drain is not None:
            self._drain.cancel()
        self._drain = self.loop.call_later(seconds, self._hang_up)

    # What goes

    def on_response_complete(self) -> None:
        """An answer is sent: go on with the next pipelined request, if there is one.

        uvicorn would also set a timer with every answer, to close a connection that stays idle: `_look` does that.
        """
        self.server_state.total_requests += 1
        self._answered_at = self.loop.time()
        if self._requests_of:
            client = self._requests_of.pop(0)
            if client is not None:
                self.load.leave(client)
        if self.transport.is_closing():
            return
        if self.flow.write_paused:
            self._next_waits = True
            return
        self._go_on()

    def _go_on(self) -> None:
        """Read on, and answer the next pipelined request, or the refusal of what came after them."""
        self._next_waits = False
        if self.pipeline:
            self.flow.resume_reading()
            self._start_asgi_task(*self.pipeline.pop())
        elif self._goodbye is not None:
            self._say_goodbye()
        else:
            self.flow.resume_reading()
            if not self._parsing:
                self._bound_rest()

    def _bound_rest(self) -> None:
        """Give the rest of a request that was answered before its end a time to come."""
        if not self._between_messages and not self._in_head and self.cycle.response_complete and self._drain is None:
            self._drain_for(self.limits.drain_seconds)

    def pause_writing(self) -> None:
        """The client reads more slowly than it is answered: read no more requests, and watch it."""
        super().pause_writing()
        self.flow.pause_reading()
        self._held_since = self._read_at = self.loop.time()
        self._held = self._left = self.unread()
        self.load.add_reader(self)
        self._reader_watch = self.loop.call_later(self.limits.answer_patience / 4, self._look_at_reader)
        # Not within the write that this is called from.
        self.loop.call_soon(self.load.cut_off_slowest, self._held_since)

    def resume_writing(self) -> None:
        """The client has read."""
        super().resume_writing()
        self.load.remove_reader(self)
        if self._reader_watch is not None:
            self._reader_watch.cancel()
            self._reader_watch = None
        if self.transport.is_closing():
            return
        if self._next_waits:
            self._go_on()
        else:
            self.flow.resume_reading()

    def unread(self) -> int:
        """Bytes of answers that the client has not taken."""
        return int(self.transport.get_write_buffer_size())

    def standing(self, now: float) -> tuple[bool, float, float]:
        """Whether its answer is younger than a second, bytes it read a second, and since when it has been held."""
        age = now - self._held_since
        return age < 1.0, (self._held - self.unread()) / max(age, 1.0), self._held_since

    def cut_off(self) -> None:
        """Close the connection now, and drop the answer."""
        self._ended = True
        self.load.remove_reader(self)
        self._reset()

    def _look_at_reader(self) -> None:
        """Cut off a client that has stopped reading, or reads too slowly."""
        now, left, limits = self.loop.time(), self.unread(), self.limits
        if left < self._left:
            self._left, self._read_at = left, now
        latest = self._held_since + (self._held - left) / limits.answer_rate
        if now >= min(self._read_at, latest) + limits.answer_patience:
            self.load.cut_off_readers += 1
            self.cut_off()
        else:
            self._reader_watch = self.loop.call_later(limits.answer_patience / 4, self._look_at_reader)

    # What takes long

    def _look(self) -> None:
        """Close the connection of a client that stopped in a message, sends its head too slowly, or stays idle."""
        limits, now = self.limits, self.loop.time()
        if self.transport.is_closing():
            if self._seen_closing:
                self.transport.abort()
                return
            self._seen_closing = True
        elif not self._ended:
            if self._between_messages:
                waits_for_client = self.cycle.response_complete
                since, patience = self._answered_at, limits.keep_alive
            else:
                waits_for_client = not self.flow.read_paused  # while we do not read, the client cannot send
                since, patience = self._head_began_at if self._in_head else self._heard_at, limits.message_patience
            if waits_for_client and now - since >= patience:
                self._hang_up()
        self._watch = self.loop.call_later(limits.message_patience / 2, self._look)

    def _hang_up(self) -> None:
        """Close the connection; what its client has not read by now is dropped."""
        self._ended = True
        if self.unread():
            self._reset()
        else:
            self.transport.close()

    def _reset(self) -> None:
        """Close the connection with a reset: the kernel drops what it has of the answer too.

        Closed otherwise, it would keep megabytes of it for minutes, and send them whenever the client reads.
        """
        connected: socket.socket | None = self.transport.get_extra_info("socket")
        if connected is not None:
            with suppress(OSError):  # the client is gone already
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.transport.abort()


def _malformed(detail: str) -> OutpaintError:
    """400 for what breaks the rules of HTTP itself."""
    return OutpaintError(ErrorCode.MALFORMED_BODY, detail)
