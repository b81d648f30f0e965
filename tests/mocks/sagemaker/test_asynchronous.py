"""InvokeEndpointAsync from the call to the last message: real S3, SNS and SQS interfaces, and a clock of ours."""

from __future__ import annotations

import base64
import re
import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from outpaint.contracts.storage_names import UUID
from outpaint.mocks.sagemaker.endpoint_models import ModelAnswer, ModelRequest
from outpaint.mocks.sagemaker.fixtures import START
from outpaint.mocks.sagemaker.inference_journal import State
from outpaint.mocks.sagemaker.sagemaker_server import ServedSageMaker

SUCCESS_MEMBERS = {
    "awsRegion",
    "eventTime",
    "receivedTime",
    "invocationStatus",
    "requestParameters",
    "responseParameters",
    "inferenceId",
    "eventVersion",
    "eventSource",
    "eventName",
}


def _ten_minutes(_: ModelRequest) -> ModelAnswer:
    return ModelAnswer(b"painted", content_type="application/json", seconds=600)


def _define(served: ServedSageMaker, cloud: Any, script: Any, **members: Any) -> None:
    definition = {"EndpointName": "slow", "AsyncInferenceConfig": cloud.configuration(), **members}
    served.mock.define(definition, script)


def test_a_ten_minute_inference_from_s3_to_sns(sagemaker_mock: ServedSageMaker, cloud: Any) -> None:
    seen: list[ModelRequest] = []

    def model(request: ModelRequest) -> ModelAnswer:
        seen.append(request)
        return _ten_minutes(request)

    _define(sagemaker_mock, cloud, model)
    location = cloud.put("inputs/job", b"\x00\xffbinary")
    answer = sagemaker_mock.client().invoke_endpoint_async(
        EndpointName="slow",
        InputLocation=location,
        InferenceId="job-1",
        ContentType="application/json",
        Accept="application/json",
        Filename="job-1",
        S3OutputPathExtension="today/",
        CustomAttributes="trace=1",
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert answer["InferenceId"] == "job-1"
    assert answer["OutputLocation"] == "s3://pictures/outcomes/done/today/job-1"
    assert re.fullmatch(rf"s3://pictures/outcomes/failed/{UUID}-error\.out", answer["FailureLocation"])
    sagemaker_mock.mock.advance(599.9)
    assert not cloud.has(answer["OutputLocation"])
    assert cloud.messages() == []
    sagemaker_mock.mock.advance(0.1)
    assert cloud.get(answer["OutputLocation"]) == b"painted"
    (message,) = cloud.messages()
    assert message.pop("topic") == cloud.success
    assert set(message) == SUCCESS_MEMBERS
    assert message["invocationStatus"] == "Completed"
    assert message["inferenceId"] == "job-1"
    assert message["requestParameters"] == {
        "accept": "application/json",
        "contentType": "application/json",
        "endpointName": "slow",
        "inputLocation": location,
    }
    assert message["responseParameters"] == {
        "contentType": "application/json",
        "outputLocation": answer["OutputLocation"],
    }
    assert (message["receivedTime"], message["eventTime"]) == ("2026-01-01T00:00:00.000Z", "2026-01-01T00:10:00.000Z")
    assert (message["eventSource"], message["eventName"]) == ("aws:sagemaker", "InferenceResult")
    (request,) = seen
    assert request.body == b"\x00\xffbinary"
    assert (request.inference_id, request.content_type, request.custom_attributes) == (
        "job-1",
        "application/json",
        "trace=1",
    )


def test_an_inline_body_has_no_input_location(sagemaker_mock: ServedSageMaker, cloud: Any) -> None:
    _define(sagemaker_mock, cloud, lambda request: request.body.upper())
    answer = sagemaker_mock.client().invoke_endpoint_async(EndpointName="slow", Body=b"inline")
    sagemaker_mock.mock.settle()
    assert cloud.get(answer["OutputLocation"]) == b"INLINE"
    assert re.fullmatch(rf"s3://pictures/outcomes/done/{UUID}\.out", answer["OutputLocation"])
    assert answer["InferenceId"] not in answer["OutputLocation"]
    (message,) = cloud.messages()
    assert message["inferenceId"] == answer["InferenceId"]
    assert message["requestParameters"] == {"endpointName": "slow"}


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"Body": bytes(128_001)}, "less than or equal to 128000"),
        ({}, "Either Body or InputLocation"),
        ({"Body": b"x", "InputLocation": "s3://pictures/x"}, "mutually exclusive"),
        ({"InputLocation": "pictures/x"}, "inputLocation"),
        ({"Body": b"x", "Filename": "a.b.c"}, "filename"),
        ({"Body": b"x", "Filename": "n" * 33}, "less than or equal to 32"),
        ({"Body": b"x", "S3OutputPathExtension": "s3://other/place"}, "s3OutputPathExtension"),
        ({"Body": b"x", "RequestTTLSeconds": 21_601}, "less than or equal to 21600"),
        ({"Body": b"x", "InvocationTimeoutSeconds": 3601}, "less than or equal to 3600"),
        ({"Body": b"x", "InferenceId": "n" * 65}, "less than or equal to 64"),
    ],
)
def test_what_the_shapes_do_not_allow(
    sagemaker_mock: ServedSageMaker, cloud: Any, parameters: dict[str, Any], said: str
) -> None:
    _define(sagemaker_mock, cloud, lambda _: b"")
    client = sagemaker_mock.client()
    with pytest.raises(client.exceptions.ValidationError, match=said):
        client.invoke_endpoint_async(EndpointName="slow", **parameters)


