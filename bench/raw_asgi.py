"""The reference under any Python server: a raw ASGI application on one uvicorn worker, at the port it is given."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Read the body, and answer everything with the same balance."""
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"16")]
    await send({"type": "http.response.start", "status": 202 if scope["method"] == "POST" else 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"credits":1000}'})


uvicorn.run(application, port=int(sys.argv[1]), http="httptools", log_config=None, access_log=False, lifespan="off")
