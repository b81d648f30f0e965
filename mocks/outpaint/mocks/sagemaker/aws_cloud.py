"""The S3 and SNS of the mock's endpoints, through boto3 by any endpoint URL."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, Final, Protocol

from outpaint.mocks.sagemaker.endpoint_definition import S3Location

MAX_INPUT: Final = 1024**3
"""Bytes of an input in S3 (docs/facts/aws.md#sagemaker)."""


_MAKING: Final = threading.Lock()


@cache
def _session() -> Any:
    import boto3

    return boto3.session.Session()


def new_client(service: str, **options: Any) -> Any:
    """A boto3 client, of a session that all clients with an endpoint URL share: it reads botocore's data once.

    A client without endpoint URL has a session of its own, because moto patches only sessions made while it is active.
    """
    import boto3

    with _MAKING:
        session = _session() if options.get("endpoint_url") else boto3.session.Session()
        return session.client(service, **options)


class MockCloudError(Exception):
    """S3 or SNS refused or failed; the text says at what and why."""


class Cloud(Protocol):
    """What the mock needs of S3 and SNS."""

    def read(self, location: S3Location) -> bytes:
        """An object's bytes; raises `MockCloudError` where there is none, or it is larger than an input may be."""

    def write(self, location: S3Location, body: bytes, content_type: str | None) -> None:
        """Store an object; raises `MockCloudError`."""

    def publish(self, topic: str, message: Mapping[str, Any]) -> str:
        """Publish a JSON message; its id. Raises `MockCloudError`."""


class AwsCloud:
    """S3 and SNS through boto3.

    Without an endpoint URL boto3 decides by its own rules: AWS_ENDPOINT_URL, moto's in-process mock, the configured
    account. With one and no AWS_ACCESS_KEY_ID, the key is "test", which local replacements of AWS accept.
    """

    def __init__(self, s3_endpoint: str | None, sns_endpoint: str | None, region: str) -> None:
        self._endpoints = {"s3": s3_endpoint, "sns": sns_endpoint}
        self._region = region
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str], Any] = {}

    def read(self, location: S3Location) -> bytes:
        """An object's bytes."""
        with _failures(f"reading {location}"):
            found = self._client("s3", self._region).get_object(Bucket=location.bucket, Key=location.key)
            size = found["ContentLength"]
            with found["Body"] as body:
                if size > MAX_INPUT:
                    raise MockCloudError(f"{location} has {size} bytes: an input has at most {MAX_INPUT}")
                content: bytes = body.read()
                return content

    def write(self, location: S3Location, body: bytes, content_type: str | None) -> None:
        """Store an object."""
        typed = {} if content_type is None else {"ContentType": content_type}
        with _failures(f"writing {location}"):
            s3 = self._client("s3", self._region)
            s3.put_object(Bucket=location.bucket, Key=location.key, Body=body, **typed)

    def publish(self, topic: str, message: Mapping[str, Any]) -> str:
        """Publish a JSON message to a topic, in the topic's own region."""
        with _failures(f"publishing to {topic}"):
            sns = self._client("sns", topic.split(":")[3])
            return str(sns.publish(TopicArn=topic, Message=json.dumps(message))["MessageId"])

    def _client(self, service: str, region: str) -> Any:
        with self._lock:
            client = self._clients.get((service, region))
            if client is None:
                client = self._clients[service, region] = self._new_client(service, region)
            return client

    def _new_client(self, service: str, region: str) -> Any:
        from botocore.config import Config

        endpoint = self._endpoints[service]
        credentials = {}
        if endpoint is not None and "AWS_ACCESS_KEY_ID" not in os.environ:
            credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        config = Config(
            connect_timeout=5,
            read_timeout=60,
            retries={"mode": "standard", "total_max_attempts": 3},
            s3={"addressing_style": "path"} if endpoint is not None else {},
        )
        return new_client(service, region_name=region, endpoint_url=endpoint, config=config, **credentials)


@contextmanager
def _failures(what: str) -> Iterator[None]:
    """Raise botocore's errors as `MockCloudError`."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise MockCloudError(f"{what}: {error}") from error
