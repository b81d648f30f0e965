"""The runtime API: its operations and their parameters, limits, refusals and event stream.

A message of the event stream is its length, its headers' length, a CRC of both, the headers, the payload and a CRC of
everything before; all numbers are big-endian. Only string headers (type 7) occur here.
"""

from __future__ import annotations

import json
import re
import struct
from binascii import crc32
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from outpaint.mocks.sagemaker.endpoint_definition import NAME
from outpaint.mocks.sagemaker.endpoint_models import ModelRequest

MAX_BODY: Final = 6_291_456
"""Bytes of a request's body, and of a real-time answer's (shape BodyBlob)."""
MAX_INLINE: Final = 128_000
"""Bytes of an asynchronous request's own body (shape AsyncBodyBlob)."""
MAX_MESSAGE: Final = 2048
"""Characters of an error's Message and OriginalMessage (service model, shape Message)."""

TIMED_OUT: Final = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for "
    "each container in Amazon CloudWatch, resolve the issue, and try again."
)

FIXED_REFUSALS: Final[Mapping[str, tuple[int, str]]] = {
    "MissingAuthenticationTokenException": (403, "Missing Authentication Token"),
    "UnknownOperationException": (404, "The requested operation is not recognized by the service."),
    "ThrottlingException": (400, "Rate exceeded"),
    "ServiceUnavailable": (503, "The service is unavailable. Try your call again."),
    "InternalFailure": (500, "An internal failure occurred."),
    "InternalDependencyException": (530, "Your request caused an exception with an internal dependency."),
    # A serverless or multi-model endpoint that still loads.
    "ModelNotReadyException": (429, "The model is not ready for inference yet. Try your request again."),
}
"""Status and message by code, for refusals that have no other."""
CONTENT_TYPE: Final = "application/vnd.amazon.eventstream"
_STRING: Final = 7


class Refusal(Exception):  # noqa: N818 - an answer of the service, not an error of ours
    """An answer other than success: status, AWS's error code, message, and more members of the JSON body.

    The body's own member is `message`, as in answers that others captured; SDKs read it whatever its case. Without a
    code the body is plain text, as AWS answers a request that never reaches the service.
    """

    def __init__(self, status: int, code: str | None, message: str, **members: Any) -> None:
        super().__init__(message)
        self.status: Final = status
        self.code: Final = code
        self.message: Final = message[:MAX_MESSAGE]
        self.members: Final = members

    @property
    def body(self) -> bytes:
        """The body: JSON, or the bare message without a code."""
        if self.code is None:
            return self.message.encode()
        return json.dumps({"message": self.message, **self.members}).encode()

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers; SDKs read the error code from x-amzn-errortype."""
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
    """413 in plain text, so that SDKs know no other error code than 413."""
    return Refusal(413, None, f"HTTP content length exceeded {limit} bytes.")


def fixed_refusal(code: str) -> Refusal:
    """The refusal whose code has one status and one message."""
    return Refusal(FIXED_REFUSALS[code][0], code, FIXED_REFUSALS[code][1])


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


class RuntimeOperation(StrEnum):
    """The operations of the runtime, by AWS's names."""

    INVOKE = "InvokeEndpoint"
    ASYNC = "InvokeEndpointAsync"
    STREAM = "InvokeEndpointWithResponseStream"


ROUTES: Final[Mapping[str, RuntimeOperation]] = {
    "invocations": RuntimeOperation.INVOKE,
    "async-invocations": RuntimeOperation.ASYNC,
    "invocations-response-stream": RuntimeOperation.STREAM,
}
"""The last part of each operation's path, below /endpoints/{EndpointName}."""


@dataclass(frozen=True, slots=True)
class CallParameter:
    """One parameter that travels in a header, and its shape."""

    member: str
    header: str
    most: int
    least: int = 0
    pattern: str = r"[\x00-\x7f]*"
    is_number: bool = False


_PRINTABLE: Final = r"\S[\x20-\x7e]*"
_WORD: Final = r"[a-zA-Z0-9](-*[a-zA-Z0-9])*"
_PREFIX: Final = "X-Amzn-SageMaker-"

