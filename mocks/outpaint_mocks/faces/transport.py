"""What the transports of httpx and httpx2 have in common, all but their library's own types."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar

from outpaint_mocks.faces.bases import BaseUrls
from outpaint_mocks.faces.client import Carrier, Library

if TYPE_CHECKING:
    from outpaint_mocks.world import World

Other = TypeVar("Other")
"""The library's transports, sync and async."""


class WorldTransport(Generic[Other]):
    """Answers a client's requests from a world; mixed with a library's transport types, it is one of its transports."""

    _library: ClassVar[Library]

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
        if isinstance(self._otherwise, self._library.transport):
            return self._otherwise.handle_request(request)
        raise self._carrier.nobody(request)

    async def handle_async_request(self, request: Any) -> Any:
        """As `handle_request`, for an asynchronous client."""
        head = self._carrier.head(request)
        if head is not None:
            return await self._carrier.send_async(request, head)
        if isinstance(self._otherwise, self._library.async_transport):
            return await self._otherwise.handle_async_request(request)
        raise self._carrier.nobody(request)
