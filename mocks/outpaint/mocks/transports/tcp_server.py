"""Worlds over TCP: the ASGI application that serves them, and a server in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.embedded.asgi import (
    ClientGone,
    PooledHost,
    Receive,
    Scope,
    Send,
    disconnected,
    path_of,
    read_body,
    request_head,
    set_from_thread,
)
from outpaint.functions.embedded.client_addresses import TrustedProxies
from outpaint.functions.embedded.server import serving
from outpaint.functions.embedded.server_limits import ServerLimits
from outpaint.functions.http.application import Application, no_room
from outpaint.functions.http.field_values import whole_body
from outpaint.functions.http.local_requests import LOOPBACK_HOSTS, AllowedHosts
from outpaint.functions.http.messages import Body, RequestHead, Response, Waiting
from outpaint.functions.service.file_urls import PREFIX as FILES
from outpaint.mocks.exchange.call_under_way import CallUnderWay
from outpaint.mocks.exchange.mock_application import MockApplication, RefusedHead
from outpaint.mocks.mock_paths import ADMIN_ROOT, DEFAULT_WORLD, WORLD_PREFIX
from outpaint.mocks.transports.proxy_environment import LOOPBACK, no_proxy_for
from outpaint.mocks.transports.tcp_connection import BEGUN, CONNECTION, Begun, MockConnection
from outpaint.mocks.world.mock_answers import MockResponse, WireFault
from outpaint.mocks.world.virtual_clock import VirtualClock
from outpaint.mocks.world.world import World, WorldParts
from outpaint.mocks.world.worlds import WorldError, Worlds

_THREADS: Final = 8
_FILE_THREADS: Final = 4
"""Threads that finish downloads: files are painted one at a time, and may be large."""
_SMALL: Final = 1024 * 1024
"""Bytes of a body that is processed on the loop, because handing it to a thread would take longer."""
_TICK_S: Final = 0.02
_LONGEST_S: Final = 3600.0


class MockHost(PooledHost):
    """Serves worlds over TCP, with latencies, waits and faults by each world's clock, and their admin API.

    Only this machine may use the admin API, and only under the names that `admin_hosts` allow.
    """

    def __init__(
        self,
        worlds: Worlds,
        *,
        admin_hosts: AllowedHosts = LOOPBACK_HOSTS,
        limits: ServerLimits = ServerLimits(),
        proxies: TrustedProxies = TrustedProxies(),
    ) -> None:
        super().__init__(_THREADS, "mock", limits, proxies)
        self._files = ThreadPoolExecutor(_FILE_THREADS, thread_name_prefix="mock-file")
        self._fetches = ThreadPoolExecutor(limits.fetches_at_a_time, thread_name_prefix="mock-fetch")
        self.worlds: Final = worlds
        self._application = MockApplication(worlds)
        self._admin_hosts = admin_hosts

    def close(self) -> None:
        """End the threads, after the last request."""
        for pool in (self._files, self._fetches):
            pool.shutdown()
        super().close()

    # For the server

    def refusal(self, error: OutpaintError) -> Response:
        """The answer to a request that the server refuses by itself, of which not even a head may be known."""
        world = self.worlds.get()
        return Application(world.service, profile=world.profile).refusal(error)

    def begin(self, scope: Any) -> Response | Begun | None:
        """Judge a request by its head, on the loop: the answer if the head decides it, else the begun request.

        None where even that may take long, because a file may have to be painted.
        """
        head = scope[CONNECTION].heads.read(scope)
        if FILES in head.path or ADMIN_ROOT in head.path:
            return None
        call = self._application.open(head)
        answer = call.answer
        if answer is not None and _is_plain(answer) and head.header("expect") is None:
            return answer
        begun = self._begun(head, call)
        if begun.wants_body and not begun.share.reach(min(head.declared_size or 0, begun.call.body_limit)):
            begun.outcome = call.no_room()
        scope[BEGUN] = begun
        return begun

    def finish_at_once(self, begun: Begun) -> Response | None:
        """The answer to a request whose body has been read; None where it comes later, or with a fault."""
        assert begun.body is not None
        if len(begun.body) > _SMALL or begun.call.may_fetch:
            return None
        begun.call.take(begun.body)
        begun.taken = True
        if not begun.call.is_quick:
            return None
        begun.outcome = begun.call.conclude()
        return begun.outcome if isinstance(begun.outcome, Response) and _is_plain(begun.outcome) else None

    def _begun(self, head: RequestHead, call: CallUnderWay | RefusedHead) -> Begun:
        return Begun(head, call, self.load.share(call.payer))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - answers go by the connection
        """Answer a request."""
        with contextlib.suppress(ClientGone):
            await self._http(scope, receive)

    async def _http(self, scope: Scope, receive: Receive) -> None:
        connection: MockConnection = scope[CONNECTION]
        if ADMIN_ROOT in scope["path"] and _is_admins(path_of(scope)):
            await self._administer(scope, receive, connection)
            return
        begun: Begun | None = scope.get(BEGUN)
        if begun is None:
            head = request_head(scope)
            opened = await asyncio.get_running_loop().run_in_executor(self._pool, self._application.open, head)
            begun = self._begun(head, opened)
        try:
            await self._respond(scope, receive, begun)
        finally:
            begun.share.release()

    async def _respond(self, scope: Scope, receive: Receive, begun: Begun) -> None:
        loop = asyncio.get_running_loop()
        connection: MockConnection = scope[CONNECTION]
        head, call = begun.head, begun.call
        outcome: Response | Waiting | None = begun.outcome or call.answer
        unread = begun.body is None
        if outcome is None:
            body: Body | Response = b"" if begun.body is None else begun.body
            if begun.wants_body:
                try:
                    body = await read_body(call, receive, begun.share, self.limits, head.declared_size)
                except BaseException:
                    call.cut_short()  # no call of the journal stays without an end
                    call.left()
                    raise
                unread = isinstance(body, Response)
            if isinstance(body, Response):
                outcome = body
            else:
                finish = call.conclude if begun.taken else partial(call.finish, body)
                outcome = await loop.run_in_executor(self._pool_for(scope["path"], call), finish)
            del body
        # The journal keeps what it is told to; a client that waits for a job holds nothing else.
        begun.body = None
        begun.share.release()
        answer = outcome if isinstance(outcome, Response) else await self._wait(call.world, outcome, receive)
        if unread and head.header("expect") is not None:
            # The client may still send its body, so that the start of the connection's next request is not known.
            answer = replace(answer, headers=(*answer.headers, ("Connection", "close")))
        try:
            await self._deliver(connection, scope, receive, call.world.clock, answer)
        except ClientGone:
            call.left()
            raise

    def _pool_for(self, path: str, call: CallUnderWay | RefusedHead) -> ThreadPoolExecutor:
        """The threads that finish a call: those that paint files, those that fetch addresses, or those for the rest."""
        if FILES in path:
            return self._files
        return self._fetches if call.may_fetch else self._pool

    async def _deliver(
        self, connection: MockConnection, scope: Scope, receive: Receive, clock: VirtualClock, answer: Response
    ) -> None:
        fault: WireFault | None = None
        if isinstance(answer, MockResponse):
            fault = answer.fault
            if answer.latency:
                await self._sleep(clock, answer.latency, receive)
        if fault is None:
            await connection.answer(scope, answer)
        elif fault.answers:
            pieces = self._pieces(clock, fault, answer.body)
            await connection.trickle(scope, answer, pieces, fault.breaks)
        else:
            connection.reset(scope)

    async def _pieces(self, clock: VirtualClock, fault: WireFault, body: bytes) -> AsyncIterator[bytes]:
        """The part of a body that the client gets, at its pace."""
        visible, pace = fault.visible(body), fault.bytes_per_second
        if pace is None:
            yield visible
            return
        began, sent = clock.now(), 0
        size = max(1, math.ceil(pace * _TICK_S * (clock.scale or 1.0)))
        while sent < len(visible):
            piece = visible[sent:] if self._closing else visible[sent : sent + size]
            sent += len(piece)
            await self._sleep(clock, began + sent / pace - clock.now(), None)
            yield piece

    async def _sleep(self, clock: VirtualClock, seconds: float, receive: Receive | None) -> None:
        """Let virtual time pass; raises `ClientGone` if the client disconnects."""
        if seconds <= 0:
            return
        if clock.is_frozen:
            clock.advance(seconds)
            return
        await self._until(clock, clock.now() + seconds, lambda: False, receive, asyncio.Event())

    async def _wait(self, world: World, waiting: Waiting, receive: Receive) -> Response:
        """The response at the job's end or at the end of the wait; raises `ClientGone` if the client disconnects."""
        loop = asyncio.get_running_loop()
        woken = asyncio.Event()
        unsubscribe = world.endings.subscribe(waiting.inference_id, lambda: set_from_thread(loop, woken))

        over = partial(world.has_ended, waiting.inference_id)
        try:
            await self._until(world.clock, waiting.until, over, receive, woken)
            return waiting.resume()
        except BaseException:
            waiting.abandon()
            raise
        finally:
            unsubscribe()

    async def _until(
        self, clock: VirtualClock, until: float, over: Callable[[], bool], receive: Receive | None, woken: asyncio.Event
    ) -> None:
        """Wait until the clock shows `until`, or until `over()`, asked whenever `woken` is set."""
        loop = asyncio.get_running_loop()
        unsubscribe = clock.on_change(lambda: set_from_thread(loop, woken))
        self._waits.add(woken)
        gone = None if receive is None else asyncio.ensure_future(disconnected(receive))
        try:
            while not self._closing:
                woken.clear()
                ahead = until - clock.now()
                if ahead <= 0 or over():
                    return
                if clock.is_frozen:
                    clock.reach(until)
                    return
                wake = asyncio.ensure_future(woken.wait())
                try:
                    await asyncio.wait(
                        [wake] if gone is None else [wake, gone],
                        timeout=min(clock.real_seconds(ahead), _LONGEST_S),
                        return_when=asyncio.FIRST_COMPLETED,
                    )
                finally:
                    wake.cancel()
                if gone is not None and gone.done():
                    raise ClientGone
        finally:
            self._waits.discard(woken)
            unsubscribe()
            if gone is not None:
                gone.cancel()

    async def _administer(self, scope: Scope, receive: Receive, connection: MockConnection) -> None:
        from outpaint.mocks.admin import admin_application  # a server's start does not wait for all of this

        head, hosts = request_head(scope), self._admin_hosts
        limit = admin_application.body_limit(head, hosts)
        share = self.load.share("")
        try:
            body = await read_body(_AdminBody(self, limit), receive, share, self.limits, head.declared_size)
            if isinstance(body, Response):
                answer = body
            else:
                act = partial(admin_application.answer, self.worlds, head, whole_body(body), hosts)
                answer = await asyncio.get_running_loop().run_in_executor(self._pool, act)
        finally:
            share.release()
        await connection.answer(scope, answer)


