"""One HTTP call to the runtime, checked against the service model's shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from outpaint_mocks.sagemaker.definitions import NAME
from outpaint_mocks.sagemaker.refusals import invalid, mis_signed, too_large, unconstrained, unsigned

MAX_BODY: Final = 6_291_456
"""Bytes of a request's body, and of a real-time answer's (shape BodyBlob)."""
MAX_INLINE: Final = 128_000
"""Bytes of an asynchronous request's own body (shape AsyncBodyBlob)."""


class Operation(StrEnum):
    """What the runtime can do, by AWS's names."""

    INVOKE = "InvokeEndpoint"
    ASYNC = "InvokeEndpointAsync"
    STREAM = "InvokeEndpointWithResponseStream"


ROUTES: Final[Mapping[str, Operation]] = {
    "invocations": Operation.INVOKE,
    "async-invocations": Operation.ASYNC,
    "invocations-response-stream": Operation.STREAM,
}
"""The last part of each operation's path, below /endpoints/{EndpointName}."""


@dataclass(frozen=True, slots=True)
class Parameter:
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

_ACCEPT: Final = Parameter("Accept", f"{_PREFIX}Accept", 1024)
_CUSTOM: Final = Parameter("CustomAttributes", f"{_PREFIX}Custom-Attributes", 1024)
_INFERENCE: Final = Parameter("InferenceId", f"{_PREFIX}Inference-Id", 64, 1, _PRINTABLE)
_VARIANT: Final = Parameter("TargetVariant", f"{_PREFIX}Target-Variant", 63, 0, _WORD)
_CONTAINER: Final = Parameter("TargetContainerHostname", f"{_PREFIX}Target-Container-Hostname", 63, 0, _WORD)
_COMPONENT: Final = Parameter(
    "InferenceComponentName", f"{_PREFIX}Inference-Component", 63, 0, r"[a-zA-Z0-9]([\-a-zA-Z0-9]*[a-zA-Z0-9])?"
)
_PREFIX_AWARE: Final = Parameter("PrefixAwareId", f"{_PREFIX}Prefix-Aware-Id", 64, 1, _PRINTABLE)
_SESSION: Final = Parameter("SessionId", f"{_PREFIX}Session-Id", 256, 0, _WORD)

PARAMETERS: Final[Mapping[Operation, tuple[Parameter, ...]]] = {
    Operation.INVOKE: (
        Parameter("ContentType", "Content-Type", 1024),
        Parameter("Accept", "Accept", 1024),
        _CUSTOM,
        Parameter("TargetModel", f"{_PREFIX}Target-Model", 1024, 1, _PRINTABLE),
        _VARIANT,
        _CONTAINER,
        _INFERENCE,
        Parameter("EnableExplanations", f"{_PREFIX}Enable-Explanations", 64, 1, r".*"),
        _COMPONENT,
        Parameter("SessionId", f"{_PREFIX}Session-Id", 256, 0, rf"(NEW_SESSION)|{_WORD}"),
        _PREFIX_AWARE,
    ),
    Operation.ASYNC: (
        Parameter("ContentType", f"{_PREFIX}Content-Type", 1024),
        _ACCEPT,
        _CUSTOM,
        _INFERENCE,
        Parameter("InputLocation", f"{_PREFIX}InputLocation", 1024, 1, r"(https|s3)://([^/]+)/?(.*)"),
        Parameter(
            "S3OutputPathExtension",
            f"{_PREFIX}S3OutputPathExtension",
            512,
            1,
            r"(?!s3:|https:)[a-zA-Z0-9!_.*'()/-]+",
        ),
        Parameter("Filename", f"{_PREFIX}Filename", 32, 1, r"(?!.*\..*\.)[a-zA-Z0-9][a-zA-Z0-9_.-]*"),
        Parameter("RequestTTLSeconds", f"{_PREFIX}RequestTTLSeconds", 21_600, 60, is_number=True),
        Parameter("InvocationTimeoutSeconds", f"{_PREFIX}InvocationTimeoutSeconds", 3600, 1, is_number=True),
    ),
    Operation.STREAM: (
        Parameter("ContentType", "Content-Type", 1024),
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
_CREDENTIAL: Final = re.compile(r"AWS4-[A-Z0-9-]+ .*?Credential=(?P<key>[^/,\s]+)/(?P<scope>[^,\s]+)")


@dataclass(frozen=True, slots=True)
class RuntimeCall:
    """A call whose parameters have the right shapes; `parameters` goes by the service model's member names."""

    operation: Operation
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
        """The headers that the container gets; SageMaker strips all others."""
        return tuple(
            (header.lower(), self.parameters[member])
            for member, header in _PASSED_ON.items()
            if member in self.parameters
        )


def read_call(operation: Operation, endpoint: str, headers: Mapping[str, str], body: bytes) -> RuntimeCall:
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
    if operation is Operation.ASYNC:
        _check_input(parameters, body)
    return RuntimeCall(operation, endpoint, body, parameters)


def check_signature(headers: Mapping[str, str]) -> None:
    """Refuse what no SDK would send: no signature, or one for another service. It is not computed anew."""
    authorization = headers.get("authorization")
    if authorization is None:
        raise unsigned()
    credential = _CREDENTIAL.match(authorization)
    if credential is None:
        raise mis_signed("Authorization header requires 'Credential' parameter.")
    scope = credential["scope"].split("/")
    if "sagemaker" not in scope:
        raise mis_signed("Credential should be scoped to correct service: 'sagemaker'.")


def _check_input(parameters: Mapping[str, str], body: bytes) -> None:
    has_location = "InputLocation" in parameters
    if has_location and body:
        raise invalid("Body and InputLocation are mutually exclusive. Provide exactly one of them.")
    if not has_location and not body:
        raise invalid("Either Body or InputLocation must be provided.")
    if len(body) > MAX_INLINE:
        raise unconstrained("body", f"Member must have length less than or equal to {MAX_INLINE}")


def _checked(parameter: Parameter, value: str) -> str:
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
