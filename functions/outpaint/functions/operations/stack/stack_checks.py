"""The table of what `outpaint doctor --stack` checks, and the checks of what is not the painter's."""

from __future__ import annotations

import json
from typing import Any, Final

from botocore.exceptions import ClientError

from outpaint.functions.aws.aws_clients import code_of
from outpaint.functions.aws.operator_settings import operated, parameter_names
from outpaint.functions.operations.checkup import Check, CheckFinding, fault, not_checked, ok, warning, worst
from outpaint.functions.operations.stack import painter_checks, role_checks
from outpaint.functions.operations.stack.stack_connection import first_failure
from outpaint.functions.operations.stack.stack_deployment import recovery_days
from outpaint.functions.operations.stack.stack_endpoint import DeadLetters, log_groups
from outpaint.functions.operations.stack.stack_parts import StackParts
from outpaint.functions.operations.stack.web_requests import UnreachableError, ask
from outpaint.functions.service.service import ServiceSettings

_ENOUGH_CONCURRENCY: Final = 1000
_AGAIN: Final = "deploy the stack again"
_PARTS_RIGHTS: Final = ("cloudformation:ListStackResources",)
_FUNCTIONS: Final = ("ApiFunction", "CompletionFunction", "SweeperFunction", "RealtimeFunction")
"""Logical ids (template.yaml); a stack without a real-time endpoint has not the last."""


def _stack(parts: StackParts) -> CheckFinding:
    status = parts.description["StackStatus"]
    name = parts.connection.stack.name
    who = f"account {parts.identity['Account']}, {parts.connection.region}"
    if status.endswith("_IN_PROGRESS"):
        return warning(f"{name} is {status}", "wait for it to end, then ask again")
    if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"):
        return ok(f"{name} is {status} ({who})")
    why = first_failure(parts.client("cloudformation"), name)
    if status == "UPDATE_ROLLBACK_COMPLETE":
        return warning(f"the last deployment was taken back: {why}", "mend that and deploy again")
    stuck = status == "UPDATE_ROLLBACK_FAILED"
    return fault(
        f"{name} is {status}: {why}",
        f"aws cloudformation continue-update-rollback --stack-name {name}" if stuck else f"mend that and {_AGAIN}",
    )


def _lambda_concurrency(parts: StackParts) -> CheckFinding:
    limit = parts.client("lambda").get_account_settings()["AccountLimit"]
    runs, free = limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"]
    says = f"{runs:,} functions may run at a time, {free:,} of them unreserved"
    if runs < _ENOUGH_CONCURRENCY:
        return warning(
            f"{says}; a request that waits holds one",
            f"ask for {_ENOUGH_CONCURRENCY:,}: aws service-quotas request-service-quota-increase --service-code lambda "
            f"--quota-code L-B99A9384 --desired-value {_ENOUGH_CONCURRENCY}",
        )
    return ok(says)


def _settings(parts: StackParts) -> CheckFinding:
    given = parts.parameters
    wait = int(given["SyncWait"])
    deployed = ServiceSettings(credits_per_image=int(given["CreditsPerImage"]), sync_wait=wait, max_wait=wait)
    if given.get("OperatorSettings") != "true":
        return ok(_priced(deployed) + ", by the template's parameters")
    names = parameter_names(f"/{parts.connection.stack.name}")
    found = parts.client("ssm").get_parameters(Names=list(names))["Parameters"]
    settings, wrong = operated(deployed, {names[each["Name"]]: each["Value"] for each in found})
    by_setting = {setting: name for name, setting in names.items()}
    return worst(
        [
            fault(
                f"{by_setting[setting]} is no value, the deployment's holds: {why}",
                f"aws ssm put-parameter --overwrite --type String --name {by_setting[setting]} --value NUMBER",
            )
            for setting, why in wrong.items()
        ],
        f"{_priced(settings)}; {len(found)} of {len(names)} by an operator's parameters",
    )


def _priced(settings: ServiceSettings) -> str:
    return f"{settings.credits_per_image} credits a picture, waits of up to {settings.sync_wait} s"


