"""Processor time of the functions' own handlers: everything but the network, with AWS answering at once.

botocore builds, signs and reads each call as ever; what would have gone over the wire is answered in place.
"""

from __future__ import annotations

import base64
import io
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from botocore.awsrequest import AWSResponse
from botocore.session import Session
from PIL import Image, ImageFilter

from outpaint.contracts.inference import Manifest, ManifestFile
from outpaint.contracts.paths_and_headers import API_KEY, IDEMPOTENCY_KEY
from outpaint.contracts.responses import PainterCard
from outpaint.functions.aws import dynamo_items
from outpaint.functions.service.admission import key_digest
from outpaint.functions.service.records import Account

ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "OUTPAINT_TABLE": "outpaint",
    "OUTPAINT_BUCKET": "outpaint",
    "OUTPAINT_ENDPOINT": "painter",
    "OUTPAINT_RATE_LIMIT": "1000000",
}
ROUNDS = 25


class Body:
    """A response's body as urllib3 hands it on."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._content

    def read(self, *_: Any) -> bytes:
        content, self._content = self._content, b""
        return content


class _Cloud:
    """Just enough of DynamoDB to answer the calls of a job's life, and of the others to say yes."""

    def __init__(self) -> None:
        account = Account("ann", "Ann", 1_000_000)
        self.items = {
            dynamo_items.pk_of("KEY", key_digest("key")): dynamo_items.account_item(account, key_digest("key"), 0.0)
        }
        self.objects: dict[str, bytes] = {}

    def answer(self, request: Any, event_name: str, **_: Any) -> AWSResponse:
        _, service, operation = event_name.split(".")
        if service == "dynamodb":
            content = json.dumps(getattr(self, operation)(json.loads(request.body))).encode()
        elif operation == "GetObject":
            content = self.objects[request.url.partition(".com/")[2].partition("?")[0]]
        else:
            content = b'{"InferenceId": "1"}' if operation == "InvokeEndpointAsync" else b""
        status = 202 if operation == "InvokeEndpointAsync" else 200
        return AWSResponse(request.url, status, {"Content-Length": str(len(content))}, Body(content))

    def GetItem(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 - the operation's name
        found = self.items.get(asked["Key"]["pk"]["S"])
        return {} if found is None else {"Item": found}

    def UpdateItem(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        item = self.items.get(asked["Key"]["pk"]["S"])
        return {"Attributes": {"requests": {"N": "1"}} if item is None else item}

    def TransactWriteItems(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        for action in asked["TransactItems"]:
            if "Put" in action:
                self.items[action["Put"]["Item"]["pk"]["S"]] = action["Put"]["Item"]
        return {}


def handlers() -> dict[str, tuple[float, int]]:
    """Median processor seconds and peak body bytes of submit, poll and settle."""
    cloud = _Cloud()

    def session() -> Session:
        made = Session()
        made.register("before-send", cloud.answer)
        return made

    with patch.dict(os.environ, ENVIRONMENT), patch("outpaint.functions.aws.aws_clients.get_session", session):
        from outpaint.functions.handlers import api_handler, job_handlers

        picture, mask = _pictures()
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: 29_000, aws_request_id="1", function_name="f")
        numbers = iter(range(10_000))
        ids: list[str] = []

        def submit() -> None:
            answer = api_handler.handler(_submit(picture, mask, f"key-{next(numbers)}"), context)
            assert answer["statusCode"] == 202, answer
            ids.append(json.loads(answer["body"])["inference_id"])

        def poll() -> None:
            assert api_handler.handler(_event("GET", f"/v1/painting/{ids[-1]}"), context)["statusCode"] == 202

        def settle() -> None:
            assert job_handlers.completion(_completion(cloud, ids[-1]), context) == {"batchItemFailures": []}

        with patch("sys.stdout", io.StringIO()):  # metrics are printed for CloudWatch to find
            spent = {work.__name__: (_median(work), 0) for work in (submit, poll, settle)}
    spent["submit"] = (spent["submit"][0], len(picture) + len(mask))
    return spent


def _median(work: Callable[[], None]) -> float:
    for _ in range(3):
        work()
    seconds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return statistics.median(seconds)


def _pictures() -> tuple[bytes, bytes]:
    """A photo-like JPEG of 1024x1024 and the mask that keeps its middle."""
    noise = Image.effect_noise((1024, 1024), 60).filter(ImageFilter.GaussianBlur(1))
    files = []
    for image, format_ in ((Image.merge("RGB", [noise] * 3), "JPEG"), (Image.new("L", (1024, 1024), 0), "PNG")):
        if format_ == "PNG":
            image.paste(255, (256, 256, 768, 768))
        stream = io.BytesIO()
        image.save(stream, format_)
        files.append(stream.getvalue())
    return files[0], files[1]


def _submit(picture: bytes, mask: bytes, idempotency_key: str) -> dict[str, Any]:
    parts = b'--XX\r\nContent-Disposition: form-data; name="prompt"\r\n\r\na field\r\n'
    for name, data in (("image", picture), ("mask", mask)):
        head = f'--XX\r\nContent-Disposition: form-data; name="{name}"; filename="f"\r\n\r\n'
        parts += head.encode() + data + b"\r\n"
    headers = {"content-type": "multipart/form-data; boundary=XX", "prefer": "respond-async"}
    headers[IDEMPOTENCY_KEY] = idempotency_key
    return _event("POST", "/v1/painting/outpaint", parts + b"--XX--\r\n", headers)


def _event(method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> dict[str, Any]:
    given = {"Host": "api.example.com", API_KEY: "key", **(headers or {})}
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": given,
        "multiValueHeaders": {name: [value] for name, value in given.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "requestContext": {"stage": "live", "path": path, "identity": {"sourceIp": "198.51.100.7"}},
        "body": None if body is None else base64.b64encode(body).decode(),
        "isBase64Encoded": body is not None,
    }


def _completion(cloud: _Cloud, inference_id: str) -> dict[str, Any]:
    job = dynamo_items.job_of(cloud.items[dynamo_items.pk_of("JOB", inference_id)])
    files = tuple(
        ManifestFile(id=id_, seed=seed, bytes=1, sha256="0" * 64)
        for id_, seed in zip(job.request.output_ids, job.request.wish.seeds, strict=True)
    )
    card = PainterCard(name="none", model="none", reads_prompt=False)
    manifest = Manifest(inference_id=job.id, files=files, painter=card, width=1024, height=1024, seconds=1.0)
    cloud.objects["outcomes/done/1"] = manifest.model_dump_json().encode()
    said = {
        "invocationStatus": "Completed",
        "inferenceId": inference_id,
        "responseParameters": {"outputLocation": "s3://outpaint/outcomes/done/1"},
    }
    record = {
        "messageId": "m",
        "receiptHandle": "r",
        "body": json.dumps({"Message": json.dumps(said)}),
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:q",
        "awsRegion": "us-east-1",
    }
    return {"Records": [record]}
