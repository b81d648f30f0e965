"""botocore's clients, and what their errors mean."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.session import Session, get_session

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.service.service import MAX_SWEEP_THREADS

_LOG: Final = logging.getLogger("outpaint.aws")

PICTURE_STORE: Final = "the picture store"
"""What messages for clients call S3."""


def _config(read_timeout: int, attempts: int, **more: Any) -> Config:
    return Config(
        connect_timeout=1,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=MAX_SWEEP_THREADS,
        **more,
    )


# Only queues the job. A repeat may queue it twice, which costs GPU seconds and changes nothing: both write the
# same files, and a job ends once.
_QUEUE: Final = _config(5, 3)
_CONFIGS: Final = {
    # A call to DynamoDB takes milliseconds: one that takes a second is lost, and repeating it is cheaper than waiting.
    # All writes are conditional, so that a repeat changes nothing (docs/adr/0046). 4 x (1 + 2) s stays under a
    # gateway's 29 s.
    "dynamodb": ("dynamodb", _config(2, 4)),
    # A picture of 32 MiB has to get through: 10 s without a byte is the end of it. A PUT or DELETE may be repeated.
    # The bucket's name in the host, and the region's own host, also in us-east-1: a signed URL on the global host is
    # redirected while a bucket is new, and fails for good in regions that an account has to opt in to
    # (docs/facts/aws.md#storage).
    "s3": (
        "s3",
        _config(
            10,
            3,
            signature_version="s3v4",
            s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
        ),
    ),
    "queue": ("sagemaker-runtime", _QUEUE),
    # The container has 60 s (docs/facts/aws.md#sagemaker). Never repeated here: the asynchronous endpoint is next.
    "realtime": ("sagemaker-runtime", _config(65, 1)),
    "lambda": ("lambda", _QUEUE),
    # A submit waits for it once a minute, and goes on with the last values where it does not answer.
    "parameters": ("ssm", _config(1, 1)),
}
NO_OBJECT: Final = frozenset({"NoSuchKey", "404", "NotFound"})
"""What S3 answers where there is no such object."""
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
"""Error codes that pass by themselves, whichever service answers them; so does every HTTP status from 500 on."""


class Clients:
    """The clients of one process, safe to use from several threads; each is built at its first use.

    botocore itself rather than boto3 on top of it: these are the same clients, and a cold start is spared the
    import of resources and transfers that nothing here uses.
    """

    def __init__(self, session: Session | None = None) -> None:
        self._session = session
        self._lock = threading.Lock()
        self._made: dict[str, Any] = {}

    @cached_property
    def dynamodb(self) -> Any:
        return self._client("dynamodb")

    @cached_property
    def s3(self) -> Any:
        """S3, signing with version 4."""
        return self._client("s3")

    @cached_property
    def queue(self) -> Any:
        """The SageMaker runtime, for asynchronous inference."""
        return self._client("queue")

    @cached_property
    def realtime(self) -> Any:
        """The SageMaker runtime, for real-time inference."""
        return self._client("realtime")

    @cached_property
    def functions(self) -> Any:
        return self._client("lambda")

    @cached_property
    def parameters(self) -> Any:
        """Systems Manager, for the settings that an operator may change."""
        return self._client("parameters")

    def _client(self, name: str) -> Any:
        # From Python 3.12 on a cached property may be made by several threads at once; the sweep begins with sixteen.
        with self._lock:
            if name not in self._made:
                self._session = self._session or get_session()
                service, config = _CONFIGS[name]
                self._made[name] = self._session.create_client(service, config=config)
            return self._made[name]


def code_of(error: ClientError) -> str:
    """The service's own code for what went wrong."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def typed_errors(what: str) -> Iterator[None]:
    """Turn whatever botocore raises inside into an `OutpaintError` UNAVAILABLE or INTERNAL about `what`.

    The AWS error itself goes into the log, never to a client.
    """
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        detail: Any = error.response if isinstance(error, ClientError) else repr(error)
        if _is_transient(error):
            _LOG.warning("%s does not answer: %s", what, detail)
            text = f"{what} does not answer just now: try again in a moment"
            raise OutpaintError.unavailable(text) from error
        _LOG.error("%s refuses us: %s", what, detail)
        text = f"{what} refuses this service: its operator has to look at the log"
        raise OutpaintError(ErrorCode.INTERNAL, text) from error


def read_object(
    clients: Clients, bucket: str, key: str, most: int | None = None
) -> tuple[bytes, dict[str, Any]] | None:
    """An object's bytes, `most` of them, and what S3 says of it; None where there is none. Raises `OutpaintError`."""
    with typed_errors(PICTURE_STORE):
        try:
            answer = clients.s3.get_object(Bucket=bucket, Key=key)
            return answer["Body"].read(most), answer
        except ClientError as error:
            if code_of(error) in NO_OBJECT:
                return None
            raise


def _is_transient(error: ClientError | BotoCoreError) -> bool:
    """Whether the same call may succeed in a moment: throttled, broken on AWS's side, or never answered."""
    if not isinstance(error, ClientError):
        # What botocore itself refuses to send, it will refuse the next time too.
        return not isinstance(error, ParamValidationError)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return code_of(error) in TRANSIENT or status >= 500 or status == 429
