"""What an account may do."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from outpaint_mocks.effects.effect import AccountEffect
from outpaint_mocks.effects.slots import Slot


class RateLimit(AccountEffect):
    """So many requests an account and window of seconds, counted as the service counts them."""

    name = "rate_limit"
    slots = frozenset({Slot.LIMIT})
    positional = ("limit", "window")

    limit: Annotated[int, Field(ge=1, le=1_000_000_000)]
    window: Annotated[int, Field(ge=1, le=86400)] = 60


class Credits(AccountEffect):
    """The account stands at n credits when this first reaches it."""

    name = "credits"
    slots = frozenset({Slot.CREDITS})
    positional = ("n",)

    n: Annotated[int, Field(ge=0, le=2**53)]
