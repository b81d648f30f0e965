"""The errors of the SageMaker runtime as they stand on the wire (REST-JSON), so that every SDK raises its own type."""

from __future__ import annotations

import json
from typing import Any, Final

MAX_MESSAGE: Final = 2048
"""Characters of an error's Message and OriginalMessage (service model, shape Message)."""

TIMED_OUT: Final = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for "
    "each container in Amazon CloudWatch, resolve the issue, and try again."
)


class Refusal(Exception):  # noqa: N818 - an answer of the service, not an error of ours
    """An answer other than success: status, error code and JSON members.

    Without a code the body is plain text, as the front end answers before the service has seen a request.
    """

    def __init__(self, status: int, code: str | None, message: str, **members: Any) -> None:
        super().__init__(message)
        self.status: Final = status
        self.code: Final = code
        self.message: Final = message[:MAX_MESSAGE]
        self.members: Final = members

    @property
    def body(self) -> bytes:
        """The body that says so."""
        if self.code is None:
            return self.message.encode()
        return json.dumps({"Message": self.message, **self.members}).encode()

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers that say so; SDKs read the type from the first of them."""
        if self.code is None:
            return [("content-type", "text/plain")]
        return [("x-amzn-errortype", self.code), ("content-type", "application/json")]


def invalid(message: str) -> Refusal:
    """400 ValidationError."""
    return Refusal(400, "ValidationError", message)


def unconstrained(member: str, constraint: str, value: str | None = None) -> Refusal:
    """400 ValidationError for a parameter outside its shape, in the words of AWS's own validation."""
    said = "" if value is None else f"'{value}' "
    return invalid(f"1 validation error detected: Value {said}at '{member}' failed to satisfy constraint: {constraint}")


def unknown_endpoint(name: str, account: str) -> Refusal:
    """400 ValidationError for an endpoint that is not there or not yet in service; there is no NotFound here."""
    return invalid(f"Endpoint {name} of account {account} not found.")


def too_large(limit: int) -> Refusal:
    """413 from the front end: plain text, so an SDK knows no better code than 413."""
    return Refusal(413, None, f"HTTP content length exceeded {limit} bytes.")


def unsigned() -> Refusal:
    """403 for a call without a signature."""
    return Refusal(403, "MissingAuthenticationTokenException", "Missing Authentication Token")


def mis_signed(detail: str) -> Refusal:
    """403 for a signature that is for something else."""
    return Refusal(403, "InvalidSignatureException", detail)


def unknown_operation() -> Refusal:
    """404 for a path or method that the runtime does not have."""
    return Refusal(404, "UnknownOperationException", "The requested operation is not recognized by the service.")


def throttled() -> Refusal:
    """400 ThrottlingException, which SDKs try again."""
    return Refusal(400, "ThrottlingException", "Rate exceeded")


def unavailable() -> Refusal:
    """503 ServiceUnavailable."""
    return Refusal(503, "ServiceUnavailable", "The service is unavailable. Try your call again.")


def internal() -> Refusal:
    """500 InternalFailure."""
    return Refusal(500, "InternalFailure", "An internal failure occurred.")


def dependency() -> Refusal:
    """530 InternalDependencyException."""
    return Refusal(530, "InternalDependencyException", "Your request caused an exception with an internal dependency.")


def not_ready() -> Refusal:
    """429 ModelNotReadyException: a serverless or multi-model endpoint still loads."""
    return Refusal(429, "ModelNotReadyException", "The model is not ready for inference yet. Try your request again.")


def model_error(status: int, original: str, *, endpoint: str, region: str, account: str) -> Refusal:
    """424 ModelError: what the container answered, and where its log would be.

    `status` is the container's own, 0 where it did not answer in time.
    """
    whose = "client" if 400 <= status < 500 else "server"
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    see = (
        f"See https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#logEventViewer:group={group} "
        f"in account {account} for more information."
    )
    said = f'with message "{original[:1024]}".' if original else "and could not load the entire response body."
    return Refusal(
        424,
        "ModelError",
        f"Received {whose} error ({status}) from primary {said} {see}",
        OriginalStatusCode=status,
        OriginalMessage=original[:MAX_MESSAGE],
        LogStreamArn=f"arn:aws:logs:{region}:{account}:log-group:{group}",
    )
