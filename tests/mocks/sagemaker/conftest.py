"""S3, SNS and SQS of moto's on loopback, and a mock before them whose time stands still until a test moves it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from outpaint.mocks.sagemaker.aws_cloud import new_client
from outpaint.mocks.sagemaker.fixtures import aws_endpoint, sagemaker_mock  # noqa: F401 - fixtures

BUCKET = "pictures"


class Cloud:
    """What a test sees of the AWS around the mock."""

    def __init__(self, endpoint: str) -> None:
        def client(service: str) -> Any:
            return new_client(
                service,
                endpoint_url=endpoint,
                region_name="us-east-1",
                aws_access_key_id="test",
                aws_secret_access_key="test",
            )

        self.s3, self.sns, self.sqs = client("s3"), client("sns"), client("sqs")
        self.s3.create_bucket(Bucket=BUCKET)
        self.queue = self.sqs.create_queue(QueueName="completions")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.success = self.sns.create_topic(Name="painted")["TopicArn"]
        self.error = self.sns.create_topic(Name="failed")["TopicArn"]
        for topic in (self.success, self.error):
            self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def put(self, key: str, body: bytes) -> str:
        """Store an object and say where."""
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def get(self, address: str) -> bytes:
        """The object at an s3:// address."""
        bucket, _, key = address.removeprefix("s3://").partition("/")
        body: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def has(self, address: str) -> bool:
        """Whether there is one."""
        bucket, _, key = address.removeprefix("s3://").partition("/")
        return bool(self.s3.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"])

    def messages(self) -> list[dict[str, Any]]:
        """Everything in the queue, as (topic, message), taken out of it in its order."""
        found = []
        while batch := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for received in batch:
                notification = json.loads(received["Body"])
                found.append({"topic": notification["TopicArn"], **json.loads(notification["Message"])})
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=received["ReceiptHandle"])
        return found

    def configuration(self, **output: Any) -> dict[str, Any]:
        """An AsyncInferenceConfig as it is given to CreateEndpointConfig."""
        return {
            "OutputConfig": {
                "S3OutputPath": f"s3://{BUCKET}/outcomes/done",
                "S3FailurePath": f"s3://{BUCKET}/outcomes/failed",
                "NotificationConfig": {"SuccessTopic": self.success, "ErrorTopic": self.error},
                **output,
            }
        }


@pytest.fixture(scope="session")
def _cloud(aws_endpoint: str) -> Cloud:  # noqa: F811
    return Cloud(aws_endpoint)


@pytest.fixture
def cloud(_cloud: Cloud) -> Cloud:
    """S3, SNS and SQS, with nothing in the queue."""
    _cloud.messages()
    return _cloud
