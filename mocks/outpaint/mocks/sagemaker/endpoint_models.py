"""The models behind endpoints: Python functions, lists of rules, and containers."""

from __future__ import annotations

import base64
import binascii
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Annotated, Final, Protocol, Self

import httpcore
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_pascal

PING_TIMEOUT_S: Final = 2.0
"""Seconds in which a container has to answer /ping."""
_CONNECT_S: Final = 5.0
_CUSTOM_ATTRIBUTES: Final = "x-amzn-sagemaker-custom-attributes"
_NEW_SESSION: Final = "x-amzn-sagemaker-new-session-id"
_CLOSED_SESSION: Final = "x-amzn-sagemaker-closed-session-id"
_LOG: Final = logging.getLogger("outpaint.sagemaker")


class RuntimeShape(BaseModel):
    """A frozen model that is read by AWS's names (`S3OutputPath`) or by its own, and knows no others."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_pascal, validate_by_name=True, validate_by_alias=True
    )


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One request as the container gets it.

    `at` is the clock's time, seconds since the epoch; `headers` are those that SageMaker passes on, lower case.
    """

    endpoint: str
    variant: str
    body: bytes
    content_type: str | None = None
    accept: str | None = None
    inference_id: str | None = None
    custom_attributes: str | None = None
    at: float = 0.0
    attempt: int = 1
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What the container answers, after how many seconds of the mock's clock.

    Anything but 2xx is an error of the model. `parts` are the pieces in which a streamed answer is sent; without
    them the body is one.
    """

    body: bytes = b""
    status: int = 200
    content_type: str = "application/octet-stream"
    custom_attributes: str | None = None
    seconds: float = 0.0
    parts: tuple[bytes, ...] | None = None
    new_session: str | None = None
    closed_session: str | None = None
    has_length: bool = True

    @property
    def failed(self) -> bool:
        """Whether this is an error of the model."""
        return not 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body as an error message."""
        return self.body.decode("utf-8", "replace")


class ModelTimeoutError(Exception):
    """The container did not answer in the time it had."""


class ModelGoneError(Exception):
    """Nothing answers at the container's address."""


class Model(Protocol):
    """What answers for an endpoint."""

    @property
    def in_process(self) -> bool:
        """Whether it answers at once and says how long it would have taken; others take their own time."""

    def ready(self) -> bool:
        """Whether it answers GET /ping with 200."""

    def answer(self, request: ModelRequest, timeout: float) -> ModelAnswer:
        """The answer; raises `ModelTimeoutError` after `timeout` seconds, `ModelGoneError` where nothing answers."""


Script = Callable[[ModelRequest], ModelAnswer | bytes]
"""A model as a function: bytes are an answer 200; what it raises is answered 500."""


class Scripted:
    """A model that is a Python function."""

    in_process: Final = True

    def __init__(self, script: Script) -> None:
        self._script = script

    def ready(self) -> bool:
        """Always."""
        return True

    def answer(self, request: ModelRequest, timeout: float) -> ModelAnswer:
        """The function's answer; raises `ModelTimeoutError` if that takes more than `timeout` seconds."""
        try:
            said = self._script(request)
        except Exception as error:  # noqa: BLE001 - a script is a test's, and a failing container is a case
            _LOG.warning("the script of %s raised %r: answered 500", request.endpoint, error)
            said = ModelAnswer(f"{type(error).__name__}: {error}".encode(), status=500, content_type="text/plain")
        answer = ModelAnswer(said) if isinstance(said, bytes) else said
        if answer.seconds > timeout:
            raise ModelTimeoutError
        return answer


class RuleAnswer(RuntimeShape):
    """What a rule answers: `Body` as text, `BodyBase64`, or the request's own with `Echo`."""

    status: Annotated[int, Field(ge=200, le=599)] = 200
    body: str = ""
    body_base64: str | None = None
    echo: bool = False
    content_type: str = "application/json"
    custom_attributes: str | None = None
    seconds: Annotated[float, Field(ge=0)] = 0.0

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if self.echo + bool(self.body) + (self.body_base64 is not None) > 1:
            raise ValueError("Body, BodyBase64 and Echo exclude each other")
        if self.body_base64 is not None:
            try:
                base64.b64decode(self.body_base64, validate=True)
            except binascii.Error as error:
                raise ValueError(f"BodyBase64 is no base64: {error}") from None
        return self


