"""The call that a world works on: what counts for it, and what it has met so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from outpaint_mocks.effects import CallEffect, On, Slot
from outpaint_mocks.scenarios import Resolved


@dataclass(slots=True)
class CallInHand:
    """One call under the world's lock, as the ports see it.

    `suspended` keeps a poll from moving its job on: the call is answered with trouble and nothing else happens.
    `seconds` is virtual time that the call took inside, such as a slow source's.
    """

    route: On | None
    resolved: Resolved | None = None
    effects: dict[Slot, CallEffect] = field(default_factory=dict)
    suspended: bool = False
    seconds: float = 0.0
    inference_id: str | None = None
    image: str | None = None
    mask: str | None = None
    """SHA-256 (hex) of the pictures that came with the call or were fetched for it."""
    urls_expired: bool | None = None
    stumbled: bool = False
    """Whether a step of the job's sequence touched the call."""
    applied: list[str] = field(default_factory=list)
    """What scenarios did to the call, as text."""

    def made(self, inference_id: str, image: str, mask: str | None) -> None:
        """The call made this job, of pictures with these SHA-256 (hex)."""
        self.inference_id, self.image, self.mask = inference_id, image, mask

    def meets(self, trouble: CallEffect) -> None:
        """A step of the job's sequence touches this call."""
        for slot in trouble.slots:
            self.effects[slot] = trouble
        self.stumbled = True

    def note(self, effect: object) -> None:
        """Write down, once, what a scenario did to the call."""
        text = str(effect)
        if text not in self.applied:
            self.applied.append(text)
