"""One pass through a diffusion model: what it is, the job it belongs to, and how a device can fail at it."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from PIL import Image

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.requests import Wish


class OutOfMemory(Exception):  # noqa: N818 - an outcome that the scheduler handles
    """The device's memory did not suffice for a batch; a smaller one may fit."""


class PassTooLarge(Exception):  # noqa: N818 - an outcome that the painter handles
    """Not even one pass of this size fits the device; the picture must be painted in smaller windows."""


class DeviceLost(Exception):  # noqa: N818 - an outcome that the scheduler handles
    """The device has failed; only a new process can use it again."""


@dataclass(eq=False, slots=True)
class Scene:
    """What a pass sees: `picture` is RGB with the open area prefilled, `open` is L of its size, 255 to paint.

    Both have a bucket's size. Variants of one picture share one scene, so that a model encodes it once; it keeps the
    result in `encoded`, which only the device's thread uses.
    """

    picture: Image.Image
    open: Image.Image
    encoded: Any = field(default=None, repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.picture.size


@dataclass(frozen=True, slots=True)
class BatchKey:
    """What passes must have in common to run as one batch: size in pixels, steps, and how much is denoised."""

    size: tuple[int, int]
    steps: int
    strength: float

    @property
    def cost(self) -> float:
        """Of one pass, in megapixel steps: what an account's work is measured in."""
        return self.size[0] * self.size[1] / 1e6 * max(1.0, self.steps * self.strength)


@dataclass(frozen=True, slots=True)
class Pass:
    """One picture to denoise, as `wish` says.

    Its noise comes from `seed` alone, so its place in a batch does not matter. `strength` 1.0 starts from pure noise;
    less starts from the scene's picture, to refine it.
    """

    scene: Scene
    wish: Wish
    seed: int
    steps: int
    strength: float = 1.0

    @property
    def key(self) -> BatchKey:
        """What passes of one batch have in common."""
        return BatchKey(self.scene.size, self.steps, self.strength)


class PassTicket:
    """A job as its passes know it; may be used from any thread.

    `account` is the one its work is counted to; `deadline` is on the scheduler's clock, in seconds.
    """

    def __init__(self, account: str = "", deadline: float | None = None) -> None:
        self.account = account
        self.deadline = deadline
        self.waited = 0.0
        self._lock = Lock()
        self._ended: OutpaintError | None = None

    def cancel(self, reason: OutpaintError | None = None) -> None:
        """End the job's work; the first reason counts."""
        given_up = "the job was cancelled before it was painted: send it again if it is wanted"
        with self._lock:
            self._ended = self._ended or reason or OutpaintError(ErrorCode.PAINTING_FAILED, given_up)

    def end(self, now: float) -> OutpaintError | None:
        """Why the work has ended, or None while it is to be done."""
        if self._ended is None and self.deadline is not None and now >= self.deadline:
            self.cancel(
                OutpaintError(
                    ErrorCode.TIMED_OUT,
                    "the job's deadline passed before its pictures were painted: "
                    "send it again, or ask for fewer or smaller pictures",
                )
            )
        return self._ended

    def count_wait(self, seconds: float) -> None:
        """Add to the time that the job's passes have waited for a batch."""
        with self._lock:
            self.waited += seconds
