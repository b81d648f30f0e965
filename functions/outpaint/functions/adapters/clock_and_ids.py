"""The Clock and Ids ports by the system's clock and its secure random numbers."""

from __future__ import annotations

import secrets
import time
import uuid

from outpaint.contracts.requests import MAX_SEED


class SystemClock:
    """The system's clock."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return time.time()


class RandomIds:
    """Ids and seeds that cannot be guessed."""

    def uuid(self) -> str:
        """A random UUID (version 4) in its canonical text form."""
        return str(uuid.uuid4())

    def seed(self) -> int:
        """A seed, 0 to 2**32 - 1."""
        return secrets.randbelow(MAX_SEED + 1)
