"""The journal of the runtime's calls, and the SNS message on an ended inference."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from outpaint.mocks.sagemaker.runtime_calls import RuntimeCall, RuntimeOperation

MAX_ENTRIES: Final = 10_000
MAX_INCLUDED: Final = 128 * 1024
"""Bytes of a response that is included in a message (AsyncInferenceNotificationConfig)."""


class State(StrEnum):
    """The state of an asynchronous inference; the last four are final, and all of those but LOST are AWS's names."""

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
class InferenceEntry:
    """One call with its answer, and for an asynchronous one its state and its messages since.

    Times are seconds since the epoch by the mock's clock. `attempts` counts how often a container was given it.
    """

    number: int
    at: float
    operation: RuntimeOperation
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


class InferenceJournal:
    """The latest calls, at most `MAX_ENTRIES`; bodies are kept as size and SHA-256."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[InferenceEntry] = deque(maxlen=MAX_ENTRIES)
        self._number = 0

    def open(self, at: float, operation: RuntimeOperation, endpoint: str, body: bytes) -> InferenceEntry:
        """A new entry."""
        digest = hashlib.sha256(body).hexdigest()
        with self._lock:
            self._number += 1
            entry = InferenceEntry(self._number, at, operation, endpoint, len(body), digest, {})
            self._entries.append(entry)
            return entry

    def entries(self, endpoint: str | None = None, inference_id: str | None = None) -> list[InferenceEntry]:
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


def completion_message(
    entry: InferenceEntry, call: RuntimeCall, *, region: str, content_type: str | None, response: bytes | None
) -> Mapping[str, Any]:
    """The message on an ended inference; `response` is what to include, None for nothing.

    Members that do not apply are left out: `inputLocation` of an inline request, `responseParameters` of a failure,
    which lies where the answer to the call said.
    """
    assert entry.ended_at is not None
    succeeded = entry.state is State.COMPLETED
    content: dict[str, Any] = {
        "awsRegion": region,
        "eventTime": _time(entry.ended_at),
        "receivedTime": _time(entry.at),
        "invocationStatus": entry.state,
    }
    if not succeeded:
        content["failureReason"] = entry.failure_reason
    content["requestParameters"] = _present(
        accept=call.get("Accept"),
        contentType=call.get("ContentType"),
        endpointName=entry.endpoint,
        inputLocation=call.get("InputLocation"),
    )
    if succeeded:
        content["responseParameters"] = _present(contentType=content_type, outputLocation=entry.output_location)
    if response is not None and len(response) <= MAX_INCLUDED:
        content["responseBody"] = {"content": base64.b64encode(response).decode(), "encoding": "BASE64"}
    return content | {
        "inferenceId": entry.inference_id,
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }


def _present(**members: str | None) -> dict[str, str]:
    return {name: value for name, value in members.items() if value is not None}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
