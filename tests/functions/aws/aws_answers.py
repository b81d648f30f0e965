"""What AWS answers in tests where moto would answer something else, and what a painter answers through it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from outpaint.contracts.inference import InferenceRequest, Manifest, ManifestFile
from outpaint.contracts.responses import PainterCard


def refusal(
    code: str, status: int = 400, operation: str = "Operation", message: str | None = None, **extra: Any
) -> ClientError:
    """An error as botocore raises it; `extra` is what else stands in the answer."""
    said = {"Code": code, "Message": code if message is None else message}
    answer = {"Error": said, "ResponseMetadata": {"HTTPStatusCode": status}, **extra}
    return ClientError(answer, operation)  # type: ignore[arg-type]


class Raw:
    """A response's body as urllib3 hands it on."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self._body


def throttled(request: Any) -> AWSResponse:
    """A service's answer on the wire when it is asked too often: S3's own, or DynamoDB's."""
    if "s3" in request.url.partition("://")[2].partition("/")[0].split("."):
        return AWSResponse(request.url, 503, {}, Raw(b"<Error><Code>SlowDown</Code></Error>"))
    return AWSResponse(request.url, 400, {}, Raw(b'{"__type": "x#ThrottlingException"}'))


def manifest(request: InferenceRequest) -> Manifest:
    """The answer of a painter that painted all of a job's pictures."""
    files = tuple(
        ManifestFile(id=id_, seed=seed, bytes=7, sha256="0" * 64)
        for id_, seed in zip(request.output_ids, request.wish.seeds, strict=True)
    )
    card = PainterCard(name="hand", model="none", reads_prompt=False)
    return Manifest(inference_id=request.inference_id, files=files, painter=card, width=64, height=48, seconds=0.1)
