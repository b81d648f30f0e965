"""For httpx: a respx router that answers the API from a world."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal, Self, cast

import httpx
import respx
from respx.mocks import HTTPCoreMocker
from respx.models import AllMockedAssertionError, CallList, PassThrough, Route, RouteList

from outpaint.mocks.transports.client_patch import ClientPatch, Unanswered
from outpaint.mocks.transports.in_process import VENDOR_BASE_URL, BaseUrls, Carrier, checked_unknown_hosts
from outpaint.mocks.world.calls import Calls
from outpaint.mocks.world.journal import Journal
from outpaint.mocks.world.world import World, WorldParts


class _Unrouted(PassThrough):
    """A request that no route answers, and that may go to the network."""


class OutpaintRouter(WorldParts, respx.MockRouter):
    """A respx router that answers the API's base URLs from a world, for httpx clients, sync and async.

    Use it as any respx router: as a context manager, and with routes of your own for other hosts. A request that no
    route answers goes to other tools that have patched httpx (respx's own routers, pytest-httpx), if there are any.
    Else it fails as respx has it, or with `unknown_hosts="pass"` goes to the network. `calls` are the world's: parsed
    requests with their pictures.

    respx itself patches httpcore, through which a world's service may fetch sources too; this one patches httpx
    (`ClientPatch`), and leaves clients alone that have a transport of their own, such as test clients.
    """

    def __init__(
        self,
        world: World,
        *,
        base_urls: Iterable[str] = (VENDOR_BASE_URL,),
        unknown_hosts: Literal["fail", "pass"] = "fail",
        assert_all_called: bool = False,
    ) -> None:
        self.world = world
        self._others = CallList()
        super().__init__(assert_all_called=assert_all_called, assert_all_mocked=True, using=None)
        self.bases: Final = BaseUrls(base_urls)
        self._carrier = Carrier(httpx, world, self.bases)
        self._passes = checked_unknown_hosts(unknown_hosts) == "pass"

    def __enter__(self) -> Self:
        """Begin to answer."""
        self.start()
        return self

    def start(self) -> None:
        """Begin to answer; raises `OutpaintError` where another world is active under one of its base URLs."""
        ClientPatch.of(httpx).add(self)
        super().start()

    def stop(self, clear: bool = True, reset: bool = True, quiet: bool = False) -> None:
        """Answer no longer; raises `PatchUndoneError` where another tool undid the patch before."""
        try:
            ClientPatch.of(httpx).remove(self)
        finally:
            super().stop(clear=clear, reset=reset, quiet=quiet)

    @property  # type: ignore[override]
    def calls(self) -> Calls:
        """Every call that the world was sent."""
        return self.world.calls

    @calls.setter
    def calls(self, others: CallList) -> None:
        self._others = others  # respx's own list, for routes of other hosts

    @property
    def journal(self) -> Journal:
        """The world's journal."""
        return self.world.journal

    def assert_all_called(self) -> None:
        """Every scenario for next calls was used up, every source fetched, and every route of your own called."""
        self.world.assert_all_called()
        silent = [route for route in self.routes if not route.called]
        assert not silent, f"never called: {', '.join(map(repr, silent))}"

    # For clients

    def handler(self, request: httpx.Request, retries: int = 0) -> httpx.Response:
        """A sync client's answer; a refused connection is tried again up to `retries` times."""
        head = self._carrier.head(request)
        if head is not None:
            return cast("httpx.Response", self._carrier.send(request, head, retries))
        request.read()
        try:
            return super().handler(request)
        except AllMockedAssertionError:
            raise self._nobody(request) from None

    async def async_handler(self, request: httpx.Request, retries: int = 0) -> httpx.Response:
        """An async client's answer, as `handler`."""
        head = self._carrier.head(request)
        if head is not None:
            return cast("httpx.Response", await self._carrier.send_async(request, head, retries))
        await request.aread()
        try:
            return await super().async_handler(request)
        except AllMockedAssertionError:
            raise self._nobody(request) from None

    def intercept(self, request: httpx.Request, retries: int) -> httpx.Response:
        """As `handler`, for the patch; raises `Unanswered`."""
        try:
            return self.handler(request, retries)
        except (AllMockedAssertionError, PassThrough) as reason:
            raise _unanswered(reason) from None

    async def intercept_async(self, request: httpx.Request, retries: int) -> httpx.Response:
        """As `intercept`, for an async client."""
        try:
            return await self.async_handler(request, retries)
        except (AllMockedAssertionError, PassThrough) as reason:
            raise _unanswered(reason) from None

    def _nobody(self, request: httpx.Request) -> Exception:
        """What to raise for a request that neither the mock nor a route of the test's own answers."""
        if self._passes or HTTPCoreMocker.routers:  # a router of respx's own, for httpcore, may answer it
            return _Unrouted(f"not the mock's: {request!r}", request=request, origin=cast("Route", None))
        return AllMockedAssertionError(str(self._carrier.nobody(request)))

    # respx takes a snapshot when it starts and rolls back when it stops; that concerns routes, never the world.

    def record(
        self, request: httpx.Request, *, response: httpx.Response | None = None, route: Route | None = None
    ) -> None:
        """Remember a call of another host; the API's own are in the world's journal."""
        call = self._others.record(request, response)
        if route is not None:
            route.calls.append(call)

    def snapshot(self) -> None:
        """Remember the routes, for `rollback`; the world has its own snapshots."""
        self._snapshots.append((RouteList(self.routes), CallList(self._others)))
        for route in self.routes:
            route.snapshot()

    def rollback(self) -> None:
        """Restore the routes of the last snapshot."""
        if not self._snapshots:
            return
        routes, others = self._snapshots.pop()
        self.routes[:] = routes
        self._others[:] = others
        for route in self.routes:
            route.rollback()

    def reset(self) -> None:
        """Forget the calls of other hosts."""
        self._others.clear()
        for route in self.routes:
            route.reset()


def _unanswered(reason: Any) -> Unanswered:
    if isinstance(reason, PassThrough):
        return Unanswered(wanted=not isinstance(reason, _Unrouted))
    return Unanswered(reason)
