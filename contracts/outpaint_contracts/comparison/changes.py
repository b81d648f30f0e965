"""One change and its verdict, and all of them together."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, computed_field


class Verdict(StrEnum):
    """What a change does to a client that was written for the old document."""

    BREAKING = "breaking"
    RISKY = "risky"
    COMPATIBLE = "compatible"


ORDER = (Verdict.BREAKING, Verdict.RISKY, Verdict.COMPATIBLE)
"""The worst first."""


class Change(BaseModel):
    """One difference, at one place."""

    model_config = ConfigDict(frozen=True)

    code: str = Field(description="The rule that judged it.")
    verdict: Verdict
    operation: str = Field(description="`POST /v1/painting/outpaint`; empty for the whole document.")
    place: str = Field(description="`request multipart/form-data`, `202 header Retry-After`, …; empty for all of it.")
    field: str = Field(description="`data[].url`; empty for the whole body or parameter.")
    was: str = Field(description="Empty for what was not there.")
    is_: str = Field(alias="is", description="Empty for what is not there any more.")
    why: str = Field(description="What it does to a client.")


class Comparison(BaseModel):
    """Every change, the worst first."""

    model_config = ConfigDict(frozen=True)

    changes: tuple[Change, ...]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def verdict(self) -> Verdict:
        """The worst verdict there is; compatible where nothing changed."""
        return next((verdict for verdict in ORDER if self.count(verdict)), Verdict.COMPATIBLE)

    def count(self, verdict: Verdict) -> int:
        """How many changes have this verdict."""
        return Counter(change.verdict for change in self.changes)[verdict]
