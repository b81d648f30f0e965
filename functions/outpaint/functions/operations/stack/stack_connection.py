"""Connects to a stack, and turns what AWS refuses into one line that says what to do."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from botocore import exceptions as boto
from botocore.config import Config
from botocore.session import Session, get_session

from outpaint.contracts.errors import OutpaintError
from outpaint.functions.aws.aws_clients import TRANSIENT, code_of
from outpaint.functions.operations.deployment import StackName

# Long enough for a throttled call to be repeated; half a minute where nothing answers, for a person waits.
_PATIENCE: Final = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 4})
_OURS: Final = frozenset({"TableName", "BucketName", "EndpointName"})
_NEVER_MADE: Final = frozenset({"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"})
_BEGINNINGS: Final = frozenset({"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "REVIEW_IN_PROGRESS"})
_SIGN_IN: Final = "run `aws sso login` or `aws configure`, or name a profile with --profile"
_EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
_UNKNOWN: Final = frozenset(
    {
        "AuthFailure",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
DENIED: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "NotAuthorized", "UnauthorizedOperation", "AuthorizationError", "403"}
)
"""Error codes of calls that the credentials may not make, by whichever service."""
_GONE: Final = frozenset(
    {
        "AWS.SimpleQueueService.NonExistentQueue",
        "NoSuchBucket",
        "NoSuchEntity",
        "NotFound",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
    }
)


@contextmanager
def _explained(stack: StackName) -> Iterator[None]:
    """Turn whatever AWS raises in the block, or our adapters raise because of it, into `OutpaintError` UNAVAILABLE."""
    # The service logs what AWS answered for its operator; here the operator sees it.
    log = logging.getLogger("outpaint.aws")
    silenced, log.disabled = log.disabled, True
    try:
        yield
    except (boto.ClientError, boto.BotoCoreError, OutpaintError) as error:
        cause = error.__cause__ if isinstance(error, OutpaintError) else error
        if isinstance(cause, boto.ClientError | boto.BotoCoreError):
            raise OutpaintError.unavailable(explanation(cause, stack)) from error
        raise
    finally:
        log.disabled = silenced


def is_gone(error: boto.ClientError) -> bool:
    """Whether AWS says that what was asked about is not there; SageMaker says so by words alone."""
    message = str(error.response.get("Error", {}).get("Message", ""))
    return code_of(error) in _GONE or (code_of(error) == "ValidationException" and message.startswith("Could not find"))


def explanation(error: boto.ClientError | boto.BotoCoreError, stack: StackName) -> str:
    """What AWS's error means to the operator of a stack, and the way out, in one line."""
    return _refusal(error, stack) if isinstance(error, boto.ClientError) else _failure(error, stack)


def _refusal(error: boto.ClientError, stack: StackName) -> str:
    code, call = code_of(error), error.operation_name
    if code in _EXPIRED:
        return f"your AWS sign-in has expired: {_SIGN_IN}"
    if code in _UNKNOWN:
        return f"AWS does not know these credentials, or not in this region ({code}): {_SIGN_IN}, and look at --region"
    if code in DENIED:
        return f"these credentials may not call {call}: ask for what docs/deploy.md lists, or choose another --profile"
    if is_gone(error):
        return f"what {call} asks for is gone, though the stack {stack.name} names it: was it deleted by hand?"
    if code in TRANSIENT:
        return f"AWS does not take {call} just now ({code}): try again in a minute"
    message = str(error.response.get("Error", {}).get("Message", "")) or code
    return f"AWS refuses {call}: {message}"


def _failure(error: boto.BotoCoreError, stack: StackName) -> str:
    match error:
        case boto.ProfileNotFound():
            return f"there is no AWS profile {stack.profile!r}: `aws configure list-profiles` shows what there is"
        case boto.UnauthorizedSSOTokenError() | boto.SSOTokenLoadError() | boto.TokenRetrievalError():
            return f"your AWS sign-in has expired: {_SIGN_IN}"
        case boto.NoCredentialsError() | boto.PartialCredentialsError() | boto.CredentialRetrievalError():
            return f"no usable AWS credentials were found: {_SIGN_IN}"
        case boto.NoRegionError():
            return "no AWS region is set: name the stack's with --region, such as --region eu-west-1"
        case boto.InvalidRegionError():
            return f"{stack.region!r} is no AWS region: name the stack's with --region, such as --region eu-west-1"
        case boto.HTTPClientError() | boto.ConnectionError():
            return f"AWS cannot be reached: check the network, and that {stack.region or 'the region'} is one ({error})"
        case _:
            return f"AWS cannot be asked: {error}"


