"""pytest fixtures: `sagemaker_mock` on a frozen clock, before an S3 and SNS of moto's.

Use them by `pytest_plugins = ["outpaint.mocks.sagemaker.fixtures"]` in a conftest.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import pytest

from outpaint.mocks.sagemaker.sagemaker_mock import SageMakerMock
from outpaint.mocks.sagemaker.sagemaker_server import ServedSageMaker, serving_sagemaker
from outpaint.mocks.world.virtual_clock import VirtualClock

__all__ = ["aws_endpoint", "sagemaker_mock"]

START: Final = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
"""Where the clock of `sagemaker_mock` begins, in seconds since the epoch."""


@pytest.fixture(scope="session")
def aws_endpoint() -> Iterator[str]:
    """The URL of an S3, SNS and SQS: a moto server on a free loopback port. Override it to use another."""
    server_module = pytest.importorskip("moto.server", reason="moto[server] is not installed")
    server = server_module.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@pytest.fixture
def sagemaker_mock(aws_endpoint: str) -> Iterator[ServedSageMaker]:
    """A SageMaker runtime of the test's own at `.url`; `.mock` defines endpoints and moves its frozen clock."""
    with (
        SageMakerMock(s3_endpoint=aws_endpoint, sns_endpoint=aws_endpoint, clock=VirtualClock.frozen(START)) as mock,
        serving_sagemaker(mock) as served,
    ):
        yield served