_ACCEPT: Final = CallParameter("Accept", f"{_PREFIX}Accept", 1024)
_CUSTOM: Final = CallParameter("CustomAttributes", f"{_PREFIX}Custom-Attributes", 1024)
_INFERENCE: Final = CallParameter("InferenceId", f"{_PREFIX}Inference-Id", 64, 1, _PRINTABLE)
_VARIANT: Final = CallParameter("TargetVariant", f"{_PREFIX}Target-Variant", 63, 0, _WORD)
_CONTAINER: Final = CallParameter("TargetContainerHostname", f"{_PREFIX}Target-Container-Hostname", 63, 0, _WORD)
_COMPONENT: Final = CallParameter(
    "InferenceComponentName", f"{_PREFIX}Inference-Component", 63, 0, r"[a-zA-Z0-9]([\-a-zA-Z0-9]*[a-zA-Z0-9])?"
)
_PREFIX_AWARE: Final = CallParameter("PrefixAwareId", f"{_PREFIX}Prefix-Aware-Id", 64, 1, _PRINTABLE)
_SESSION: Final = CallParameter("SessionId", f"{_PREFIX}Session-Id", 256, 0, _WORD)

PARAMETERS: Final[Mapping[RuntimeOperation, tuple[CallParameter, ...]]] = {
    RuntimeOperation.INVOKE: (
        CallParameter("ContentType", "Content-Type", 1024),
        CallParameter("Accept", "Accept", 1024),
        _CUSTOM,
        CallParameter("TargetModel", f"{_PREFIX}Target-Model", 1024, 1, _PRINTABLE),
        _VARIANT,
        _CONTAINER,
        _INFERENCE,
        CallParameter("EnableExplanations", f"{_PREFIX}Enable-Explanations", 64, 1, r".*"),
        _COMPONENT,
        CallParameter("SessionId", f"{_PREFIX}Session-Id", 256, 0, rf"(NEW_SESSION)|{_WORD}"),
        _PREFIX_AWARE,
    ),
    RuntimeOperation.ASYNC: (
        CallParameter("ContentType", f"{_PREFIX}Content-Type", 1024),
        _ACCEPT,
        _CUSTOM,
        _INFERENCE,
        CallParameter("InputLocation", f"{_PREFIX}InputLocation", 1024, 1, r"(https|s3)://([^/]+)/?(.*)"),
        CallParameter(
            "S3OutputPathExtension", f"{_PREFIX}S3OutputPathExtension", 512, 1, r"(?!s3:|https:)[a-zA-Z0-9!_.*'()/-]+"
        ),
        CallParameter("Filename", f"{_PREFIX}Filename", 32, 1, r"(?!.*\..*\.)[a-zA-Z0-9][a-zA-Z0-9_.-]*"),
        CallParameter("RequestTTLSeconds", f"{_PREFIX}RequestTTLSeconds", 21_600, 60, is_number=True),
        CallParameter("InvocationTimeoutSeconds", f"{_PREFIX}InvocationTimeoutSeconds", 3600, 1, is_number=True),
    ),
    RuntimeOperation.STREAM: (
        CallParameter("ContentType", "Content-Type", 1024),
        _ACCEPT,
        _CUSTOM,
        _VARIANT,
        _CONTAINER,
        _INFERENCE,
        _COMPONENT,
        _SESSION,
        _PREFIX_AWARE,
    ),
}
"""Every header parameter of each operation (service model sagemaker-runtime 2017-05-13)."""

_PASSED_ON: Final = {
    "CustomAttributes": f"{_PREFIX}Custom-Attributes",
    "InferenceId": f"{_PREFIX}Inference-Id",
    "TargetModel": f"{_PREFIX}Target-Model",
    "SessionId": f"{_PREFIX}Session-Id",
    "EnableExplanations": f"{_PREFIX}Enable-Explanations",
    "ContentType": "Content-Type",
    "Accept": "Accept",
}
_BAD_SIGNATURE: Final = "InvalidSignatureException"
_CREDENTIAL: Final = re.compile(r"AWS4-[A-Z0-9-]+ .*?Credential=(?P<key>[^/,\s]+)/(?P<scope>[^,\s]+)")


