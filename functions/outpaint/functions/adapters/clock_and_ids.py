"""The Clock and Ids ports by the system's clock and its secure random numbers."""

from __future__ import annotations

import secrets
import time
import uuid

from outpaint.contracts.requests import MAX_SEED


class SystemClock:
    """The system's clock."""

    def now(self) -> float:
        return time.time()


class RandomIds:
    """Ids and seeds that cannot be guessed."""

    def uuid(self) -> str:
        return str(uuid.uuid4())

    def seed(self) -> int:
        return secrets.randbelow(MAX_SEED + 1)
