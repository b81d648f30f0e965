"""Bodies written byte by byte, for what no well-behaved client would send."""

from __future__ import annotations

from dataclasses import dataclass

BOUNDARY = "wire-case-boundary"


@dataclass(frozen=True)
class Part:
    """One part of a multipart body; without `filename` it is a field."""

    name: str
    data: bytes | str
    filename: str | None = None
    content_type: str | None = None

    def encoded(self) -> bytes:
        disposition = f'Content-Disposition: form-data; name="{self.name}"'
        if self.filename is not None:
            disposition += f'; filename="{self.filename}"'
        lines = [disposition] + ([f"Content-Type: {self.content_type}"] if self.content_type else [])
        data = self.data.encode("utf-8", "surrogatepass") if isinstance(self.data, str) else self.data
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


def multipart(*parts: Part, boundary: str = BOUNDARY, closed: bool = True) -> bytes:
    """A multipart/form-data body; `closed=False` leaves the last boundary out."""
    body = b"".join(f"--{boundary}\r\n".encode() + part.encoded() + b"\r\n" for part in parts)
    return body + (f"--{boundary}--\r\n".encode() if closed else b"")


def multipart_type(boundary: str = BOUNDARY) -> str:
    """The Content-Type that goes with `multipart`."""
    return f"multipart/form-data; boundary={boundary}"
