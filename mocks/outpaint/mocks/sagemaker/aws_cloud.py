"""The S3 and SNS that an endpoint reads, writes and publishes to: any, by endpoint URL, through boto3."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
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
    """A boto3 client from a session of ours, which reads botocore's data once for all of them.

    One without an endpoint URL gets a session of its own: moto's in-process mock takes only those made under it.
    """
    import boto3

    with _MAKING:
        session = _session() if options.get("endpoint_url") else boto3.session.Session()
        return session.client(service, **options)


class MockCloudError(Exception):
    """S3 or SNS did not do what they were asked; the text says what and why."""


class Cloud(Protocol):
    """What the mock needs of AWS."""

    def read(self, location: S3Location) -> bytes:
        """An object's bytes; raises `CloudError` where there is none, or it is larger than an input may be."""
        ...

    def write(self, location: S3Location, body: bytes, content_type: str | None) -> None:
        """Store an object; raises `CloudError`."""
        ...

    def publish(self, topic: str, message: Mapping[str, Any]) -> str:
        """Publish a JSON message; its id. Raises `CloudError`."""
        ...


class AwsCloud:
    """S3 and SNS through boto3.

    Without an endpoint URL boto3 decides by its own rules: AWS_ENDPOINT_URL, moto's in-process mock, the account
    that is configured. With one, and no AWS_ACCESS_KEY_ID set, "test" is used as a key, as every stand-in takes it.
    """

    def __init__(self, s3_endpoint: str | None, sns_endpoint: str | None, region: str) -> None:
        self._endpoints = {"s3": s3_endpoint, "sns": sns_endpoint}
        self._region = region
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str], Any] = {}

    def read(self, location: S3Location) -> bytes:
        """An object's bytes."""

        def get(s3: Any) -> bytes:
            found = s3.get_object(Bucket=location.bucket, Key=location.key)
            with found["Body"] as body:
                if found["ContentLength"] > MAX_INPUT:
                    raise MockCloudError(
                        f"{location} has {found['ContentLength']} bytes: an input has at most {MAX_INPUT}"
                    )
                content: bytes = body.read()
                return content

        content: bytes = self._do("s3", self._region, f"reading {location}", get)
        return content

    def write(self, location: S3Location, body: bytes, content_type: str | None) -> None:
        """Store an object."""
        typed = {} if content_type is None else {"ContentType": content_type}
        self._do(
            "s3",
            self._region,
            f"writing {location}",
            lambda s3: s3.put_object(Bucket=location.bucket, Key=location.key, Body=body, **typed),
        )

    def publish(self, topic: str, message: Mapping[str, Any]) -> str:
        """Publish a JSON message to a topic, in the topic's own region."""
        text = json.dumps(message)
        answer = self._do(
            "sns",
            topic.split(":")[3],
            f"publishing to {topic}",
            lambda sns: sns.publish(TopicArn=topic, Message=text),
        )
        return str(answer["MessageId"])

    def _do(self, service: str, region: str, what: str, ask: Any) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return ask(self._client(service, region))
        except (BotoCoreError, ClientError) as error:
            raise MockCloudError(f"{what}: {error}") from error

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