@dataclass(frozen=True, slots=True)
class StackConnection:
    """A stack's outputs, read once, and the session that read them."""

    stack: StackName
    region: str
    outputs: Mapping[str, str]
    session: Session

    def client(self, service: str) -> Any:
        """botocore's client of a service, by botocore's name for it."""
        return self.session.create_client(service, config=_PATIENCE)

    def output(self, name: str) -> str:
        """An output that older stacks may lack; raises `OutpaintError` where it does."""
        value = self.outputs.get(name)
        if value is None:
            raise OutpaintError.unavailable(
                f"the stack {self.stack.name} has no output {name}: deploy this release's template first"
            )
        return value


@contextmanager
def connected(stack: StackName) -> Iterator[StackConnection]:
    """The stack, for as long as the block runs.

    Raises `OutpaintError` UNAVAILABLE with one line that says what to do, for what AWS refuses here or in the block: no
    credentials, expired, not allowed, no such stack, another region.
    """
    with _explained(stack):
        session = get_session()
        # Setting None would hide what the environment and the configuration file say.
        for variable, value in (("profile", stack.profile), ("region", stack.region)):
            if value is not None:
                session.set_config_variable(variable, value)
        client = session.create_client("cloudformation", config=_PATIENCE)
        region: str = client.meta.region_name
        yield StackConnection(stack, region, _outputs(client, stack.name, region), session)


def _outputs(client: Any, name: str, region: str) -> dict[str, str]:
    try:
        (found,) = client.describe_stacks(StackName=name)["Stacks"]
    except boto.ClientError as error:
        if code_of(error) != "ValidationError":
            raise
        others = _others(client)
        hint = f"there is {', '.join(others)}" if others else "choose another --region or --profile"
        raise OutpaintError.unavailable(f"there is no stack {name} in {region}: {hint}") from None
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
    if found["StackStatus"] in _NEVER_MADE:
        raise OutpaintError.unavailable(
            f"the first deployment of the stack {name} failed ({found['StackStatus']}): {first_failure(client, name)}; "
            "mend that, delete what is left by `sam delete`, and deploy again"
        )
    if not outputs.keys() >= _OURS:
        if found["StackStatus"].endswith("_IN_PROGRESS"):
            raise OutpaintError.unavailable(f"the stack {name} is {found['StackStatus']}: wait for it to end")
        raise OutpaintError.unavailable(
            f"the stack {name} ({found['StackStatus']}) was not made by outpaint-kit's template.yaml: "
            "it does not say where its table, bucket and endpoint are"
        )
    return outputs


def first_failure(client: Any, name: str) -> str:
    """What failed first in a stack's latest change, and why, by `client` of CloudFormation."""
    failed = None
    for page in client.get_paginator("describe_stack_events").paginate(StackName=name):
        for event in page["StackEvents"]:  # the newest first
            if event["ResourceStatus"].endswith("_FAILED") and "cancelled" not in event.get("ResourceStatusReason", ""):
                failed = event
            if failed and event["LogicalResourceId"] == name and event["ResourceStatus"] in _BEGINNINGS:
                return f"{failed['LogicalResourceId']}: {failed.get('ResourceStatusReason', 'no reason is given')}"
    if failed is None:
        return "its events tell no reason"
    return f"{failed['LogicalResourceId']}: {failed.get('ResourceStatusReason', 'no reason is given')}"


def _others(client: Any) -> list[str]:
    """The outpaint-kit stacks that there are, as a hint; raises nothing."""
    with contextlib.suppress(boto.ClientError, boto.BotoCoreError):
        found = client.describe_stacks()["Stacks"]
        return [each["StackName"] for each in found if {o["OutputKey"] for o in each.get("Outputs", [])} >= _OURS]
    return []
