"""Pact: what a consumer's tests did against the mock becomes a consumer contract, and one is checked against ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outpaint_mocks.pact.document import PROVIDER, Pact

if TYPE_CHECKING:
    from outpaint_mocks.world import World

__all__ = ["PROVIDER", "Pact", "pact_of"]


def pact_of(world: World, consumer: str, provider: str = PROVIDER) -> Pact:
    """The pact of all calls that the world's journal has."""
    from outpaint_mocks.pact.recording import record

    return Pact.of(consumer, provider, (record(call) for call in world.calls))
