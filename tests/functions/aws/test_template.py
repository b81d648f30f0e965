"""What template.yaml says and what the code takes for granted are the same."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from local_cloud.transformed_template import TransformedTemplate, source

from outpaint.contracts.errors import ERROR_KINDS, ErrorCode
from outpaint.contracts.masks_and_formats import PictureLimits
from outpaint.contracts.paths_and_headers import (
    CORRELATION_ID,
    CREDIT_AVAILABLE,
    RATE_AVAILABLE,
    RATE_LIMIT,
    RATE_RESET,
    RETRY_AFTER,
)
from outpaint.contracts.storage_names import DONE_PREFIX, FAILED_PREFIX, INPUTS_PREFIX, OUTCOMES_PREFIX
from outpaint.functions.aws import dynamo_items
from outpaint.functions.aws.aws_settings import PREFIX, AwsSettings
from outpaint.functions.aws.sagemaker_dispatch import REALTIME_BOUND_S
from outpaint.functions.handlers.api_handler import MARGIN_S
from outpaint.functions.handlers.job_handlers import SWEEP_MARGIN_S
from outpaint.functions.service.service import ServiceSettings
from outpaint.painting.endpoint.endpoint_settings import EndpointSettings
from outpaint.painting.painters.painter_table import PainterHost, names_on

ROOT = Path(__file__).parents[3]
TEMPLATE = source()
RESOURCES = TEMPLATE["Resources"]
FUNCTIONS = {name: body for name, body in RESOURCES.items() if body["Type"] == "AWS::Serverless::Function"}


def statements(role: str) -> list[dict[str, Any]]:
    return [
        statement["Fn::If"][1] if "Fn::If" in statement else statement
        for policy in RESOURCES[role]["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def test_the_environment_is_one_that_the_settings_know() -> None:
    known = {PREFIX + name.upper() for name in (*AwsSettings.model_fields, *ServiceSettings.model_fields)}
    given = TransformedTemplate({"RealtimeInstances": 1, "OperatorSettings": "true"}).environment("ApiFunction")
    assert {name for name in given if name.startswith(PREFIX)} <= known
    settings = AwsSettings.from_environment(given)
    assert settings.service.rate_limit == ServiceSettings().rate_limit
    assert settings.service.cors_origins == ("*",)
    assert settings.service.pictures == PictureLimits(max_side=8192, max_area=40_000_000)
    assert settings.service.sync_wait == settings.service.max_wait == 24
    plain = AwsSettings.from_environment({PREFIX + name: "x" for name in ("TABLE", "BUCKET", "ENDPOINT")})
    assert settings.service.stored_bytes_per_account == plain.service.stored_bytes_per_account == 64 * 2**30
    assert plain.service.pictures == settings.service.pictures


def test_what_a_refusal_names_is_the_parameter_that_sets_its_limit() -> None:
    few = {PREFIX + name: "x" for name in ("TABLE", "BUCKET", "ENDPOINT")}
    parameters = {
        limit: name.removeprefix("the stack's parameter ")
        for limit, name in AwsSettings.from_environment(few).service.limit_names.items()
    }
    assert parameters.keys() == {"max_side", "max_area", "max_bytes", "stored_bytes_per_account"}
    halves = {name: int(TEMPLATE["Parameters"][name]["Default"]) // 2 for name in parameters.values()}
    service = AwsSettings.from_environment(TransformedTemplate(halves).environment("ApiFunction")).service
    values = {**service.model_dump(), **service.pictures.model_dump()}
    assert {limit: values[limit] for limit in parameters} == {limit: halves[name] for limit, name in parameters.items()}
    # And a stack takes no picture that its container refuses.
    container = EndpointSettings(store="s3://bucket/").limits
    for limit in ("max_side", "max_area", "max_bytes"):
        assert TEMPLATE["Parameters"][parameters[limit]]["MaxValue"] <= getattr(container, limit)


def test_what_is_missing_in_the_environment_is_named() -> None:
    with pytest.raises(ValueError, match="bucket"):
        AwsSettings.from_environment({"OUTPAINT_TABLE": "t", "OUTPAINT_ENDPOINT": "e"})
    few = {"OUTPAINT_TABLE": "t", "OUTPAINT_ENDPOINT": "e", "OUTPAINT_BUCKET": "b"}
    assert AwsSettings.from_environment({**few, "OUTPAINT_REALTIME_ENDPOINT": ""}).realtime_endpoint is None
    assert AwsSettings.from_environment({**few, "OUTPAINT_CORS_ORIGINS": "https://a, https://b"}).service.cors_origins
    with pytest.raises(ValueError, match="rate_limit"):
        AwsSettings.from_environment({**few, "OUTPAINT_RATE_LIMIT": "none"})


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_handler_is_there_and_has_a_target_to_build_it(name: str) -> None:
    module, _, function = FUNCTIONS[name]["Properties"]["Handler"].rpartition(".")
    assert callable(getattr(importlib.import_module(module), function))
    makefile = (ROOT / "functions" / "deploy.mk").read_text(encoding="utf-8")
    assert name in re.search(r"^FUNCTIONS := (.*)$", makefile, re.MULTILINE)[1].split()  # type: ignore[index]


def test_a_wait_ends_before_the_function_and_the_gateway() -> None:
    properties = FUNCTIONS["ApiFunction"]["Properties"]
    assert properties["Timeout"] == {"Fn::If": ["HasRestApi", 29, 630]}
    assert TEMPLATE["Parameters"]["SyncWait"]["Default"] + MARGIN_S < 29
    assert TEMPLATE["Parameters"]["SyncWait"]["MaxValue"] + MARGIN_S < 630


def test_the_table_is_the_one_that_the_ledger_writes(cloud: Any) -> None:
    said = RESOURCES["Table"]["Properties"]
    made = cloud.clients(watched=False).dynamodb.describe_table(TableName=cloud.settings.table)["Table"]
    assert said["KeySchema"] == made["KeySchema"]
    assert said["AttributeDefinitions"] == made["AttributeDefinitions"]
    assert [index["IndexName"] for index in said["GlobalSecondaryIndexes"]] == [
        dynamo_items.UNENDED_INDEX,
        dynamo_items.LISTED_INDEX,
    ]
    for index, there in zip(said["GlobalSecondaryIndexes"], made["GlobalSecondaryIndexes"], strict=True):
        named = {name: there[name] for name in ("IndexName", "KeySchema", "Projection")}
        assert index == {**named, "WarmThroughput": said["WarmThroughput"]}
    assert said["TimeToLiveSpecification"] == {"AttributeName": "purge_at", "Enabled": True}
    assert said["BillingMode"] == "PAY_PER_REQUEST"
    assert said["PointInTimeRecoverySpecification"] == {
        "PointInTimeRecoveryEnabled": True,
        "RecoveryPeriodInDays": {"Ref": "RecoveryDays"},
    }


def test_the_sweep_stops_before_its_function_is_stopped_and_the_next_begins() -> None:
    properties = FUNCTIONS["SweeperFunction"]["Properties"]
    assert properties["Events"]["EveryMinute"]["Properties"]["ScheduleExpression"] == "rate(1 minute)"
    assert properties["Timeout"] - SWEEP_MARGIN_S < 60


def test_nothing_in_the_bucket_outlives_its_day() -> None:
    properties = RESOURCES["Bucket"]["Properties"]
    (rule,) = properties["LifecycleConfiguration"]["Rules"]
    assert rule["ExpirationInDays"] == 1
    assert rule["Status"] == "Enabled"
    assert not {"Prefix", "Filter", "TagFilters"} & set(rule), "a rule for some of it leaves the rest"
    assert "VersioningConfiguration" not in properties
    assert all(properties["PublicAccessBlockConfiguration"].values())


def test_the_painters_to_choose_from_are_those_of_the_endpoint() -> None:
    parameter = TEMPLATE["Parameters"]["Painter"]
    assert tuple(parameter["AllowedValues"]) == names_on(PainterHost.ENDPOINT)
    assert parameter["Default"] == EndpointSettings.model_fields["painter"].default


def test_outcomes_lie_where_they_are_looked_for() -> None:
    output = RESOURCES["AsyncConfig"]["Properties"]["AsyncInferenceConfig"]["OutputConfig"]
    assert output["S3OutputPath"] == {"Fn::Sub": "s3://${Bucket}/" + DONE_PREFIX}
    assert output["S3FailurePath"] == {"Fn::Sub": "s3://${Bucket}/" + FAILED_PREFIX}


def test_the_sweep_takes_no_job_that_the_real_time_function_may_still_end() -> None:
    function = FUNCTIONS["RealtimeFunction"]["Properties"]
    longest = function["EventInvokeConfig"]["MaximumEventAgeInSeconds"] + function["Timeout"]
    assert longest < REALTIME_BOUND_S
    # The service model of Lambda: an event is kept for at least 60 s.
    assert function["EventInvokeConfig"]["MaximumEventAgeInSeconds"] >= 60


def test_what_the_real_time_function_drops_comes_to_the_completion_function() -> None:
    config = FUNCTIONS["RealtimeFunction"]["Properties"]["EventInvokeConfig"]
    assert config["DestinationConfig"]["OnFailure"] == {"Type": "SNS", "Destination": {"Ref": "CompletionTopic"}}
    assert RESOURCES["CompletionSubscription"]["Properties"]["TopicArn"] == {"Ref": "CompletionTopic"}
    may_publish = [one for one in statements("RealtimeRole") if one["Action"] == "sns:Publish"]
    assert [one["Resource"] for one in may_publish] == [{"Ref": "CompletionTopic"}]


@pytest.mark.parametrize("role", ["ApiRole", "CompletionRole", "SweeperRole", "RealtimeRole"])
def test_whoever_sends_a_job_may_call_the_asynchronous_endpoint(role: str) -> None:
    allowed = {statement["Sid"]: statement for statement in statements(role)}
    assert allowed["Enqueue"]["Action"] == "sagemaker:InvokeEndpointAsync"
    # The place of a message that is too long for the call.
    assert any("s3:PutObject" in statement["Action"] for statement in statements(role))


def test_functions_may_touch_the_names_that_they_use() -> None:
    """A role that reaches some of the bucket reaches what lies under one of our prefixes, and all of it."""
    reached = {
        (role, statement["Sid"], statement["Resource"]["Fn::Sub"].removeprefix("${Bucket.Arn}/"))
        for role, body in RESOURCES.items()
        if body["Type"] == "AWS::IAM::Role" and "Policies" in body["Properties"]
        for statement in statements(role)
        if isinstance(statement["Resource"], dict) and "${Bucket.Arn}/" in statement["Resource"].get("Fn::Sub", "")
    }
    assert {one for one in reached if one[2] != "*"} == {
        ("CompletionRole", "Outcomes", OUTCOMES_PREFIX + "*"),
        ("CompletionRole", "Inputs", INPUTS_PREFIX + "*"),
        ("SweeperRole", "Outcomes", OUTCOMES_PREFIX + "*"),
        ("SweeperRole", "Inputs", INPUTS_PREFIX + "*"),
        ("RealtimeRole", "Inputs", INPUTS_PREFIX + "*"),
        ("PainterRole", "Inputs", INPUTS_PREFIX + "*"),
        ("PainterRole", "Outcomes", OUTCOMES_PREFIX + "*"),
        ("PainterRole", "Results", re.sub(r"\w", "?", str(UUID(int=0))) + ".*"),
    }


@pytest.mark.parametrize("role", [name for name, body in RESOURCES.items() if body["Type"] == "AWS::IAM::Role"])
def test_roles_may_do_no_more_than_they_must(role: str) -> None:
    if "Policies" not in RESOURCES[role]["Properties"]:
        return
    for statement in statements(role):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not any("*" in action for action in actions), statement
        if statement["Resource"] == "*":
            assert actions in (["ecr:GetAuthorizationToken"], ["cloudwatch:PutMetricData"])


def test_every_log_is_kept_as_long_as_was_chosen() -> None:
    groups = {name: body["Properties"] for name, body in RESOURCES.items() if body["Type"] == "AWS::Logs::LogGroup"}
    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups.values())
    written = {name for name, body in RESOURCES.items() if body["Type"] == "AWS::SageMaker::Endpoint"}
    assert {RESOURCES[name]["DependsOn"] for name in written} <= set(groups)
    # Made by a service itself, a group is kept for ever.
    for name, body in FUNCTIONS.items():
        assert body["Properties"]["LoggingConfig"]["LogGroup"]["Ref"] in groups, name


def test_gateway_answers_have_the_contracts_shape() -> None:
    for response in RESOURCES["RestApi"]["Properties"]["GatewayResponses"].values():
        body = json.loads(response["ResponseTemplates"]["application/json"])
        assert set(body) == {"status", "detail", "message", "code", "error_code", "field"}
        kind = ERROR_KINDS[ErrorCode(body["error_code"])]
        assert body["code"] == response["StatusCode"] == kind.status
        assert body["message"] == kind.message
        headers = response["ResponseParameters"]["Headers"]
        assert headers["Cache-Control"] == "'no-store'"
        exposed = {name.strip() for name in headers["Access-Control-Expose-Headers"].strip("'").split(",")}
        # What every answer tells, a page may read (docs/facts/wire.md#headers).
        assert {CORRELATION_ID, RATE_LIMIT, RATE_AVAILABLE, RATE_RESET, CREDIT_AVAILABLE, RETRY_AFTER} == exposed
        assert exposed - {RETRY_AFTER} <= set(headers)
        assert (RETRY_AFTER in headers) == kind.retry_after
    # Other failures of the integration are no word about the size of a body.
    assert "INTEGRATION_FAILURE" not in RESOURCES["RestApi"]["Properties"]["GatewayResponses"]
    large = RESOURCES["RestApi"]["Properties"]["GatewayResponses"]["REQUEST_TOO_LARGE"]
    assert "/v1/uploads" in large["ResponseTemplates"]["application/json"]
    assert RESOURCES["RestApi"]["Properties"]["BinaryMediaTypes"] == ["multipart~1form-data"]


def test_every_alarm_has_its_page_in_the_runbook_and_every_page_its_alarm() -> None:
    alarms = {name for name, body in RESOURCES.items() if body["Type"] == "AWS::CloudWatch::Alarm"}
    runbook = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8").partition("## When an alarm goes off")[2]
    pages = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##)", runbook, re.MULTILINE | re.DOTALL))
    assert set(pages) == alarms
    assert all(len(text.strip()) > 40 for text in pages.values())


def test_operators_commands_find_what_they_read_among_the_outputs() -> None:
    outputs = TEMPLATE["Outputs"]
    assert {"Url", "TableName", "BucketName", "EndpointName", "DeadLettersUrl"} <= set(outputs)
    assert all("Condition" not in outputs[name] for name in ("TableName", "BucketName", "EndpointName"))
    assert outputs["DeadLettersUrl"]["Value"] == {"Ref": "CompletionDeadLetters"}
    for function, log in (("api", "ApiLog"), ("completion", "CompletionLog"), ("sweeper", "SweeperLog")):
        assert RESOURCES[log]["Properties"]["LogGroupName"] == {"Fn::Sub": "/aws/lambda/${AWS::StackName}-" + function}
