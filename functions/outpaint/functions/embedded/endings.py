"""Notifies those who wait for a job that it has ended."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

_LOG: Final = logging.getLogger("outpaint.jobs")


class Endings:
    """Callbacks for the ends of jobs; may be used from any thread.

    Who subscribes after the job ended is never called: read the job's state after `subscribe`, not before.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, list[Callable[[], None]]] = {}

    def subscribe(self, inference_id: str, callback: Callable[[], None]) -> Callable[[], None]:
        """Have `callback` called once when the job ends, from the thread that ended it; returns how to unsubscribe."""
        with self._lock:
            self._waiting.setdefault(inference_id, []).append(callback)

        def unsubscribe() -> None:
            with self._lock:
                callbacks = self._waiting.get(inference_id, [])
                if callback in callbacks:
                    callbacks.remove(callback)
                if not callbacks:
                    self._waiting.pop(inference_id, None)

        return unsubscribe

    def announce(self, inference_id: str) -> None:
        """Call everyone who waits for this job, which has ended."""
        with self._lock:
            callbacks = self._waiting.pop(inference_id, [])
        for callback in callbacks:
            try:
                callback()
            except Exception:  # noqa: BLE001 - a callback that fails must not keep the others from being called
                _LOG.exception("a waiter for job %s broke", inference_id)