def test_the_largest_inline_body_is_taken(sagemaker_mock: ServedSageMaker, cloud: Any) -> None:
    _define(sagemaker_mock, cloud, lambda request: str(len(request.body)).encode())
    answer = sagemaker_mock.client().invoke_endpoint_async(EndpointName="slow", Body=bytes(128_000))
    sagemaker_mock.mock.settle()
    assert cloud.get(answer["OutputLocation"]) == b"128000"


def test_a_real_time_endpoint_takes_no_asynchronous_call(sagemaker_mock: ServedSageMaker) -> None:
    sagemaker_mock.mock.define({"EndpointName": "quick"})
    client = sagemaker_mock.client()
    with pytest.raises(client.exceptions.ValidationError, match="no asynchronous invocations"):
        client.invoke_endpoint_async(EndpointName="quick", Body=b"x")


def test_a_failing_container_leaves_its_answer_and_an_error_message(
    sagemaker_mock: ServedSageMaker, cloud: Any
) -> None:
    _define(sagemaker_mock, cloud, lambda _: ModelAnswer(b'{"error":"cuda"}', 500, "application/json"))
    answer = sagemaker_mock.client().invoke_endpoint_async(EndpointName="slow", Body=b"x")
    sagemaker_mock.mock.settle()
    assert cloud.get(answer["FailureLocation"]) == b'{"error":"cuda"}'
    assert not cloud.has(answer["OutputLocation"])
    (message,) = cloud.messages()
    assert message["topic"] == cloud.error
    assert message["invocationStatus"] == "Failed"
    assert "Received server error (500) from model" in message["failureReason"]
    assert set(message) - {"topic"} == (SUCCESS_MEMBERS | {"failureReason"}) - {"responseParameters"}


def test_an_input_that_is_not_there_fails_late(sagemaker_mock: ServedSageMaker, cloud: Any) -> None:
    _define(sagemaker_mock, cloud, lambda _: b"")
    sagemaker_mock.client().invoke_endpoint_async(EndpointName="slow", InputLocation="s3://pictures/nothing")
    sagemaker_mock.mock.settle()
    (message,) = cloud.messages()
    assert message["invocationStatus"] == "Failed"
    assert "s3://pictures/nothing" in message["failureReason"]


