"""What is played for AWS whichever way the functions run: its address and keys, the SageMaker runtime, the painter."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from outpaint_functions.aws.outcomes import DONE_PREFIX, FAILED_PREFIX

from local_cloud.processes import LOOPBACK, free_ports, say, start, wait_for

REGION: Final = "us-east-1"
PAINTER: Final = "painter"
"""The asynchronous endpoint's name."""


@dataclass(frozen=True, slots=True)
class Aws:
    """Where the stand-ins answer."""

    address: str
    sagemaker: str
    account: str

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to find them, and nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": self.sagemaker,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            # Neither a person's own account nor a proxy has a part in this.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": LOOPBACK,
            "no_proxy": LOOPBACK,
        }

    def adopt(self) -> None:
        """Let this process and its children call the stand-ins and nobody else."""
        os.environ.pop("AWS_PROFILE", None)
        os.environ.update(self.environment)


def play_sagemaker(running: ExitStack, logs: Path, aws: Aws) -> None:
    """Start our SageMaker mock; its endpoint is there once `paint_behind` has made it."""
    mock = [str(Path(sys.executable).with_name("outpaint")), "mock-sagemaker"]
    mock += ["--port", aws.sagemaker.rpartition(":")[2], "--s3-endpoint", aws.address]
    start(running, logs / "sagemaker.log", [*mock, "--region", REGION, "--account", aws.account], {})


def paint_behind(running: ExitStack, logs: Path, aws: Aws, outputs: Mapping[str, str], painter: str) -> None:
    """Start the painting container's own process, and put it behind the endpoint of a stack with these outputs."""
    (port,) = free_ports(1)
    container = f"http://{LOOPBACK}:{port}"
    say(f"starting the painting process, painter {painter}")
    settings = {"STORE": f"s3://{outputs['BucketName']}/", "PAINTER": painter, "HOST": LOOPBACK, "PORT": str(port)}
    process = [sys.executable, "-m", "outpaint_painting.endpoint"]
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
