"""The suggestion behind an unknown command: the nearest one that there is, by the standard library alone."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(unknown: str, known: Iterable[str]) -> str:
    """The nearest known command as a question that follows a sentence without its full stop; empty if none is near."""
    return "".join(f". Did you mean '{word}'?" for word in get_close_matches(unknown, known, n=1))
