"""What AWS refuses an operator, in one line with the way out."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore import exceptions as boto
from outpaint_contracts.errors import ErrorCode, OutpaintError

from outpaint_functions.aws.errors import TRANSIENT, code_of
from outpaint_functions.operations.deployment import StackName

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
