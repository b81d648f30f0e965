"""Ids, seeds and random numbers made from a seed and a counter, so that a run repeats byte for byte."""

from __future__ import annotations

import random
import threading
from hashlib import blake2b
from typing import Final

from outpaint.mocks.restorable import Restorable

_VARIANT: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
"""The digit of a UUID that is its variant (RFC 9562, 4.1), by the digit that was drawn for it."""


class RepeatableIds(Restorable):
    """The Ids port of a mock: the n-th id of a seed is always the same, and has the form of a UUID version 4."""

    _state = ("_drawn", "_chances")

    def __init__(self, seed: int = 0) -> None:
        # Copying a keyed hash is cheaper than keying one for each id.
        self._keyed = blake2b(digest_size=16, key=f"outpaint-mock {seed}".encode()[:64])
        self._lock = threading.Lock()
        self._drawn = 0
        self._chances = 0

    def uuid(self) -> str:
        """A new UUID (RFC 9562 version 4 in form) in its canonical text form."""
        text = self._draw(b"uuid").hex()
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:]}"

    def seed(self) -> int:
        """A seed, 0 to 2**32 - 1."""
        return int.from_bytes(self._draw(b"seed")[:4])

    def chance(self) -> random.Random:
        """A new source of random numbers; it leaves the ids as they are."""
        with self._lock:
            self._chances += 1
            number = self._chances
        return random.Random(self._digest(b"chance", number))  # noqa: S311 - repeatable, not secret

    def _draw(self, what: bytes) -> bytes:
        with self._lock:
            self._drawn += 1
            number = self._drawn
        return self._digest(what, number)

    def _digest(self, what: bytes, number: int) -> bytes:
        drawn = self._keyed.copy()
        drawn.update(b"%b %d" % (what, number))
        return drawn.digest()