def _is_admins(path: str) -> bool:
    """Whether a path is the admin API's: /_mock at the root or under a world's prefix."""
    if path.startswith(WORLD_PREFIX):
        path = path[path.find("/", len(WORLD_PREFIX)) :]
    return path.startswith(ADMIN_ROOT) and path[len(ADMIN_ROOT) : len(ADMIN_ROOT) + 1] in ("", "/")


def _is_plain(answer: Response) -> bool:
    """Whether an answer is sent whole and at once."""
    return not isinstance(answer, MockResponse) or (answer.fault is None and not answer.latency)


@dataclass(slots=True)
class _AdminBody:
    """The body of an admin call, for `read_body`."""

    host: MockHost
    body_limit: int

    def too_large(self) -> Response:
        return self.host.refusal(
            OutpaintError(ErrorCode.BODY_TOO_LARGE, f"the body has more than {self.body_limit} bytes")
        )

    def cut_short(self) -> Response:
        return self.host.refusal(OutpaintError(ErrorCode.MALFORMED_BODY, "the body stopped arriving before its end"))

    def no_room(self) -> Response:
        return self.host.refusal(no_room())


class ServedWorld(WorldParts):
    """A world under a base URL of its own on a shared server.

    `base_url` is what a client of the API is configured with; `url` is the same without `/v1`.
    """

    def __init__(self, world: World, server_url: str, refused_url: str) -> None:
        self.world = world
        self.url: Final = f"{server_url}{WORLD_PREFIX}{world.name}"
        self.base_url: Final = f"{self.url}/v1"
        self.refused_url: Final = refused_url
        """A base URL whose port refuses connections while the server runs."""


