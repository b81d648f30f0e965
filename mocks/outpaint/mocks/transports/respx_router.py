"""For httpx: a respx router, one of whose routes answers the API from a world."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any, ClassVar, Final, Literal, Self

import httpx
import respx
from respx.mocks import AbstractRequestMocker, HTTPCoreMocker, Mocker
from respx.models import AllMockedAssertionError, CallList, PassThrough, Route, RouteList

from outpaint.mocks.transports.in_process import VENDOR_BASE_URL, BaseUrls, Carrier, checked_unknown_hosts
from outpaint.mocks.world.calls import Calls
from outpaint.mocks.world.journal import Journal
from outpaint.mocks.world.world import World, WorldParts

_MOCKER: Final = "outpaint"
_IN_TASK: Final = ContextVar("outpaint_in_task", default=False)


class _TransportMocker(AbstractRequestMocker):
    """Has respx patch httpx's own transports.

    respx itself patches httpcore, through which a world's service may fetch sources too. Patching httpx's clients
    would take the requests of those with a transport of their own, such as test clients. This class has no name, so
    that respx does not register it at import.
    """

    targets: ClassVar[list[str]] = ["httpx.HTTPTransport", "httpx.AsyncHTTPTransport"]
    target_methods: ClassVar[list[str]] = ["handle_request", "handle_async_request"]

    @classmethod
    def to_httpx_request(cls, **kwargs: Any) -> httpx.Request:
        """The request as it is."""
        request: httpx.Request = kwargs["request"]
        return request

    @classmethod
    def from_sync_httpx_response(cls, httpx_response: httpx.Response, target: Any, **kwargs: Any) -> httpx.Response:  # noqa: ARG003
        """The response as it is."""
        return httpx_response

    @classmethod
    async def from_async_httpx_response(
        cls,
        httpx_response: httpx.Response,
        target: Any,  # noqa: ARG003
        **kwargs: Any,  # noqa: ARG003
    ) -> httpx.Response:
        """The response as it is."""
        return httpx_response


def _registered() -> str:
    """The name under which respx knows the mocker; the first router registers it.

    respx takes a name once in a process, and this module may be imported again, by pytest inside pytest.
    """
    if _MOCKER not in Mocker.registry:
        type(_TransportMocker.__name__, (_TransportMocker,), {"name": _MOCKER})
    return _MOCKER


class OutpaintRouter(WorldParts, respx.MockRouter):
    """A respx router that answers the API's base URLs from a world, for httpx clients, sync and async.

    Use it as any respx router: as a context manager, and with routes of your own for other hosts. A request that no
    route answers fails as respx has it, or with `unknown_hosts="pass"` goes to the network. `calls` are the world's:
    parsed requests with their pictures.
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
        super().__init__(assert_all_called=assert_all_called, assert_all_mocked=True, using=_registered())
        self._carrier = Carrier(httpx, world, BaseUrls(base_urls))
        self._passes = checked_unknown_hosts(unknown_hosts) == "pass"
        self._everything = self.route(name="outpaint").mock(side_effect=self._side_effect())

    def __enter__(self) -> Self:
        """Begin to answer."""
        self.start()
        return self

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
        silent = [route for route in self.routes if route is not self._everything and not route.called]
        assert not silent, f"never called: {', '.join(map(repr, silent))}"

    # For respx

    def handler(self, request: httpx.Request) -> httpx.Response:
        """A sync client's answer."""
        try:
            return super().handler(request)
        except AllMockedAssertionError:
            raise self._nobody(request) from None

    async def async_handler(self, request: httpx.Request) -> httpx.Response:
        """An async client's answer."""
        token = _IN_TASK.set(True)
        try:
            return await super().async_handler(request)
        except AllMockedAssertionError:
            raise self._nobody(request) from None
        finally:
            _IN_TASK.reset(token)

    def record(
        self, request: httpx.Request, *, response: httpx.Response | None = None, route: Route | None = None
    ) -> None:
        """Remember a call of another host; the API's own are in the world's journal."""
        if route is self._everything:
            return
        call = self._others.record(request, response)
        if route is not None:
            route.calls.append(call)

    # respx takes a snapshot when it starts and rolls back when it stops; that concerns routes, never the world.

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

    def _side_effect(self) -> Callable[[httpx.Request], Any]:
        """`_answer` with its signature attached: respx looks it up with every call, which is half of its time."""

        def answer(request: httpx.Request) -> Any:
            return self._answer(request)

        answer.__signature__ = inspect.signature(answer)  # type: ignore[attr-defined]
        return answer

    def _answer(self, request: httpx.Request) -> Any:
        """The world's answer; None lets respx try the other routes."""
        head = self._carrier.head(request)
        if head is None:
            return None
        carry = self._carrier.send_async if _IN_TASK.get() else self._carrier.send
        return carry(request, head)

    def _nobody(self, request: httpx.Request) -> Exception:
        """What to raise for a request that neither the mock nor a route of the test's own answers."""
        if self._passes or HTTPCoreMocker.routers:  # a router of respx's own, for httpcore, may answer it
            return PassThrough(f"not the mock's: {request!r}", request=request, origin=self._everything)
        return AllMockedAssertionError(str(self._carrier.nobody(request)))
