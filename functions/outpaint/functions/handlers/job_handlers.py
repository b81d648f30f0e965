"""The functions for completions, the sweep and quick jobs, and their logs and metrics."""

from __future__ import annotations

import json
from typing import Any, Final

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from outpaint.contracts.inference import InferenceRequest
from outpaint.functions.aws.outcomes import settle_completion
from outpaint.functions.aws.sagemaker_dispatch import paint_in_realtime
from outpaint.functions.handlers.lambda_process import settings, settling
from outpaint.functions.service.settle import sweep

# The modules log under `outpaint.`, so this logger writes their lines too.
LOG: Final = Logger(service="outpaint")
METRICS: Final = Metrics(namespace="Outpaint")


def count(name: str, value: float = 1) -> None:
    """Add to a metric of this call."""
    METRICS.add_metric(name=name, unit=MetricUnit.Count, value=value)


def seconds(name: str, value: float) -> None:
    """Note how long something took."""
    METRICS.add_metric(name=name, unit=MetricUnit.Seconds, value=value)


def flush() -> None:
    """Write this call's metrics, if it has any."""
    if METRICS.metric_set:
        METRICS.flush_metrics()


_BATCH = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def completion(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Settle the jobs that a batch of messages tells of; those that could not be are named, and shown again."""
    answer = process_partial_response(event=event, record_handler=_settle, processor=_BATCH, context=context)
    flush()
    return dict(answer)


def _settle(record: SQSRecord) -> None:
    stack = settling()
    try:
        job = settle_completion(stack.service, stack.outcomes, json.loads(record.body)["Message"])
    except Exception:
        LOG.exception("message %s was not settled", record.message_id)
        raise
    if job is not None:
        count(f"Jobs{job.state.capitalize()}")
        seconds("JobSeconds", stack.service.clock.now() - job.created_at)


def realtime(event: dict[str, Any], context: Any) -> None:  # noqa: ARG001 - Lambda's signature
    """Paint and settle the job in the event."""
    stack, endpoint = settling(), settings().realtime_endpoint
    if endpoint is None:
        raise RuntimeError("OUTPAINT_REALTIME_ENDPOINT is not set")
    job = paint_in_realtime(
        stack.service, stack.clients, stack.dispatch, endpoint, InferenceRequest.model_validate(event)
    )
    count("RealtimeSettled" if job is not None else "RealtimePassedOn")
    flush()


def sweeper(event: dict[str, Any], context: Any) -> None:  # noqa: ARG001 - Lambda's signature
    """End what was cut off between two steps; raises what kept it from some jobs, for the alarm."""
    sweep(settling().service)
    count("Sweeps")
    flush()
