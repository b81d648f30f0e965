"""The stack in moto is the one that the service's own adapters work with."""

from __future__ import annotations

import json
import os

import boto3
import pytest

from outpaint.contracts.errors import OutpaintError
from outpaint.functions.aws.aws_clients import Clients
from outpaint.functions.aws.aws_service import assemble
from outpaint.functions.service.admission import authenticate
from outpaint.functions.service.records import StoredPicture
from outpaint.mocks.moto_stack import AwsStack, aws_stack


def test_an_account_opened_here_is_known_to_the_service(outpaint_aws: AwsStack) -> None:
    outpaint_aws.open_account("ann's key", credits=7)
    service = assemble(outpaint_aws.settings, look_after=0.0, clients=Clients()).service
    account = authenticate(service, "ann's key")
    assert account.credits == 7
    assert list(service.jobs.unended()) == []
    with pytest.raises(OutpaintError):
        authenticate(service, "another")


def test_pictures_go_to_the_stacks_bucket(outpaint_aws: AwsStack) -> None:
    service = assemble(outpaint_aws.settings, look_after=0.0).service
    now = service.clock.now()
    service.pictures.put("inputs/1/image", StoredPicture(b"bytes", "image/png", "ann", now + 60))
    found = boto3.client("s3", region_name=outpaint_aws.region).list_objects_v2(Bucket=outpaint_aws.settings.bucket)
    assert found["KeyCount"] == 1
    stored = service.pictures.get("inputs/1/image", now)
    assert stored is not None
    assert stored.data == b"bytes"


def test_what_the_topic_is_told_lies_in_the_queue(outpaint_aws: AwsStack) -> None:
    outpaint_aws.client("sns").publish(TopicArn=outpaint_aws.topic_arn, Message="done")
    (message,) = outpaint_aws.client("sqs").receive_message(QueueUrl=outpaint_aws.queue_url)["Messages"]
    assert json.loads(message["Body"])["Message"] == "done"


def test_nothing_of_it_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    before = dict(os.environ)
    for _ in range(2):
        with aws_stack() as stack:
            stack.open_account("key")
    assert dict(os.environ) == before
