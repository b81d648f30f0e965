"""Processor time of the functions' own handlers: everything but the network, with AWS answering at once.

botocore builds, signs and reads each call as ever; what would have gone over the wire is answered in place.
"""

from __future__ import annotations

import io
import json
import os
import time
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import gateway_events
import urllib3
from botocore.awsrequest import AWSResponse
from botocore.session import Session
from report import alternate
from stub_aws import ENVIRONMENT, StubAws
from uploads import grained_file, mask_file

from outpaint.contracts.inference import Manifest, ManifestFile
from outpaint.contracts.responses import PainterCard
from outpaint.functions.aws import dynamo_items

ROUNDS = 25
SIDE = 1024


def response(request: Any, status: int, headers: dict[str, str], content: bytes) -> AWSResponse:
    """What botocore is given for a request that goes nowhere."""
    raw = urllib3.HTTPResponse(io.BytesIO(content), headers, status, preload_content=False)
    return AWSResponse(request.url, status, {**headers, "Content-Length": str(len(content))}, raw)


def handlers() -> dict[str, tuple[float, int]]:
    """Median processor seconds and peak body bytes of submit, poll and settle."""
    stub = StubAws()

    def answer(request: Any, **_: Any) -> AWSResponse:
        target = request.headers.get("X-Amz-Target")
        target = target.decode() if isinstance(target, bytes) else target
        return response(request, *stub.answer(target, urlsplit(request.url).path, request.body))

    def session() -> Session:
        made = Session()
        made.register("before-send", answer)
        return made

    with patch.dict(os.environ, ENVIRONMENT), patch("outpaint.functions.aws.aws_clients.get_session", session):
        from outpaint.functions.handlers import api_handler, job_handlers

        picture, mask = grained_file(SIDE, quality=83), mask_file(SIDE, SIDE // 2)
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: 29_000, aws_request_id="1", function_name="f")
        numbers = iter(range(10_000))
        ids: list[str] = []

        def submit() -> None:
            told = api_handler.handler(gateway_events.submit(picture, mask, f"key-{next(numbers)}"), context)
            assert told["statusCode"] == 202, told
            ids.append(json.loads(told["body"])["inference_id"])

        def poll() -> None:
            assert api_handler.handler(gateway_events.get(f"/v1/painting/{ids[-1]}"), context)["statusCode"] == 202

        def settle() -> None:
            assert job_handlers.completion(_completion(stub, ids[-1]), context) == {"batchItemFailures": []}

        with patch("sys.stdout", io.StringIO()):  # metrics are printed for CloudWatch to find
            spent = {
                work.__name__: (alternate(ROUNDS, work, clock=time.process_time)[0], 0)
                for work in (submit, poll, settle)
            }
    spent["submit"] = (spent["submit"][0], len(picture) + len(mask))
    return spent


def _completion(stub: StubAws, inference_id: str) -> dict[str, Any]:
    job = dynamo_items.job_of(stub.items[dynamo_items.pk_of("JOB", inference_id)])
    files = tuple(
        ManifestFile(id=id_, seed=seed, bytes=1, sha256="0" * 64)
        for id_, seed in zip(job.request.output_ids, job.request.wish.seeds, strict=True)
    )
    card = PainterCard(name="none", model="none", reads_prompt=False)
    manifest = Manifest(inference_id=job.id, files=files, painter=card, width=1024, height=1024, seconds=1.0)
    stub.objects["/outcomes/done/1"] = manifest.model_dump_json().encode()
    said = {
        "invocationStatus": "Completed",
        "inferenceId": inference_id,
        "responseParameters": {"outputLocation": "s3://outpaint-pictures/outcomes/done/1"},
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