def test_an_output_that_cannot_be_written_fails(sagemaker_mock: ServedSageMaker, cloud: Any) -> None:
    configuration = cloud.configuration(S3OutputPath="s3://no-such-bucket/out")
    sagemaker_mock.mock.define({"EndpointName": "slow", "AsyncInferenceConfig": configuration}, lambda _: b"x")
    sagemaker_mock.client().invoke_endpoint_async(EndpointName="slow", Body=b"x")
    sagemaker_mock.mock.settle()
    (message,) = cloud.messages()
    assert message["invocationStatus"] == "Failed"
    assert "NoSuchBucket" in message["failureReason"]


def test_a_topic_that_is_not_there_is_told_in_the_journal(sagemaker_mock: ServedSageMaker, cloud: Any) -> None:
    topic = "arn:aws:sns:us-east-1:123456789012:nobody"
    configuration = cloud.configuration(NotificationConfig={"SuccessTopic": topic})
    sagemaker_mock.mock.define({"EndpointName": "slow", "AsyncInferenceConfig": configuration}, lambda _: b"x")
    sagemaker_mock.client().invoke_endpoint_async(EndpointName="slow", Body=b"x")
    sagemaker_mock.mock.settle()
    (entry,) = sagemaker_mock.mock.journal.entries()
    assert entry.state is State.COMPLETED
    assert "NotFound" in str(entry.notices[0].error)


def test_too_long_for_its_invocation_timeout_expires(sagemaker_mock: ServedSageMaker, cloud: Any) -> None:
    _define(sagemaker_mock, cloud, _ten_minutes)
    sagemaker_mock.client().invoke_endpoint_async(EndpointName="slow", Body=b"x", InvocationTimeoutSeconds=300)
    sagemaker_mock.mock.advance(300)
    (message,) = cloud.messages()
    assert message["topic"] == cloud.error
    assert message["invocationStatus"] == "Expired"
    assert message["eventTime"] == "2026-01-01T00:05:00.000Z"


def test_too_long_in_the_queue_expires(sagemaker_mock: ServedSageMaker, cloud: Any) -> None:
    _define(sagemaker_mock, cloud, _ten_minutes)
    client = sagemaker_mock.client()
    client.invoke_endpoint_async(EndpointName="slow", Body=b"x", InferenceId="first")
    client.invoke_endpoint_async(EndpointName="slow", Body=b"x", InferenceId="second", RequestTTLSeconds=60)
    sagemaker_mock.mock.advance(3600)
    ends = [(message["inferenceId"], message["invocationStatus"], message["eventTime"]) for message in cloud.messages()]
    assert ends == [
        ("second", "Expired", "2026-01-01T00:01:00.000Z"),
        ("first", "Completed", "2026-01-01T00:10:00.000Z"),
    ]


def test_a_cold_start_from_zero(sagemaker_mock: ServedSageMaker, cloud: Any) -> None:
    _define(
        sagemaker_mock,
        cloud,
        lambda _: ModelAnswer(b"x", seconds=30),
        Scaling={"InitialInstances": 0, "ColdStartSeconds": 300, "ScaleInAfterSeconds": 600},
    )
    mock = sagemaker_mock.mock
    assert mock.metrics("slow")["HasBacklogWithoutCapacity"] == 0
    client = sagemaker_mock.client()
    for _ in range(2):
        client.invoke_endpoint_async(EndpointName="slow", Body=b"x")
    mock.advance(299)
    assert mock.metrics("slow") == {
        "ApproximateBacklogSize": 2,
        "ApproximateBacklogSizePerInstance": 2,
        "ApproximateAgeOfOldestRequest": 299,
        "HasBacklogWithoutCapacity": 1,
        "InstancesInService": 0,
        "InstancesStarting": 1,
        "InvocationsRunning": 0,
    }
    mock.advance(1)
    assert mock.metrics("slow")["InvocationsRunning"] == 1
    assert mock.metrics("slow")["HasBacklogWithoutCapacity"] == 0
    mock.advance(60)
    assert [entry.ended_at for entry in mock.journal.entries()] == [START + 330, START + 360]
    assert mock.metrics("slow")["InstancesInService"] == 1
    mock.advance(600)
    assert mock.metrics("slow")["InstancesInService"] == 0


