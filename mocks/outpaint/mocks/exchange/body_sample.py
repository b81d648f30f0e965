"""What a body that was not understood is known by when it comes again, whether or not bodies are kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from outpaint.functions.http.field_values import body_pieces
from outpaint.functions.http.messages import Body, RequestHead

_END_BYTES: Final = 16 * 1024
"""Bytes of a body's beginning and of its end: a form's text fields stand in one of them, before or behind its files."""
_BOUNDARY: Final = re.compile(r"""boundary=(?:"([^"]+)"|([^\s;]+))""", re.IGNORECASE)


class SampledBody:
    """A body whose beginning and end are remembered while it is read; it is read in pieces, and once."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self.first = b""
        self.last = b""

    def __len__(self) -> int:
        return len(self._body)

    def pieces(self) -> Iterator[bytes]:
        """The bytes in order; raises what the body's own pieces raise."""
        for piece in body_pieces(self._body):
            if len(self.first) < _END_BYTES:
                self.first += piece[: _END_BYTES - len(self.first)]
            self.last = (self.last + piece[-_END_BYTES:])[-_END_BYTES:]
            yield piece


def sample_of(head: RequestHead, body: bytes | SampledBody) -> str:
    """The SHA-256 (hex) of a body's beginning and end, of one that came in pieces as far as it was read.

    A multipart body's boundary is left out: most clients draw another one for each request.
    """
    ends = (body[:_END_BYTES], body[-_END_BYTES:]) if isinstance(body, bytes) else (body.first, body.last)
    found = _BOUNDARY.search(head.header("content-type") or "")
    if found is not None:
        boundary = (found[1] or found[2]).encode("latin-1", "replace")
        ends = (ends[0].replace(boundary, b""), ends[1].replace(boundary, b""))
    return sha256(b"\0".join(ends)).hexdigest()
