"""Differences that somebody knows of and lives with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from outpaint_mocks.drift.replay import Drift


def ignoring(drift: Drift, patterns: Sequence[str]) -> Drift:
    """The drift without differences whose name fits a pattern: `header:x-*`, `body:/data/?/seed`, `timing`."""
    kept = tuple(
        one for one in drift.differences if not any(fnmatchcase(one.name.lower(), word.lower()) for word in patterns)
    )
    return replace(drift, differences=kept, ignored=drift.ignored + len(drift.differences) - len(kept))
