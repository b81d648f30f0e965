"""The face for httpx: a transport for clients that take one."""

from __future__ import annotations

from typing import Final

import httpx

from outpaint.mocks.transports.delivery import Failure
from outpaint.mocks.transports.in_process import Library, Trickle, WorldTransport


class _Body(Trickle, httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body with a fault, as httpx reads bodies."""


LIBRARY: Final = Library(
    response=httpx.Response,
    whole=httpx.ByteStream,
    trickle=_Body,
    transport=httpx.BaseTransport,
    async_transport=httpx.AsyncBaseTransport,
    errors={
        Failure.REFUSED: httpx.ConnectError,
        Failure.RESET: httpx.ReadError,
        Failure.TIMED_OUT: httpx.ReadTimeout,
        Failure.BROKEN_OFF: httpx.RemoteProtocolError,
    },
)


class OutpaintTransport(
    WorldTransport[httpx.BaseTransport | httpx.AsyncBaseTransport], httpx.BaseTransport, httpx.AsyncBaseTransport
):
    """Answers a client's requests from a world: `httpx.Client(transport=OutpaintTransport(world))`, or AsyncClient."""

    _library = LIBRARY
