"""The calls that came as a Pact file, and provider states."""

from __future__ import annotations

from outpaint_mocks.admin import models
from outpaint_mocks.admin.operation import Asked
from outpaint_mocks.pact.document import pact_of
from outpaint_mocks.pact.staging import stage


def pact_written(asked: Asked) -> bytes:
    """The calls that came, as a Pact file."""
    wanted: models.PactQuery = asked.query
    world = asked.world
    with world.lock:
        return pact_of(world, wanted.consumer, wanted.provider).text().encode()


def stage_state(asked: Asked) -> models.StateValues:
    """Put the world into a provider state, and tell the values that it came to; a teardown does nothing."""
    wanted: models.SetState = asked.body
    if wanted.action == "teardown":
        return models.StateValues({})
    world = asked.world
    with world.lock:
        return models.StateValues(stage(world, wanted.state, wanted.params or {}, asked.origin))
