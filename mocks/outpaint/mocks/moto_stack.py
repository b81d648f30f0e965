"""The deployed stack's table, bucket, topic and queue in moto, for tests of whoever runs the service on AWS."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from unittest.mock import patch

from botocore.loaders import create_loader
from botocore.session import Session, get_session

from outpaint.functions.aws import dynamo_items
from outpaint.functions.aws.aws_clients import Clients
from outpaint.functions.aws.aws_settings import AwsSettings
from outpaint.functions.aws.dynamo_keys import DynamoKeyRing
from outpaint.functions.aws.dynamo_table import Table
from outpaint.functions.service.admission import key_digest
from outpaint.functions.service.records import Account

REGION: Final = "us-east-1"
_ENVIRONMENT: Final = {
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_EC2_METADATA_DISABLED": "true",
    "OUTPAINT_TABLE": "outpaint",
    "OUTPAINT_BUCKET": "outpaint-pictures",
    "OUTPAINT_ENDPOINT": "painter",
}


@dataclass(frozen=True, slots=True)
class AwsStack:
    """The stack's table, bucket, topic of completions and the queue behind it, as template.yaml makes them.

    `settings` names them, and so does the environment, for the service's own functions read it there.
    """

    settings: AwsSettings
    topic_arn: str
    queue_url: str
    session: Session
    region: str = REGION

    def client(self, service: str) -> Any:
        """A botocore client of a service, such as `dynamodb`; boto3's work as well."""
        return self.session.create_client(service, region_name=self.region)

    def open_account(self, key: str, credits: int = 1000, *, name: str = "test", now: float = 0.0) -> None:  # noqa: A002 - the field's word
        """Open an account that this API key may use."""
        ring = DynamoKeyRing(Table(Clients(self.session), self.settings.table))
        ring.open_account(Account(name, name, credits), key_digest(key), now)


@contextmanager
def aws_stack() -> Iterator[AwsStack]:
    """The deployed stack's table, bucket, topic and queue in moto, while the block runs; no call leaves the process.

    Calls of several threads are made one after the other: a transaction is one step at AWS, and several of moto's.
    The SageMaker runtime is not in it: that is `outpaint.mocks.sagemaker`.
    """
    from moto import mock_aws

    with patch.dict(os.environ, _ENVIRONMENT), mock_aws(), _one_call_at_a_time():
        # moto does not intercept calls to another endpoint.
        os.environ.pop("AWS_ENDPOINT_URL", None)
        settings = AwsSettings.from_environment()
        session = get_session()
        session.register_component("data_loader", _descriptions())
        clients = {name: session.create_client(name, region_name=REGION) for name in ("dynamodb", "s3", "sns", "sqs")}
        clients["dynamodb"].create_table(TableName=settings.table, **dynamo_items.TABLE)
        clients["dynamodb"].update_time_to_live(
            TableName=settings.table, TimeToLiveSpecification={"AttributeName": "purge_at", "Enabled": True}
        )
        clients["s3"].create_bucket(Bucket=settings.bucket)
        topic_arn = clients["sns"].create_topic(Name="completions")["TopicArn"]
        queue_url = clients["sqs"].create_queue(QueueName="completions")["QueueUrl"]
        attributes = clients["sqs"].get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
        clients["sns"].subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=attributes["Attributes"]["QueueArn"])
        yield AwsStack(settings, topic_arn, queue_url, session)


@cache
def _descriptions() -> Any:
    """botocore's descriptions of services, megabytes of JSON that are read once for all stacks."""
    return create_loader()


@contextmanager
def _one_call_at_a_time() -> Iterator[None]:
    from moto.core.botocore_stubber import BotocoreStubber

    lock = threading.Lock()
    answer = BotocoreStubber.__call__

    def answer_alone(self: Any, *args: Any, **kwargs: Any) -> Any:
        with lock:
            return answer(self, *args, **kwargs)

    with patch.object(BotocoreStubber, "__call__", answer_alone):
        yield
