"""A mock's responses: with latency, and with the faults by which they reach the client."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.utils import formatdate
from enum import StrEnum
from functools import lru_cache

from outpaint.functions.http.messages import Response


@dataclass(frozen=True, slots=True)
class MockResponse(Response):
    """A response and how it is delivered.

    `latency` is virtual seconds before its first byte. `fault` is None for an answer that arrives whole; where
    `fault.answers` is false, status, headers and body are what the client would have got, and must not be sent. `at` is
    the virtual time at which it was made, seconds since the epoch.
    """

    latency: float = 0.0
    fault: WireFault | None = None
    at: float = field(default=0.0, compare=False)

    @property
    def date(self) -> str:
        """The value of its Date header, which a host adds: the world's time (RFC 9110, 6.6.1)."""
        return _http_date(int(self.at))


@lru_cache(maxsize=256)
def _http_date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)


class Break(StrEnum):
    """Where a connection breaks."""

    REFUSED = "refused"
    """Before the request is sent; nothing is done. In process: a connect error."""
    BEFORE = "before"
    """After the request's head; nothing is done. In process: a read error."""
    AFTER = "after"
    """After the whole request was read and carried out, before the answer's first byte: a read error."""
    DURING = "during"
    """After the answer's head and `sent` bytes of its body, by a reset: a read error."""
    SHORT = "short"
    """After the answer's head and `sent` bytes of its body, by a close although more was declared: a protocol error."""


@dataclass(frozen=True, slots=True)
class WireFault:
    """What goes wrong while an answer is sent.

    `breaks` is where the connection ends, None for an answer that arrives whole. `sent` is how many bytes of the body
    are sent before that, for DURING and SHORT; the headers are sent unchanged, Content-Length among them.
    `bytes_per_second` is the body's pace in virtual time, None for at once.
    """

    breaks: Break | None = None
    sent: int | None = None
    bytes_per_second: float | None = None

    def visible(self, body: bytes) -> bytes:
        """The part of a body that the client ever sees."""
        if not self.answers:
            return b""
        return body if self.sent is None else body[: self.sent]

    @property
    def answers(self) -> bool:
        """Whether the client sees at least the head of an answer."""
        return self.breaks not in (Break.REFUSED, Break.BEFORE, Break.AFTER)