def _functions(parts: StackParts) -> CheckFinding:
    client, findings, names = parts.client("lambda"), [], []
    for logical_id in _FUNCTIONS:
        name = parts.resource(logical_id)
        if name is None:
            continue
        names.append(name)
        # Requests go to the alias, which may stay with a version from before.
        qualifier = {"Qualifier": "live"} if logical_id == "ApiFunction" else {}
        said = client.get_function_configuration(FunctionName=name, **qualifier)
        if said.get("State", "Active") not in ("Active", "Inactive"):
            why = said.get("StateReason", said["State"])
            findings.append(fault(f"{name} cannot run: {why}", _AGAIN))
        elif said.get("LastUpdateStatus", "Successful") == "Failed":
            why = said.get("LastUpdateStatusReason", "no reason is given")
            findings.append(fault(f"the last change of {name} failed: {why}", _AGAIN))
        snapshot = said.get("SnapStart", {})
        if qualifier and snapshot.get("ApplyOn") == "PublishedVersions" and snapshot["OptimizationStatus"] != "On":
            findings.append(warning(f"{name} has no snapshot to start from", f"{_AGAIN}, or choose SnapStart=None"))
    return worst(findings, f"{', '.join(names)}: ready")


def _front_door(parts: StackParts) -> CheckFinding:
    url = parts.output("Url").rstrip("/") + "/health"
    try:
        status, _ = ask("GET", url)
    except UnreachableError as error:
        return not_checked(f"{url} cannot be reached from here: {error}", "ask from where clients are")
    if status != 200:
        log = log_groups(parts.connection)["api"]
        return fault(f"{url} answers {status}", f"look at the log: aws logs tail {log} --since 1h")
    return ok(f"{url} answers")


def _table(parts: StackParts) -> CheckFinding:
    client, name = parts.client("dynamodb"), parts.output("TableName")
    said = client.describe_table(TableName=name)["Table"]
    indexes = said.get("GlobalSecondaryIndexes", [])
    states = {said["TableStatus"], *(each.get("IndexStatus", "ACTIVE") for each in indexes)}
    if not states <= {"ACTIVE", "UPDATING"}:
        return fault(f"{name} is {', '.join(sorted(states - {'ACTIVE'}))}", "wait for it to be ACTIVE, then ask again")
    forgets = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if forgets.get("AttributeName") != "purge_at" or forgets["TimeToLiveStatus"] not in ("ENABLED", "ENABLING"):
        on = "Enabled=true,AttributeName=purge_at"
        return fault(
            f"{name} deletes nothing by itself, prompts included",
            f"aws dynamodb update-time-to-live --table-name {name} --time-to-live-specification {on}",
        )
    days = recovery_days(client, name)
    if days is None:
        return warning(f"{name} cannot be restored: credits would be lost with it", _AGAIN)
    return ok(f"{name} is active, forgets by purge_at, and can be restored for {days} days")


def _bucket(parts: StackParts) -> CheckFinding:
    s3, name = parts.client("s3"), parts.output("BucketName")
    try:
        rules = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    except ClientError as error:
        if code_of(error) != "NoSuchLifecycleConfiguration":
            raise
        rules = []
    whole = [
        rule["Expiration"]["Days"]
        for rule in rules
        if rule["Status"] == "Enabled" and "Days" in rule.get("Expiration", {}) and not _narrowed(rule)
    ]
    if not whole:
        return fault(f"{name} keeps pictures for ever: no rule expires all of its objects", _AGAIN)
    if s3.get_bucket_versioning(Bucket=name).get("Status"):
        return fault(f"{name} keeps versions of what was deleted", "suspend its versioning and delete the versions")
    try:
        blocked = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    except ClientError as error:
        if code_of(error) != "NoSuchPublicAccessBlockConfiguration":
            raise
        blocked = {}
    if not blocked or not all(blocked.values()):
        return fault(f"{name} may be opened to the public", _AGAIN)
    return ok(f"{name} is private, keeps no versions, and forgets after {min(whole)} day(s)")


def _narrowed(rule: dict[str, Any]) -> bool:
    """Whether a lifecycle rule is for some objects only."""
    return bool(rule.get("Prefix")) or any(rule.get("Filter", {}).values())


