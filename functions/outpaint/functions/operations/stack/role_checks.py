"""Whether a stack's roles may do what the service does with them, as IAM simulates it."""

from __future__ import annotations

from typing import Final, NamedTuple
from uuid import UUID

from botocore.exceptions import ClientError

from outpaint.contracts.storage_names import file_id
from outpaint.functions.aws.aws_clients import code_of
from outpaint.functions.operations.checkup import CheckFinding, fault, not_checked, ok
from outpaint.functions.operations.stack.stack_connection import DENIED
from outpaint.functions.operations.stack.stack_endpoint import log_groups
from outpaint.functions.operations.stack.stack_parts import StackParts


class Right(NamedTuple):
    """Actions that a role needs on a resource, whose ARN is a format of the words that `_words` has."""

    role: str
    resource: str
    actions: tuple[str, ...]


_LEDGER: Final = ("dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem")
_BUCKET: Final = "arn:{partition}:s3:::{bucket}"
_A_RESULT: Final = file_id(str(UUID(int=0)), "jpg")
_QUEUED: Final = ("sagemaker:InvokeEndpointAsync",)
RIGHTS: Final = (
    *(Right(f"{name}Role", "{table}", _LEDGER) for name in ("Api", "Completion", "Sweeper", "Realtime")),
    *(Right(f"{name}Role", _BUCKET, ("s3:ListBucket",)) for name in ("Api", "Completion", "Sweeper", "Painter")),
    *(
        Right(f"{name}Role", "{" + name.lower() + "_log}:log-stream:x", ("logs:CreateLogStream", "logs:PutLogEvents"))
        for name in ("Api", "Completion", "Sweeper", "Realtime", "Painter")
    ),
    Right("ApiRole", "{table}", ("dynamodb:PutItem",)),
    Right("ApiRole", _BUCKET + "/inputs/x", ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")),
    Right("ApiRole", "{realtime_function}", ("lambda:InvokeFunction",)),
    Right("ApiRole", "{operator_settings}/x", ("ssm:GetParameters",)),
    Right("CompletionRole", "{queue}", ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")),
    *(Right(f"{name}Role", _BUCKET + "/outcomes/x", ("s3:GetObject",)) for name in ("Completion", "Sweeper")),
    *(
        Right(f"{name}Role", _BUCKET + "/inputs/x", ("s3:PutObject", "s3:DeleteObject"))
        for name in ("Completion", "Sweeper", "Realtime")
    ),
    *(Right(f"{name}Role", "{endpoint}", _QUEUED) for name in ("Api", "Completion", "Sweeper", "Realtime")),
    Right("SweeperRole", "{table}/index/unended", ("dynamodb:Query",)),
    Right("SweeperRole", "{table}", ("dynamodb:BatchGetItem",)),
    Right("RealtimeRole", "{realtime_endpoint}", ("sagemaker:InvokeEndpoint",)),
    Right("RealtimeRole", "{topic}", ("sns:Publish",)),
    Right("PainterRole", _BUCKET + "/inputs/x", ("s3:GetObject",)),
    Right("PainterRole", _BUCKET + "/outcomes/x", ("s3:GetObject", "s3:PutObject")),
    Right("PainterRole", f"{_BUCKET}/{_A_RESULT}", ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")),
    Right("PainterRole", "{weights}x", ("s3:GetObject",)),
    Right("PainterRole", "{weights_bucket}", ("s3:ListBucket",)),
    Right("PainterRole", "{topic}", ("sns:Publish",)),
    Right("PainterRole", "{repository}", ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")),
    Right("PainterRole", "*", ("ecr:GetAuthorizationToken",)),
)
"""What each role needs (template.yaml); one that a stack has not is passed over, as is a resource that it has not."""


def roles(parts: StackParts) -> CheckFinding:
    """Simulates what each role needs, permissions boundaries and the organization's policies included."""
    words = _words(parts)
    iam, checked = parts.client("iam"), set()
    refused: list[str] = []
    for right in RIGHTS:
        role = parts.resource(right.role)
        try:
            resource = right.resource.format_map(words)
        except KeyError:
            continue
        if role is None:
            continue
        checked.add(role)
        arn = f"arn:{words['partition']}:iam::{words['account']}:role/{role}"
        try:
            answer = iam.simulate_principal_policy(
                PolicySourceArn=arn, ActionNames=list(right.actions), ResourceArns=[resource]
            )
        except ClientError as error:
            if code_of(error) in DENIED:
                return not_checked("these credentials may not simulate roles", "ask for iam:SimulatePrincipalPolicy")
            raise
        refused += [
            f"{right.role} may not {each['EvalActionName']} on {resource}{_by(each)}"
            for each in answer["EvaluationResults"]
            if each["EvalDecision"] != "allowed"
        ]
    if refused:
        more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
        return fault(refused[0] + more, "deploy the stack again, or ask who looks after the account to allow it")
    return ok(f"{len(checked)} roles may do what they do")


def _by(result: dict[str, object]) -> str:
    """What else than the role's own policy refuses an action, if that is known."""
    organization = result.get("OrganizationsDecisionDetail")
    if isinstance(organization, dict) and not organization.get("AllowedByOrganizations", True):
        return ", by the organization's policy"
    boundary = result.get("PermissionsBoundaryDecisionDetail")
    if isinstance(boundary, dict) and not boundary.get("AllowedByPermissionsBoundary", True):
        return ", by its permissions boundary"
    return ""


def _words(parts: StackParts) -> dict[str, str]:
    """What the resources' ARNs are made of; what the stack has not is left out."""
    connection, account = parts.connection, parts.identity["Account"]
    partition, region = connection.session.get_partition_for_region(connection.region), connection.region

    def arn(service: str, rest: str) -> str:
        return f"arn:{partition}:{service}:{region}:{account}:{rest}"

    words = {
        "partition": partition,
        "account": account,
        "bucket": parts.output("BucketName"),
        "table": arn("dynamodb", f"table/{parts.output('TableName')}"),
        "queue": arn("sqs", parts.output("CompletionQueueUrl").rpartition("/")[2]),
        "topic": parts.output("CompletionTopicArn"),
        "endpoint": arn("sagemaker", f"endpoint/{parts.endpoints[0].lower()}"),
    }
    words |= {f"{name}_log": arn("logs", f"log-group:{group}") for name, group in log_groups(connection).items()}
    if parts.parameters.get("OperatorSettings") == "true":
        words["operator_settings"] = arn("ssm", f"parameter/{connection.stack.name}")
    function = parts.resource("RealtimeFunction")
    if function is not None and len(parts.endpoints) > 1:
        words["realtime_function"] = arn("lambda", f"function:{function}")
        words["realtime_endpoint"] = arn("sagemaker", f"endpoint/{parts.endpoints[1].lower()}")
    model = parts.models[0]
    if model.weights_at is not None:
        bucket, prefix = model.weights_at
        words["weights_bucket"] = f"arn:{partition}:s3:::{bucket}"
        words["weights"] = f"arn:{partition}:s3:::{bucket}/{prefix}"
    if (image := model.in_ecr) is not None:
        words["repository"] = (
            f"arn:{partition}:ecr:{image['region']}:{image['account']}:repository/{image['repository']}"
        )
    return words
