"""The function behind the queue of completions."""

from __future__ import annotations

import json
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from outpaint_functions.aws.completions import settle_completion
from outpaint_functions.handlers import telemetry
from outpaint_functions.handlers.process import settling

_BATCH = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Settle the jobs that a batch of messages tells of; those that could not be are named, and shown again."""
    answer = process_partial_response(event=event, record_handler=_settle, processor=_BATCH, context=context)
    telemetry.flush()
    return dict(answer)


def _settle(record: SQSRecord) -> None:
    stack = settling()
    try:
        job = settle_completion(stack.service, stack.outcomes, json.loads(record.body)["Message"])
    except Exception:
        telemetry.LOG.exception("message %s was not settled", record.message_id)
        raise
    if job is not None:
        telemetry.count(f"Jobs{job.state.capitalize()}")
        telemetry.seconds("JobSeconds", stack.service.clock.now() - job.created_at)