class ThreadServer:
    """A mock server in a thread; worlds come and go while it runs."""

    def __init__(self, url: str, refused_url: str, worlds: Worlds) -> None:
        self.url: Final = url
        self.refused_url: Final = refused_url
        self._worlds = worlds

    @contextmanager
    def serving(self, world: World) -> Iterator[ServedWorld]:
        """Serve a world for as long as the block runs; its name must be its own on this server.

        Clients of this process, and of processes that it starts, reach it past a proxy that the environment names.
        """
        self._worlds.add(world)
        try:
            with no_proxy_for([LOOPBACK]):
                yield ServedWorld(world, self.url, self.refused_url)
        finally:
            self._worlds.remove(world.name)


@contextmanager
def thread_server() -> Iterator[ThreadServer]:
    """A server on a free loopback port for as long as the block runs."""

    def make(name: str) -> World:
        if name != DEFAULT_WORLD:
            raise WorldError(f"there is no world {name[:70]}: its test is over, or never began")
        return World(name)

    worlds = Worlds(make)
    host = MockHost(worlds)
    with ExitStack() as stack:
        stack.callback(host.close)
        closed = stack.enter_context(_closed_port())
        url = stack.enter_context(serving(host, connection=MockConnection))
        yield ThreadServer(url, closed, worlds)


@contextmanager
def _closed_port() -> Iterator[str]:
    """A base URL on a port that is bound and refuses connections."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/v1"
