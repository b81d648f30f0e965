"""Requests that no HTTP library would write: multipart bodies by their parts, and bytes on a socket."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse, IncompleteRead
from io import BytesIO
from typing import Final

import httpx

from outpaint.conformance.proving.expectations import Unmet

BOUNDARY: Final = "wire-case-boundary"
SILENCE_S: Final = 2.0


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


class _Received(BytesIO):
    """The bytes of a connection as http.client reads them, which closes what it has read an answer from."""

    def makefile(self, _mode: str) -> _Received:
        return self

    def close(self) -> None:
        """Stay open: the next answer stands behind this one."""


def answers_in(received: bytes) -> list[httpx.Response]:
    """The final answers that a connection brought, in their order, with their bodies unpacked; at least one.

    Answers of 1xx, of which any number may come before a final one (RFC 9110, 15.2), are passed over. Raises `Unmet`
    for what is no HTTP, or is not whole.
    """
    stream = _Received(received)
    found: list[httpx.Response] = []
    while stream.tell() < len(received) or not found:
        answer = HTTPResponse(stream)  # type: ignore[arg-type]  # of its socket it uses makefile alone
        try:
            answer.begin()
            body = answer.read()
        except IncompleteRead:
            raise Unmet(f"the answer: broke off within its body, got {received[:100]!r}") from None
        except (HTTPException, ConnectionError, ValueError):
            raise Unmet(f"the answer: expected an HTTP status line, got {received[:100]!r}") from None
        if answer.status >= 200:
            found.append(_as_response(answer, body))
    return found


def _as_response(answer: HTTPResponse, body: bytes) -> httpx.Response:
    # The body is out of its chunks already.
    headers = [(name, value) for name, value in answer.getheaders() if name.lower() != "transfer-encoding"]
    extensions = {"http_version": b"HTTP/1.0" if answer.version == 10 else b"HTTP/1.1"}
    return httpx.Response(answer.status, headers=headers, content=body, extensions=extensions)


def ends_connection(response: httpx.Response) -> bool:
    """Whether no further request is answered on the connection of this answer (RFC 9112, 9.3)."""
    words = {word.strip().lower() for word in response.headers.get("Connection", "").split(",")}
    return "close" in words or (response.http_version == "HTTP/1.0" and "keep-alive" not in words)


def status_of(received: bytes) -> int:
    """The status of the first final answer; raises `Unmet` where there is none."""
    return answers_in(received)[0].status_code
