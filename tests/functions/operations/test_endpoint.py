"""`outpaint endpoint`: what it tells of a stack's endpoint, and what it does to it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., tuple[int, str, str]]
STACK = ("--stack", "painting")
PAINTER = "painting-painter"
# Read from the endpoint: one made outside of the stack may have named it anything.
VARIANT = "AllTraffic"
RESOURCE = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": f"endpoint/{PAINTER}/variant/{VARIANT}",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}


@pytest.fixture
def endpoint(aws: Any) -> Any:
    """The endpoint in moto, as template.yaml makes it: one instance, 0 to 2 by scaling."""
    sagemaker = aws.client("sagemaker")
    sagemaker.create_model(
        ModelName="model",
        PrimaryContainer={"Image": "1.dkr.ecr.us-east-1.amazonaws.com/painter"},
        ExecutionRoleArn="arn:aws:iam::123456789012:role/painter",
    )
    variant = {
        "VariantName": VARIANT,
        "ModelName": "model",
        "InstanceType": "ml.g4dn.xlarge",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": 1.0,
    }
    sagemaker.create_endpoint_config(EndpointConfigName="config", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=PAINTER, EndpointConfigName="config")
    aws.client("application-autoscaling").register_scalable_target(**RESOURCE, MinCapacity=0, MaxCapacity=2)
    aws.answers["DescribeScalingActivities"] = {"ScalingActivities": []}
    return aws


def put_metric(aws: Any, space: str, name: str, value: float, **dimensions: str) -> None:
    data = {
        "MetricName": name,
        "Value": value,
        "Timestamp": datetime.now(UTC) - timedelta(seconds=90),
        "Dimensions": [{"Name": key, "Value": each} for key, each in dimensions.items()],
    }
    aws.client("cloudwatch").put_metric_data(Namespace=space, MetricData=[data])


def send_dead_letter(aws: Any, body: str) -> None:
    sqs = aws.client("sqs")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="dead-letters")["QueueUrl"], MessageBody=body)


def completion(inference_id: str) -> str:
    said = {"inferenceId": inference_id, "invocationStatus": "Failed", "failureReason": "ModelError"}
    return json.dumps({"Type": "Notification", "Message": json.dumps(said)})


def test_status_tells_instances_backlog_and_dead_letters(run: Run, endpoint: Any) -> None:
    put_metric(endpoint, "AWS/SageMaker", "ApproximateBacklogSize", 1234, EndpointName=PAINTER)
    put_metric(endpoint, "AWS/SageMaker", "ApproximateAgeOfOldestRequest", 75, EndpointName=PAINTER)
    send_dead_letter(endpoint, "{}")
    code, out, err = run("endpoint", "status", *STACK)
    assert (code, err) == (0, "")
    lines = dict(line.split(maxsplit=1) for line in out.splitlines() if not line.startswith("dead"))
    assert lines["endpoint"] == PAINTER
    assert lines["status"].startswith("InService since 20")
    assert lines["instances"] == "1 now, 1 wanted, 0 to 2 allowed, ml.g4dn.xlarge"
    assert lines["backlog"] == "1,234 jobs, the oldest 75 s"
    assert lines["address"] == "https://api.example.com/live"
    assert "dead letters  1\n" in out
    assert not {"failure", "last"} & lines.keys()


@pytest.mark.parametrize(("code", "told"), [("Failed", True), ("Unfulfilled", True), ("Successful", False)])
def test_status_tells_why_the_last_scaling_failed(run: Run, endpoint: Any, code: str, told: bool) -> None:
    message = "the account-level service limit 'ml.g4dn.xlarge for endpoint usage' is 0 Instances"
    activity = {
        "ActivityId": "a",
        **RESOURCE,
        "Description": "d",
        "Cause": "c",
        "StartTime": 1,
        "StatusCode": code,
        "StatusMessage": message,
    }
    endpoint.answers["DescribeScalingActivities"] = {"ScalingActivities": [activity]}
    out = run("endpoint", "status", *STACK)[1]
    assert (f"last scaling  {message}\n" in out) is told
    assert "backlog       nobody tells\n" in out


def test_scale_sets_both_ends(run: Run, endpoint: Any) -> None:
    code, out, _ = run("endpoint", "scale", 1, 8, *STACK)
    assert (code, "between 1 and 8" in out) == (0, True)
    assert "1 to 8 allowed" in run("endpoint", "status", *STACK)[1]
    policies = endpoint.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")
    assert len(policies["ScalableTargets"]) == 1


def test_an_endpoint_made_elsewhere_is_not_scaled(run: Run, endpoint: Any) -> None:
    endpoint.client("application-autoscaling").deregister_scalable_target(**RESOURCE)
    assert "a fixed number" in run("endpoint", "status", *STACK)[1]
    code, out, err = run("endpoint", "scale", 1, 8, *STACK)
    assert (code, out) == (2, "")
    assert "scale it where it was made" in err


def test_invocations_are_counted(run: Run, endpoint: Any) -> None:
    put_metric(endpoint, "AWS/SageMaker", "InvocationsProcessed", 40, EndpointName=PAINTER, VariantName=VARIANT)
    put_metric(endpoint, "AWS/SageMaker", "InvocationsProcessed", 2, EndpointName=PAINTER, VariantName=VARIANT)
    put_metric(endpoint, "Outpaint", "JobsFailed", 3, service="painting")
    put_metric(endpoint, "Outpaint", "JobsFailed", 50, service="another")
    code, out, _ = run("endpoint", "invocations", *STACK, "--hours", 2)
    lines = {line.rpartition("  ")[0].strip(): line.rpartition("  ")[2].strip() for line in out.splitlines()}
    assert code == 0
    assert lines["jobs painted"] == "42"
    assert lines["settled as failed"] == "3"
    assert lines["jobs that failed"] == "none"


def test_logs_are_named(run: Run, endpoint: Any) -> None:
    out = run("endpoint", "logs", *STACK, "--region", "us-east-1")[1]
    assert "aws logs tail /aws/lambda/painting-api --follow --since 1h --region us-east-1\n" in out
    assert f"/aws/sagemaker/Endpoints/{PAINTER} " in out
    assert "realtime" not in out


def test_dead_letters_are_shown_and_stay(run: Run, endpoint: Any) -> None:
    assert run("endpoint", "dead-letters", *STACK)[1] == "0 dead letters\n"
    dropped = {"requestContext": {"condition": "EventAgeExceeded"}, "requestPayload": {"inference_id": "job-2"}}
    nulls = {"inferenceId": None, "requestPayload": None}
    said = [json.dumps({"Message": text}) for text in ("[]", json.dumps(dropped), json.dumps(nulls))]
    for body in (completion("job-1"), "no json", *said):
        send_dead_letter(endpoint, body)
    code, out, _ = run("endpoint", "dead-letters", *STACK)
    first, _, *rows = out.splitlines()
    assert (code, first) == (0, "5 dead letters")
    assert sorted(row.split()[0] for row in rows) == ["job-1", "job-2", *["unreadable"] * 3]
    assert any(row.startswith("job-2") and "EventAgeExceeded" in row for row in rows)
    assert any(row.split()[-2:] == ["Failed", "ModelError"] for row in rows)
    # Looked at again at once: what is shown is not hidden from who sends it round.
    again = run("endpoint", "dead-letters", *STACK)[1]
    assert sorted(again.splitlines()) == sorted(out.splitlines())


def test_redrive_moves_what_is_there(run: Run, endpoint: Any) -> None:
    endpoint.answers["StartMessageMoveTask"] = {"TaskHandle": "t"}
    assert run("endpoint", "redrive", *STACK)[1] == "there are no dead letters\n"
    assert "StartMessageMoveTask" not in endpoint.calls
    send_dead_letter(endpoint, completion("job-1"))
    assert run("endpoint", "dead-letters", *STACK)[1].startswith("1 dead letter\n")
    assert run("endpoint", "redrive", *STACK)[1] == "on their way again: 1 dead letter\n"
    asked = json.loads(endpoint.sent["StartMessageMoveTask"])
    assert asked == {"SourceArn": "arn:aws:sqs:us-east-1:123456789012:dead-letters"}


# What IAM calls an operation where it has another name for it.
ACTIONS = {
    "TransactWriteItems": ["PutItem", "UpdateItem", "DeleteItem"],
    "ListObjectsV2": ["ListBucket"],
    "DeleteObjects": ["DeleteObject"],
    "HeadObject": ["GetObject"],
}


def test_what_an_operator_must_be_allowed_is_listed(run: Run, endpoint: Any, a_job: Callable[..., Any]) -> None:
    from outpaint.functions.operations.deployment import StackName
    from outpaint.functions.operations.place import opened

    endpoint.answers["StartMessageMoveTask"] = {"TaskHandle": "t"}
    with opened(StackName("painting")) as deployment:
        deployment.keys.add_key("Ann", "d" * 64, 20, 0.0, "ann")
        for number in (1, 2):
            deployment.service.jobs.create(a_job(number, until=1e12), None, 0.0)
    send_dead_letter(endpoint, "{}")
    endpoint.calls.clear()
    for words in (
        ("keys", "create", "Bob"),
        ("keys", "list"),
        ("keys", "credit", "Bob", "1"),
        ("keys", "revoke", "d" * 8),
        ("jobs", "list"),
        ("jobs", "show", a_job(1).id),
        ("jobs", "end", a_job(1).id),
        ("jobs", "erase", a_job(1).id, "--yes"),
        ("jobs", "erase", "--account", "Ann", "--end", "--yes"),
        ("jobs", "sweep"),
        ("endpoint", "status"),
        ("endpoint", "scale", "0", "1"),
        ("endpoint", "invocations"),
        ("endpoint", "logs"),
        ("endpoint", "dead-letters"),
        ("endpoint", "redrive"),
    ):
        assert run(*words, *STACK)[0] == 0, words
    page = (Path(__file__).parents[3] / "docs" / "deploy.md").read_text(encoding="utf-8")
    listed = page.partition("## What an operator may do")[2].partition("\n## ")[0]
    allowed = {word.rpartition(":")[2] for word in re.findall(r"`([\w:-]+)`", listed)}
    needed = {action for call in set(endpoint.calls) for action in ACTIONS.get(call, [call])}
    assert needed <= allowed, needed - allowed
