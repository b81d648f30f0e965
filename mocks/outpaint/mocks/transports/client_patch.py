"""The patch by which clients of httpx, and of libraries like it, are answered without a transport of their own.

Two places are patched. `_transport_for_url` is where a client takes its transport: what stands there answers before any
other tool that patches the transports, such as pytest-httpx, whichever was set up first. `handle_request` of the
library's own transport is reached where a client has a transport that wraps one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar
from copy import copy
from types import FunctionType
from typing import Any, ClassVar, Final, NoReturn, Protocol

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.mocks.transports.in_process import BaseUrls
from outpaint.mocks.world.world import World


class Unanswered(Exception):  # noqa: N818 - an outcome, which the patch turns into what the client gets
    """A request that is not an interceptor's.

    `error` is what the client gets unless another tool has patched the library too and answers; with None the request
    may go to the network. `wanted` is whether the test itself wants it to go on.
    """

    def __init__(self, error: Exception | None = None, *, wanted: bool = False) -> None:
        super().__init__()
        self.error: Final = error
        self.wanted: Final = wanted


class PatchUndoneError(RuntimeError):
    """Another tool has put the library's own function back under an active mock: calls may leave the machine."""


class Interceptor(Protocol):
    """What answers requests while it is active; `retries` is how often the client's transport connects anew."""

    @property
    def world(self) -> World:
        """Whose calls they become."""

    @property
    def bases(self) -> BaseUrls:
        """Where it answers."""

    def intercept(self, request: Any, retries: int) -> Any:
        """The library's response; raises `Unanswered`, and the library's errors."""

    async def intercept_async(self, request: Any, retries: int) -> Any:
        """As `intercept`, for an asynchronous client."""


class ClientPatch:
    """The patch of one library, in place while any interceptor is active. May be used from several threads.

    Of several interceptors the latest is asked first.
    """

    _patches: ClassVar[dict[str, ClientPatch]] = {}
    _registry: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, library: Any) -> None:
        self._library = library
        self._lock = threading.Lock()
        self._active: tuple[Interceptor, ...] = ()
        self._patched: list[tuple[type, str, Any, Any]] = []
        bases = (MockFirst, library.BaseTransport, library.AsyncBaseTransport)
        self._mock_first: Callable[[ClientPatch, Any], Any] = type("_MockFirstTransport", bases, {})

    @classmethod
    def of(cls, library: Any) -> ClientPatch:
        """The patch of this library (its module)."""
        with cls._registry:
            name = library.__name__
            if name not in cls._patches:
                cls._patches[name] = cls(library)
            return cls._patches[name]

    def add(self, interceptor: Interceptor) -> None:
        """Let it answer from now on.

        Raises `OutpaintError` where another world is active under one of its base URLs: whichever answered, the other's
        calls would go astray.
        """
        with self._lock:
            for other in self._active:
                shared = other.bases.shared(interceptor.bases)
                if shared is not None and other.world is not interceptor.world:
                    raise OutpaintError(
                        ErrorCode.INVALID_PARAMETER,
                        f"world {other.world.name} already answers {shared} in this process, so "
                        f"{interceptor.world.name} cannot: end the other first, or give this one another base_url, a "
                        "transport of its own (OutpaintTransport) or a server (outpaint_server)",
                        field="base_url",
                    )
            if not self._active:
                self._begin()
            self._active = (*self._active, interceptor)

    def remove(self, interceptor: Interceptor) -> None:
        """Let it answer no longer; the last one takes the patch away.

        Raises `PatchUndoneError` where another tool had taken it away before.
        """
        with self._lock:
            # One that was added twice is taken away as often.
            places = [place for place, other in enumerate(self._active) if other is interceptor]
            if places:
                self._active = (*self._active[: places[-1]], *self._active[places[-1] + 1 :])
            if not self._active:
                self._end()

    def answer(self, request: Any, transport: Any) -> Any:
        """The answer of an interceptor; raises `Unanswered` where none has one."""
        verdict: Unanswered | None = None
        retries = _retries(transport)
        for interceptor in reversed(self._active):
            try:
                return interceptor.intercept(request, retries)
            except Unanswered as unanswered:
                verdict = _stricter(verdict, unanswered)
        raise verdict or Unanswered()

    async def answer_async(self, request: Any, transport: Any) -> Any:
        """As `answer`, for an asynchronous client."""
        verdict: Unanswered | None = None
        retries = _retries(transport)
        for interceptor in reversed(self._active):
            try:
                return await interceptor.intercept_async(request, retries)
            except Unanswered as unanswered:
                verdict = _stricter(verdict, unanswered)
        raise verdict or Unanswered()

    # What is patched

    def _begin(self) -> None:
        library = self._library
        for owner, name, make in (
            (library.HTTPTransport, "handle_request", self._sync_transport),
            (library.AsyncHTTPTransport, "handle_async_request", self._async_transport),
            (library.Client, "_transport_for_url", self._choice),
            (library.AsyncClient, "_transport_for_url", self._choice),
        ):
            below = vars(owner)[name]
            patch = make(below)
            patch.outpaint_below = below
            setattr(owner, name, patch)
            self._patched.append((owner, name, patch, below))

    def _end(self) -> None:
        undone = [f"{owner.__name__}.{name}" for owner, name, _, _ in self._patched if self._is_librarys(owner, name)]
        for owner, name, patch, below in self._patched:
            # Another tool's patch over this one may stay; once it is taken away, what lies below answers as if alone.
            if vars(owner)[name] is patch:
                setattr(owner, name, below)
        self._patched.clear()
        if undone:
            self._complain(undone)

    def _sync_transport(self, below: Callable[..., Any]) -> Any:
        def handle_request(transport: Any, request: Any) -> Any:
            if not self._active:
                return below(transport, request)
            verdict = _verdict_on(request)
            if verdict is None:
                try:
                    return self.answer(request, transport)
                except Unanswered as unanswered:
                    verdict = unanswered
            return below(self._kept_here(transport, below, verdict), request)

        return handle_request

    def _async_transport(self, below: Callable[..., Any]) -> Any:
        async def handle_async_request(transport: Any, request: Any) -> Any:
            if not self._active:
                return await below(transport, request)
            verdict = _verdict_on(request)
            if verdict is None:
                try:
                    return await self.answer_async(request, transport)
                except Unanswered as unanswered:
                    verdict = unanswered
            return await below(self._kept_here(transport, below, verdict), request)

        return handle_async_request

    def _choice(self, below: Callable[..., Any]) -> Any:
        sync, asynchronous = self._library.HTTPTransport, self._library.AsyncHTTPTransport

        def _transport_for_url(client: Any, url: Any) -> Any:
            transport = below(client, url)
            if not self._active:
                return transport
            for owner, name in ((sync, "handle_request"), (asynchronous, "handle_async_request")):
                # One that a transport overrides is its own, and leads here by what it calls.
                if isinstance(transport, owner) and getattr(type(transport), name) is getattr(owner, name):
                    if self._is_librarys(owner, name):
                        self._complain([f"{owner.__name__}.{name}"])
                    return self._mock_first(self, transport)
            return transport

        return _transport_for_url

    def _kept_here(self, transport: Any, below: Callable[..., Any], verdict: Unanswered) -> Any:
        """The transport for whoever is asked next; one without a network, where the request may not leave the machine.

        Raises the verdict's error where nobody but the library is left to be asked.
        """
        if verdict.error is None:
            return transport
        if self._is_own(_without_ours(below)):
            raise verdict.error
        return _cut_off(transport, verdict.error)

    def _is_librarys(self, owner: type, name: str) -> bool:
        return self._is_own(vars(owner)[name])

    def _is_own(self, function: Any) -> bool:
        return str(getattr(function, "__module__", "")).startswith(f"{self._library.__name__}.")

    def _complain(self, undone: list[str]) -> NoReturn:
        raise PatchUndoneError(
            f"{', '.join(undone)} of {self._library.__name__} is the library's own again while a mock is active, "
            "so that calls may leave the machine: a fixture that began before the mock has ended, or "
            "monkeypatch.undo() was called. Begin the mock first, or give the client its transport (OutpaintTransport)"
        )


