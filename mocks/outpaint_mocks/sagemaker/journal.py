"""What was asked of the mock and what became of it."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from outpaint_mocks.sagemaker.calls import Operation

MAX_ENTRIES: Final = 10_000


class State(StrEnum):
    """Where an asynchronous inference stands; the last four are ends, and the first three of those AWS's names."""

    QUEUED = "Queued"
    RUNNING = "Running"
    COMPLETED = "Completed"
    FAILED = "Failed"
    EXPIRED = "Expired"
    LOST = "Lost"


@dataclass(slots=True)
class Notice:
    """One SNS message that was published, or could not be (`error`)."""

    topic: str
    at: float
    message: Mapping[str, Any]
    message_id: str | None = None
    error: str | None = None


@dataclass(slots=True)
class Entry:
    """One call: when, what, what it was answered; and for an asynchronous one what became of it since.

    Times are seconds since the epoch by the mock's clock. `attempts` counts how often a container was given it.
    """

    number: int
    at: float
    operation: Operation
    endpoint: str
    body_bytes: int
    body_sha256: str
    parameters: Mapping[str, str]
    status: int | None = None
    error: str | None = None
    detail: str | None = None
    variant: str | None = None
    inference_id: str | None = None
    state: State | None = None
    attempts: int = 0
    started_at: float | None = None
    ended_at: float | None = None
    output_location: str | None = None
    failure_location: str | None = None
    failure_reason: str | None = None
    notices: list[Notice] = field(default_factory=list)


class Journal:
    """The latest calls, at most `MAX_ENTRIES`; bodies are kept as size and SHA-256."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque(maxlen=MAX_ENTRIES)
        self._number = 0

    def open(self, at: float, operation: Operation, endpoint: str, body: bytes) -> Entry:
        """A new entry."""
        digest = hashlib.sha256(body).hexdigest()
        with self._lock:
            self._number += 1
            entry = Entry(self._number, at, operation, endpoint, len(body), digest, {})
            self._entries.append(entry)
            return entry

    def entries(self, endpoint: str | None = None, inference_id: str | None = None) -> list[Entry]:
        """The entries, oldest first; of one endpoint or inference where that is given."""
        with self._lock:
            return [
                entry
                for entry in self._entries
                if endpoint in {None, entry.endpoint} and inference_id in {None, entry.inference_id}
            ]

    def clear(self) -> None:
        """Forget them; numbers go on."""
        with self._lock:
            self._entries.clear()
