"""State that can be copied and put back, for the parts of a world."""

from __future__ import annotations

from copy import copy
from typing import Any, ClassVar


class Restorable:
    """An object whose state goes back to what it was; what it holds is immutable, so each copy is one level deep."""

    _state: ClassVar[tuple[str, ...]]
    """The names of the attributes that are its state."""
    _lock: Any
    """A `threading.Lock` or `RLock`."""

    def snapshot(self) -> tuple[Any, ...]:
        """A copy of the whole state, for `restore`."""
        with self._lock:
            return tuple(copy(getattr(self, name)) for name in self._state)

    def restore(self, state: tuple[Any, ...]) -> None:
        """Go back to a snapshot; it stays good for more."""
        with self._lock:
            for name, value in zip(self._state, state, strict=True):
                setattr(self, name, copy(value))