class MockFirst:
    """Asks the mock before a client's transport; combined with a library's transport types it is one of them."""

    def __init__(self, patch: ClientPatch, transport: Any) -> None:
        self._patch = patch
        self._transport = transport

    def handle_request(self, request: Any) -> Any:
        """The mock's answer, else the transport's."""
        try:
            return self._patch.answer(request, self._transport)
        except Unanswered as unanswered:
            token = _VERDICT.set((request, unanswered))
        try:
            return self._transport.handle_request(request)
        finally:
            _VERDICT.reset(token)

    async def handle_async_request(self, request: Any) -> Any:
        """As `handle_request`, for an asynchronous client."""
        try:
            return await self._patch.answer_async(request, self._transport)
        except Unanswered as unanswered:
            token = _VERDICT.set((request, unanswered))
        try:
            return await self._transport.handle_async_request(request)
        finally:
            _VERDICT.reset(token)


_VERDICT: Final[ContextVar[tuple[Any, Unanswered] | None]] = ContextVar("outpaint_verdict", default=None)
"""The request that no interceptor answers, on its way through the patches of the transports."""


def _verdict_on(request: Any) -> Unanswered | None:
    found = _VERDICT.get()
    return found[1] if found is not None and found[0] is request else None


def _stricter(one: Unanswered | None, other: Unanswered) -> Unanswered:
    """Which of two verdicts counts; raises one that the test wants itself."""
    if other.wanted:
        raise other
    return other if one is None or one.error is None else one


def _retries(transport: Any) -> int:
    """How often a transport connects anew where a connection is refused, as its user has set it."""
    retries = getattr(getattr(transport, "_pool", None), "_retries", 0)
    return retries if isinstance(retries, int) else 0


def _cut_off(transport: Any, error: Exception) -> Any:
    """A copy of a transport whose connections all fail so: another tool may hand on to it what is not its own."""

    def handle_request(_: Any) -> NoReturn:
        raise error

    async def handle_async_request(_: Any) -> NoReturn:
        raise error

    cut_off = copy(transport)
    cut_off._pool = copy(transport._pool)
    cut_off._pool.handle_request = handle_request
    cut_off._pool.handle_async_request = handle_async_request
    return cut_off


def _without_ours(function: Any) -> Any:
    """The function below patches of ours; another tool may have put back one that had ended, which does nothing."""
    while type(function) is FunctionType and hasattr(function, "outpaint_below"):
        function = function.outpaint_below
    return function
