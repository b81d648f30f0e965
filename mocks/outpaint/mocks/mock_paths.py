"""What a mock adds to the API's paths: its administration, and a prefix for each world."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

ADMIN_ROOT: Final = "/_mock"
"""The root of the admin API, under a server's address and under each world's prefix."""
WORLD_PREFIX: Final = "/t/"
"""What stands before a world's name in its base URL."""
DEFAULT_WORLD: Final = "default"
"""The world of a base URL without that prefix."""


def prefix_of(world: str) -> str:
    """What stands before the paths of a world: nothing for the default one."""
    return "" if world == DEFAULT_WORLD else f"{WORLD_PREFIX}{quote(world, safe='')}"
