"""The mock on a port of this machine, in a thread: for tests, and for whoever has a program to try."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from outpaint_functions.embedded.server import serving

from outpaint_mocks.sagemaker.cloud import new_client
from outpaint_mocks.sagemaker.face import Connection, RuntimeFace
from outpaint_mocks.sagemaker.runtime import SageMakerMock


class ServedSageMaker:
    """A mock that answers at `url`, which is what an SDK takes as `endpoint_url`."""

    def __init__(self, mock: SageMakerMock, url: str) -> None:
        self.mock: Final = mock
        self.url: Final = url

    def client(self, **options: Any) -> Any:
        """A boto3 client of sagemaker-runtime for it, with credentials that are good here and nowhere else.

        It asks once, unless `options` say otherwise: what a test injects is then what it gets.
        """
        from botocore.config import Config

        own = {
            "endpoint_url": self.url,
            "region_name": self.mock.region,
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
            "config": Config(retries={"total_max_attempts": 1}, read_timeout=70),
        }
        return new_client("sagemaker-runtime", **own | options)


@contextmanager
def serving_sagemaker(mock: SageMakerMock, host: str = "127.0.0.1", port: int = 0) -> Iterator[ServedSageMaker]:
    """Serve a mock for as long as the block runs; it is not closed by this."""
    face = RuntimeFace(mock)
    try:
        with serving(face, host, port, Connection) as url:
            yield ServedSageMaker(mock, url)
    finally:
        face.close()
