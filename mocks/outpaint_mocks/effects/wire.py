"""What goes wrong on the wire."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from outpaint_mocks.effects.effect import CallEffect
from outpaint_mocks.effects.slots import FILE, Slot


class Refuse(CallEffect):
    """The connection is refused."""

    name = "refuse"
    slots = frozenset({Slot.WIRE})


class Reset(CallEffect):
    """The connection is reset: before the request's body is read (nothing happened), during the answer's body,
    or after the request was taken and acted upon, with no answer."""

    name = "reset"
    slots = frozenset({Slot.WIRE})
    positional = ("when",)

    when: Literal["before", "during", "after"] = "before"


class Cut(CallEffect):
    """The body ends at byte k: honest with a Content-Length of k, lying with that of the whole."""

    name = "cut"
    slots = frozenset({Slot.WIRE})
    positional = ("at", "length")
    usual = FILE

    at: Annotated[int, Field(ge=0, le=1_000_000_000)]
    length: Literal["honest", "lying"] = "honest"


class Drip(CallEffect):
    """The body trickles in."""

    name = "drip"
    slots = frozenset({Slot.WIRE})
    positional = ("bytes_per_second",)
    usual = FILE

    bytes_per_second: Annotated[float, Field(gt=0, le=1e12, allow_inf_nan=False)]
