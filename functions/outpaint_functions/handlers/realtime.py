"""The function that paints one job on the real-time endpoint."""

from __future__ import annotations

from typing import Any

from outpaint_contracts.inference import InferenceRequest

from outpaint_functions.aws.realtime import paint
from outpaint_functions.handlers import telemetry
from outpaint_functions.handlers.process import settings, settling


def handler(event: dict[str, Any], context: Any) -> None:  # noqa: ARG001 - Lambda's signature
    """Paint and settle the job in the event."""
    stack, endpoint = settling(), settings().realtime_endpoint
    if endpoint is None:
        raise RuntimeError("OUTPAINT_REALTIME_ENDPOINT is not set")
    job = paint(stack.service, stack.clients, stack.dispatch, endpoint, InferenceRequest.model_validate(event))
    telemetry.count("RealtimeSettled" if job is not None else "RealtimePassedOn")
    telemetry.flush()
