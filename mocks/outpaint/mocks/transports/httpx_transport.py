"""A transport for httpx clients that take one."""

from __future__ import annotations

from typing import Any, ClassVar

import httpx

from outpaint.mocks.transports.in_process import WorldTransport


class OutpaintTransport(
    WorldTransport[httpx.BaseTransport | httpx.AsyncBaseTransport], httpx.BaseTransport, httpx.AsyncBaseTransport
):
    """Answers a client's requests from a world: `httpx.Client(transport=OutpaintTransport(world))`, or AsyncClient."""

    _library: ClassVar[Any] = httpx
