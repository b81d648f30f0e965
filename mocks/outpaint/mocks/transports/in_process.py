"""What the transports in process share: base URLs, and requests and answers of httpx and of libraries like it."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial
from typing import Any, ClassVar, Final, Generic, Self, TypeVar
from urllib.parse import unquote, urlsplit

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.http.messages import RequestHead
from outpaint.functions.http.routes import decoded_path
from outpaint.mocks.exchange.mock_application import MockApplication
from outpaint.mocks.transports.delivery import Failure, Steps, Undelivered, deliver, drive, drive_async, pass_time
from outpaint.mocks.world.mock_answers import Break, MockResponse, WireFault
from outpaint.mocks.world.virtual_clock import VirtualClock
from outpaint.mocks.world.world import World

VENDOR_BASE_URL: Final = "https://genai-api.picsart.io/v1"
"""The base URL of the mocked API (docs/facts/wire.md#routes)."""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_MOST_PIECES: Final = 200
_PIECES_A_SECOND: Final = 20

Other = TypeVar("Other")
"""The library's transports, sync and async."""


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """One base URL; `prefix` is the path before the API's own `/v1`, without a slash at its end."""

    scheme: str
    host: str
    port: int
    prefix: str

    @classmethod
    def parse(cls, url: str) -> Self:
        """The base URL that a client is given, with or without `/v1` at its end; raises `OutpaintError`."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
        if host is None or parts.scheme not in _DEFAULT_PORTS or parts.query or parts.fragment:
            raise OutpaintError(
                ErrorCode.INVALID_PARAMETER,
                f"{url[:100]} is no base URL: write scheme and host, such as {VENDOR_BASE_URL}",
                field="base_url",
            )
        prefix = unquote(parts.path).rstrip("/").removesuffix("/v1")
        return cls(parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme], prefix)

    def path_of(self, scheme: str, host: str, port: int | None, path: str) -> str | None:
        """The path below this base, from `/v1` on, or None for a request to another address."""
        if host.lower() != self.host or scheme != self.scheme or (port or _DEFAULT_PORTS.get(scheme)) != self.port:
            return None
        if not self.prefix:
            return path
        return path[len(self.prefix) :] if path.startswith(f"{self.prefix}/") else None

    def __str__(self) -> str:
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}{port}{self.prefix}/v1"


class BaseUrls:
    """The base URLs of a mock; without any, every request is for the mock."""

    def __init__(self, urls: Iterable[str] = ()) -> None:
        self._bases = tuple(BaseUrl.parse(url) for url in urls)

    def place(self, scheme: str, host: str, port: int | None, path: str) -> tuple[str, str] | None:
        """The prefix before the API's path, and that path; None for a request to another address."""
        if not self._bases:
            return "", path
        for base in self._bases:
            below = base.path_of(scheme, host, port, path)
            if below is not None:
                return base.prefix, below
        return None

    def shared(self, other: BaseUrls) -> BaseUrl | None:
        """One that both have; None where there is none."""
        return next((base for base in self._bases if base in other._bases), None)

    @property
    def hosts(self) -> frozenset[str]:
        """Their hosts, in lower case."""
        return frozenset(base.host for base in self._bases)


def checked_unknown_hosts(word: str) -> str:
    """What happens to requests that are not for the mock, `fail` or `pass`; raises `OutpaintError` for another word."""
    if word not in ("fail", "pass"):
        raise OutpaintError.wrong_value("unknown_hosts", word, "use fail or pass")
    return word


class Carrier:
    """Carries requests of one library to a mock, and its answers and faults back.

    `library` is the module httpx or one with the same names. Faults are raised as its own errors, as it raises them for
    a real connection: ConnectError, ReadError, RemoteProtocolError, and ReadTimeout where latency, waits or pauses in a
    body outlast the client's timeout, in virtual time while the clock is frozen.
    """

    def __init__(self, library: Any, world: World, bases: BaseUrls) -> None:
        self._library = library
        self._errors: dict[Failure, Callable[..., Exception]] = {
            Failure.REFUSED: library.ConnectError,
            Failure.RESET: library.ReadError,
            Failure.TIMED_OUT: library.ReadTimeout,
            Failure.BROKEN_OFF: library.RemoteProtocolError,
        }
        self._whole, self._trickle = _stream_types(library)
        self._mock = MockApplication(world)
        self._clock = world.clock
        self._bases = bases

    def head(self, request: Any) -> RequestHead | None:
        """The head of a request, as the API's host sees it; None for one to another address."""
        url = request.url
        raw_path, _, query = url.raw_path.partition(b"?")
        place = self._bases.place(url.scheme, url.host, url.port, decoded_path(raw_path.decode("ascii")))
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

    def send(self, request: Any, head: RequestHead, retries: int = 0) -> Any:
        """The library's response to a request whose `head` this is; `retries` is how often its client connects anew."""
        request.read()
        patience, began = _read_timeout(request), self._clock.now()
        with self._own_errors(request):
            answer = drive(deliver(self._mock, head, request.content, patience, retries))
        return self._response(answer, request, patience, began)

    async def send_async(self, request: Any, head: RequestHead, retries: int = 0) -> Any:
        """As `send`, for asynchronous clients."""
        await request.aread()
        patience, began = _read_timeout(request), self._clock.now()
        with self._own_errors(request):
            answer = await drive_async(deliver(self._mock, head, request.content, patience, retries))
        return self._response(answer, request, patience, began)

    def nobody(self, request: Any) -> Exception:
        """The library's ConnectError for a request that is not the mock's, where the network may not be used."""
        return self._errors[Failure.REFUSED](
            f"{request.method} {request.url} is not under a base URL of the mock, and nothing leaves the machine: add "
            'the base URL, or let unknown hosts pass with unknown_hosts="pass"',
            request=request,
        )

    def _response(self, answer: MockResponse, request: Any, patience: float | None, began: float) -> Any:
        if answer.fault is None:
            stream = self._whole(answer.body)
        else:
            own_errors = partial(self._own_errors, request)
            stream = self._trickle(answer, answer.fault, self._clock, patience, own_errors)
        response = self._library.Response(
            answer.status,
            headers=[*answer.headers, ("Date", answer.date)],
            stream=stream,
            request=request,
            extensions={"http_version": b"HTTP/1.1"},
        )
        stream.time(response, self._clock, began)
        return response

    @contextmanager
    def _own_errors(self, request: Any) -> Iterator[None]:
        """Raise the library's error where an answer is not delivered."""
        try:
            yield
        except Undelivered as reason:
            raise self._errors[reason.failure](str(reason), request=request) from None


class Timed:
    """A body at whose end `response.elapsed` is what the world's clock shows; the library measures real time.

    Combined with a library's stream types it is one of them.
    """

    def time(self, response: Any, clock: VirtualClock, began: float) -> None:
        """Count from `began`, virtual seconds since the epoch."""
        self._timed = response, clock, began

    def close(self) -> None:
        """The whole body was read, or no more of it is wanted."""
        response, clock, began = self._timed
        response.elapsed = timedelta(seconds=clock.now() - began)

    async def aclose(self) -> None:
        """As `close`, for an asynchronous client."""
        Timed.close(self)


class Trickle(Timed):
    """A body that comes slowly or breaks off; combined with a library's stream types it is one of them."""

    def __init__(
        self,
        answer: MockResponse,
        fault: WireFault,
        clock: VirtualClock,
        patience: float | None,
        own_errors: Callable[[], AbstractContextManager[None]],
    ) -> None:
        length = answer.header("content-length") or ""
        self._body = fault.visible(answer.body)
        self._fault = fault
        self._declared = int(length) if length.isdigit() else len(answer.body)
        self._clock = clock
        self._patience = math.inf if patience is None else patience
        self._own_errors = own_errors

    def __iter__(self) -> Iterator[bytes]:
        with self._own_errors():
            for piece in self._pieces():
                drive(self._before(piece))
                yield piece
            self._end()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with self._own_errors():
            for piece in self._pieces():
                await drive_async(self._before(piece))
                yield piece
            self._end()

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
        # Over a network the bytes of a piece would come one by one, so that a client waits for one of them only.
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


@cache
def _stream_types(library: Any) -> tuple[Any, Any]:
    """The library's streams of a body that comes whole, and of one that trickles."""
    return (
        type("_WholeStream", (Timed, library.ByteStream), {}),
        type("_TricklingStream", (Trickle, library.SyncByteStream, library.AsyncByteStream), {}),
    )


def _read_timeout(request: Any) -> float | None:
    timeout = request.extensions.get("timeout") or {}
    seconds = timeout.get("read")
    return None if seconds is None else float(seconds)


class WorldTransport(Generic[Other]):
    """Answers a client's requests from a world; combined with a library's transport types it is one of them."""

    _library: ClassVar[Any]
    """The module of the library."""

    def __init__(self, world: World, *, base_urls: Iterable[str] = (), otherwise: Other | None = None) -> None:
        """With `base_urls` only requests under these are for the mock; without, every request is.

        Others go to `otherwise`, or fail with a ConnectError that says so.
        """
        self.world: Final = world
        self._carrier = Carrier(self._library, world, BaseUrls(base_urls))
        self._otherwise = otherwise

    def handle_request(self, request: Any) -> Any:
        """The world's answer; raises what the library raises where a connection fails."""
        head = self._carrier.head(request)
        if head is not None:
            return self._carrier.send(request, head)
        if isinstance(self._otherwise, self._library.BaseTransport):
            return self._otherwise.handle_request(request)
        raise self._carrier.nobody(request)

    async def handle_async_request(self, request: Any) -> Any:
        """As `handle_request`, for an asynchronous client."""
        head = self._carrier.head(request)
        if head is not None:
            return await self._carrier.send_async(request, head)
        if isinstance(self._otherwise, self._library.AsyncBaseTransport):
            return await self._otherwise.handle_async_request(request)
        raise self._carrier.nobody(request)
