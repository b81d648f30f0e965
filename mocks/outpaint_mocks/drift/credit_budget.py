"""What a recording may cost: count by price, reckoned before a request goes on."""

from __future__ import annotations

import threading

from outpaint_mocks.drift.recording import Body, pictures_asked_for


class CreditBudget:
    """Credits that may be spent; a request takes its own before it goes on. Safe for many threads.

    `price` is credits an image; without a `limit` everything may be spent.
    """

    def __init__(self, limit: int | None, price: int = 1) -> None:
        self._limit = limit
        self._price = price
        self._lock = threading.Lock()
        self.spent = 0

    @property
    def left(self) -> int | None:
        """What may still be spent; None for anything."""
        return None if self._limit is None else self._limit - self.spent

    def cost(self, body: Body, query: dict[str, str]) -> int:
        """The credits that a submit with this body may cost."""
        return pictures_asked_for(body, query) * self._price

    def take(self, cost: int) -> bool:
        """Take so much out; false, with nothing taken, where that is more than what is left."""
        with self._lock:
            if self._limit is not None and cost > self._limit - self.spent:
                return False
            self.spent += cost
            return True

    def give_back(self, cost: int) -> None:
        """Put back what a request did not cost after all."""
        with self._lock:
            self.spent -= cost
