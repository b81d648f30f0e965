"""Pact files: interactions collected from a world's journal, or from many worlds while a server runs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.mocks.pact.interactions import Interaction, LeftOut, interaction_of
from outpaint.mocks.world.recorded_call import Call
from outpaint.mocks.world.world import World

PROVIDER: Final = "outpaint"
SPECIFICATION: Final = "4.0"


class InteractionSet:
    """Interactions; of alike ones the one whose text sorts first is kept, in whatever order they come."""

    def __init__(self, found: Iterable[Interaction | LeftOut] = ()) -> None:
        self._kept: dict[str, Interaction] = {}
        self._left_out: dict[str, LeftOut] = {}
        for one in found:
            self.add(one)

    def add(self, found: Interaction | LeftOut) -> None:
        """Add one; of calls that are left out for the same reason the first is kept."""
        if isinstance(found, LeftOut):
            self._left_out.setdefault(found.reason, found)
            return
        other = self._kept.get(found.key)
        if other is None or found.text < other.text:
            self._kept[found.key] = found

    @property
    def interactions(self) -> tuple[Interaction, ...]:
        """The interactions that are kept, sorted by description."""
        return tuple(sorted(self._kept.values(), key=lambda one: (one.description, one.text)))

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """One call for each reason."""
        return tuple(self._left_out.values())


@dataclass(frozen=True, slots=True)
class Pact:
    """The contract between a consumer and a provider.

    `interactions` differ from one another in what has a meaning in the API's contract, and are sorted by description;
    `left_out` has one call for each reason for which calls made none. The same behaviour gives the same bytes, in
    whatever order the calls came.
    """

    consumer: str
    provider: str
    interactions: tuple[Interaction, ...]
    left_out: tuple[LeftOut, ...] = ()

    @classmethod
    def of(cls, consumer: str, provider: str, found: InteractionSet) -> Pact:
        """The pact of these interactions; raises `OutpaintError` for a name of no or more than 200 characters."""
        for what, name in (("consumer", consumer), ("provider", provider)):
            if not name.strip() or len(name) > 200:
                raise OutpaintError.wrong_value(what, name, f"a {what} has a name of 1 to 200 characters")
        return cls(consumer, provider, found.interactions, found.left_out)

    def document(self) -> dict[str, Any]:
        """The whole file, as JSON values."""
        return {
            "consumer": {"name": self.consumer},
            "provider": {"name": self.provider},
            "interactions": [one.document for one in self.interactions],
            "metadata": {"pactSpecification": {"version": SPECIFICATION}},
        }

    def text(self) -> str:
        """The whole file."""
        return json.dumps(self.document(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def write(self, path: Path | str) -> Path:
        """Write the file, and its folder where there is none; raises `OutpaintError` where there is no interaction."""
        if not self.interactions:
            reasons = "".join(f"; {one}" for one in self.left_out[:3])
            raise OutpaintError(
                ErrorCode.INVALID_PARAMETER, f"no call made an interaction, so there is no pact to write{reasons}"
            )
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.text(), encoding="utf-8")
        return file


def pact_of(world: World, consumer: str, provider: str = PROVIDER) -> Pact:
    """The pact of all calls that the world's journal has."""
    return Pact.of(consumer, provider, InteractionSet(interaction_of(call) for call in world.calls))


class PactFollower:
    """Collects the interactions of any number of worlds; alike ones are kept once, so that memory is bounded.

    Raises `OutpaintError` as `Pact.of` does. Worlds must keep bodies. May be called from several threads.
    """

    def __init__(self, consumer: str, provider: str = PROVIDER) -> None:
        self._consumer = consumer
        self._provider = provider
        self._lock = threading.Lock()
        self._collection = InteractionSet()
        self.pact()  # refuses names that no pact can have

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
        found = interaction_of(call)
        with self._lock:
            self._collection.add(found)
