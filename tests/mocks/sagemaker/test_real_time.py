"""InvokeEndpoint and its streaming sister, asked by boto3 over HTTP."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from outpaint.mocks.sagemaker.endpoint_models import ModelAnswer, ModelRequest
from outpaint.mocks.sagemaker.sagemaker_server import ServedSageMaker

MIB6 = 6_291_456


def _caught(call: Any) -> ClientError:
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value


def test_binary_bodies_pass_through_whole(sagemaker_mock: ServedSageMaker) -> None:
    seen: list[ModelRequest] = []

    def paint(request: ModelRequest) -> ModelAnswer:
        seen.append(request)
        return ModelAnswer(request.body[::-1], content_type="image/png", custom_attributes="painter=fake")

    sagemaker_mock.mock.define({"EndpointName": "painter"}, paint)
    body = bytes(range(256)) * 16
    answer = sagemaker_mock.client().invoke_endpoint(
        EndpointName="painter",
        Body=body,
        ContentType="application/octet-stream",
        Accept="image/png",
        CustomAttributes="trace=1",
        InferenceId="job 1",
    )
    assert answer["Body"].read() == body[::-1]
    assert answer["ContentType"] == "image/png"
    assert answer["CustomAttributes"] == "painter=fake"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert answer["ResponseMetadata"]["RequestId"]
    (request,) = seen
    assert (request.content_type, request.accept) == ("application/octet-stream", "image/png")
    assert (request.custom_attributes, request.inference_id) == ("trace=1", "job 1")
    assert dict(request.headers)["x-amzn-sagemaker-inference-id"] == "job 1"
    (entry,) = sagemaker_mock.mock.journal.entries()
    assert (entry.status, entry.body_bytes, entry.parameters["InferenceId"]) == (200, len(body), "job 1")


def test_a_body_may_have_six_mebibytes_and_not_one_byte_more(sagemaker_mock: ServedSageMaker) -> None:
    sagemaker_mock.mock.define({"EndpointName": "painter"}, lambda request: str(len(request.body)).encode())
    client = sagemaker_mock.client()
    assert client.invoke_endpoint(EndpointName="painter", Body=bytes(MIB6))["Body"].read() == b"6291456"
    error = _caught(lambda: client.invoke_endpoint(EndpointName="painter", Body=bytes(MIB6 + 1)))
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert error.response["Error"] == {"Code": "413", "Message": f"HTTP content length exceeded {MIB6} bytes."}


def test_an_unknown_endpoint_is_a_validation_error(sagemaker_mock: ServedSageMaker) -> None:
    client = sagemaker_mock.client()
    with pytest.raises(client.exceptions.ValidationError, match="Endpoint nowhere of account 123456789012 not found"):
        client.invoke_endpoint(EndpointName="nowhere", Body=b"x")


@pytest.mark.parametrize("status", [400, 500, 503])
def test_a_failing_container_is_a_model_error(sagemaker_mock: ServedSageMaker, status: int) -> None:
    sagemaker_mock.mock.define({"EndpointName": "painter"}, lambda _: ModelAnswer(b"out of memory", status=status))
    client = sagemaker_mock.client()
    with pytest.raises(client.exceptions.ModelError) as caught:
        client.invoke_endpoint(EndpointName="painter", Body=b"x")
    whose = "client" if status == 400 else "server"
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["OriginalStatusCode"] == status
    assert response["OriginalMessage"] == "out of memory"
    assert "/aws/sagemaker/Endpoints/painter" in response["LogStreamArn"]
    assert f'Received {whose} error ({status}) from primary with message "out of memory"' in str(caught.value)


def test_a_script_that_raises_answers_500(sagemaker_mock: ServedSageMaker) -> None:
    def broken(_: ModelRequest) -> bytes:
        raise RuntimeError("no such layer")

    sagemaker_mock.mock.define({"EndpointName": "painter"}, broken)
    client = sagemaker_mock.client()
    with pytest.raises(client.exceptions.ModelError, match="RuntimeError: no such layer"):
        client.invoke_endpoint(EndpointName="painter", Body=b"x")


def test_the_container_has_sixty_seconds(sagemaker_mock: ServedSageMaker) -> None:
    mock, client = sagemaker_mock.mock, sagemaker_mock.client()
    mock.define({"EndpointName": "painter"}, lambda request: ModelAnswer(b"done", seconds=float(request.body)))
    began = mock.clock.now()
    assert client.invoke_endpoint(EndpointName="painter", Body=b"60")["Body"].read() == b"done"
    assert mock.clock.now() == began + 60
    with pytest.raises(client.exceptions.ModelError, match="Your invocation timed out") as caught:
        client.invoke_endpoint(EndpointName="painter", Body=b"60.1")
    assert caught.value.response["OriginalStatusCode"] == 0
    assert mock.clock.now() == began + 120


def test_an_answer_beyond_six_mebibytes_is_a_model_error(sagemaker_mock: ServedSageMaker) -> None:
    sagemaker_mock.mock.define({"EndpointName": "painter"}, lambda _: bytes(MIB6 + 1))
    client = sagemaker_mock.client()
    with pytest.raises(client.exceptions.ModelError, match="exceeds"):
        client.invoke_endpoint(EndpointName="painter", Body=b"x")


def test_variants_share_by_weight_and_can_be_named(sagemaker_mock: ServedSageMaker) -> None:
    sagemaker_mock.mock.define({"EndpointName": "painter", "Variants": {"old": 3, "new": 1}}, lambda _: b"")
    client = sagemaker_mock.client()
    chosen = [client.invoke_endpoint(EndpointName="painter", Body=b"")["InvokedProductionVariant"] for _ in range(60)]
    assert 30 <= chosen.count("old") < 60
    named = client.invoke_endpoint(EndpointName="painter", Body=b"", TargetVariant="new")
    assert named["InvokedProductionVariant"] == "new"
    with pytest.raises(client.exceptions.ValidationError, match="Variant other not found"):
        client.invoke_endpoint(EndpointName="painter", Body=b"", TargetVariant="other")


def test_a_target_model_is_for_multi_model_endpoints(sagemaker_mock: ServedSageMaker) -> None:
    headers: list[dict[str, str]] = []

    def model(request: ModelRequest) -> bytes:
        headers.append(dict(request.headers))
        return b""

    sagemaker_mock.mock.define({"EndpointName": "one"}, model)
    sagemaker_mock.mock.define({"EndpointName": "many", "MultiModel": True}, model)
    client = sagemaker_mock.client()
    with pytest.raises(client.exceptions.ValidationError, match="not a multi-model endpoint"):
        client.invoke_endpoint(EndpointName="one", Body=b"", TargetModel="a.tar.gz")
    client.invoke_endpoint(EndpointName="many", Body=b"", TargetModel="a.tar.gz")
    assert headers[-1]["x-amzn-sagemaker-target-model"] == "a.tar.gz"


def test_an_asynchronous_endpoint_takes_no_real_time_call(sagemaker_mock: ServedSageMaker) -> None:
    configuration = {"OutputConfig": {"S3OutputPath": "s3://pictures/out"}}
    sagemaker_mock.mock.define({"EndpointName": "slow", "AsyncInferenceConfig": configuration})
    client = sagemaker_mock.client()
    with pytest.raises(client.exceptions.ValidationError, match="asynchronous invocations only"):
        client.invoke_endpoint(EndpointName="slow", Body=b"x")
    with pytest.raises(client.exceptions.ValidationError, match="asynchronous invocations only"):
        client.invoke_endpoint_with_response_stream(EndpointName="slow", Body=b"x")


def test_rules_answer_without_code(sagemaker_mock: ServedSageMaker) -> None:
    rules = [
        {"BodyContains": "boom", "Times": 1, "Answer": {"Status": 500, "Body": "once"}},
        {"ContentType": "image/*", "Answer": {"BodyBase64": "/9j/", "ContentType": "image/jpeg"}},
    ]
    sagemaker_mock.mock.define({"EndpointName": "painter", "Rules": rules})
    client = sagemaker_mock.client()
    with pytest.raises(client.exceptions.ModelError, match="once"):
        client.invoke_endpoint(EndpointName="painter", Body=b"a boom")
    echoed = client.invoke_endpoint(EndpointName="painter", Body=b"a boom", ContentType="text/plain")
    assert (echoed["Body"].read(), echoed["ContentType"]) == (b"a boom", "text/plain")
    picture = client.invoke_endpoint(EndpointName="painter", Body=b"x", ContentType="image/png")
    assert (picture["Body"].read(), picture["ContentType"]) == (b"\xff\xd8\xff", "image/jpeg")


def test_streamed_answers_come_in_their_parts(sagemaker_mock: ServedSageMaker) -> None:
    parts = (b"\x00\x01", b"second", bytes(100_000))
    sagemaker_mock.mock.define({"EndpointName": "painter"}, lambda _: ModelAnswer(parts=parts, content_type="a/b"))
    answer = sagemaker_mock.client().invoke_endpoint_with_response_stream(EndpointName="painter", Body=b"x")
    assert answer["ContentType"] == "a/b"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    received = [event["PayloadPart"]["Bytes"] for event in answer["Body"]]
    assert received[:2] == [b"\x00\x01", b"second"]
    assert b"".join(received) == b"".join(parts)


def test_a_stream_that_takes_too_long_ends_in_a_stream_error(sagemaker_mock: ServedSageMaker) -> None:
    sagemaker_mock.mock.define({"EndpointName": "painter"}, lambda _: ModelAnswer(seconds=481))
    answer = sagemaker_mock.client().invoke_endpoint_with_response_stream(EndpointName="painter", Body=b"x")
    error = _caught(lambda: list(answer["Body"]))
    assert error.response["Error"]["Code"] == "ModelStreamError"


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        ("ThrottlingException", "ThrottlingException", 400),
        ("ServiceUnavailable", "ServiceUnavailable", 503),
        ("InternalFailure", "InternalFailure", 500),
        ("InternalDependencyException", "InternalDependencyException", 530),
        ("ModelNotReadyException", "ModelNotReadyException", 429),
        ("ValidationError", "ValidationError", 400),
        ("ModelError", "ModelError", 424),
        ("Timeout", "ModelError", 424),
    ],
)
def test_every_documented_error_on_demand(sagemaker_mock: ServedSageMaker, kind: str, code: str, status: int) -> None:
    mock, client = sagemaker_mock.mock, sagemaker_mock.client()
    mock.define({"EndpointName": "painter"}, lambda _: b"fine")
    mock.inject({"Step": "InvokeEndpoint", "Kind": kind, "Skip": 1})
    ask = lambda: client.invoke_endpoint(EndpointName="painter", Body=b"x")  # noqa: E731
    ask()
    error = _caught(ask)
    assert error.response["Error"]["Code"] == code
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == status
    typed = code != "ThrottlingException"  # which the service model does not list
    assert type(error).__name__ == (code if typed else "ClientError")
    assert ask()["Body"].read() == b"fine"
    assert [entry.error for entry in mock.journal.entries()] == [None, code, None]


def test_throttling_is_retried_by_the_sdk(sagemaker_mock: ServedSageMaker) -> None:
    from botocore.config import Config

    mock = sagemaker_mock.mock
    mock.define({"EndpointName": "painter"}, lambda _: b"fine")
    mock.inject({"Step": "InvokeEndpoint", "Kind": "ThrottlingException", "Times": 1})
    client = sagemaker_mock.client(config=Config(retries={"mode": "standard", "total_max_attempts": 2}))
    assert client.invoke_endpoint(EndpointName="painter", Body=b"x")["Body"].read() == b"fine"
    assert [entry.status for entry in mock.journal.entries()] == [400, 200]


def test_a_broken_connection_before_and_after_the_work(sagemaker_mock: ServedSageMaker) -> None:
    mock, client = sagemaker_mock.mock, sagemaker_mock.client()
    worked: list[bytes] = []

    def model(request: ModelRequest) -> bytes:
        worked.append(request.body)
        return b""

    mock.define({"EndpointName": "painter"}, model)
    mock.inject(
        {"Step": "InvokeEndpoint", "Kind": "Disconnect"},
        {"Step": "InvokeEndpoint", "Kind": "Disconnect", "After": True},
    )
    for body in (b"before", b"after"):
        with pytest.raises(ConnectionClosedError):
            client.invoke_endpoint(EndpointName="painter", Body=body)
    assert worked == [b"after"]


def _raw(served: ServedSageMaker, method: str, path: str, headers: dict[str, str]) -> tuple[int, str | None, Any]:
    address = urlsplit(served.url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=10)
    try:
        connection.request(method, path, body=b"{}", headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers["x-amzn-errortype"], json.loads(answer.read())
    finally:
        connection.close()


def test_calls_have_to_be_signed_for_sagemaker(sagemaker_mock: ServedSageMaker) -> None:
    sagemaker_mock.mock.define({"EndpointName": "painter"})
    path = "/endpoints/painter/invocations"
    status, kind, body = _raw(sagemaker_mock, "POST", path, {})
    assert (status, kind) == (403, "MissingAuthenticationTokenException")
    # In lower case, as in answers that others captured; SDKs do not tell.
    assert body == {"message": "Missing Authentication Token"}
    for authorization in (
        "Bearer x",
        "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0",
    ):
        status, kind, _ = _raw(sagemaker_mock, "POST", path, {"Authorization": authorization})
        assert (status, kind) == (403, "InvalidSignatureException")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/endpoints/painter/invocations"), ("POST", "/endpoints/painter"), ("POST", "/invocations")],
)
def test_other_paths_and_methods_are_unknown_operations(
    sagemaker_mock: ServedSageMaker, method: str, path: str
) -> None:
    status, kind, _ = _raw(sagemaker_mock, method, path, {})
    assert (status, kind) == (404, "UnknownOperationException")
