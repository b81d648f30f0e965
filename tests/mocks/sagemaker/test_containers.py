"""Endpoints behind a real process: /ping, /invocations, in real time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from outpaint.mocks.sagemaker.endpoint_models import Container, ModelRequest, ModelTimeoutError
from outpaint.mocks.sagemaker.sagemaker_mock import SageMakerMock
from outpaint.mocks.sagemaker.sagemaker_server import ServedSageMaker, serving_sagemaker


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Box

    def do_GET(self) -> None:
        self.server.pings += 1
        self._answer(200 if self.path == "/ping" and self.server.healthy else 503, b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append({"path": self.path, "body": body, **dict(self.headers.items())})
        if body == b"hang":
            self.server.released.wait(30)
        status = 500 if body == b"fail" else 200
        if body == b"chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.send_header("Content-Type", "text/plain")
            self.end_headers()
            self.wfile.write(b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
            return
        self._answer(status, body[::-1])

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "text/plain")
        self.send_header("X-Amzn-SageMaker-Custom-Attributes", "from=container")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _Box(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        self.healthy = True
        self.pings = 0
        self.requests: list[dict[str, Any]] = []
        self.released = threading.Event()
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that hang up: one of the tests does."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def _running(box: _Box) -> Iterator[_Box]:
    thread = threading.Thread(target=box.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield box
    finally:
        box.released.set()
        box.shutdown()
        box.server_close()
        thread.join()


@pytest.fixture
def box() -> Iterator[_Box]:
    with _running(_Box()) as running:
        yield running


def test_a_container_answers_in_real_time(sagemaker_mock: ServedSageMaker, box: _Box) -> None:
    sagemaker_mock.mock.define({"EndpointName": "painter", "Container": box.url})
    client = sagemaker_mock.client()
    answer = client.invoke_endpoint(
        EndpointName="painter", Body=b"\x00\xff", ContentType="image/png", Accept="image/jpeg", InferenceId="job"
    )
    assert answer["Body"].read() == b"\xff\x00"
    assert answer["CustomAttributes"] == "from=container"
    (request,) = box.requests
    assert request["path"] == "/invocations"
    assert (request["content-type"], request["accept"]) == ("image/png", "image/jpeg")
    assert request["x-amzn-sagemaker-inference-id"] == "job"
    assert not any(name.lower() in {"authorization", "x-amz-date"} for name in request)
    with pytest.raises(client.exceptions.ModelError) as caught:
        client.invoke_endpoint(EndpointName="painter", Body=b"fail")
    assert caught.value.response["OriginalStatusCode"] == 500
    assert caught.value.response["OriginalMessage"] == "liaf"


def test_no_endpoint_is_in_service_before_its_container_is(sagemaker_mock: ServedSageMaker, box: _Box) -> None:
    box.healthy = False
    sagemaker_mock.mock.define({"EndpointName": "painter", "Container": box.url})
    client = sagemaker_mock.client()
    with pytest.raises(client.exceptions.ValidationError, match="not found"):
        client.invoke_endpoint(EndpointName="painter", Body=b"x")
    box.healthy = True
    assert client.invoke_endpoint(EndpointName="painter", Body=b"ab")["Body"].read() == b"ba"


def test_a_container_that_went_away_is_unavailable(sagemaker_mock: ServedSageMaker) -> None:
    client = sagemaker_mock.client()
    with _running(_Box()) as box:
        sagemaker_mock.mock.define({"EndpointName": "painter", "Container": box.url})
        client.invoke_endpoint(EndpointName="painter", Body=b"x")
    with pytest.raises(client.exceptions.ServiceUnavailable):
        client.invoke_endpoint(EndpointName="painter", Body=b"x")


def test_a_container_has_only_so_much_time(box: _Box) -> None:
    request = ModelRequest(
        endpoint="painter", variant="AllTraffic", body=b"hang", headers=(("content-type", "text/plain"),)
    )
    with pytest.raises(ModelTimeoutError):
        Container(box.url).answer(request, 0.05)


def test_chunks_become_the_parts_of_a_stream(sagemaker_mock: ServedSageMaker, box: _Box) -> None:
    sagemaker_mock.mock.define({"EndpointName": "painter", "Container": box.url})
    answer = sagemaker_mock.client().invoke_endpoint_with_response_stream(EndpointName="painter", Body=b"chunked")
    assert b"".join(event["PayloadPart"]["Bytes"] for event in answer["Body"]) == b"onetwo"


def test_asynchronous_inferences_wait_for_their_container(
    sagemaker_mock: ServedSageMaker, cloud: Any, box: _Box
) -> None:
    box.healthy = False
    mock = sagemaker_mock.mock
    mock.define({"EndpointName": "slow", "AsyncInferenceConfig": cloud.configuration(), "Container": box.url})
    client = sagemaker_mock.client()
    location = cloud.put("inputs/one", b"abc")
    answer = client.invoke_endpoint_async(EndpointName="slow", InputLocation=location, InferenceId="one")
    mock.advance(10)
    assert box.requests == []
    assert box.pings >= 10
    assert mock.metrics("slow")["HasBacklogWithoutCapacity"] == 1
    box.healthy = True
    mock.advance(1)
    assert cloud.get(answer["OutputLocation"]) == b"cba"
    assert [message["invocationStatus"] for message in cloud.messages()] == ["Completed"]
    assert box.requests[0]["x-amzn-sagemaker-inference-id"] == "one"


def test_an_asynchronous_answer_needs_its_length(sagemaker_mock: ServedSageMaker, cloud: Any, box: _Box) -> None:
    mock = sagemaker_mock.mock
    mock.define({"EndpointName": "slow", "AsyncInferenceConfig": cloud.configuration(), "Container": box.url})
    sagemaker_mock.client().invoke_endpoint_async(EndpointName="slow", Body=b"chunked")
    mock.settle()
    (message,) = cloud.messages()
    assert message["invocationStatus"] == "Failed"
    assert "Content-Length" in message["failureReason"]


def test_a_hanging_container_holds_up_no_other_inference(aws_endpoint: str, cloud: Any, box: _Box) -> None:
    """In real time, as behind the command line: one of two places hangs, the other works on."""
    with SageMakerMock(s3_endpoint=aws_endpoint, sns_endpoint=aws_endpoint) as mock, serving_sagemaker(mock) as served:
        configuration = cloud.configuration() | {"ClientConfig": {"MaxConcurrentInvocationsPerInstance": 2}}
        mock.define({"EndpointName": "slow", "AsyncInferenceConfig": configuration, "Container": box.url})
        client = served.client()
        for name in ("hang", "one", "two"):
            client.invoke_endpoint_async(EndpointName="slow", Body=name.encode(), InferenceId=name)
        entries = mock.journal.entries()
        deadline, pause = time.monotonic() + 20, threading.Event()
        while not all(entry.notices for entry in entries[1:]):
            assert entries[0].ended_at is None
            assert time.monotonic() < deadline
            pause.wait(0.01)
        box.released.set()
        mock.settle()
    assert [message["inferenceId"] for message in cloud.messages()] == ["one", "two", "hang"]
