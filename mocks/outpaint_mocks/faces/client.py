"""What httpx and httpx2 have in common: requests of one shape, carried to a world, answers and errors of one shape."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from outpaint_functions.http.messages import RequestHead

from outpaint_mocks.faces.bases import BaseUrls
from outpaint_mocks.faces.delivery import Failure, Undelivered, deliver, drive, drive_async, pass_time
from outpaint_mocks.faults import Break
from outpaint_mocks.mock_application import MockApplication

if TYPE_CHECKING:
    from outpaint_mocks.answers import MockResponse
    from outpaint_mocks.faces.delivery import Steps
    from outpaint_mocks.faults import Fault
    from outpaint_mocks.virtual_clock import VirtualClock
    from outpaint_mocks.world import World

_MOST_PIECES: Final = 200
_PIECES_A_SECOND: Final = 20


@dataclass(frozen=True, slots=True)
class Library:
    """The parts of a client library that a face needs."""

    response: Callable[..., Any]
    whole: Callable[[bytes], Any]
    """The library's stream of bytes that are all there."""
    trickle: Callable[..., Any]
    """A `Trickle` that is also one of the library's streams."""
    transport: type[Any]
    async_transport: type[Any]
    errors: dict[Failure, Callable[..., Exception]]


class Carrier:
    """Carries requests of one library to a mock, and its answers and faults back.

    Faults are raised as the library's own errors, as it would raise them for a real connection: ConnectError,
    ReadError, RemoteProtocolError, and ReadTimeout where latency, waits or pauses in a body outlast the client's
    timeout, in virtual time while the clock is frozen.
    """

    def __init__(self, library: Library, world: World, bases: BaseUrls | None = None) -> None:
        self._library = library
        self._mock = MockApplication(world)
        self._clock = world.clock
        self._bases = bases or BaseUrls()

    def head(self, request: Any) -> RequestHead | None:
        """The head of a request, as the API's host sees it; None for one that is meant for somebody else."""
        url = request.url
        raw_path, _, query = url.raw_path.partition(b"?")
        place = self._bases.place(url.scheme, url.host, url.port, unquote(raw_path.decode("ascii")))
        if place is None:
            return None
        prefix, path = place
        return RequestHead(
            method=request.method,
            path=path,
            query=query.decode("ascii"),
            headers=tuple(
                (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in request.headers.raw
            ),
            origin=f"{url.scheme}://{url.netloc.decode('ascii')}{prefix}",
            peer_is_loopback=True,
        )

    def send(self, request: Any, head: RequestHead) -> Any:
        """The library's response to a request whose head was found to be the mock's."""
        request.read()
        patience = _read_timeout(request)
        try:
            answer = drive(deliver(self._mock, head, request.content, patience))
        except Undelivered as reason:
            raise self._error(reason, request) from None
        return self._response(answer, request, patience)

    async def send_async(self, request: Any, head: RequestHead) -> Any:
        """As `send`, for asynchronous clients."""
        await request.aread()
        patience = _read_timeout(request)
        try:
            answer = await drive_async(deliver(self._mock, head, request.content, patience))
        except Undelivered as reason:
            raise self._error(reason, request) from None
        return self._response(answer, request, patience)

    def nobody(self, request: Any) -> Exception:
        """The library's ConnectError for a request that is not the mock's, where the network is off limits."""
        return self._library.errors[Failure.REFUSED](
            f"{request.method} {request.url} is not under a base URL of the mock, and nothing leaves the machine: add "
            'the base URL, or let unknown hosts pass with unknown_hosts="pass"',
            request=request,
        )

    def _response(self, answer: MockResponse, request: Any, patience: float | None) -> Any:
        library = self._library
        stream = (
            library.whole(answer.body)
            if answer.fault is None
            else library.trickle(
                answer.body,
                answer.fault,
                _declared(answer),
                self._clock,
                patience,
                lambda reason: self._error(reason, request),
            )
        )
        return library.response(
            answer.status,
            headers=list(answer.headers),
            stream=stream,
            request=request,
            extensions={"http_version": b"HTTP/1.1"},
        )

    def _error(self, reason: Undelivered, request: Any) -> Exception:
        return self._library.errors[reason.failure](str(reason), request=request)


class Trickle:
    """A body that comes slowly or breaks off; mixed with a library's stream types, it is one of its streams."""

    def __init__(
        self,
        body: bytes,
        fault: Fault,
        declared: int,
        clock: VirtualClock,
        patience: float | None,
        error: Callable[[Undelivered], Exception],
    ) -> None:
        self._body = fault.visible(body)
        self._fault = fault
        self._declared = declared
        self._clock = clock
        self._patience = math.inf if patience is None else patience
        self._error = error

    def __iter__(self) -> Iterator[bytes]:
        try:
            for piece in self._pieces():
                drive(self._before(piece))
                yield piece
            self._end()
        except Undelivered as reason:
            raise self._error(reason) from None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            for piece in self._pieces():
                await drive_async(self._before(piece))
                yield piece
            self._end()
        except Undelivered as reason:
            raise self._error(reason) from None

    def _pieces(self) -> Iterator[bytes]:
        body, pace = self._body, self._fault.bytes_per_second
        if pace is None:
            if body:
                yield body
            return
        size = max(1, math.ceil(pace / _PIECES_A_SECOND), math.ceil(len(body) / _MOST_PIECES))
        for start in range(0, len(body), size):
            yield body[start : start + size]

    def _before(self, piece: bytes) -> Steps[None]:
        pace = self._fault.bytes_per_second
        if pace is None:
            return
        # On a wire the bytes of a piece would come one by one, so a client is kept waiting for one of them only.
        if 1 / pace > self._patience:
            yield from pass_time(self._clock, 1 / pace, self._patience)
        yield from pass_time(self._clock, len(piece) / pace)

    def _end(self) -> None:
        if self._fault.breaks is Break.DURING:
            raise Undelivered(Failure.RESET)
        if self._fault.breaks is Break.SHORT:
            raise Undelivered(
                Failure.BROKEN_OFF,
                f"{Failure.BROKEN_OFF.value} (received {len(self._body)} bytes, expected {self._declared})",
            )


def _declared(answer: MockResponse) -> int:
    length = answer.header("content-length") or ""
    return int(length) if length.isdigit() else len(answer.body)


def _read_timeout(request: Any) -> float | None:
    timeout = request.extensions.get("timeout") or {}
    seconds = timeout.get("read")
    return None if seconds is None else float(seconds)
