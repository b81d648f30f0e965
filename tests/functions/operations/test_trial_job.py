"""`outpaint doctor --paint`: one picture through the stack's own URL, and not a credit or key left behind."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpcore
import pytest
from PIL import Image

from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.inference import InferenceFailure, InferenceRequest, Manifest, ManifestFile
from outpaint.contracts.responses import PainterCard
from outpaint.functions.handlers import api_handler
from outpaint.functions.operations.deployment import Deployment, StackName
from outpaint.functions.operations.place import opened
from outpaint.functions.operations.stack import trial_job
from outpaint.functions.service import account_keys, settle

Run = Callable[..., tuple[int, str, str]]
STACK = ("--stack", "painting", "--paint", "--check", "paint", "--json")


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 29_000


class Waiting:
    """A clock that goes on while somebody sleeps, and then only."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Gateway(BaseHTTPRequestHandler):
    """A REST API before the API's handler, as the gateway makes its events."""

    def answer(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        query = parse_qs(url.query) or None
        event = {
            "path": url.path,
            "httpMethod": self.command,
            "headers": dict(self.headers),
            "multiValueHeaders": {name: self.headers.get_all(name) for name in self.headers},
            "queryStringParameters": query and {name: values[-1] for name, values in query.items()},
            "multiValueQueryStringParameters": query,
            "requestContext": {"stage": "live", "path": url.path, "identity": {"sourceIp": "198.51.100.7"}},
            "body": body.decode("latin-1") if not body else _base64(body),
            "isBase64Encoded": bool(body),
        }
        answer = api_handler.handler(event, Context())
        content = answer["body"].encode()
        self.send_response(answer["statusCode"])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = answer  # noqa: N815 - the standard library's name
    do_POST = answer  # noqa: N815

    def log_message(self, *_: Any) -> None: ...


def _base64(body: bytes) -> str:
    import base64

    return base64.b64encode(body).decode()


@pytest.fixture
def served(aws: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The stack, its API on loopback, and its results where their URLs say, which is in moto."""
    api_handler.answering.cache_clear()
    real = httpcore.request

    def request(method: str, url: str, **more: Any) -> Any:
        parts = urlsplit(url)
        if parts.hostname == "127.0.0.1":
            return real(method, url, **more)
        assert "X-Amz-Signature" in parts.query
        key = parts.path.rpartition("/")[2]
        found = aws.client("s3").get_object(Bucket="outpaint-pictures", Key=key)["Body"].read()
        answer = httpcore.Response(200, content=found)
        answer.read()
        return answer

    monkeypatch.setattr(trial_job.httpcore, "request", request)
    monkeypatch.setattr(trial_job, "time", Waiting())
    with ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/"
        aws.changes["DescribeStacks"] = lambda answer: [
            each.update(OutputValue=url) for each in answer["Stacks"][0]["Outputs"] if each["OutputKey"] == "Url"
        ]
        yield aws
        server.shutdown()
        thread.join()
    api_handler.answering.cache_clear()


@pytest.fixture
def painter(served: Any) -> Callable[[Callable[[Deployment, InferenceRequest], object]], None]:
    """Lets the endpoint do something with each job as soon as it is sent."""

    def paints(do: Callable[[Deployment, InferenceRequest], object]) -> None:
        def invoked(body: bytes) -> dict[str, Any]:
            request = InferenceRequest.model_validate_json(body)
            with opened(StackName("painting")) as deployment:
                do(deployment, request)
            return {"InferenceId": request.inference_id}

        served.answers["InvokeEndpointAsync"] = invoked

    return paints


def paint(served: Any, size: tuple[int, int] = (96, 64)) -> Callable[[Deployment, InferenceRequest], None]:
    """Paints a picture of this size, and reports it."""

    def painted(deployment: Deployment, request: InferenceRequest) -> None:
        file = io.BytesIO()
        Image.new("RGB", size).save(file, "JPEG")
        (id_,) = request.output_ids
        (seed,) = request.wish.seeds
        served.client("s3").put_object(Bucket="outpaint-pictures", Key=id_, Body=file.getvalue())
        card = PainterCard(name="hand", model="none", reads_prompt=False)
        files = (ManifestFile(id=id_, seed=seed, bytes=len(file.getvalue()), sha256="0" * 64),)
        manifest = Manifest(
            inference_id=request.inference_id, files=files, painter=card, width=96, height=64, seconds=0.1
        )
        assert settle.succeed(deployment.service, manifest)

    return painted


def fail(deployment: Deployment, request: InferenceRequest) -> None:
    said = InferenceFailure(
        inference_id=request.inference_id, error_code=ErrorCode.PAINTING_FAILED, detail="CUDA is not there"
    )
    assert settle.fail(deployment.service, said)


def finding(run: Run, *more: str) -> tuple[int, dict[str, str]]:
    code, out, err = run("doctor", *STACK, *more)
    assert err == ""
    # The API's handler runs in this process and writes its metrics to the same stdout.
    (found,) = json.loads("".join(line for line in out.splitlines() if '"_aws"' not in line))["checks"]
    assert found["name"] == "paint"
    return code, found


def left() -> tuple[int, list[bool], int]:
    """The doctor's credits, whether each of its keys is revoked, and its jobs that have not ended."""
    with opened(StackName("painting")) as deployment:
        account = account_keys.account_of(deployment.keys, trial_job.ACCOUNT)
        keys = [entry for entry in deployment.keys.entries() if entry.account.id == account.id]
        running = list(deployment.service.jobs.unended())
        return account.credits, [entry.revoked_at is not None for entry in keys], len(running)


def test_a_picture_comes_back(run: Run, served: Any, painter: Callable[..., None]) -> None:
    painter(paint(served))
    for keys in (1, 2):
        code, found = finding(run)
        assert (code, found["verdict"]) == (0, "ok")
        assert found["says"].startswith("a picture of ")
        assert left() == (0, [True] * keys, 0)


@pytest.mark.parametrize(
    ("do", "says"),
    [
        (fail, "the job failed: CUDA is not there"),
        (lambda deployment, request: None, "not painted within 12 s"),
        (None, "the result has 10x10 pixels, not 96x64"),
    ],
    ids=["the painter fails", "nobody paints", "another picture"],
)
def test_what_goes_wrong_is_told_and_nothing_is_left(
    run: Run, served: Any, painter: Callable[..., None], do: Any, says: str
) -> None:
    painter(do or paint(served, (10, 10)))
    code, found = finding(run, "--wait", "12")
    assert (code, found["verdict"]) == (1, "fault")
    assert says in found["says"]
    assert "endpoint status" in found["todo"]
    assert left() == (0, [True], 0)


def test_an_endpoint_that_takes_nothing_is_told(run: Run, served: Any) -> None:
    from botocore.exceptions import ClientError

    answer = {"Error": {"Code": "ValidationError", "Message": "Endpoint painter not found"}}
    served.answers["InvokeEndpointAsync"] = ClientError(answer, "InvokeEndpointAsync")  # type: ignore[arg-type]
    code, found = finding(run)
    assert (code, found["verdict"]) == (1, "fault")
    assert "answers 503: no painter's endpoint is in service" in found["says"]
    assert left() == (0, [True], 0)


@pytest.mark.parametrize(("refused", "keys"), [("TransactWriteItems", 0), ("UpdateItem", 1)])
def test_a_table_that_refuses_is_told_with_where_to_look(
    run: Run, served: Any, painter: Callable[..., None], refused: str, keys: int
) -> None:
    from botocore.exceptions import ClientError

    painter(paint(served))
    answer = {"Error": {"Code": "AccessDeniedException", "Message": "no"}}
    served.answers[refused] = ClientError(answer, refused)  # type: ignore[arg-type]
    code, found = finding(run)
    assert (code, found["verdict"]) == (1, "fault")
    assert f"may not call {refused}" in found["says"]
    assert "outpaint keys list --stack painting" in found["todo"]
    served.answers.clear()
    with opened(StackName("painting")) as deployment:
        assert len(list(deployment.keys.entries())) == keys


def test_an_address_that_nobody_answers_is_told(run: Run, aws: Any) -> None:
    aws.changes["DescribeStacks"] = lambda answer: [
        each.update(OutputValue="http://127.0.0.1:1")
        for each in answer["Stacks"][0]["Outputs"]
        if each["OutputKey"] == "Url"
    ]
    code, found = finding(run)
    assert (code, "cannot be reached from here" in found["says"]) == (1, True)
    assert left() == (0, [True], 0)


def test_a_folder_is_not_painted_through(run: Run) -> None:
    code, _, err = run("doctor", "--paint")
    assert (code, "outpaint demo" in err) == (2, True)
