"""The functions for completions, the sweep and real-time jobs, with powertools' logger and metrics."""

from __future__ import annotations

import functools
from collections.abc import Callable
from functools import cache
from typing import Any, Final, TypeVar

from aws_lambda_powertools import Logger, Metrics

from outpaint.contracts.inference import InferenceRequest
from outpaint.functions.aws.aws_service import Stack, assemble
from outpaint.functions.aws.aws_settings import AwsSettings
from outpaint.functions.aws.completions import settle_completion
from outpaint.functions.aws.sagemaker_dispatch import paint_in_realtime
from outpaint.functions.handlers import log_records
from outpaint.functions.handlers.metrics import DIMENSION, NAMESPACE, JobCounts, Metric, service_name
from outpaint.functions.handlers.queue_events import Notification, QueueRecord, records_of
from outpaint.functions.service import log_keys
from outpaint.functions.service.sweeping import sweep_some

# The modules log under `outpaint.`, so this logger writes their lines too. What it is called is in the records' keys.
LOG: Final = Logger(service="outpaint")
METRICS: Final = Metrics(namespace=NAMESPACE, service=service_name())
SWEEP_MARGIN_S: Final = 15.0
"""Kept back of the sweep's time, for the calls under way: one that S3 leaves without an answer takes ten seconds."""
_T = TypeVar("_T")


def emit(metric: Metric, value: float) -> None:
    """Add one value, in the metric's unit; it is written when the event is done with."""
    METRICS.add_metric(name=metric.metric, unit=metric.unit, value=value)


@cache
def settings() -> AwsSettings:
    """The environment's settings, read at the first call."""
    return AwsSettings.from_environment()


@cache
def settling() -> Stack:
    """The service as completions and the sweep use it, built at the first call."""
    return assemble(settings(), look_after=settings().look_after, observer=JobCounts(emit))


def _observed(handler: Callable[[Any, Any], _T]) -> Callable[[Any, Any], _T]:
    """A handler whose records carry the event's ids, and whose metrics are written however it ends."""

    @LOG.inject_lambda_context(clear_state=True)
    @functools.wraps(handler)
    def observed(event: Any, context: Any) -> _T:
        if log_records.begin(context):
            emit(Metric.COLD_START, 1)
        LOG.registered_handler.addFilter(log_records.ADDING_KEYS)
        try:
            return handler(event, context)
        finally:
            if METRICS.metric_set:
                for key, value in log_records.keys().items():
                    if key != DIMENSION:
                        METRICS.add_metadata(key, value)
                METRICS.flush_metrics()

    return observed


@_observed
def completion(event: Any, context: Any) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Settle the jobs that a batch of SQS messages is about.

    Returns the ids of the messages that could not be settled (ReportBatchItemFailures): SQS delivers those again.
    powertools' batch processor does the same, at an eighth of a cold start's CPU.
    """
    records = records_of(event)
    if records is None:
        LOG.warning("this event is not from SQS, nothing was done: this function settles messages of its queue")
        return {"batchItemFailures": []}
    failed = []
    for record in records:
        try:
            _settle(QueueRecord.model_validate(record))
        except Exception as error:
            with log_keys.about_error(error):
                LOG.exception("message %s was not settled", record["messageId"])
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


@_observed
def realtime(event: Any, context: Any) -> None:  # noqa: ARG001 - Lambda's signature
    """Paint and settle the job in the event."""
    if not (isinstance(event, dict) and "inference_id" in event):
        LOG.warning("this event is no job, nothing was done: this function paints jobs that the API's function sends")
        return
    request = InferenceRequest.model_validate(event)
    with log_keys.about(request.inference_id, request.correlation_id):
        stack, endpoint = settling(), settings().realtime_endpoint
        if endpoint is None:
            raise RuntimeError("OUTPAINT_REALTIME_ENDPOINT is not set")
        job = paint_in_realtime(stack.service, stack.clients, endpoint, request)
        emit(Metric.REALTIME_SETTLED if job is not None else Metric.REALTIME_PASSED_ON, 1)


@_observed
def sweeper(event: Any, context: Any) -> None:  # noqa: ARG001 - Lambda's signature
    """End jobs that were cut off between two steps; raises what kept it from some jobs, for the alarm.

    It stops before the function's time is over, and the next goes on there. Whatever the event says: a sweep that
    nobody asked for does no harm.
    """
    stack = settling()
    since = stack.mark.read()
    swept = sweep_some(
        stack.service, since=since, goes_on=lambda: context.get_remaining_time_in_millis() > SWEEP_MARGIN_S * 1000
    )
    if swept.resume_at != since:
        stack.mark.keep(swept.resume_at)
    if swept.lag is not None:
        emit(Metric.SWEEP_LAG, swept.lag)
    if not swept.errors:
        emit(Metric.SWEEPS, 1)
    for error in swept.errors:
        with log_keys.about_error(error):
            LOG.error("a job could not be looked at", exc_info=error)
    swept.raise_errors()


def _settle(record: QueueRecord) -> None:
    stack = settling()
    if record.attributes.sent_ms is not None:
        emit(Metric.QUEUE_AGE, max(0.0, stack.service.clock.now() - record.attributes.sent_ms / 1000))
    settle_completion(stack.service, stack.outcomes, Notification.model_validate_json(record.body).message)
