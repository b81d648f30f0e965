"""API keys of the embedded host: how one looks, and the one that every fresh store has."""

from __future__ import annotations

import secrets
from typing import Final

from outpaint_functions.service.records import Account

KEY_PREFIX: Final = "ok_"
"""Marks a text as one of our keys, for people and for tools that look for leaked secrets."""

DEVELOPMENT_KEY: Final = "dev"
DEVELOPMENT_ACCOUNT: Final = Account(id="dev", name="development", credits=1000, loopback_only=True)


def new_key() -> str:
    """A new API key: the prefix and 32 random bytes in URL-safe base64."""
    return KEY_PREFIX + secrets.token_urlsafe(32)
