"""The answer of a mock: a whole response, and how and when it comes across the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from outpaint_functions.http.messages import Response

if TYPE_CHECKING:
    from outpaint_mocks.faults import Fault


@dataclass(frozen=True, slots=True)
class MockResponse(Response):
    """A response with its delivery.

    `latency` is virtual seconds before its first byte: a face passes them with `world.clock.spend(latency)`
    and sleeps what that returns. `fault` is None for a whole, prompt answer; where `fault.answers` is false,
    status, headers and body are what the client would have got and must not be sent.
    """

    latency: float = 0.0
    fault: Fault | None = None
