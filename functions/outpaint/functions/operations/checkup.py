"""What a check of `outpaint doctor` is: a name, a question, the rights that it takes, and what it found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

_P = TypeVar("_P")


class Verdict(StrEnum):
    """How a check ended; `NOT_CHECKED` where the credentials or the place do not let it be told."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class CheckFinding:
    """What a check found, and in one line what to do where something falls short."""

    verdict: Verdict
    says: str
    todo: str = ""


@dataclass(frozen=True, slots=True)
class Check(Generic[_P]):
    """One check of a place: its stable name, what it asks as a clause, and the IAM actions that it calls."""

    name: str
    asks: str
    rights: tuple[str, ...]
    look: Callable[[_P], CheckFinding]


def ok(says: str) -> CheckFinding:
    """Nothing falls short."""
    return CheckFinding(Verdict.OK, says)


def warning(says: str, todo: str) -> CheckFinding:
    """It works, and will fall short one day."""
    return CheckFinding(Verdict.WARNING, says, todo)


def fault(says: str, todo: str) -> CheckFinding:
    """It does not work until something is done."""
    return CheckFinding(Verdict.FAULT, says, todo)


def not_checked(says: str, todo: str = "") -> CheckFinding:
    """Nobody knows."""
    return CheckFinding(Verdict.NOT_CHECKED, says, todo)


def worst(findings: Iterable[CheckFinding], otherwise: str) -> CheckFinding:
    """The first of the worst findings, and how many more fall short; ok with the text `otherwise` where none does."""
    order = (Verdict.FAULT, Verdict.WARNING, Verdict.NOT_CHECKED)
    short = sorted((each for each in findings if each.verdict in order), key=lambda each: order.index(each.verdict))
    if not short:
        return ok(otherwise)
    first, more = short[0], len(short) - 1
    return first if not more else CheckFinding(first.verdict, f"{first.says} (and {more} more)", first.todo)
