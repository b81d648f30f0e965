"""The proxy on a socket: an ASGI application around a `Recorder`, for our own server."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from outpaint_contracts.errors import ErrorBody, ErrorCode, OutpaintError
from outpaint_functions.embedded.asgi import ClientGone
from outpaint_functions.http.messages import Response

from outpaint_mocks.drift.recorder import Recorder
from outpaint_mocks.drift.wire_messages import Asked

if TYPE_CHECKING:
    from outpaint_functions.embedded.asgi import Receive, Scope, Send

MAX_BODY_BYTES: Final = 128 * 1024 * 1024
_THREADS: Final = 32


class RecordingHost:
    """Answers each request from a thread of its own, so that a long wait at the provider holds up nobody else."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="record")

    def release_waits(self) -> None:
        """Nothing to release: a provider's answer is waited for, it may have been paid for."""

    def unreadable(self) -> Response:
        """400 for bytes that are not HTTP."""
        error = OutpaintError(ErrorCode.MALFORMED_BODY, "this is not HTTP/1.1: nothing was sent on")
        body = ErrorBody.of(error).model_dump_json().encode()
        return Response(400, (("Content-Type", "application/json"), ("Content-Length", str(len(body)))), body)

    def close(self) -> None:
        """End the threads, after the last request."""
        self._pool.shutdown()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        query = scope["query_string"].decode("latin-1")
        target = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        try:
            body = await _body(receive)
        except ClientGone:
            return  # half a request is nobody's: nothing goes on
        loop = asyncio.get_running_loop()
        if body is None:
            asked = Asked(scope["method"], target, headers)
            told = await loop.run_in_executor(self._pool, self._recorder.too_large, asked, MAX_BODY_BYTES)
        else:
            asked = Asked(scope["method"], target, headers, body)
            told = await loop.run_in_executor(self._pool, self._recorder.handle, asked)
        bare = told.status in (204, 304) or scope["method"] == "HEAD"
        length = [] if bare else [("Content-Length", str(len(told.body)))]
        sent = [
            (name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in (*told.headers, *length)
        ]
        await send({"type": "http.response.start", "status": told.status, "headers": sent})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else told.body})


async def _body(receive: Receive) -> bytes | None:
    """The request's body; None for one that is too large, read to its end all the same. Raises `ClientGone`."""
    body = bytearray()
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        piece = message.get("body", b"")
        size += len(piece)
        if size <= MAX_BODY_BYTES:
            body += piece
        if not message.get("more_body", False):
            return bytes(body) if size <= MAX_BODY_BYTES else None