def _completions(parts: StackParts) -> CheckFinding:
    queue, topic = parts.output("CompletionQueueUrl"), parts.output("CompletionTopicArn")
    names = ["QueueArn", "Policy"]
    said = parts.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    arn = said["QueueArn"]
    pages = parts.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    found = [each for page in pages for each in page["Subscriptions"] if each["Endpoint"] == arn]
    if not found:
        return fault("the topic of completions does not tell the queue: jobs end by the sweep alone", _AGAIN)
    if not found[0]["SubscriptionArn"].startswith("arn:"):
        return fault(f"the queue's subscription is {found[0]['SubscriptionArn']}", _AGAIN)
    allowed = [
        each
        for each in json.loads(said.get("Policy") or '{"Statement": []}')["Statement"]
        if each["Effect"] == "Allow" and "sns.amazonaws.com" in str(each["Principal"]) and topic in str(each)
    ]
    if not allowed:
        return fault("the queue's policy does not let the topic write to it", _AGAIN)
    function = parts.resource("CompletionFunction")
    triggers = parts.client("lambda").list_event_source_mappings(FunctionName=function, EventSourceArn=arn)
    states = {each["UUID"]: each["State"] for each in triggers["EventSourceMappings"]}
    if "Enabled" not in states.values():
        switch_on = f"aws lambda update-event-source-mapping --uuid {next(iter(states), '')} --enabled"
        return fault(
            f"the queue does not start {function}: its trigger is {', '.join(states.values()) or 'gone'}",
            switch_on if states else _AGAIN,
        )
    return ok("topic, queue and function are connected")


def _dead_letters(parts: StackParts) -> CheckFinding:
    number = DeadLetters(parts.connection).depth()
    if not number:
        return ok("there are none")
    name = parts.connection.stack.name
    return warning(
        f"ends of {number} jobs could not be settled", f"outpaint endpoint dead-letters --stack {name} shows them"
    )


def _sweep(parts: StackParts) -> CheckFinding:
    schedules = [id_ for _, id_ in parts.of_type("AWS::Scheduler::Schedule")]
    if not schedules:
        return fault("nothing starts the sweep", _AGAIN)
    # The physical id is the name, with the group before it where it is not the default one.
    said = parts.client("scheduler").get_schedule(Name=schedules[0].rpartition("|")[2])
    if said["State"] != "ENABLED":
        return fault(f"the sweep's schedule is {said['State']}", f"switch {said['Name']} on in EventBridge Scheduler")
    return ok(f"it is started by {said['ScheduleExpression']}")


def _logs(parts: StackParts) -> CheckFinding:
    client, findings = parts.client("logs"), []
    groups = log_groups(parts.connection)
    for what, group in groups.items():
        listed = client.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        found = next((each for each in listed if each["logGroupName"] == group), None)
        if found is None:
            findings.append(warning(f"the {what} has no log group {group}", _AGAIN))
        elif "retentionInDays" not in found:
            days = parts.parameters.get("LogRetentionDays", "30")
            findings.append(
                warning(
                    f"{group} is kept for ever",
                    f"aws logs put-retention-policy --log-group-name {group} --retention-in-days {days}",
                )
            )
    return worst(findings, f"{len(groups)} log groups, each with an end")


def _alarms(parts: StackParts) -> CheckFinding:
    names = {id_: logical_id for logical_id, id_ in parts.of_type("AWS::CloudWatch::Alarm")}
    if not names:
        return fault("the stack has no alarms", _AGAIN)
    pages = parts.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm"])
    found = [each for page in pages for each in page["MetricAlarms"] if each["AlarmName"] in names]
    topic = parts.resource("AlarmTopic")
    # The others start and stop instances, and go off every day.
    told = [each for each in found if topic in each["AlarmActions"]]
    off = [each for each in found if not each.get("ActionsEnabled", True)]
    rings = [names[each["AlarmName"]] for each in told if each["StateValue"] == "ALARM"]
    if len(found) < len(names):
        gone = sorted(set(names) - {each["AlarmName"] for each in found})
        return fault(f"the alarm {names[gone[0]]} is gone", _AGAIN)
    if rings:
        return warning(f"{', '.join(sorted(rings))} went off", f"read docs/deploy.md#{sorted(rings)[0].lower()}")
    if off:
        said = off[0]["AlarmName"]
        return warning(
            f"{names[said]} does nothing when it goes off",
            f"aws cloudwatch enable-alarm-actions --alarm-names {said}",
        )
    return ok(f"none of {len(told)} went off")


