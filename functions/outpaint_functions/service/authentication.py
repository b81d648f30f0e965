"""Who is calling: from an API key to an account."""

from __future__ import annotations

import hashlib

from outpaint_contracts.errors import ErrorCode, OutpaintError
from outpaint_contracts.headers import API_KEY

from outpaint_functions.service.records import Account
from outpaint_functions.service.service import Service


def key_digest(key: str) -> str:
    """The SHA-256 (hex) under which a key is stored and looked up; keys are long and random, so no salt."""
    return hashlib.sha256(key.encode()).hexdigest()


def authenticate(service: Service, key: str | None, *, peer_is_loopback: bool) -> Account:
    """The account of an API key.

    Raises `OutpaintError` MISSING_KEY, UNKNOWN_KEY (also for a key that counts on this machine only, sent
    from another) or FORBIDDEN.
    """
    if not key or not key.strip():
        raise OutpaintError(
            ErrorCode.MISSING_KEY, f"no API key was sent: put it in the {API_KEY} header", field=API_KEY
        )
    account = service.accounts.by_key_digest(key_digest(key.strip()))
    if account is None or (account.loopback_only and not peer_is_loopback):
        raise OutpaintError(
            ErrorCode.UNKNOWN_KEY,
            "this API key is not known: check it for typing errors, or create one with `outpaint keys create`",
            field=API_KEY,
        )
    if not account.allowed:
        raise OutpaintError(
            ErrorCode.FORBIDDEN, "this API key is known, but its account is not allowed to use the API", field=API_KEY
        )
    return account
