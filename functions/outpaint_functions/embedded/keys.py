"""The API key that every fresh store has."""

from __future__ import annotations

from typing import Final

from outpaint_functions.service.records import Account

DEVELOPMENT_KEY: Final = "dev"
DEVELOPMENT_ACCOUNT: Final = Account(id="dev", name="development", credits=1000, loopback_only=True)
