"""The face for httpx: a transport for clients that take one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import httpx

from outpaint_mocks.faces.bases import BaseUrls
from outpaint_mocks.faces.client import Carrier, Library, Trickle
from outpaint_mocks.faces.delivery import Failure

if TYPE_CHECKING:
    from outpaint_mocks.world import World


class _Body(Trickle, httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body with a fault, as httpx reads bodies."""


LIBRARY: Final = Library(
    response=httpx.Response,
    whole=httpx.ByteStream,
    trickle=_Body,
    errors={
        Failure.REFUSED: httpx.ConnectError,
        Failure.RESET: httpx.ReadError,
        Failure.TIMED_OUT: httpx.ReadTimeout,
        Failure.BROKEN_OFF: httpx.RemoteProtocolError,
    },
)


class OutpaintTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers a client's requests from a world: `httpx.Client(transport=OutpaintTransport(world))`, or AsyncClient.

    With `base_urls` only requests under these are for the mock; others go to `otherwise`, or fail with a
    ConnectError that says so. Without, every request is for the mock.
    """

    def __init__(
        self,
        world: World,
        *,
        base_urls: Iterable[str] = (),
        otherwise: httpx.BaseTransport | httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.world: Final = world
        self._carrier = Carrier(LIBRARY, world, BaseUrls(base_urls))
        self._otherwise = otherwise

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The world's answer; raises what httpx raises where a connection fails."""
        head = self._carrier.head(request)
        if head is None:
            if isinstance(self._otherwise, httpx.BaseTransport):
                return self._otherwise.handle_request(request)
            raise nobody(request)
        request.read()
        response: httpx.Response = self._carrier.send(request, head)
        return response

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """As `handle_request`, for an AsyncClient."""
        head = self._carrier.head(request)
        if head is None:
            if isinstance(self._otherwise, httpx.AsyncBaseTransport):
                return await self._otherwise.handle_async_request(request)
            raise nobody(request)
        await request.aread()
        response: httpx.Response = await self._carrier.send_async(request, head)
        return response


def nobody(request: httpx.Request) -> httpx.ConnectError:
    """The error for a request to a host that is not the mock's, where the network is off limits."""
    return httpx.ConnectError(
        f"{request.method} {request.url} is not under a base URL of the mock, and nothing leaves the machine: add the "
        'base URL, or let unknown hosts pass with unknown_hosts="pass"',
        request=request,
    )
