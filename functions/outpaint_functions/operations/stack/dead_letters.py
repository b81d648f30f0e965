"""Ends of jobs that could not be settled, and sending them round again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from outpaint_functions.operations.stack.connection import Connection

_AT_A_TIME: Final = 10


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message: the job it is about, how it says that ended, and since when it lies there (epoch seconds)."""

    inference_id: str
    status: str
    reason: str
    sent_at: float


class DeadLetters:
    """The queue of a stack that takes what its completion function could not settle in five tries."""

    def __init__(self, connection: Connection) -> None:
        self._sqs = connection.client("sqs")
        self._url = connection.output("DeadLettersUrl")

    def depth(self) -> int:
        """How many lie there, nearly."""
        return int(self._attributes()["ApproximateNumberOfMessages"])

    def peek(self, limit: int) -> Iterator[DeadLetter]:
        """Some of them, in no order; each is hidden from others for some seconds, and stays."""
        seen: set[str] = set()
        while len(seen) < limit:
            found = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(_AT_A_TIME, limit - len(seen)),
                # Long enough not to be handed the same one in the next round.
                VisibilityTimeout=20,
                WaitTimeSeconds=1,
                MessageSystemAttributeNames=["SentTimestamp"],
            ).get("Messages", [])
            fresh = [message for message in found if message["MessageId"] not in seen]
            if not fresh:
                return
            for message in fresh:
                seen.add(message["MessageId"])
                yield _letter(message)

    def redrive(self) -> int:
        """Send all of them back to the queue they came from; how many there were, nearly. AWS does it by itself."""
        attributes = self._attributes()
        number = int(attributes["ApproximateNumberOfMessages"])
        if number:
            self._sqs.start_message_move_task(SourceArn=attributes["QueueArn"])
        return number

    def _attributes(self) -> dict[str, str]:
        answer: dict[str, dict[str, str]] = self._sqs.get_queue_attributes(
            QueueUrl=self._url, AttributeNames=["ApproximateNumberOfMessages", "QueueArn"]
        )
        return answer["Attributes"]


def _letter(message: dict[str, Any]) -> DeadLetter:
    """What a message says, as far as it can be read: what lies here may be there for being unreadable."""
    try:
        said = json.loads(json.loads(message["Body"])["Message"])
    except (ValueError, KeyError, TypeError):
        said = {}
    said = said if isinstance(said, dict) else {}
    return DeadLetter(
        inference_id=str(said.get("inferenceId", "unreadable")),
        status=str(said.get("invocationStatus", "")),
        reason=str(said.get("failureReason", "")),
        sent_at=int(message["Attributes"]["SentTimestamp"]) / 1000,
    )
