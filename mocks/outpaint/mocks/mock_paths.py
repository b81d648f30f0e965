"""The paths that a mock adds to the API's: its admin API, and a prefix for each world."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

ADMIN_ROOT: Final = "/_mock"
"""The root of the admin API, under a server's address and under each world's prefix."""
WORLD_PREFIX: Final = "/t/"
"""The path before a world's name in its base URL."""
DEFAULT_WORLD: Final = "default"
"""The world of a base URL without that prefix."""


def prefix_of(world: str) -> str:
    """The path before those of a world; empty for the default one."""
    return "" if world == DEFAULT_WORLD else f"{WORLD_PREFIX}{quote(world, safe='')}"
