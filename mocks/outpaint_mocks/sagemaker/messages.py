"""The SNS messages about an asynchronous inference's end, in AWS's form."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from outpaint_mocks.sagemaker.calls import RuntimeCall
from outpaint_mocks.sagemaker.journal import Entry, State

MAX_INCLUDED: Final = 128 * 1024
"""Bytes of a response that is included in a message (AsyncInferenceNotificationConfig)."""


def message(
    entry: Entry, call: RuntimeCall, *, region: str, content_type: str | None, response: bytes | None
) -> Mapping[str, Any]:
    """The message on an ended inference; `response` is what to include, None for nothing.

    Members that do not apply are left out: `inputLocation` of an inline request, `responseParameters` where nothing
    was written.
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
    parameters = _present(
        contentType=content_type,
        outputLocation=entry.output_location if succeeded else None,
        failureLocation=None if succeeded else entry.failure_location,
    )
    if parameters:
        content["responseParameters"] = parameters
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
