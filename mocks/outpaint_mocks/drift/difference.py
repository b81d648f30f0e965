"""A difference between what was recorded and what a replay got."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What differs."""

    STATUS = "status"
    HEADER = "header"
    BODY = "body"
    PICTURE = "picture"
    POLLS = "polls"
    TIMING = "timing"
    CREDITS = "credits"


class Baseline(StrEnum):
    """Whose answers clients are taken to rely on: what these have and the others lack breaks them."""

    RECORDED = "recorded"
    REPLAYED = "replayed"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference; `where` is a header's name, a JSON pointer with `*` for any place in a list, or nothing."""

    exchange: int
    kind: Kind
    where: str
    recorded: str
    replayed: str
    breaking: bool

    @property
    def name(self) -> str:
        """As `--ignore` names it: `header:retry-after`, `body:/data/*/url`, `status`."""
        return f"{self.kind}:{self.where}" if self.where else self.kind.value


ABSENT = "absent"