@dataclass(frozen=True, slots=True)
class RuntimeCall:
    """A call whose parameters have the right shapes; `parameters` goes by the service model's member names."""

    operation: RuntimeOperation
    endpoint: str
    body: bytes
    parameters: Mapping[str, str]

    def get(self, member: str) -> str | None:
        """A parameter, None where the call has none."""
        return self.parameters.get(member)

    def seconds(self, member: str, default: float) -> float:
        """A parameter that counts seconds."""
        value = self.parameters.get(member)
        return default if value is None else float(value)

    @property
    def passed_on(self) -> tuple[tuple[str, str], ...]:
        """The headers that the container gets; SageMaker removes all others."""
        return tuple(
            (header.lower(), self.parameters[member])
            for member, header in _PASSED_ON.items()
            if member in self.parameters
        )

    def model_request(self, variant: str, at: float) -> ModelRequest:
        """The request that the container gets, at a time of the mock's clock."""
        return ModelRequest(
            endpoint=self.endpoint,
            variant=variant,
            body=self.body,
            content_type=self.get("ContentType"),
            accept=self.get("Accept"),
            inference_id=self.get("InferenceId"),
            custom_attributes=self.get("CustomAttributes"),
            at=at,
            headers=self.passed_on,
        )


def read_call(operation: RuntimeOperation, endpoint: str, headers: Mapping[str, str], body: bytes) -> RuntimeCall:
    """The call, `headers` by lower-case names; raises `Refusal` for what its shapes do not allow."""
    if len(endpoint) > 63 or re.fullmatch(NAME, endpoint) is None:
        raise unconstrained(
            "endpointName", f"Member must satisfy regular expression pattern: {NAME.rstrip('$')}", endpoint
        )
    if len(body) > MAX_BODY:
        raise too_large(MAX_BODY)
    parameters = {
        parameter.member: _checked(parameter, headers[parameter.header.lower()])
        for parameter in PARAMETERS[operation]
        if parameter.header.lower() in headers
    }
    if operation is RuntimeOperation.ASYNC:
        _check_input(parameters, body)
    return RuntimeCall(operation, endpoint, body, parameters)


def check_signature(headers: Mapping[str, str]) -> None:
    """Refuse a call with no signature, or with one for another service; the signature itself is not verified."""
    authorization = headers.get("authorization")
    if authorization is None:
        raise fixed_refusal("MissingAuthenticationTokenException")
    credential = _CREDENTIAL.match(authorization)
    if credential is None:
        raise Refusal(403, _BAD_SIGNATURE, "Authorization header requires 'Credential' parameter.")
    if "sagemaker" not in credential["scope"].split("/"):
        raise Refusal(403, _BAD_SIGNATURE, "Credential should be scoped to correct service: 'sagemaker'.")


def _check_input(parameters: Mapping[str, str], body: bytes) -> None:
    has_location = "InputLocation" in parameters
    if has_location and body:
        raise invalid("Body and InputLocation are mutually exclusive. Provide exactly one of them.")
    if not has_location and not body:
        raise invalid("Either Body or InputLocation must be provided.")
    if len(body) > MAX_INLINE:
        raise unconstrained("body", f"Member must have length less than or equal to {MAX_INLINE}")


def _checked(parameter: CallParameter, value: str) -> str:
    member = parameter.member[0].lower() + parameter.member[1:]
    if parameter.is_number:
        if re.fullmatch(r"[+-]?[0-9]{1,10}", value) is None:
            raise invalid(f"Value '{value}' at '{member}' is no integer.")
        if int(value) > parameter.most:
            raise unconstrained(member, f"Member must have value less than or equal to {parameter.most}", value)
        if int(value) < parameter.least:
            raise unconstrained(member, f"Member must have value greater than or equal to {parameter.least}", value)
        return value
    if len(value) > parameter.most:
        raise unconstrained(member, f"Member must have length less than or equal to {parameter.most}", value)
    if len(value) < parameter.least:
        raise unconstrained(member, f"Member must have length greater than or equal to {parameter.least}", value)
    if re.fullmatch(parameter.pattern, value) is None:
        raise unconstrained(member, f"Member must satisfy regular expression pattern: {parameter.pattern}", value)
    return value


def payload_part(part: bytes) -> bytes:
    """One piece of a streamed answer."""
    return _message(
        {":message-type": "event", ":event-type": "PayloadPart", ":content-type": "application/octet-stream"}, part
    )


def stream_error(error_code: str, text: str) -> bytes:
    """ModelStreamError: the end of a stream whose model failed; the code is AWS's, such as StreamBroken."""
    return _message(
        {":message-type": "exception", ":exception-type": "ModelStreamError", ":content-type": "application/json"},
        json.dumps({"Message": text, "ErrorCode": error_code}).encode(),
    )


def _message(headers: Mapping[str, str], payload: bytes) -> bytes:
    head = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", _STRING, len(value)) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", 16 + len(head) + len(payload), len(head))
    prelude += struct.pack("!I", crc32(prelude))
    return prelude + head + payload + struct.pack("!I", crc32(prelude + head + payload))
