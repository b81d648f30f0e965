"""The pact of a server's whole life: interactions are taken down as calls are answered, whatever is reset meanwhile."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from outpaint_mocks.pact.document import PROVIDER, Collection, Pact
from outpaint_mocks.pact.recording import record

if TYPE_CHECKING:
    from outpaint_mocks.calls import Call
    from outpaint_mocks.world import World


class PactFollower:
    """Follows any number of worlds; alike interactions are kept once, so that a long run stays small.

    Worlds must keep bodies. May be called from several threads.
    """

    def __init__(self, consumer: str, provider: str = PROVIDER) -> None:
        self._consumer = Pact.of(consumer, provider, ()).consumer
        self._provider = provider
        self._lock = threading.Lock()
        self._collection = Collection()

    def follow(self, world: World) -> World:
        """The same world, followed from now on."""
        world.journal.on_call(self._note)
        return world

    def pact(self) -> Pact:
        """The pact so far."""
        with self._lock:
            return Pact.of(self._consumer, self._provider, self._collection)

    def _note(self, call: Call) -> None:
        if call.answered_at is None:
            return
        found = record(call)
        with self._lock:
            self._collection.add(found)
