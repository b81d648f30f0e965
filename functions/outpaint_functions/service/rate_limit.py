"""How many requests an account may make: a fixed window, counted before anything else is done."""

from __future__ import annotations

import math
from functools import lru_cache

from outpaint_contracts.errors import ErrorCode, OutpaintError
from outpaint_contracts.headers import Allowance

from outpaint_functions.service.records import Account
from outpaint_functions.service.service import Service


def nothing_counted(service: Service) -> Allowance:
    """The figures on a response to nobody in particular: the whole limit, and no credits."""
    return _whole(service.settings.rate_limit)


@lru_cache(maxsize=64)
def _whole(limit: int) -> Allowance:
    return Allowance(limit=limit, available=limit, reset_in=0, credits=0)


def take(service: Service, account: Account) -> tuple[Allowance, OutpaintError | None]:
    """Count one request of the account; the figures for the response, and the refusal if it is one too many.

    Windows start at whole multiples of `settings.rate_window` since the epoch.
    """
    settings = service.settings
    now = service.clock.now()
    window = math.floor(now / settings.rate_window)
    ends_at = (window + 1) * settings.rate_window
    count = service.limits.count(account.id, window, float(ends_at))
    allowance = Allowance(
        limit=settings.rate_limit,
        available=max(0, settings.rate_limit - count),
        reset_in=max(1, math.ceil(ends_at - now)),
        credits=account.credits,
    )
    if count <= settings.rate_limit:
        return allowance, None
    return allowance, OutpaintError(
        ErrorCode.RATE_LIMITED,
        f"more than {settings.rate_limit} requests in {settings.rate_window} seconds: "
        f"try again in {allowance.reset_in} seconds",
    )
