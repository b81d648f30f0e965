"""The face for httpx2: a transport for clients that take one, and a patch for those that are there already."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import httpx2

from outpaint.mocks.transports.delivery import Failure
from outpaint.mocks.transports.in_process import (
    VENDOR_BASE_URL,
    BaseUrls,
    Carrier,
    Library,
    Trickle,
    WorldTransport,
    checked_unknown_hosts,
)

if TYPE_CHECKING:
    from outpaint.functions.http.messages import RequestHead
    from outpaint.mocks.world.world import World


class _Httpx2Body(Trickle, httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body with a fault, as httpx2 reads bodies."""


LIBRARY: Final = Library(
    response=httpx2.Response,
    whole=httpx2.ByteStream,
    trickle=_Httpx2Body,
    transport=httpx2.BaseTransport,
    async_transport=httpx2.AsyncBaseTransport,
    errors={
        Failure.REFUSED: httpx2.ConnectError,
        Failure.RESET: httpx2.ReadError,
        Failure.TIMED_OUT: httpx2.ReadTimeout,
        Failure.BROKEN_OFF: httpx2.RemoteProtocolError,
    },
)


class Httpx2Transport(
    WorldTransport[httpx2.BaseTransport | httpx2.AsyncBaseTransport], httpx2.BaseTransport, httpx2.AsyncBaseTransport
):
    """Answers a client's requests from a world: `httpx2.Client(transport=OutpaintTransport(world))`, or AsyncClient."""

    _library = LIBRARY


class OutpaintPatch:
    """Answers every httpx2 client from a world while it stands, as respx does for httpx: a context manager.

    Requests under `base_urls` are answered, whichever client sends them, unless it has a transport of its own;
    others fail with a ConnectError, or with `unknown_hosts="pass"` go where they would have gone. Several may stand
    at once: the latest that knows a base URL answers.
    """

    _standing: ClassVar[list[OutpaintPatch]] = []
    _originals: ClassVar[tuple[Any, Any] | None] = None

    def __init__(
        self,
        world: World,
        *,
        base_urls: Iterable[str] = (VENDOR_BASE_URL,),
        unknown_hosts: Literal["fail", "pass"] = "fail",
    ) -> None:
        self.world: Final = world
        self._carrier = Carrier(LIBRARY, world, BaseUrls(base_urls))
        self._passes = checked_unknown_hosts(unknown_hosts) == "pass"

    def start(self) -> None:
        """Stand between httpx2's transports and the network."""
        if not self._standing:
            _patch()
        self._standing.append(self)

    def stop(self) -> None:
        """Stand aside; the last one leaves httpx2 as it was."""
        self._standing.remove(self)
        if not self._standing:
            _unpatch()

    def __enter__(self) -> OutpaintPatch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @classmethod
    def _answers(cls, request: httpx2.Request) -> tuple[Carrier, RequestHead] | None:
        """Who answers a request, None for the network; raises for one that nobody may answer."""
        for patch in reversed(cls._standing):
            head = patch._carrier.head(request)
            if head is not None:
                return patch._carrier, head
        if not all(patch._passes for patch in cls._standing):
            raise cls._standing[-1]._carrier.nobody(request)
        return None


def _patch() -> None:
    sync, asynchronous = httpx2.HTTPTransport.handle_request, httpx2.AsyncHTTPTransport.handle_async_request

    def handle_request(self: httpx2.HTTPTransport, request: httpx2.Request) -> httpx2.Response:
        found = OutpaintPatch._answers(request)
        if found is None:
            return sync(self, request)
        response: httpx2.Response = found[0].send(request, found[1])
        return response

    async def handle_async_request(self: httpx2.AsyncHTTPTransport, request: httpx2.Request) -> httpx2.Response:
        found = OutpaintPatch._answers(request)
        if found is None:
            return await asynchronous(self, request)
        response: httpx2.Response = await found[0].send_async(request, found[1])
        return response

    OutpaintPatch._originals = sync, asynchronous
    httpx2.HTTPTransport.handle_request = handle_request  # type: ignore[method-assign]
    httpx2.AsyncHTTPTransport.handle_async_request = handle_async_request  # type: ignore[method-assign]


def _unpatch() -> None:
    assert OutpaintPatch._originals is not None
    sync, asynchronous = OutpaintPatch._originals
    httpx2.HTTPTransport.handle_request = sync  # type: ignore[method-assign]
    httpx2.AsyncHTTPTransport.handle_async_request = asynchronous  # type: ignore[method-assign]
