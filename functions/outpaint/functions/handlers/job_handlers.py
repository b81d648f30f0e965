"""The functions for completions, the sweep and real-time jobs, with their logs and metrics."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Final

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from outpaint.contracts.inference import InferenceRequest
from outpaint.functions.aws.aws_service import Stack, assemble
from outpaint.functions.aws.aws_settings import AwsSettings
from outpaint.functions.aws.outcomes import settle_completion
from outpaint.functions.aws.sagemaker_dispatch import paint_in_realtime
from outpaint.functions.service.sweeping import sweep_some

# The modules log under `outpaint.`, so this logger writes their lines too.
LOG: Final = Logger(service="outpaint")
METRICS: Final = Metrics(namespace="Outpaint")
SWEEP_MARGIN_S: Final = 15.0
"""Kept back of the sweep's time, for the calls under way: one that S3 leaves without an answer takes ten seconds."""


@cache
def settings() -> AwsSettings:
    """The environment's settings, read at the first call."""
    return AwsSettings.from_environment()


@cache
def settling() -> Stack:
    """The service as completions and the sweep use it, built at the first call."""
    return assemble(settings(), look_after=settings().look_after)


def completion(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Settle the jobs that a batch of SQS messages is about.

    Returns the ids of the messages that could not be settled (ReportBatchItemFailures): SQS delivers those again.
    powertools' batch processor does the same, at an eighth of a cold start's CPU.
    """
    failed = []
    for record in event["Records"]:
        try:
            _settle(record)
        except Exception:
            LOG.exception("message %s was not settled", record["messageId"])
            failed.append({"itemIdentifier": record["messageId"]})
    _flush()
    return {"batchItemFailures": failed}


def realtime(event: dict[str, Any], context: Any) -> None:  # noqa: ARG001 - Lambda's signature
    """Paint and settle the job in the event."""
    stack, endpoint = settling(), settings().realtime_endpoint
    if endpoint is None:
        raise RuntimeError("OUTPAINT_REALTIME_ENDPOINT is not set")
    job = paint_in_realtime(
        stack.service, stack.clients, stack.dispatch, endpoint, InferenceRequest.model_validate(event)
    )
    _count("RealtimeSettled" if job is not None else "RealtimePassedOn")
    _flush()


def sweeper(event: dict[str, Any], context: Any) -> None:  # noqa: ARG001 - Lambda's signature
    """End jobs that were cut off between two steps; raises what kept it from some jobs, for the alarm.

    It stops before the function's time is over, and the next goes on there.
    """
    stack = settling()
    since = stack.mark.read()
    swept = sweep_some(
        stack.service, since=since, goes_on=lambda: context.get_remaining_time_in_millis() > SWEEP_MARGIN_S * 1000
    )
    if swept.resume_at != since:
        stack.mark.keep(swept.resume_at)
    if swept.lag is not None:
        METRICS.add_metric(name="SweepLag", unit=MetricUnit.Seconds, value=swept.lag)
    if not swept.errors:
        _count("Sweeps")
    _flush()
    swept.raise_errors()


def _settle(record: dict[str, Any]) -> None:
    stack = settling()
    job = settle_completion(stack.service, stack.outcomes, json.loads(record["body"])["Message"])
    if job is not None:
        _count(f"Jobs{job.state.capitalize()}")
        seconds = stack.service.clock.now() - job.created_at
        METRICS.add_metric(name="JobSeconds", unit=MetricUnit.Seconds, value=seconds)


def _count(name: str) -> None:
    METRICS.add_metric(name=name, unit=MetricUnit.Count, value=1)


def _flush() -> None:
    if METRICS.metric_set:  # powertools warns where there is nothing to write
        METRICS.flush_metrics()
