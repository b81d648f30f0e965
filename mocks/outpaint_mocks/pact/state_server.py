"""A state-change server on loopback, as Pact's verifiers ask for one: a state's name in, its values out."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from outpaint_contracts.errors import OutpaintError

Stage = Callable[[str, dict[str, Any]], dict[str, str]]
"""Puts a provider into the state of this name and parameters; raises `OutpaintError` where that cannot be."""


@contextmanager
def state_server(stage: Stage) -> Iterator[str]:
    """The URL of a state-change server for as long as the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))) or b"{}")
            status, told = 200, {}
            if asked.get("action", "setup") != "teardown":
                try:
                    told = stage(str(asked.get("state", "")), asked.get("params") or {})
                except OutpaintError as error:
                    status, told = 422, {"detail": error.detail}
            data = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as it is called there
            """Nothing: the verifier tells what happened."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, name="pact-states", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
