"""Connections to a server whose bytes a test writes and reads itself."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit


@contextmanager
def connection_to(url: str) -> Iterator[socket.socket]:
    address = urlsplit(url)
    assert address.hostname is not None
    with socket.create_connection((address.hostname, address.port or 0), timeout=20) as connected:
        yield connected


class Answer:
    """One HTTP/1.1 response, read byte by byte so that nothing of the next is taken."""

    def __init__(self, connected: socket.socket, *, head_only: bool = False) -> None:
        raw = b""
        while not raw.endswith(b"\r\n\r\n"):
            byte = connected.recv(1)
            assert byte, f"the connection ended after {raw!r}"
            raw += byte
        first, *lines = raw.decode("latin-1").split("\r\n")[:-2]
        self.status = int(first.split()[1])
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        self.body = b""
        length = 0 if head_only else int(self.headers["content-length"])
        while len(self.body) < length:
            self.body += connected.recv(length - len(self.body))

    @property
    def code(self) -> str:
        code = json.loads(self.body)["error_code"]
        assert isinstance(code, str)
        return code


def ask(connected: socket.socket, text: str) -> Answer:
    connected.sendall(text.encode("latin-1"))
    return Answer(connected)


def is_closed(connected: socket.socket) -> bool:
    try:
        return connected.recv(1) == b""
    except ConnectionResetError:
        return True
