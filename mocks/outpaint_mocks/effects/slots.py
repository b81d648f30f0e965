"""What effects touch: kinds of calls, and what there is to decide about a job, a call and an account."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field


class On(StrEnum):
    """Which calls an effect touches."""

    SUBMIT = "submit"
    POLL = "poll"
    BALANCE = "balance"
    FILE = "file"
    UPLOAD = "upload"
    ANY = "any"


class Slot(StrEnum):
    """What an effect decides; of two that decide the same thing, the one from the nearer scope counts."""

    PROGRESS = "progress"
    OUTCOME = "outcome"
    COMPLETION = "completion"
    URLS = "urls"
    ANSWER = "answer"
    MEDIA_TYPE = "media_type"
    WIRE = "wire"
    LATENCY = "latency"
    LIMIT = "limit"
    CREDITS = "credits"


TROUBLE: Final = frozenset(
    {Slot.OUTCOME, Slot.COMPLETION, Slot.URLS, Slot.ANSWER, Slot.MEDIA_TYPE, Slot.WIRE, Slot.LIMIT}
)
"""What `succeed` takes back of wider scopes."""

SUBMIT: Final = frozenset({On.SUBMIT})
POLL: Final = frozenset({On.POLL})
FILE: Final = frozenset({On.FILE})
API: Final = frozenset({On.SUBMIT, On.POLL, On.BALANCE, On.UPLOAD})
ALL: Final = API | FILE

Count = Annotated[int, Field(ge=1, le=1_000_000)]
Seconds = Annotated[float, Field(ge=0, le=31_536_000, allow_inf_nan=False)]
