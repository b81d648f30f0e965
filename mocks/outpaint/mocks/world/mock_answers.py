"""MockResponse with latency, faults and broken connections."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from outpaint.functions.http.messages import Response


@dataclass(frozen=True, slots=True)
class MockResponse(Response):
    """A response with its delivery.

    `latency` is virtual seconds before its first byte: a face passes them with `world.clock.spend(latency)`
    and sleeps what that returns. `fault` is None for a whole, prompt answer; where `fault.answers` is false,
    status, headers and body are what the client would have got and must not be sent.
    """

    latency: float = 0.0
    fault: WireFault | None = None


class Break(StrEnum):
    """Where a connection breaks."""

    REFUSED = "refused"
    """Before the request could be sent: nothing was read, nothing done. In process: a connect error."""
    BEFORE = "before"
    """After the request's head, before its body: nothing done, no answer. In process: a read error."""
    AFTER = "after"
    """After the whole request was taken and acted upon, before the answer's first byte: a read error."""
    DURING = "during"
    """After the answer's head and `sent` bytes of its body, by a reset: a read error."""
    SHORT = "short"
    """After the answer's head and `sent` bytes of its body, by a close although more was declared: a protocol error."""


@dataclass(frozen=True, slots=True)
class WireFault:
    """How the answer comes across the wire, if not as it should.

    `breaks` says where the connection ends, None for an answer that arrives whole. `sent` is how many bytes of
    `response.body` go out before that, for DURING and SHORT; the headers, Content-Length among them, go out as
    the response has them. `bytes_per_second` is the pace of the body in virtual time, None for at once.
    """

    breaks: Break | None = None
    sent: int | None = None
    bytes_per_second: float | None = None

    def visible(self, body: bytes) -> bytes:
        """The part of a body that the client ever sees."""
        if self.breaks in (Break.REFUSED, Break.BEFORE, Break.AFTER):
            return b""
        return body if self.sent is None else body[: self.sent]

    def body_seconds(self, body: bytes) -> float:
        """How long the visible body takes in virtual seconds; 0 for at once."""
        return 0.0 if self.bytes_per_second is None else len(self.visible(body)) / self.bytes_per_second

    @property
    def answers(self) -> bool:
        """Whether the client sees at least the head of an answer."""
        return self.breaks not in (Break.REFUSED, Break.BEFORE, Break.AFTER)
