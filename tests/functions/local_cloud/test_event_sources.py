"""A queue's messages in batches: what was settled goes, what was not comes again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.session import get_session
from local_cloud.lambda_runtime import FunctionError
from local_cloud.runtime_stack import deliver
from moto import mock_aws


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield get_session().create_client("sqs", region_name="us-east-1")


def test_only_what_was_not_settled_stays(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="completions", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    for number in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=f"message {number}")
    seen: list[dict[str, Any]] = []

    def settle(event: bytes) -> bytes:
        seen.append(json.loads(event))
        bad = [record["messageId"] for record in seen[-1]["Records"] if record["body"] == "message 1"]
        return json.dumps({"batchItemFailures": [{"itemIdentifier": id_} for id_ in bad]}).encode()

    def broken(_: bytes) -> bytes:
        raise FunctionError("Runtime.ExitError", "gone")

    with pytest.raises(FunctionError):
        deliver(sqs, url, arn, broken, 10)
    assert deliver(sqs, url, arn, settle, 10) == 2
    assert [record["body"] for record in seen[0]["Records"]] == ["message 0", "message 1", "message 2"]
    record = seen[0]["Records"][0]
    assert (record["eventSource"], record["eventSourceARN"], record["awsRegion"]) == ("aws:sqs", arn, "us-east-1")
    assert record["attributes"]["ApproximateReceiveCount"] == "2"
    assert deliver(sqs, url, arn, settle, 10) == 0
    assert [record["body"] for record in seen[1]["Records"]] == ["message 1"]
    assert deliver(sqs, url, arn, lambda _: b"null", 10) == 1
    assert deliver(sqs, url, arn, settle, 10) == 0
