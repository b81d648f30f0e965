"""Who can be asked again: what a replay needs of a mock or of any other provider."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import httpx

from outpaint_mocks.drift.asking_again import Again
from outpaint_mocks.drift.recording import Exchange


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read whole, and how long it took: by the mock's clock where that is a mock's."""

    response: httpx.Response
    seconds: float


class Target(Protocol):
    """Who is asked again. `scripted`: its jobs, credits and troubles are those of the recording."""

    name: str
    scripted: bool
    idempotency: str

    def key(self, name: str) -> str:
        """The key in place of a recorded one; raises `CannotAsk` where there is none."""
        ...

    def come_to(self, exchange: Exchange, ended: Sequence[str]) -> None:
        """Let it be when this exchange was; these jobs of its own have ended by then."""
        ...

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        ...

    def ask(self, request: Again, scenario: str | None) -> Reply:
        """The answer to a request; raises what httpx raises."""
        ...
