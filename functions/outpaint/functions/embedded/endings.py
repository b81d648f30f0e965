"""Who waits for which job to end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

_LOG: Final = logging.getLogger("outpaint.jobs")


class Endings:
    """Tells those who wait that a job has ended; may be used from any thread.

    A wait begun after the job ended is never told: look at the job after `subscribe`, not before.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, list[Callable[[], None]]] = {}

    def subscribe(self, inference_id: str, callback: Callable[[], None]) -> Callable[[], None]:
        """Have `callback` called once when the job ends, from the thread that ended it; returns a way out."""
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
        """The job has ended: tell everyone who waits for it."""
        with self._lock:
            callbacks = self._waiting.pop(inference_id, [])
        for callback in callbacks:
            try:
                callback()
            except Exception:  # noqa: BLE001 - one waiter that broke must not cost the others their answer
                _LOG.exception("a waiter for job %s broke", inference_id)
