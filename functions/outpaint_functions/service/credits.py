"""Credits, alike in whatever store they stand: which ends give them back, and what is said where they are too few."""

from __future__ import annotations

from typing import Final

from outpaint_contracts.errors import ErrorCode, OutpaintError
from outpaint_contracts.jobs import JobState

GIVES_BACK: Final = frozenset({JobState.FAILED, JobState.EXPIRED, JobState.CANCELLED})
"""The ends that give a job's price back, in the transaction that moves it there."""


def insufficient(price: int, available: int) -> OutpaintError:
    """The 402 for a job that costs `price` credits where only `available` are free."""
    return OutpaintError(
        ErrorCode.INSUFFICIENT_CREDITS,
        f"the request costs {price} credits and {available} are left: add credits with `outpaint keys credit`, "
        "or ask for fewer pictures",
    )
