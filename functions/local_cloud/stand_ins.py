"""What both clouds here use in place of AWS: addresses and credentials, the SageMaker mock and a painting process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from unittest.mock import patch

import httpx

from local_cloud.local_deployment import Orders
from local_cloud.processes import LOOPBACK, free_ports, say, start, wait_for
from outpaint.contracts.storage_names import DONE_PREFIX, FAILED_PREFIX

REGION: Final = "us-east-1"
PAINTER: Final = "painter"
"""The asynchronous endpoint's name."""


@dataclass(frozen=True, slots=True)
class Aws:
    """The addresses of what answers in place of AWS, and its account."""

    address: str
    sagemaker: str
    account: str

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to find them."""
        return {
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": self.sagemaker,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            # Neither a developer's own AWS settings nor a proxy are to be used.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": LOOPBACK,
            "no_proxy": LOOPBACK,
        }

    @contextmanager
    def adopted(self) -> Iterator[None]:
        """While the block runs, this process and its children call these addresses in place of AWS."""
        with patch.dict(os.environ, self.environment):
            os.environ.pop("AWS_PROFILE", None)
            yield


def start_sagemaker(running: ExitStack, logs: Path, aws: Aws) -> None:
    """Start our SageMaker mock; `start_painter` makes its endpoint."""
    mock = [str(Path(sys.executable).with_name("outpaint")), "mock-sagemaker"]
    mock += ["--port", aws.sagemaker.rpartition(":")[2], "--s3-endpoint", aws.address]
    start(running, logs / "sagemaker.log", [*mock, "--region", REGION, "--account", aws.account], {})


def start_painter(running: ExitStack, logs: Path, aws: Aws, outputs: Mapping[str, str], painter: str) -> Orders:
    """Start the painting container's process as the endpoint of a stack with these outputs; returns its orders."""
    (port,) = free_ports(1)
    container = f"http://{LOOPBACK}:{port}"
    say(f"starting the painting process, painter {painter}")
    settings = {"STORE": f"s3://{outputs['BucketName']}/", "PAINTER": painter, "HOST": LOOPBACK, "PORT": str(port)}
    folder = running.enter_context(TemporaryDirectory(prefix="outpaint-orders-"))
    process = [sys.executable, "-m", "local_cloud.obedient_painting", folder]
    start(running, logs / "painting.log", process, {f"OUTPAINT_{name}": value for name, value in settings.items()})
    wait_for(f"{container}/ping", logs / "painting.log")
    topic = outputs["CompletionTopicArn"]
    bucket = f"s3://{outputs['BucketName']}/"
    definition = {
        "EndpointName": PAINTER,
        "Container": container,
        "AsyncInferenceConfig": {
            "OutputConfig": {
                "S3OutputPath": bucket + DONE_PREFIX.rstrip("/"),
                "S3FailurePath": bucket + FAILED_PREFIX.rstrip("/"),
                "NotificationConfig": {"SuccessTopic": topic, "ErrorTopic": topic},
            },
            "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 8},
        },
    }
    httpx.post(f"{aws.sagemaker}/_mock/endpoints", json=definition, trust_env=False).raise_for_status()
    return Orders(Path(folder))
