"""What a recording may cost: count by price, reckoned before a request goes on."""

from __future__ import annotations

import threading
from typing import Final

from outpaint_contracts.requests import MAX_COUNT, Wish

from outpaint_mocks.drift.recording import Body, Form, Json

_DEFAULT: Final = int(Wish.model_fields["count"].default)
"""Pictures where a request says nothing."""
MOST: Final = MAX_COUNT
"""Pictures of one request, where nobody can tell how many it asks for."""


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


def pictures_asked_for(body: Body, query: dict[str, str]) -> int:
    """How many pictures a request may be charged for: its `count`, the largest where it says several."""
    told: list[object] = []
    if isinstance(body, Form):
        told = [part.text for part in body.parts if part.name == "count"]
    elif isinstance(body, Json):
        if isinstance(body.value, dict) and "count" in body.value:
            told = [body.value["count"]]
    elif query.get("count") is None:
        # A body that we cannot read may be one that they can.
        return MOST
    if "count" in query:
        told.append(query["count"])
    return max((_whole(value) for value in told), default=_DEFAULT)


def _whole(value: object) -> int:
    """A count as somebody may read it; what is no such number is reckoned as the most."""
    try:
        number = int(float(str(value).strip()))
    except (ValueError, OverflowError):
        return MOST
    return max(0, min(number, 10 * MOST))
