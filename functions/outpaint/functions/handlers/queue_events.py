"""Reads what SQS hands to a function: SageMaker's messages, as SNS wraps them.

Models of our own, of the members that are read: powertools' event classes check nothing, and its models refuse a
message for members that nobody reads (docs/adr/0050).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class QueueAttributes(BaseModel):
    """What SQS says of a message."""

    model_config = ConfigDict(frozen=True)

    sent_ms: Annotated[
        int | None, Field(alias="SentTimestamp", description="When it was sent to the queue, ms since the epoch.")
    ] = None


class QueueRecord(BaseModel):
    """A message of an SQS event (https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html)."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    body: str
    attributes: QueueAttributes = QueueAttributes()


class Notification(BaseModel):
    """SNS's envelope (https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html)."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    type: Annotated[Literal["Notification"], Field(alias="Type")]
    message: Annotated[str, Field(alias="Message")]


def records_of(event: Any) -> Sequence[Mapping[str, Any]] | None:
    """The event's records as they came; None for an event that is not SQS's, such as a warm-up."""
    records = event.get("Records") if isinstance(event, Mapping) else None
    if not isinstance(records, list) or not all(
        isinstance(record, Mapping) and record.get("eventSource") == "aws:sqs" and record.get("messageId")
        for record in records
    ):
        return None
    return records
