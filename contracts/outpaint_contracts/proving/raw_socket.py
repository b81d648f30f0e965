"""Bytes on a socket, for what no HTTP library would send."""

from __future__ import annotations

import re
import socket
from typing import Final

from outpaint_contracts.proving.expectations import Unmet

SILENCE_S: Final = 2.0
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r]")


def send_raw(address: tuple[str, int], data: bytes, *, then_close_writing: bool = False) -> bytes:
    """Write these bytes to a socket and read until the other side closes or says nothing for two seconds.

    A connection that the other side resets has said all that it will say. Raises `Unmet` where there is none.
    """
    try:
        connection = socket.create_connection(address, timeout=SILENCE_S)
    except OSError as error:
        raise Unmet(f"a connection to {address[0]}:{address[1]}: {error}") from None
    received = b""
    with connection:
        try:
            connection.sendall(data)
            if then_close_writing:
                connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65536):
                received += chunk
        except (TimeoutError, ConnectionError):
            pass
    return received


def status_of(answer: bytes) -> int:
    """The status of the answer's first line; raises `Unmet` where that is no status line."""
    found = _STATUS_LINE.match(answer)
    if found is None:
        raise Unmet(f"the answer: expected an HTTP status line, got {answer[:100]!r}")
    return int(found[1])
