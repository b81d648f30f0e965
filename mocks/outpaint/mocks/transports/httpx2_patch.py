"""For httpx2: a transport for clients that take one, and a patch that answers all other clients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Final, Literal

import httpx2

from outpaint.functions.http.messages import RequestHead
from outpaint.mocks.transports.client_patch import ClientPatch, Unanswered
from outpaint.mocks.transports.in_process import (
    VENDOR_BASE_URL,
    BaseUrls,
    Carrier,
    WorldTransport,
    checked_unknown_hosts,
)
from outpaint.mocks.world.world import World, WorldParts


class Httpx2Transport(
    WorldTransport[httpx2.BaseTransport | httpx2.AsyncBaseTransport], httpx2.BaseTransport, httpx2.AsyncBaseTransport
):
    """Answers a client's requests from a world: `httpx2.Client(transport=Httpx2Transport(world))`, or AsyncClient."""

    _library: ClassVar[Any] = httpx2


class OutpaintPatch(WorldParts):
    """Answers every httpx2 client from a world while it is active, as respx does for httpx: a context manager.

    Requests under `base_urls` are answered, whichever client sends them, unless it has a transport of its own; others
    go to other tools that have patched httpx2, if there are any, else fail with a ConnectError, or with
    `unknown_hosts="pass"` go to the network. Several may be active at once, each under base URLs of its own.
    """

    def __init__(
        self,
        world: World,
        *,
        base_urls: Iterable[str] = (VENDOR_BASE_URL,),
        unknown_hosts: Literal["fail", "pass"] = "fail",
    ) -> None:
        self.world = world
        self.bases: Final = BaseUrls(base_urls)
        self._carrier = Carrier(httpx2, world, self.bases)
        self._passes = checked_unknown_hosts(unknown_hosts) == "pass"

    def start(self) -> None:
        """Answer from now on; raises `OutpaintError` where another world is active under one of its base URLs."""
        ClientPatch.of(httpx2).add(self)

    def stop(self) -> None:
        """Stop; the last one restores httpx2. Raises `PatchUndoneError` where another tool undid the patch before."""
        ClientPatch.of(httpx2).remove(self)

    def __enter__(self) -> OutpaintPatch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def intercept(self, request: httpx2.Request, retries: int) -> httpx2.Response:
        """The world's answer, for the patch; raises `Unanswered`, and httpx2's errors."""
        response: httpx2.Response = self._carrier.send(request, self._head(request), retries)
        return response

    async def intercept_async(self, request: httpx2.Request, retries: int) -> httpx2.Response:
        """As `intercept`, for an async client."""
        response: httpx2.Response = await self._carrier.send_async(request, self._head(request), retries)
        return response

    def _head(self, request: httpx2.Request) -> RequestHead:
        head = self._carrier.head(request)
        if head is None:
            raise Unanswered(None if self._passes else self._carrier.nobody(request))
        return head
