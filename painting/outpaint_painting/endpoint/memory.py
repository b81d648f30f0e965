"""How much may be in work at once: device memory measured batch by batch, and the host's memory for pictures."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from outpaint_painting.painters.diffusion.passes import BatchKey

_CAUTION: Final = 1.1  # what a batch took, times this, is what the next of its kind is expected to take


class DeviceMemory:
    """How many passes of a kind fit the device at once.

    `budget` is what activations may take, in bytes, None where it is not limited. Until a size was measured,
    `first_guess` bytes a pixel are assumed. Used from the device's thread only.
    """

    def __init__(self, budget: int | None = None, first_guess: float = 4096.0) -> None:
        self._budget = budget
        self._per_pixel = first_guess
        self._per_pass: dict[tuple[int, int], float] = {}
        self._ceiling: dict[tuple[int, int], int] = {}

    def capacity(self, key: BatchKey, wanted: int) -> int:
        """How many of `wanted` passes of this kind may run together: at least one, which then has to prove it."""
        fitting = wanted
        if self._budget is not None:
            fitting = int(self._budget // self.expected(key, 1))
        return max(1, min(wanted, fitting, self._ceiling.get(key.size, wanted)))

    def expected(self, key: BatchKey, count: int) -> float:
        """Bytes that a batch is expected to take."""
        pixels = key.size[0] * key.size[1]
        return count * self._per_pass.get(key.size, self._per_pixel * pixels)

    def learn(self, key: BatchKey, count: int, taken: int) -> None:
        """A batch of `count` passes took `taken` bytes at its peak."""
        if taken > 0:
            each = taken / count * _CAUTION
            self._per_pass[key.size] = max(each, self._per_pass.get(key.size, 0.0))
            self._per_pixel = each / (key.size[0] * key.size[1])

    def refuse(self, key: BatchKey, count: int) -> None:
        """A batch of `count` passes did not fit: no such batch is tried again."""
        self._ceiling[key.size] = max(1, min(count - 1, self._ceiling.get(key.size, count)))


class HostMemory:
    """Bytes for decoded pictures, given to jobs in the order they ask; a job larger than all of it goes alone."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._taken = 0
        self._turns: list[object] = []
        self._changed = threading.Condition()

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Wait until `size` bytes are free, and hold them for as long as the block runs."""
        turn = object()
        with self._changed:
            self._turns.append(turn)
            self._changed.wait_for(
                lambda: self._turns[0] is turn and (self._taken == 0 or self._taken + size <= self._budget)
            )
            self._turns.pop(0)
            self._taken += size
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._taken -= size
                self._changed.notify_all()