def test_instances_follow_the_backlog(sagemaker_mock: ServedSageMaker, cloud: Any) -> None:
    configuration = cloud.configuration() | {"ClientConfig": {"MaxConcurrentInvocationsPerInstance": 2}}
    scaling = {"InitialInstances": 0, "MaxInstances": 3, "ColdStartSeconds": 100, "TargetBacklogPerInstance": 2}
    sagemaker_mock.mock.define(
        {"EndpointName": "slow", "AsyncInferenceConfig": configuration, "Scaling": scaling},
        lambda _: ModelAnswer(b"x", seconds=50),
    )
    client = sagemaker_mock.client()
    for _ in range(9):
        client.invoke_endpoint_async(EndpointName="slow", Body=b"x")
    sagemaker_mock.mock.advance(100)
    metrics = sagemaker_mock.mock.metrics("slow")
    assert (metrics["InstancesInService"], metrics["InvocationsRunning"]) == (3, 6)
    sagemaker_mock.mock.advance(100)
    ends = [entry.ended_at for entry in sagemaker_mock.mock.journal.entries()]
    assert ends == [START + 150] * 6 + [START + 200] * 3


def test_scaling_by_hand_to_zero_and_back(sagemaker_mock: ServedSageMaker, cloud: Any) -> None:
    _define(sagemaker_mock, cloud, lambda _: b"x", Scaling={"MaxInstances": 0, "InitialInstances": 0})
    mock = sagemaker_mock.mock
    sagemaker_mock.client().invoke_endpoint_async(EndpointName="slow", Body=b"x")
    mock.advance(1000)
    assert mock.metrics("slow")["HasBacklogWithoutCapacity"] == 1
    mock.set_instances("slow", 1)
    mock.settle()
    assert [entry.state for entry in mock.journal.entries()] == [State.COMPLETED]


def test_the_response_is_included_up_to_128_kib(sagemaker_mock: ServedSageMaker, cloud: Any) -> None:
    notification = {
        "SuccessTopic": cloud.success,
        "IncludeInferenceResponseIn": ["SUCCESS_NOTIFICATION_TOPIC"],
    }
    configuration = cloud.configuration(NotificationConfig=notification)
    sagemaker_mock.mock.define(
        {"EndpointName": "slow", "AsyncInferenceConfig": configuration}, lambda request: bytes(int(request.body))
    )
    client = sagemaker_mock.client()
    for size in (b"131072", b"131073"):
        client.invoke_endpoint_async(EndpointName="slow", Body=size)
    sagemaker_mock.mock.settle()
    small, large = cloud.messages()
    assert base64.b64decode(small["responseBody"]["content"]) == bytes(131072)
    assert "responseBody" not in large


def test_messages_come_late_twice_or_never_on_demand(sagemaker_mock: ServedSageMaker, cloud: Any) -> None:
    _define(sagemaker_mock, cloud, lambda _: b"x", Delivery={"DelaySeconds": 2})
    mock, client = sagemaker_mock.mock, sagemaker_mock.client()
    mock.inject(
        {"Step": "Notification", "Kind": "Late", "Seconds": 100},
        {"Step": "Notification", "Kind": "Duplicate"},
        {"Step": "Notification", "Kind": "Lost"},
    )
    for name in ("late", "twice", "lost", "plain"):
        client.invoke_endpoint_async(EndpointName="slow", Body=b"x", InferenceId=name)
    mock.advance(1.9)
    assert cloud.messages() == []
    mock.advance(0.2)
    assert [message["inferenceId"] for message in cloud.messages()] == ["twice", "twice", "plain"]
    mock.advance(100)
    assert [message["inferenceId"] for message in cloud.messages()] == ["late"]
    assert [len(entry.notices) for entry in mock.journal.entries()] == [1, 2, 0, 1]