def _alarm_mail(parts: StackParts) -> CheckFinding:
    topic = parts.resource("AlarmTopic")
    pages = parts.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    found = [each for page in pages for each in page["Subscriptions"]]
    if not found:
        return warning("nobody is told of alarms", "deploy AlarmEmail=you@example.com")
    waiting = [each["Endpoint"] for each in found if not each["SubscriptionArn"].startswith("arn:")]
    if len(waiting) == len(found):
        return warning(f"{waiting[0]} has not agreed to be told", "open the link in AWS's mail to that address")
    return ok(f"{len(found) - len(waiting)} of {len(found)} addresses have agreed to be told")


STACK_CHECKS: Final[tuple[Check[StackParts], ...]] = (
    Check(
        "stack",
        "the last deployment ended well",
        ("sts:GetCallerIdentity", "cloudformation:DescribeStacks", "cloudformation:DescribeStackEvents"),
        _stack,
    ),
    Check(
        "quota",
        "the account may start as many instances as the endpoints may, twice for a new version",
        ("servicequotas:ListServiceQuotas", "servicequotas:ListAWSDefaultServiceQuotas", *painter_checks.STATUS_RIGHTS),
        painter_checks.quota,
    ),
    Check(
        "lambda-concurrency",
        "enough functions may run at a time",
        ("lambda:GetAccountSettings",),
        _lambda_concurrency,
    ),
    Check(
        "settings",
        "what an operator has set without a deployment is a value, and what holds",
        ("cloudformation:DescribeStacks", "ssm:GetParameters"),
        _settings,
    ),
    Check(
        "image",
        "ECR has the painter's image, in this region and for the instances' architecture",
        (*painter_checks.MODEL_RIGHTS, "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
        painter_checks.image,
    ),
    Check(
        "model-data",
        "the weights' folder is there, in this region, and whole by its manifest",
        (*painter_checks.MODEL_RIGHTS, "s3:ListBucket", "s3:GetObject"),
        painter_checks.model_data,
    ),
    Check(
        "endpoint",
        "each endpoint is in service; why its last change failed",
        painter_checks.STATUS_RIGHTS,
        painter_checks.endpoint,
    ),
    Check(
        "endpoint-output",
        "the asynchronous endpoint writes to the stack's bucket and tells its topic",
        ("sagemaker:DescribeEndpoint", "sagemaker:DescribeEndpointConfig"),
        painter_checks.endpoint_output,
    ),
    Check(
        "scaling",
        "the asynchronous endpoint scales; why its last scaling failed",
        (*painter_checks.STATUS_RIGHTS, *_PARTS_RIGHTS),
        painter_checks.scaling,
    ),
    Check(
        "roles",
        "the functions and the painter may do what they do, whatever else limits their roles",
        (*_PARTS_RIGHTS, "sts:GetCallerIdentity", "iam:SimulatePrincipalPolicy", *painter_checks.MODEL_RIGHTS),
        role_checks.roles,
    ),
    Check(
        "functions", "each function is ready to run", ("lambda:GetFunctionConfiguration", *_PARTS_RIGHTS), _functions
    ),
    Check("front-door", "the API's address answers, from here", (), _front_door),
    Check(
        "table",
        "the table is active, forgets, and can be restored",
        ("dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive", "dynamodb:DescribeContinuousBackups"),
        _table,
    ),
    Check(
        "bucket",
        "the bucket is private, forgets, and keeps no versions",
        ("s3:GetLifecycleConfiguration", "s3:GetBucketVersioning", "s3:GetBucketPublicAccessBlock"),
        _bucket,
    ),
    Check(
        "completions",
        "ends of jobs come from the topic through the queue to the function",
        (
            "sqs:GetQueueAttributes",
            "sns:ListSubscriptionsByTopic",
            "lambda:ListEventSourceMappings",
            *_PARTS_RIGHTS,
        ),
        _completions,
    ),
    Check("dead-letters", "no end of a job is left over", ("sqs:GetQueueAttributes",), _dead_letters),
    Check("sweep", "the sweep is started every minute", ("scheduler:GetSchedule", *_PARTS_RIGHTS), _sweep),
    Check(
        "logs",
        "each log group is there and ends",
        ("logs:DescribeLogGroups", "cloudformation:DescribeStacks"),
        _logs,
    ),
    Check("alarms", "no alarm went off or is gone", ("cloudwatch:DescribeAlarms", *_PARTS_RIGHTS), _alarms),
    Check("alarm-mail", "somebody is told of alarms", ("sns:ListSubscriptionsByTopic", *_PARTS_RIGHTS), _alarm_mail),
)
"""The checks of a stack, in order."""
