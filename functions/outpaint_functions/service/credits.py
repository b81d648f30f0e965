"""What an account is told when its credits do not suffice, in the same words whatever store it stands in."""

from __future__ import annotations

from outpaint_contracts.errors import ErrorCode, OutpaintError


def insufficient(price: int, available: int) -> OutpaintError:
    """The 402 for a job that costs `price` credits where only `available` are free."""
    return OutpaintError(
        ErrorCode.INSUFFICIENT_CREDITS,
        f"the request costs {price} credits and {available} are left: add credits with `outpaint keys credit`, "
        "or ask for fewer pictures",
    )
