"""`outpaint doctor --paint`: one picture through the stack's own URL, and not a credit or key left behind."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpcore
import pytest
from aws_answers import manifest, refusal
from lambda_context import LambdaContext
from local_cloud.gateways import FunctionUrl, serve_gateway
from PIL import Image

from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.inference import InferenceFailure, InferenceRequest
from outpaint.functions.handlers import api_handler
from outpaint.functions.operations.deployment import Deployment, StackName
from outpaint.functions.operations.place import opened
from outpaint.functions.operations.stack import trial_job
from outpaint.functions.service import account_keys, settle

Run = Callable[..., tuple[int, str, str]]
STACK = ("--stack", "painting", "--paint", "--check", "paint", "--json")


class Waiting:
    """A clock that goes on while somebody sleeps, and then only."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def call(event: bytes) -> bytes:
    """The API's function, as its gateway calls it."""
    return json.dumps(api_handler.handler(json.loads(event), LambdaContext())).encode()


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

    monkeypatch.setattr(httpcore, "request", request)
    monkeypatch.setattr(trial_job, "time", Waiting())
    with serve_gateway(FunctionUrl(call)) as url:
        aws.changes["DescribeStacks"] = lambda answer: [
            each.update(OutputValue=url + "/") for each in answer["Stacks"][0]["Outputs"] if each["OutputKey"] == "Url"
        ]
        yield aws
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
        served.client("s3").put_object(Bucket="outpaint-pictures", Key=id_, Body=file.getvalue())
        assert settle.succeed(deployment.service, manifest(request))

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
    served.answers["InvokeEndpointAsync"] = refusal("ValidationError", message="Endpoint painter not found")
    code, found = finding(run)
    assert (code, found["verdict"]) == (1, "fault")
    assert "answers 503: no painter's endpoint is in service" in found["says"]
    assert left() == (0, [True], 0)


@pytest.mark.parametrize(("refused", "keys"), [("TransactWriteItems", 0), ("UpdateItem", 1)])
def test_a_table_that_refuses_is_told_with_where_to_look(
    run: Run, served: Any, painter: Callable[..., None], refused: str, keys: int
) -> None:
    painter(paint(served))
    served.answers[refused] = refusal("AccessDeniedException", operation=refused)
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
