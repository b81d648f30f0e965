"""The mock over HTTP: the runtime's three operations, and the mock's own administration under /_mock."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from outpaint_contracts.errors import OutpaintError
from outpaint_functions.embedded.asgi import ClientGone, Receive, Scope, Send, set_from_thread
from outpaint_functions.embedded.connection import BoundedConnection
from outpaint_functions.http.messages import Response

from outpaint_mocks.mock_paths import ADMIN_ROOT
from outpaint_mocks.sagemaker.admin import administer
from outpaint_mocks.sagemaker.calls import MAX_BODY, ROUTES
from outpaint_mocks.sagemaker.refusals import unknown_operation
from outpaint_mocks.sagemaker.runtime import Reply, SageMakerMock

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

_CONNECTION: Final = "outpaint.connection"
_THREADS: Final = 256
"""Calls that can wait for a container at a time."""


class Connection(BoundedConnection):
    """The embedded host's connection, which can also break off without an answer."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        cycle.scope[_CONNECTION] = self  # type: ignore[typeddict-unknown-key]
        super()._start_asgi_task(cycle, app)

    def break_off(self) -> None:
        """Reset the connection."""
        self.transport.abort()


class RuntimeFace:
    """Carries a `SageMakerMock` on ASGI, in `Connection`s; `close` it after the last request."""

    def __init__(self, mock: SageMakerMock) -> None:
        self.mock: Final = mock
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="sagemaker-call")
        self._holds: set[asyncio.Event] = set()

    def release_waits(self) -> None:
        """Let go of every answer that is held; call on the loop."""
        for hold in self._holds:
            hold.set()

    def unreadable(self) -> Response:
        """400 for bytes that are not HTTP."""
        return Response(400, (("Content-Type", "text/plain"), ("Connection", "close")), b"this is not HTTP\n")

    def close(self) -> None:
        """End the pool's threads."""
        self._pool.shutdown()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        with contextlib.suppress(ClientGone):
            body = await _read(receive)
            if scope["path"].startswith(ADMIN_ROOT):
                await self._administer(scope, body, send)
            else:
                await self._call(scope, body, send)

    async def _call(self, scope: Scope, body: bytes, send: Send) -> None:
        # A header that comes twice counts once, as the last; SDKs send each once.
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        parts = scope["path"].split("/")
        operation = ROUTES.get(parts[3]) if len(parts) == 4 and parts[1] == "endpoints" else None
        if operation is None or scope["method"] != "POST":
            refusal = unknown_operation()
            await self._send(Reply(refusal.status, tuple(refusal.headers), (refusal.body,)), send)
            return
        loop = asyncio.get_running_loop()
        reply = await loop.run_in_executor(self._pool, self.mock.handle, operation, parts[2], headers, body)
        if reply.hold > 0:
            await self._hold(reply.hold)
        if reply.disconnect:
            scope[_CONNECTION].break_off()
            return
        await self._send(reply, send)

    async def _send(self, reply: Reply, send: Send) -> None:
        headers = [("x-amzn-requestid", str(uuid.uuid4())), *reply.headers]
        if len(reply.pieces) == 1:
            headers.append(("content-length", str(len(reply.pieces[0]))))
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await send({"type": "http.response.start", "status": reply.status, "headers": raw})
        for piece in reply.pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _hold(self, seconds: float) -> None:
        """Let the clock's time pass; a frozen one is moved on by this, as by every wait."""
        loop = asyncio.get_running_loop()
        clock = self.mock.clock
        until = clock.now() + seconds
        over = asyncio.Event()
        self._holds.add(over)
        try:
            self.mock.agenda.at(until, lambda _: set_from_thread(loop, over))
            if clock.is_frozen:
                await loop.run_in_executor(self._pool, clock.reach, until)
            await over.wait()
        finally:
            self._holds.discard(over)

    async def _administer(self, scope: Scope, body: bytes, send: Send) -> None:
        loop = asyncio.get_running_loop()
        path, query = scope["path"], scope["query_string"].decode("latin-1")
        try:
            status, content = await loop.run_in_executor(
                self._pool, administer, self.mock, scope["method"], path, query, body
            )
        except OutpaintError as error:
            status, content = 400, {"Message": error.detail, "Member": error.field}
        text = json.dumps(content, indent=2).encode() + b"\n"
        await self._send(Reply(status, (("content-type", "application/json"),), (text,)), send)


async def _read(receive: Receive) -> bytes:
    """The body; of one that is too large no more than shows that it is. `ClientGone` for one that breaks off."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk: bytes = message.get("body", b"")
        if size <= MAX_BODY:
            chunks.append(chunk)
        size += len(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)
