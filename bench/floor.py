"""A raw ASGI application on one uvicorn worker: the floor under any Python server's request rate."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

import uvicorn


async def app(_scope: dict[str, Any], _receive: Any, send: Any) -> None:
    """Answer everything with the same balance."""
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"application/json"), (b"content-length", b"16")],
        }
    )
    await send({"type": "http.response.body", "body": b'{"credits":1000}'})


with socket.create_server(("127.0.0.1", 0)) as listener, contextlib.suppress(KeyboardInterrupt):
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, http="httptools", lifespan="off", log_config=None, access_log=False)).run(
        [listener]
    )
