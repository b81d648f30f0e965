"""Ends of jobs that could not be settled, and sending them round again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from outpaint_functions.operations.stack.connection import Connection

_AT_A_TIME: Final = 10
_COUNTED: Final = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


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
        """How many lie there, nearly, those that somebody looks at included."""
        return self._depth(self._attributes())

    def peek(self, limit: int) -> list[DeadLetter]:
        """Some of them, in no order; each is hidden from others while this looks, and stays."""
        seen: dict[str, dict[str, Any]] = {}
        try:
            while len(seen) < limit:
                found = self._sqs.receive_message(
                    QueueUrl=self._url,
                    MaxNumberOfMessages=min(_AT_A_TIME, limit - len(seen)),
                    # Long enough not to be handed the same one in the next round.
                    VisibilityTimeout=60,
                    WaitTimeSeconds=1,
                    MessageSystemAttributeNames=["SentTimestamp"],
                ).get("Messages", [])
                fresh = {message["MessageId"]: message for message in found if message["MessageId"] not in seen}
                if not fresh:
                    break
                seen |= fresh
        finally:
            # Else they could not be sent round again for a minute, and their alarm would end.
            for message in seen.values():
                self._sqs.change_message_visibility(
                    QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
                )
        return [_letter(message) for message in seen.values()]

    def redrive(self) -> int:
        """Send all of them back to the queue they came from; how many there were, nearly. AWS does it by itself."""
        attributes = self._attributes()
        number = self._depth(attributes)
        if number:
            self._sqs.start_message_move_task(SourceArn=attributes["QueueArn"])
        return number

    def _depth(self, attributes: dict[str, str]) -> int:
        return sum(int(attributes[name]) for name in _COUNTED)

    def _attributes(self) -> dict[str, str]:
        answer: dict[str, dict[str, str]] = self._sqs.get_queue_attributes(
            QueueUrl=self._url, AttributeNames=[*_COUNTED, "QueueArn"]
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