def test_the_message_can_come_before_the_answer(sagemaker_mock: ServedSageMaker, cloud: Any) -> None:
    _define(sagemaker_mock, cloud, _ten_minutes)
    sagemaker_mock.mock.inject({"Step": "InvokeEndpointAsync", "Kind": "AnswerAfterCompletion"})
    answer = sagemaker_mock.client().invoke_endpoint_async(EndpointName="slow", Body=b"x")
    assert cloud.has(answer["OutputLocation"])
    assert len(cloud.messages()) == 1


def test_a_call_that_fails_after_it_was_accepted(sagemaker_mock: ServedSageMaker, cloud: Any) -> None:
    _define(sagemaker_mock, cloud, lambda _: b"x")
    mock, client = sagemaker_mock.mock, sagemaker_mock.client()
    mock.inject(
        {"Step": "InvokeEndpointAsync", "Kind": "InternalFailure", "After": True},
        {"Step": "InvokeEndpointAsync", "Kind": "Disconnect", "After": True},
        {"Step": "InvokeEndpointAsync", "Kind": "ServiceUnavailable"},
    )
    errors: list[type[Exception]] = [ClientError, ConnectionClosedError, ClientError]
    for number, error in enumerate(errors):
        with pytest.raises(error):
            client.invoke_endpoint_async(EndpointName="slow", Body=b"x", InferenceId=f"job-{number}")
    mock.settle()
    assert sorted(message["inferenceId"] for message in cloud.messages()) == ["job-0", "job-1"]


def test_work_that_fails_is_lost_or_done_again(sagemaker_mock: ServedSageMaker, cloud: Any) -> None:
    attempts: list[tuple[str | None, int]] = []

    def model(request: ModelRequest) -> ModelAnswer:
        attempts.append((request.inference_id, request.attempt))
        return ModelAnswer(b"x", seconds=10)

    _define(sagemaker_mock, cloud, model)
    mock, client = sagemaker_mock.mock, sagemaker_mock.client()
    mock.inject(
        {"Step": "Processing", "Kind": "ModelError", "Status": 503, "Message": "warming up"},
        {"Step": "Processing", "Kind": "Lost"},
        {"Step": "Processing", "Kind": "InstanceLost"},
        {"Step": "Processing", "Kind": "Timeout", "Skip": 1},
    )
    for name in ("error", "lost", "again", "timeout"):
        client.invoke_endpoint_async(EndpointName="slow", Body=b"x", InferenceId=name, InvocationTimeoutSeconds=60)
    mock.advance(3600)
    assert [entry.state for entry in mock.journal.entries()] == [
        State.FAILED,
        State.LOST,
        State.COMPLETED,
        State.EXPIRED,
    ]
    assert attempts == [("lost", 1), ("again", 1), ("again", 2)]
    assert [message["inferenceId"] for message in cloud.messages()] == ["error", "again", "timeout"]


def test_an_endpoint_taken_away_loses_its_queue(sagemaker_mock: ServedSageMaker, cloud: Any) -> None:
    _define(sagemaker_mock, cloud, _ten_minutes)
    mock, client = sagemaker_mock.mock, sagemaker_mock.client()
    for _ in range(2):
        client.invoke_endpoint_async(EndpointName="slow", Body=b"x")
    mock.settle()
    mock.remove("slow")
    mock.advance(3600)
    assert {entry.state for entry in mock.journal.entries()} == {State.LOST}
    assert cloud.messages() == []
    with pytest.raises(client.exceptions.ValidationError, match="not found"):
        client.invoke_endpoint_async(EndpointName="slow", Body=b"x")


def test_many_callers_at_once(sagemaker_mock: ServedSageMaker, cloud: Any) -> None:
    _define(sagemaker_mock, cloud, lambda request: request.body)
    client = sagemaker_mock.client()

    def call(number: int) -> None:
        client.invoke_endpoint_async(EndpointName="slow", Body=b"%d" % number, InferenceId=f"job-{number}")

    threads = [threading.Thread(target=call, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sagemaker_mock.mock.settle()
    assert sorted(message["inferenceId"] for message in cloud.messages()) == sorted(f"job-{n}" for n in range(24))
