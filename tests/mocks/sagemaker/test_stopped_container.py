"""A container that is told to stop in the middle of a job: our functions, this mock and the container's own process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

from outpaint.contracts.job_states import JobState
from outpaint.contracts.paths_and_headers import API_KEY
from outpaint.contracts.storage_names import DONE_PREFIX, FAILED_PREFIX
from outpaint.functions.aws import dynamo_items
from outpaint.functions.aws.aws_service import Stack, assemble
from outpaint.functions.aws.aws_settings import AwsSettings
from outpaint.functions.aws.completions import settle_completion
from outpaint.functions.aws.dynamo_keys import DynamoKeyRing
from outpaint.functions.aws.dynamo_table import Table
from outpaint.functions.http.application import Application
from outpaint.functions.http.messages import RequestHead, Response
from outpaint.functions.service.admission import key_digest
from outpaint.functions.service.records import Account
from outpaint.mocks.sagemaker.sagemaker_server import ServedSageMaker

CREDITS = 10
# The container as it is, but that its painter, in the middle of a job, says so and waits until it is told to stop.
HELD = """
import threading, sys
from outpaint.painting.painters.flat import FlatPainter
from outpaint.painting.endpoint import endpoint_process, __main__
class Held(FlatPainter):
    def paint(self, canvas, brief):
        for number, picture in enumerate(super().paint(canvas, brief)):
            yield picture
            if number == 0 and brief.wish.prompt != "warm up":
                print("painting", flush=True)
                stopping.wait(30)
stopping = threading.Event()
drain = endpoint_process.EndpointProcess.drain
def stop(self):
    drain(self)
    stopping.set()
endpoint_process.EndpointProcess.drain = stop
if sys.argv[1] == "held":
    endpoint_process.load_painter = lambda name, weights: Held()
sys.exit(__main__.main())
"""


@pytest.fixture
def stack(aws_endpoint: str, sagemaker_mock: ServedSageMaker, cloud: Any, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """The service as its functions have it, with an account of ten credits whose key is `key`."""
    for name, value in {
        "AWS_ENDPOINT_URL": aws_endpoint,
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": sagemaker_mock.url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "OUTPAINT_TABLE": "outpaint",
        "OUTPAINT_BUCKET": "pictures",
        "OUTPAINT_ENDPOINT": "painter",
    }.items():
        monkeypatch.setenv(name, value)
    stack = assemble(AwsSettings.from_environment(), look_after=0.0)
    stack.clients.dynamodb.create_table(TableName="outpaint", **dynamo_items.TABLE)
    ring = DynamoKeyRing(Table(stack.clients, "outpaint"))
    ring.open_account(Account("ann", "Ann", CREDITS), key_digest("key"), stack.service.clock.now())
    return stack


@pytest.fixture
def start() -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts the container's process, each time at the same port, and waits until it is warm."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"STORE": "s3://pictures/", "PAINTER": "flat", "HOST": "127.0.0.1", "PORT": str(port), "GRACE_S": "0"}
    with ExitStack() as running:

        def begin(how: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-c", HELD, how],
                env={**os.environ, **{f"OUTPAINT_{name}": value for name, value in settings.items()}},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            running.callback(process.communicate)
            running.callback(process.kill)
            assert process.stderr is not None
            awaited = {"ready after", "running on"}
            while awaited:
                line = process.stderr.readline()
                assert line, "the container has ended"
                awaited = {words for words in awaited if words not in line}
            return process

        begin.url = f"http://127.0.0.1:{port}"  # type: ignore[attr-defined]
        yield begin


def test_a_job_goes_on_at_the_next_container(
    sagemaker_mock: ServedSageMaker, cloud: Any, stack: Stack, start: Any
) -> None:
    service, mock = stack.service, sagemaker_mock.mock
    first = start("held")
    paths = {"S3OutputPath": f"s3://pictures/{DONE_PREFIX}", "S3FailurePath": f"s3://pictures/{FAILED_PREFIX}"}
    mock.define(
        {"EndpointName": "painter", "Container": start.url, "AsyncInferenceConfig": cloud.configuration(**paths)}
    )
    mock.settle()
    inference_id = _submit(stack)
    job = service.jobs.find(inference_id, 0.0)
    assert job is not None
    assert job.locations is not None

    assert first.stdout.readline() == "painting\n"
    first.send_signal(signal.SIGTERM)
    mock.settle()
    assert first.wait(30) == 0
    (told,) = cloud.messages()
    assert told["invocationStatus"] == "Failed"
    assert "responseParameters" not in told
    assert json.loads(cloud.get(job.locations.failure))["error_code"] == "unavailable"

    start("free")
    for _ in range(2):  # SNS delivers at least once
        settle_completion(service, stack.outcomes, json.dumps(told))
    mock.settle()
    assert [entry.inference_id for entry in mock.journal.entries()] == [inference_id, f"{inference_id}.2"]
    (told,) = cloud.messages()
    ended = settle_completion(service, stack.outcomes, json.dumps(told))
    assert ended is not None
    assert (ended.state, ended.attempts) == (JobState.SUCCEEDED, 2)
    assert ended.manifest is not None
    for file in ended.manifest.files:
        assert len(cloud.get(f"s3://pictures/{file.id}")) == file.bytes
    account = service.accounts.by_key_digest(key_digest("key"))
    assert account is not None
    assert account.credits == CREDITS - 2


def _submit(stack: Stack) -> str:
    picture = Image.new("RGBA", (64, 48), (10, 120, 200, 255))
    picture.paste((0, 0, 0, 0), (0, 0, 16, 48))
    stored = BytesIO()
    picture.save(stored, "PNG")
    request = httpx.Request(
        "POST",
        "http://outpaint/v1/painting/outpaint",
        data={"prompt": "a field", "count": "2"},
        files={"image": ("image.png", stored.getvalue(), "image/png")},
        headers={API_KEY: "key", "Prefer": "respond-async"},
    )
    body = request.read()
    head = RequestHead("POST", request.url.path, headers=tuple(request.headers.items()))
    answer = Application(stack.service).respond(head, body)
    assert isinstance(answer, Response)
    assert answer.status == 202, answer.body
    inference_id: str = json.loads(answer.body)["inference_id"]
    return inference_id
