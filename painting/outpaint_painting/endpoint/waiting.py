"""Which passes run together next: by size and steps, at a count or a deadline, fairly between accounts."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

    from outpaint_painting.painters.diffusion.passes import BatchKey, Pass
    from outpaint_painting.painters.diffusion.tickets import Ticket


@dataclass(eq=False, slots=True)
class Entry:
    """A pass that waits: `arrived` is on the scheduler's clock, in seconds."""

    work: Pass
    ticket: Ticket
    arrived: float
    future: Future[Image.Image] = field(default_factory=Future)


class WaitingPasses:
    """The queue, without threads or a clock of its own.

    A batch is ready when as many passes of a key wait as may run together (`count`, or what `capacity` says
    for the key), or when one of them has waited `linger` seconds. Between ready batches, and within one, the
    account goes first that has been given the least work so far; one that comes anew starts level with the
    least served of those that wait, so neither an idle time nor a flood of jobs earns anything.
    """

    def __init__(self, count: int, linger: float, capacity: Callable[[BatchKey, int], int]) -> None:
        self._count = count
        self._linger = linger
        self._capacity = capacity
        self._groups: dict[BatchKey, list[Entry]] = {}
        self._served: dict[str, float] = {}

    def __len__(self) -> int:
        return sum(len(group) for group in self._groups.values())

    def add(self, entry: Entry) -> None:
        """Have a pass wait."""
        active = {waiting.ticket.account for group in self._groups.values() for waiting in group}
        account = entry.ticket.account
        if account not in active:
            level = min((self._served.get(other, 0.0) for other in active), default=0.0)
            if not active:
                self._served.clear()
            self._served[account] = max(self._served.get(account, 0.0), level)
        self._groups.setdefault(entry.work.key, []).append(entry)

    def ready_in(self, now: float) -> float | None:
        """Seconds until a batch is ready, 0 if one is, None where nothing waits."""
        if not self._groups:
            return None
        return max(0.0, min(self._ready_at(key, group) for key, group in self._groups.items()) - now)

    def take_ended(self, now: float) -> list[Entry]:
        """Take out what nobody wants any more."""
        ended = []
        for key, group in list(self._groups.items()):
            gone = [entry for entry in group if entry.future.cancelled() or entry.ticket.end(now) is not None]
            if gone:
                ended += gone
                self._put(key, [entry for entry in group if entry not in gone])
        return ended

    def take_all(self) -> list[Entry]:
        """Take out everything."""
        entries = [entry for group in self._groups.values() for entry in group]
        self._groups.clear()
        return entries

    def take(self, now: float) -> list[Entry]:
        """The batch to run now, at most as large as may run together; empty while none is ready."""
        ready = [key for key, group in self._groups.items() if self._ready_at(key, group) <= now]
        if not ready:
            return []
        key = min(ready, key=lambda each: min(self._turn(entry) for entry in self._groups[each]))
        group = self._groups[key]
        batch: list[Entry] = []
        while group and len(batch) < self._size(key):
            entry = min(group, key=self._turn)
            group.remove(entry)
            batch.append(entry)
            self._served[entry.ticket.account] += key.cost
        self._put(key, group)
        return batch

    def _turn(self, entry: Entry) -> tuple[float, float]:
        return (self._served[entry.ticket.account], entry.arrived)

    def _size(self, key: BatchKey) -> int:
        return max(1, min(self._count, self._capacity(key, self._count)))

    def _ready_at(self, key: BatchKey, group: list[Entry]) -> float:
        if len(group) >= self._size(key):
            return float("-inf")
        return min(entry.arrived for entry in group) + self._linger

    def _put(self, key: BatchKey, group: list[Entry]) -> None:
        if group:
            self._groups[key] = group
        else:
            self._groups.pop(key, None)
