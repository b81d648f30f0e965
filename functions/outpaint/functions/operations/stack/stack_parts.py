"""A stack's resources, parameters and models as AWS describes them, each looked up once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from outpaint.functions.operations.stack.stack_connection import StackConnection
from outpaint.functions.operations.stack.stack_endpoint import EndpointStatus, StackEndpoint

_ECR_IMAGE: Final = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr\.(?P<region>[a-z0-9-]+)\.[a-z.]+/(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>.+))?"
)


@dataclass(frozen=True, slots=True)
class PaintingModel:
    """What an endpoint runs: its image, weights, painter and variant; None for what is not set."""

    image: str | None
    weights: str | None
    painter: str | None
    instance_type: str | None
    role: str | None

    @property
    def in_ecr(self) -> re.Match[str] | None:
        """Where its image is: account, region, repository, tag and digest; None for one that is not in ECR."""
        return _ECR_IMAGE.fullmatch(self.image or "")

    @property
    def weights_at(self) -> tuple[str, str] | None:
        """The bucket and the prefix of its weights."""
        if self.weights is None:
            return None
        bucket, _, prefix = self.weights.removeprefix("s3://").partition("/")
        return bucket, prefix


class StackParts:
    """What a check asks of a stack."""

    def __init__(self, connection: StackConnection) -> None:
        self.connection = connection
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """botocore's client of a service, one for all checks."""
        if service not in self._clients:
            self._clients[service] = self.connection.client(service)
        return self._clients[service]

    def output(self, name: str) -> str:
        """An output; raises `OutpaintError` where the stack is of an older release."""
        return self.connection.output(name)

    @cached_property
    def identity(self) -> dict[str, str]:
        """Who the credentials are, as STS tells: Account and Arn."""
        answer: dict[str, str] = self.client("sts").get_caller_identity()
        return answer

    @cached_property
    def description(self) -> dict[str, Any]:
        """The stack as CloudFormation describes it."""
        (found,) = self.client("cloudformation").describe_stacks(StackName=self.connection.stack.name)["Stacks"]
        described: dict[str, Any] = found
        return described

    @cached_property
    def parameters(self) -> dict[str, str]:
        """The values that the stack was deployed with."""
        return {each["ParameterKey"]: each["ParameterValue"] for each in self.description.get("Parameters", [])}

    @cached_property
    def resources(self) -> dict[str, tuple[str, str]]:
        """The type and physical id of each resource that is there, by its logical id."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        return {
            each["LogicalResourceId"]: (each["ResourceType"], each["PhysicalResourceId"])
            for page in pages.paginate(StackName=self.connection.stack.name)
            for each in page["StackResourceSummaries"]
            if each.get("PhysicalResourceId") and each["ResourceStatus"] != "DELETE_COMPLETE"
        }

    def resource(self, logical_id: str) -> str | None:
        """A resource's physical id; None where the stack has none of that name."""
        return self.resources.get(logical_id, ("", None))[1]

    def of_type(self, resource_type: str) -> Iterator[tuple[str, str]]:
        """The logical and physical ids of all resources of a type."""
        return ((name, id_) for name, (type_, id_) in self.resources.items() if type_ == resource_type)

    @property
    def endpoints(self) -> list[str]:
        """The names of the endpoints, the asynchronous one first."""
        outputs = self.connection.outputs
        return [outputs[key] for key in ("EndpointName", "RealtimeEndpointName") if key in outputs]

    @cached_property
    def statuses(self) -> list[EndpointStatus]:
        """The status of each endpoint."""
        return [StackEndpoint(self.connection, name).status() for name in self.endpoints]

    @cached_property
    def endpoint_configs(self) -> list[dict[str, Any]]:
        """The configuration of each endpoint."""
        sagemaker = self.client("sagemaker")
        described = [sagemaker.describe_endpoint(EndpointName=name) for name in self.endpoints]
        return [sagemaker.describe_endpoint_config(EndpointConfigName=each["EndpointConfigName"]) for each in described]

    @cached_property
    def models(self) -> list[PaintingModel]:
        """The model of each endpoint, in the order of `endpoints`."""
        return [self._model(config["ProductionVariants"][0]) for config in self.endpoint_configs]

    def _model(self, variant: dict[str, Any]) -> PaintingModel:
        described = self.client("sagemaker").describe_model(ModelName=variant["ModelName"])
        container: dict[str, Any] = described.get("PrimaryContainer") or next(iter(described.get("Containers", [])), {})
        folder = container.get("ModelDataSource", {}).get("S3DataSource", {}).get("S3Uri")
        return PaintingModel(
            image=container.get("Image"),
            weights=folder or container.get("ModelDataUrl"),
            painter=container.get("Environment", {}).get("OUTPAINT_PAINTER"),
            instance_type=variant.get("InstanceType"),
            role=described.get("ExecutionRoleArn"),
        )
