"""Requests that no HTTP library would write: multipart bodies by their parts, and bytes on a socket."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from typing import Final

from outpaint.conformance.proving.expectations import Unmet

BOUNDARY: Final = "wire-case-boundary"
SILENCE_S: Final = 2.0
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r]")


@dataclass(frozen=True, slots=True)
class FormPart:
    """One part of a multipart body; without `filename` it is a field."""

    name: str
    data: bytes | str
    filename: str | None = None
    content_type: str | None = None

    def encoded(self) -> bytes:
        """Its headers and data, without the boundary."""
        disposition = f'Content-Disposition: form-data; name="{self.name}"'
        if self.filename is not None:
            disposition += f'; filename="{self.filename}"'
        lines = [disposition] + ([f"Content-Type: {self.content_type}"] if self.content_type else [])
        data = self.data.encode("utf-8", "surrogatepass") if isinstance(self.data, str) else self.data
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


def multipart(*parts: FormPart, closed: bool = True) -> bytes:
    """A multipart/form-data body with `BOUNDARY`; `closed=False` leaves the last boundary out."""
    body = b"".join(f"--{BOUNDARY}\r\n".encode() + part.encoded() + b"\r\n" for part in parts)
    return body + (f"--{BOUNDARY}--\r\n".encode() if closed else b"")


def multipart_type(boundary: str = BOUNDARY) -> str:
    """The Content-Type of a multipart/form-data body with this boundary."""
    return f"multipart/form-data; boundary={boundary}"


def send_raw(address: tuple[str, int], data: bytes, *, then_close_writing: bool = False) -> bytes:
    """Write these bytes to a socket and read until the other side closes, resets or is silent for `SILENCE_S`.

    Returns what was read. Raises `Unmet` where no connection can be made.
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
