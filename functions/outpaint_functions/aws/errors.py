"""What AWS refuses or fails at, as errors that a client can be told."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from outpaint_contracts.errors import ErrorCode, OutpaintError

_LOG: Final = logging.getLogger("outpaint.aws")

PICTURE_STORE: Final = "the picture store"
"""What S3 is called to whoever is told of it."""
_NO_OBJECT: Final = frozenset({"NoSuchKey", "404", "NotFound"})

# Codes that pass by themselves, whichever service says them; so does every HTTP status of 500 and above.
TRANSIENT: Final = frozenset(
    {
        "InternalDependencyException",
        "InternalFailure",
        "InternalServerError",
        "ModelNotReadyException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionCanceledException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)


def code_of(error: ClientError) -> str:
    """The service's own word for what went wrong."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_absent(error: ClientError) -> bool:
    """Whether S3 says that there is no such object."""
    return code_of(error) in _NO_OBJECT


def is_transient(error: Exception) -> bool:
    """Whether the same call may succeed in a moment: throttled, broken on AWS's side, or never answered."""
    if not isinstance(error, ClientError):
        # What botocore itself refuses to send, it will refuse the next time too.
        return isinstance(error, BotoCoreError) and not isinstance(error, ParamValidationError)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return code_of(error) in TRANSIENT or int(status) >= 500 or int(status) == 429


def typed(error: Exception, what: str) -> OutpaintError:
    """The error to tell a client of; the AWS error itself goes into the log, never to a client."""
    detail: Any = error.response if isinstance(error, ClientError) else repr(error)
    if is_transient(error):
        _LOG.warning("%s does not answer: %s", what, detail)
        return OutpaintError(ErrorCode.UNAVAILABLE, f"{what} does not answer just now: try again in a moment")
    _LOG.error("%s refuses us: %s", what, detail)
    return OutpaintError(ErrorCode.INTERNAL, f"{what} refuses this service: its operator has to look at the log")


@contextmanager
def told_as(what: str) -> Iterator[None]:
    """Turn whatever botocore raises inside into an `OutpaintError` UNAVAILABLE or INTERNAL."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise typed(error, what) from error