class ModelRule(RuntimeShape):
    """An answer for requests that match patterns with * and ? (fnmatch); all given ones must match.

    The first rule that matches answers; a rule with `Times` is used up after so many answers.
    """

    inference_id: str | None = None
    content_type: str | None = None
    custom_attributes: str | None = None
    body_contains: str | None = None
    times: Annotated[int, Field(ge=1)] | None = None
    answer: RuleAnswer = RuleAnswer()

    def holds(self, request: ModelRequest) -> bool:
        """Whether a request matches."""
        patterns = (
            (self.inference_id, request.inference_id),
            (self.content_type, request.content_type),
            (self.custom_attributes, request.custom_attributes),
        )
        if any(pattern is not None and not fnmatchcase(value or "", pattern) for pattern, value in patterns):
            return False
        return self.body_contains is None or self.body_contains.encode() in request.body


class ModelRules:
    """A model's script made of a list of rules; what no rule matches is echoed."""

    def __init__(self, rules: tuple[ModelRule, ...]) -> None:
        self._lock = threading.Lock()
        self._left: list[tuple[ModelRule, int | None]] = [(rule, rule.times) for rule in rules]

    def __call__(self, request: ModelRequest) -> ModelAnswer:
        """The answer of the first rule that matches."""
        rule = self._take(request)
        if rule is None:
            return ModelAnswer(request.body, content_type=request.content_type or "application/octet-stream")
        said = rule.answer
        body = said.body.encode()
        if said.echo:
            body = request.body
        elif said.body_base64 is not None:
            body = base64.b64decode(said.body_base64)
        return ModelAnswer(body, said.status, said.content_type, said.custom_attributes, said.seconds)

    def _take(self, request: ModelRequest) -> ModelRule | None:
        with self._lock:
            for place, (rule, left) in enumerate(self._left):
                if left != 0 and rule.holds(request):
                    self._left[place] = (rule, None if left is None else left - 1)
                    return rule
        return None


class Container:
    """A model behind a URL; its answers take real time, whatever the mock's clock shows."""

    in_process: Final = False

    def __init__(self, url: str) -> None:
        self.url: Final = url.rstrip("/")
        # A connection for each request, because a container that was restarted has closed the old ones.
        self._pool = httpcore.ConnectionPool(max_connections=256, max_keepalive_connections=0)

    def ready(self) -> bool:
        """Whether /ping answers 200 in time."""
        timeout = dict.fromkeys(("connect", "read", "write", "pool"), PING_TIMEOUT_S)
        try:
            return self._pool.request("GET", f"{self.url}/ping", extensions={"timeout": timeout}).status == 200
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
            return False

    def answer(self, request: ModelRequest, timeout: float) -> ModelAnswer:
        """What /invocations answers, in the pieces that it came in."""
        deadline = time.monotonic() + timeout
        limits = {"connect": _CONNECT_S, "read": timeout, "write": timeout, "pool": timeout}
        try:
            with self._pool.stream(
                "POST",
                f"{self.url}/invocations",
                headers=[(name, value.encode("latin-1")) for name, value in request.headers],
                content=request.body,
                extensions={"timeout": limits},
            ) as response:
                parts = []
                for part in response.iter_stream():
                    parts.append(part)
                    if time.monotonic() > deadline:
                        raise ModelTimeoutError
        except (httpcore.ReadTimeout, httpcore.WriteTimeout, httpcore.PoolTimeout):
            raise ModelTimeoutError from None
        except (httpcore.ConnectTimeout, httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise ModelGoneError(f"{self.url}: {error}") from None
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
        return ModelAnswer(
            b"".join(parts),
            status=response.status,
            content_type=headers.get("content-type", "application/octet-stream"),
            custom_attributes=headers.get(_CUSTOM_ATTRIBUTES),
            parts=tuple(parts),
            new_session=headers.get(_NEW_SESSION),
            closed_session=headers.get(_CLOSED_SESSION),
            has_length="content-length" in headers,
        )
