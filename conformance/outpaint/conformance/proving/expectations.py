"""Checks of one value, in the words of a case; each raises `Unmet` with what was expected and what was seen."""

from __future__ import annotations

from collections.abc import Collection, Container
from typing import Any, Final

_SHOWN: Final = 300


class Unmet(AssertionError):  # noqa: N818 - read as a finding about the provider, not a fault of ours
    """The provider did not do what the case expects; the text says what was expected and what was seen.

    Many cases rest on the same parts of answers. `cause` names such a part where it is what was not as it must be, and
    is the same for every case that fails for it. `guarded_by` is the family of the one case that is about that part;
    where it is given, the others failed for the same cause only if that case failed for it too.
    """

    def __init__(self, says: str, *, cause: str = "", guarded_by: str = "") -> None:
        super().__init__(says)
        self.cause = cause
        self.guarded_by = guarded_by


class NotOffered(Exception):  # noqa: N818 - nothing went wrong: the provider has no such control
    """The provider cannot do what the case needs of it; the text says why."""


def equal(actual: object, expected: object, what: str) -> None:
    """`what` must be exactly this."""
    if actual != expected:
        raise Unmet(f"{what}: expected {_shown(expected)}, got {_shown(actual)}")


def differ(actual: object, other: object, what: str) -> None:
    """`what` must be anything but this."""
    if actual == other:
        raise Unmet(f"{what}: must not be {_shown(other)}")


def one_of(actual: object, allowed: Collection[Any], what: str) -> None:
    """`what` must be one of these."""
    if actual not in allowed:
        raise Unmet(f"{what}: expected one of {', '.join(map(_shown, allowed))}, got {_shown(actual)}")


def contains(whole: Container[Any], part: object, what: str) -> None:
    """`what` must hold this part."""
    if part not in whole:
        raise Unmet(f"{what}: expected {_shown(part)} in it, got {_shown(whole)}")


def lacks(whole: Container[Any], part: object, what: str) -> None:
    """`what` must not hold this part."""
    if part in whole:
        raise Unmet(f"{what}: must be without {_shown(part)}, got {_shown(whole)}")


def within(actual: float, lowest: float, highest: float, what: str) -> None:
    """`what` must lie in this range, both ends included."""
    if not lowest <= actual <= highest:
        raise Unmet(f"{what}: expected {lowest} to {highest}, got {actual}")


def holds(condition: object, what: str) -> None:
    """The sentence `what` must be true; for what none of the others can say."""
    if not condition:
        raise Unmet(f"{what}: this does not hold")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(text)} characters)"
