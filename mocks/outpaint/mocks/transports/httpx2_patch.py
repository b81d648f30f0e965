"""For httpx2: a transport for clients that take one, and a patch that answers all other clients."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any, ClassVar, Final, Literal
from unittest.mock import patch

import httpx2

from outpaint.functions.http.messages import RequestHead
from outpaint.mocks.transports.in_process import (
    VENDOR_BASE_URL,
    BaseUrls,
    Carrier,
    WorldTransport,
    checked_unknown_hosts,
)
from outpaint.mocks.world.world import World


class Httpx2Transport(
    WorldTransport[httpx2.BaseTransport | httpx2.AsyncBaseTransport], httpx2.BaseTransport, httpx2.AsyncBaseTransport
):
    """Answers a client's requests from a world: `httpx2.Client(transport=Httpx2Transport(world))`, or AsyncClient."""

    _library: ClassVar[Any] = httpx2


class OutpaintPatch:
    """Answers every httpx2 client from a world while it is active, as respx does for httpx: a context manager.

    Requests under `base_urls` are answered, whichever client sends them, unless it has a transport of its own; others
    fail with a ConnectError, or with `unknown_hosts="pass"` go to the network. Several may be active at once: the
    latest one that has the request's base URL answers.
    """

    _active: ClassVar[list[OutpaintPatch]] = []
    _patched: ClassVar[ExitStack] = ExitStack()

    def __init__(
        self,
        world: World,
        *,
        base_urls: Iterable[str] = (VENDOR_BASE_URL,),
        unknown_hosts: Literal["fail", "pass"] = "fail",
    ) -> None:
        self.world: Final = world
        self._carrier = Carrier(httpx2, world, BaseUrls(base_urls))
        self._passes = checked_unknown_hosts(unknown_hosts) == "pass"

    def start(self) -> None:
        """Answer from now on."""
        if not self._active:
            _patch(self._patched)
        self._active.append(self)

    def stop(self) -> None:
        """Stop; the last one restores httpx2."""
        self._active.remove(self)
        if not self._active:
            self._patched.close()

    def __enter__(self) -> OutpaintPatch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @classmethod
    def _answers(cls, request: httpx2.Request) -> tuple[Carrier, RequestHead] | None:
        """The carrier that answers a request, and its head; None for the network. Raises for one that must fail."""
        for active in reversed(cls._active):
            head = active._carrier.head(request)
            if head is not None:
                return active._carrier, head
        if not all(active._passes for active in cls._active):
            raise cls._active[-1]._carrier.nobody(request)
        return None


def _patch(patched: ExitStack) -> None:
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

    patched.enter_context(patch.object(httpx2.HTTPTransport, "handle_request", handle_request))
    patched.enter_context(patch.object(httpx2.AsyncHTTPTransport, "handle_async_request", handle_async_request))
