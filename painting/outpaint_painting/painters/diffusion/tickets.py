"""Whose work a pass is, and until when anybody wants it."""

from __future__ import annotations

from threading import Lock

from outpaint_contracts.errors import ErrorCode, OutpaintError


class Ticket:
    """Stands for one job in every queue it waits in; may be used from any thread.

    `account` is whom its work is counted to; `deadline` is on the scheduler's clock, in seconds.
    """

    def __init__(self, account: str = "", deadline: float | None = None) -> None:
        self.account = account
        self.deadline = deadline
        self.waited = 0.0
        self._lock = Lock()
        self._ended: OutpaintError | None = None

    def cancel(self, reason: OutpaintError | None = None) -> None:
        """Nobody wants the job any more; the first reason counts."""
        with self._lock:
            self._ended = (
                self._ended
                or reason
                or OutpaintError(
                    ErrorCode.PAINTING_FAILED,
                    "the job was cancelled before it was painted: send it again if it is wanted",
                )
            )

    def end(self, now: float) -> OutpaintError | None:
        """Why the work is not to be done, or None while it is."""
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
