"""Who may call, and how often: from an API key to its account, and the rate limit."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from functools import lru_cache

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.paths_and_headers import API_KEY, Allowance
from outpaint.functions.service.records import Account, insufficient
from outpaint.functions.service.service import Service


def key_digest(key: str) -> str:
    """The SHA-256 (hex) under which a key is stored and looked up; keys are long and random, so no salt."""
    return hashlib.sha256(key.encode()).hexdigest()


def authenticate(
    service: Service, key: str | None, *, from_this_machine: Callable[[], bool] = lambda: False
) -> Account:
    """The account of an API key.

    A key for the server's own machine alone counts where `settings.local_keys` says so and `from_this_machine`, which
    is asked for such keys only, says that it came from there. Raises `OutpaintError` MISSING_KEY, UNKNOWN_KEY (also for
    such a key from elsewhere) or FORBIDDEN.
    """
    if not key or not key.strip():
        raise OutpaintError(
            ErrorCode.MISSING_KEY, f"no API key was sent: put it in the {API_KEY} header", field=API_KEY
        )
    account = service.accounts.by_key_digest(key_digest(key.strip()))
    if account is None:
        raise OutpaintError(
            ErrorCode.UNKNOWN_KEY,
            "this API key is not known: check it for typing errors, or create one with `outpaint keys create`",
            field=API_KEY,
        )
    if account.loopback_only and not (service.settings.local_keys and from_this_machine()):
        raise OutpaintError(
            ErrorCode.UNKNOWN_KEY,
            "this API key counts at a server that was started with --dev-key, for programs on its own machine: "
            "create another with `outpaint keys create`",
            field=API_KEY,
        )
    if not account.allowed:
        raise OutpaintError(
            ErrorCode.FORBIDDEN, "this API key is known, but its account is not allowed to use the API", field=API_KEY
        )
    return account


def check_credits(service: Service, caller: Account, price: int, *, read_again: bool) -> None:
    """Raise `OutpaintError` INSUFFICIENT_CREDITS unless the caller could pay `price` credits now; nothing is taken.

    `caller` was read when its request began, which a slow client may have done minutes ago. Its account is read again
    before anything is refused, and where `read_again` says that more than a look at the store hangs on it. Credits may
    still go before they are taken, and that later check decides.
    """
    available = caller.credits
    if read_again or available < price:
        available = service.accounts.free_credits(caller.id)
    if available < price:
        raise insufficient(price, available)


def nothing_counted(service: Service) -> Allowance:
    """The rate-limit headers of a response to an unknown caller: the whole limit available, no credits."""
    return _whole(service.settings.rate_limit)


@lru_cache(maxsize=64)
def _whole(limit: int) -> Allowance:
    return Allowance(limit=limit, available=limit, reset_in=0, credits=0)


def take_rate(service: Service, account: Account) -> tuple[Allowance, OutpaintError | None]:
    """Count one request against the account's rate limit.

    Returns the figures for the response's headers, and the error RATE_LIMITED if this request exceeds the limit.
    A window of `settings.rate_window` seconds starts at each whole multiple of that since the epoch.
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
