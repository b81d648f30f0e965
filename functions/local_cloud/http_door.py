"""An HTTP server on loopback that hands whole requests to a function and sends back what that answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from outpaint_functions.embedded.asgi import Receive, Scope, Send
from outpaint_functions.embedded.server import serving
from outpaint_functions.http.messages import Response

HOP_BY_HOP: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})
_THREADS: Final = 64
_BODILESS: Final = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came: names of headers as they were written, path and query still encoded."""

    method: str
    raw_path: str
    raw_query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    peer: str

    def header(self, name: str) -> str | None:
        """The first header of this name, in any case."""
        return next((value for known, value in self.headers if known.lower() == name.lower()), None)


Answering = Callable[[Request], Response]


class Door:
    """Carries `answering` on ASGI; each request has a thread of its own while it lasts."""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="door")

    def release_waits(self) -> None:
        """Nothing waits here that does not end by itself."""

    def unreadable(self) -> Response:
        """400 for bytes that are not HTTP, as a gateway says it."""
        return Response(400, (("Content-Type", "text/plain"), ("Connection", "close")), b"Bad Request\n")

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(cancel_futures=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the whole request, and answer it; a client that goes away in the middle is not answered."""
        pieces = []
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return
            pieces.append(message.get("body", b""))
            if not message.get("more_body"):
                break
        request = Request(
            scope["method"],
            scope["raw_path"].decode("latin-1"),
            scope["query_string"].decode("latin-1"),
            tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]),
            b"".join(pieces),
            (scope.get("client") or ("127.0.0.1", 0))[0],
        )
        answer = await asyncio.get_running_loop().run_in_executor(self._threads, self._answering, request)
        headers = [(name, value) for name, value in answer.headers if name.lower() not in HOP_BY_HOP]
        if request.method == "HEAD":
            # What a GET would have had.
            headers += [(name, value) for name, value in answer.headers if name.lower() == "content-length"]
        elif answer.status not in _BODILESS:
            headers.append(("Content-Length", str(len(answer.body))))
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
        await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else answer.body})


@contextmanager
def door(answering: Answering, port: int = 0) -> Iterator[str]:
    """Serve on loopback for as long as the block runs; yields the base URL."""
    app = Door(answering)
    try:
        with serving(app, port=port) as url:
            yield url
    finally:
        app.close()
