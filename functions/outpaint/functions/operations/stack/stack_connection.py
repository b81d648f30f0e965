"""A stack's resources, and AWS's refusals in one line with the way out."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from botocore import exceptions as boto
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session, get_session

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.aws.aws_clients import TRANSIENT, code_of
from outpaint.functions.operations.deployment import StackName

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
_DENIED: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "NotAuthorized", "UnauthorizedOperation", "AuthorizationError", "403"}
)
_GONE: Final = frozenset(
    {"ResourceNotFoundException", "NoSuchBucket", "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"}
)


@contextmanager
def explained(stack: StackName) -> Iterator[None]:
    """Turn whatever AWS raises in the block, or the stack's own parts raise because of it, into one line.

    Raises `OutpaintError` UNAVAILABLE.
    """
    # The service logs what AWS said for the operator to find; here the operator is told.
    log = logging.getLogger("outpaint.aws")
    silenced, log.disabled = log.disabled, True
    try:
        yield
    except (boto.ClientError, boto.BotoCoreError) as error:
        raise _told(error, stack) from error
    except OutpaintError as error:
        if not isinstance(error.__cause__, boto.ClientError | boto.BotoCoreError):
            raise
        raise _told(error.__cause__, stack) from error
    finally:
        log.disabled = silenced


def _told(error: boto.ClientError | boto.BotoCoreError, stack: StackName) -> OutpaintError:
    line = _refusal(error, stack) if isinstance(error, boto.ClientError) else _failure(error, stack)
    return OutpaintError(ErrorCode.UNAVAILABLE, line)


def _refusal(error: boto.ClientError, stack: StackName) -> str:
    code, call = code_of(error), error.operation_name
    if code in _EXPIRED:
        return f"your AWS sign-in has expired: {_SIGN_IN}"
    if code in _UNKNOWN:
        return f"AWS does not know these credentials, or not in this region ({code}): {_SIGN_IN}, and look at --region"
    if code in _DENIED:
        return f"these credentials may not call {call}: ask for what docs/deploy.md lists, or choose another --profile"
    if code in _GONE:
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


# A person waits: patient enough for a throttled call, and over in half a minute where nobody answers.
_PATIENCE: Final = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 4})
_OURS: Final = frozenset({"TableName", "BucketName", "EndpointName"})


@dataclass(frozen=True, slots=True)
class StackConnection:
    """A stack's outputs, read once, and the session that read them."""

    name: str
    region: str
    outputs: Mapping[str, str]
    session: Session

    def client(self, service: str) -> Any:
        """botocore's client of a service, by botocore's name for it."""
        return self.session.create_client(service, config=_PATIENCE)

    def output(self, name: str) -> str:
        """An output that older stacks may lack; raises `OutpaintError` with the way out."""
        value = self.outputs.get(name)
        if value is None:
            raise _unavailable(f"the stack {self.name} has no output {name}: deploy this release's template first")
        return value


@contextmanager
def connected(stack: StackName) -> Iterator[StackConnection]:
    """The stack, for as long as the block runs; whatever AWS says to the block comes out in one line.

    Raises `OutpaintError` UNAVAILABLE: no credentials, expired, not allowed, no such stack, another region.
    """
    with explained(stack):
        session = get_session()
        # Setting None would hide what the environment and the configuration file say.
        for variable, value in (("profile", stack.profile), ("region", stack.region)):
            if value is not None:
                session.set_config_variable(variable, value)
        client = session.create_client("cloudformation", config=_PATIENCE)
        region: str = client.meta.region_name
        yield StackConnection(stack.name, region, _outputs(client, stack.name, region), session)


def _outputs(client: Any, name: str, region: str) -> dict[str, str]:
    try:
        (found,) = client.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if code_of(error) != "ValidationError":
            raise
        others = _others(client)
        hint = f"there is {', '.join(others)}" if others else "choose another --region or --profile"
        raise _unavailable(f"there is no stack {name} in {region}: {hint}") from None
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
    if not outputs.keys() >= _OURS:
        if found["StackStatus"].endswith("_IN_PROGRESS"):
            raise _unavailable(f"the stack {name} is {found['StackStatus']}: wait for it to end")
        raise _unavailable(
            f"the stack {name} ({found['StackStatus']}) was not made by outpaint-kit's template.yaml: "
            "it does not say where its table, bucket and endpoint are"
        )
    return outputs


def _others(client: Any) -> list[str]:
    """Stacks here that are outpaint-kit's, as a hint to whoever mistyped: no error of its own."""
    with contextlib.suppress(ClientError, BotoCoreError):
        found = client.describe_stacks()["Stacks"]
        return [each["StackName"] for each in found if {o["OutputKey"] for o in each.get("Outputs", [])} >= _OURS]
    return []


def _unavailable(detail: str) -> OutpaintError:
    return OutpaintError(ErrorCode.UNAVAILABLE, detail)
