"""Idempotency keys for cases, and how a replay is told from a first answer."""

from __future__ import annotations

from uuid import uuid4

import httpx

from outpaint_contracts.headers import IDEMPOTENCY_KEY, IDEMPOTENT_REPLAYED
from outpaint_contracts.proving.expectations import equal, lacks


def once() -> dict[str, str]:
    """Headers with an idempotency key that nobody has used."""
    return {IDEMPOTENCY_KEY: str(uuid4())}


def is_replay(response: httpx.Response) -> None:
    """It must be marked as the answer to an earlier request."""
    equal(response.headers.get(IDEMPOTENT_REPLAYED), "true", IDEMPOTENT_REPLAYED)


def is_first(response: httpx.Response) -> None:
    """It must not be marked as the answer to an earlier request."""
    lacks(response.headers, IDEMPOTENT_REPLAYED, "the headers")
