"""What invokes functions beside HTTP: a queue's messages in batches, and a schedule."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from outpaint_functions.embedded.cli.console import OUT

from local_cloud.runtime_api import FunctionError

Invoke = Callable[[bytes], bytes]


def deliver(sqs: Any, queue_url: str, queue_arn: str, invoke: Invoke, batch_size: int, wait_s: int) -> int:
    """One round of an event source mapping with ReportBatchItemFailures: how many messages were taken off the queue.

    A message whose batch failed, or that the function names in its answer, stays, and is shown again once its
    visibility timeout is over.
    """
    received = sqs.receive_message(
        QueueUrl=queue_url,
        MaxNumberOfMessages=batch_size,
        WaitTimeSeconds=wait_s,
        AttributeNames=["All"],
        MessageAttributeNames=["All"],
    ).get("Messages", [])
    if not received:
        return 0
    records = [
        {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": message.get("MessageAttributes", {}),
            "md5OfBody": message.get("MD5OfBody", ""),
            "eventSource": "aws:sqs",
            "eventSourceARN": queue_arn,
            "awsRegion": queue_arn.split(":")[3],
        }
        for message in received
    ]
    answer = json.loads(invoke(json.dumps({"Records": records}).encode())) or {}
    failed = {failure["itemIdentifier"] for failure in answer.get("batchItemFailures", [])}
    done = [message for message in received if message["MessageId"] not in failed]
    for message in done:
        sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return len(done)


@contextmanager
def repeatedly(name: str, work: Callable[[], object], pause_s: float = 0.0) -> Iterator[None]:
    """Do the work again and again on a thread of its own for as long as the block runs; what it raises is printed."""
    over = threading.Event()

    def loop() -> None:
        while not over.wait(pause_s):
            try:
                work()
            except (ClientError, BotoCoreError, FunctionError) as error:
                if over.is_set():
                    return
                OUT.print(f"{name}: {error}", markup=False, highlight=False, soft_wrap=True)
                over.wait(1)

    thread = threading.Thread(target=loop, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
