"""Interactions collected into a pact file, also while a server runs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.mocks.pact.interactions import Interaction, LeftOut, record

if TYPE_CHECKING:
    from outpaint.mocks.world.calls import Call
    from outpaint.mocks.world.world import World


PROVIDER: Final = "outpaint"
SPECIFICATION: Final = "4.0"


class Collection:
    """Interactions as they come: of alike ones always the same stands for all, whichever came first."""

    def __init__(self, found: Iterable[Interaction | LeftOut] = ()) -> None:
        self._kept: dict[str, Interaction] = {}
        self._left_out: dict[str, LeftOut] = {}
        for one in found:
            self.add(one)

    def add(self, found: Interaction | LeftOut) -> None:
        """Take one in; of calls left out for one reason the first is an example of them all."""
        if isinstance(found, LeftOut):
            self._left_out.setdefault(found.reason, found)
            return
        other = self._kept.get(found.key)
        if other is None or found.text < other.text:
            self._kept[found.key] = found

    @property
    def interactions(self) -> tuple[Interaction, ...]:
        """What was kept, in one order whatever order it came in."""
        return tuple(sorted(self._kept.values(), key=lambda one: (one.description, one.text)))

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """One call for each reason."""
        return tuple(self._left_out.values())


@dataclass(frozen=True, slots=True)
class Pact:
    """What a consumer asks of a provider.

    `interactions` are told apart by what the contract gives a meaning, sorted by description; `left_out` has a
    call that made none for each reason. The same behaviour gives the same bytes, in whatever order the calls came.
    """

    consumer: str
    provider: str
    interactions: tuple[Interaction, ...]
    left_out: tuple[LeftOut, ...] = ()

    @classmethod
    def of(cls, consumer: str, provider: str, found: Collection | Iterable[Interaction | LeftOut]) -> Pact:
        """The pact of what was recorded; raises `OutpaintError` for a name that is none."""
        for what, name in (("consumer", consumer), ("provider", provider)):
            if not name.strip() or len(name) > 200:
                raise OutpaintError.wrong_value(what, name, f"a {what} has a name of 1 to 200 characters")
        collection = found if isinstance(found, Collection) else Collection(found)
        return cls(consumer, provider, collection.interactions, collection.left_out)

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
        """Write the file, and its folder where there is none; raises `OutpaintError` where there is nothing to say."""
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
    return Pact.of(consumer, provider, (record(call) for call in world.calls))


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
