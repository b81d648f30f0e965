"""The definition of an endpoint: asynchronous configuration, scaling, delivery, S3 locations."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, Self
from urllib.parse import unquote

from pydantic import Field, field_validator, model_validator

from outpaint.mocks.sagemaker.endpoint_models import ModelRule, RuntimeShape

_ADDRESS: Final = re.compile(r"(s3|https)://([^/]+)/?(.*)", re.DOTALL)
_HOST: Final = re.compile(r"(?:(?P<bucket>.+?)\.)?s3[.-][a-z0-9.-]*amazonaws\.com(?:\.cn)?(?::\d+)?")


@dataclass(frozen=True, slots=True)
class S3Location:
    """A bucket and a key, or the prefix of keys."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, address: str) -> Self:
        """From s3://bucket/key, or https with the bucket before or after S3's host; raises `ValueError`."""
        found = _ADDRESS.fullmatch(address)
        if found is None:
            raise ValueError(f"{address} is no S3 address: use s3://bucket/key")
        scheme, authority, path = found.groups()
        if scheme == "s3":
            return cls(authority, path)
        host = _HOST.fullmatch(authority)
        if host is None:
            raise ValueError(f"{address} is no address of S3: use s3://bucket/key")
        path = unquote(path)
        if host["bucket"]:
            return cls(host["bucket"], path)
        bucket, _, key = path.partition("/")
        return cls(bucket, key)

    def under(self, *names: str | None) -> S3Location:
        """A key below this prefix."""
        parts = [self.key, *(name for name in names if name)]
        return S3Location(self.bucket, "/".join(part.strip("/") for part in parts if part.strip("/")))

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


NAME: Final = r"^[a-zA-Z0-9](-*[a-zA-Z0-9])*$"
_TOPIC: Final = r"^arn:aws[a-z\-]*:sns:[a-z0-9\-]*:[0-9]{12}:[a-zA-Z0-9_.\-]+$"

Topic = Annotated[str, Field(pattern=_TOPIC, max_length=2048)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Includes(StrEnum):
    """In which messages the inference's response is included, up to 128 KB."""

    SUCCESS = "SUCCESS_NOTIFICATION_TOPIC"
    ERROR = "ERROR_NOTIFICATION_TOPIC"


class NotificationConfig(RuntimeShape):
    """AsyncInferenceNotificationConfig."""

    success_topic: Topic | None = None
    error_topic: Topic | None = None
    include_inference_response_in: Annotated[tuple[Includes, ...], Field(max_length=2)] = ()


class OutputConfig(RuntimeShape):
    """AsyncInferenceOutputConfig; `KmsKeyId` is taken and not used."""

    s3_output_path: Annotated[str, Field(max_length=512)]
    s3_failure_path: Annotated[str, Field(max_length=512)] | None = None
    notification_config: NotificationConfig = NotificationConfig()
    kms_key_id: str | None = None

    @field_validator("s3_output_path", "s3_failure_path")
    @classmethod
    def _is_s3(cls, value: str | None) -> str | None:
        if value is not None:
            S3Location.parse(value)
        return value


class ClientConfig(RuntimeShape):
    """AsyncInferenceClientConfig. AWS chooses the number where none is given; the mock takes 1."""

    max_concurrent_invocations_per_instance: Annotated[int, Field(ge=1, le=1000)] = 1


class AsyncInferenceConfig(RuntimeShape):
    """The member of CreateEndpointConfig; an endpoint that has it takes asynchronous calls only."""

    output_config: OutputConfig
    client_config: ClientConfig = ClientConfig()


class Scaling(RuntimeShape):
    """How many instances there are, and how they come and go.

    From zero the first comes `ColdStartSeconds` after something is queued. With `TargetBacklogPerInstance` more
    follow while the backlog is larger than that for each; after `ScaleInAfterSeconds` of idleness (None: never) the
    number falls to `MinInstances`.
    """

    initial_instances: Annotated[int, Field(ge=0)] = 1
    min_instances: Annotated[int, Field(ge=0)] = 0
    max_instances: Annotated[int, Field(ge=0)] = 1
    cold_start_seconds: Seconds = 0.0
    target_backlog_per_instance: Annotated[float, Field(gt=0)] | None = None
    scale_in_after_seconds: Seconds | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.min_instances <= self.max_instances or self.initial_instances > self.max_instances:
            raise ValueError("MinInstances and InitialInstances are at most MaxInstances")
        return self


class Delivery(RuntimeShape):
    """How SNS messages go out: late by `DelaySeconds`, each in so many copies, each copy later by up to a jitter.

    Copies and a jitter make delivery what SNS says it is: at least once, in any order.
    """

    delay_seconds: Seconds = 0.0
    copies: Annotated[int, Field(ge=0, le=100)] = 1
    jitter_seconds: Seconds = 0.0


class Endpoint(RuntimeShape):
    """One endpoint of the mock. With `Container` a process behind its URL answers, else `Rules`, else an echo."""

    endpoint_name: Annotated[str, Field(pattern=NAME, max_length=63)]
    async_inference_config: AsyncInferenceConfig | None = None
    variants: Annotated[
        dict[str, Annotated[float, Field(ge=0)]],
        Field(min_length=1, default_factory=lambda: {"AllTraffic": 1.0}, description="Names and traffic weights."),
    ]
    multi_model: bool = False
    scaling: Scaling = Scaling()
    delivery: Delivery = Delivery()
    container: Annotated[str, Field(pattern=r"^https?://")] | None = None
    rules: tuple[ModelRule, ...] = ()

    @model_validator(mode="after")
    def _one_model(self) -> Self:
        if self.container is not None and self.rules:
            raise ValueError("Container and Rules exclude each other")
        if not any(self.variants.values()):
            raise ValueError("at least one variant needs a weight")
        return self


@dataclass(slots=True)
class Fleet:
    """Counts an endpoint's instances and running inferences; an instance takes `per_instance` at a time."""

    scaling: Scaling
    per_instance: int
    up: int = 0
    starting: int = 0
    busy: int = 0

    @property
    def free(self) -> int:
        """How many more inferences can begin now; below zero after instances were taken away."""
        return self.up * self.per_instance - self.busy

    def wanted(self, queued: int) -> int:
        """How many instances should be started now for a queue of that length."""
        backlog = queued + self.busy
        target = self.scaling.target_backlog_per_instance
        wanted = min(queued, 1) if target is None else math.ceil(backlog / target)
        wanted = min(max(wanted, self.scaling.min_instances), self.scaling.max_instances)
        return max(0, wanted - self.up - self.starting)
