"""The SageMaker runtime in memory: its endpoints and calls, without HTTP."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from typing import Any, Final, Self, TypeVar

from pydantic import ValidationError

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.mocks.sagemaker.agenda import Agenda
from outpaint.mocks.sagemaker.async_endpoint import AsyncEndpoint, Surroundings
from outpaint.mocks.sagemaker.aws_cloud import AwsCloud, Cloud
from outpaint.mocks.sagemaker.endpoint_definition import Endpoint
from outpaint.mocks.sagemaker.endpoint_models import (
    Container,
    Model,
    ModelAnswer,
    ModelGoneError,
    ModelRules,
    ModelTimeoutError,
    RuntimeShape,
    Script,
    Scripted,
)
from outpaint.mocks.sagemaker.inference_journal import InferenceEntry, InferenceJournal
from outpaint.mocks.sagemaker.runtime_calls import (
    CONTENT_TYPE,
    MAX_BODY,
    TIMED_OUT,
    Refusal,
    RuntimeCall,
    RuntimeOperation,
    check_signature,
    fixed_refusal,
    invalid,
    model_error,
    payload_part,
    read_call,
    stream_error,
    unknown_endpoint,
)
from outpaint.mocks.sagemaker.runtime_faults import Fault, FaultKind, Faults, FaultStep
from outpaint.mocks.world.virtual_clock import VirtualClock

REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"
TIMEOUT_S: Final = 60.0
"""Seconds a container has for a real-time answer (service model, InvokeEndpoint)."""
STREAM_TIMEOUT_S: Final = 480.0
"""Seconds a container has for a streamed answer."""
_PIECE: Final = 64 * 1024
_Shape = TypeVar("_Shape", bound=RuntimeShape)


@dataclass(frozen=True, slots=True)
class RuntimeReply:
    """An answer in `pieces`, after `hold` seconds of the mock's clock; with `disconnect` the connection breaks."""

    status: int
    headers: tuple[tuple[str, str], ...]
    pieces: tuple[bytes, ...] = (b"",)
    hold: float = 0.0
    disconnect: bool = False
    error: str | None = None

    @classmethod
    def of(cls, refusal: Refusal, hold: float = 0.0) -> Self:
        """A refusal as an answer."""
        return cls(refusal.status, tuple(refusal.headers), (refusal.body,), hold, error=refusal.code)


@dataclass(slots=True)
class _Hosted:
    definition: Endpoint
    model: Model
    asynchronous: AsyncEndpoint | None
    in_service: bool = False


class SageMakerMock:
    """The whole behaviour of the runtime; use it as a context manager, or `close` it.

    `s3_endpoint` and `sns_endpoint` are the URLs of S3 and SNS (None: as boto3 decides), `clock` shows real time unless
    it is given, `seed` decides every random delay and variant. Unless `allow_unsigned`, calls must have a signature,
    which is not verified. May be used from several threads.
    """

    def __init__(
        self,
        *,
        s3_endpoint: str | None = None,
        sns_endpoint: str | None = None,
        clock: VirtualClock | None = None,
        region: str = REGION,
        account: str = ACCOUNT,
        allow_unsigned: bool = False,
        seed: int = 0,
        cloud: Cloud | None = None,
    ) -> None:
        self.clock: Final = clock or VirtualClock.ticking()
        self.region: Final = region
        self.account: Final = account
        self.faults: Final = Faults()
        self.journal: Final = InferenceJournal()
        self.agenda: Final = Agenda(self.clock)
        self._allow_unsigned = allow_unsigned
        self._lock = threading.Lock()
        self._hosted: dict[str, _Hosted] = {}
        self._choices = Random(f"{seed} choices")  # noqa: S311 - repeatable on purpose
        self._workers = ThreadPoolExecutor(256, thread_name_prefix="sagemaker-container")
        self._around = Surroundings(
            self.agenda,
            cloud or AwsCloud(s3_endpoint, sns_endpoint, region),
            self.faults,
            self._workers,
            Random(f"{seed} jitter"),  # noqa: S311 - repeatable on purpose
            region,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove every endpoint and end the threads."""
        for name in self.endpoints:
            self.remove(name)
        self.agenda.close()
        self._workers.shutdown(wait=False, cancel_futures=True)

    def define(
        self, endpoint: Endpoint | Mapping[str, Any], script: Script | None = None, *, model: Model | None = None
    ) -> Endpoint:
        """Put an endpoint in service, in place of one of the same name.

        The script answers for it, or the model, or what its definition names. Raises `OutpaintError`
        INVALID_PARAMETER, with the member's name, for a wrong definition.
        """
        definition = endpoint if isinstance(endpoint, Endpoint) else _read(Endpoint, endpoint)
        if script is not None:
            model = Scripted(script)
        elif model is None and definition.container is not None:
            model = Container(definition.container)
        elif model is None:
            model = Scripted(ModelRules(definition.rules))
        config = definition.async_inference_config
        hosted = _Hosted(
            definition, model, None if config is None else AsyncEndpoint(definition, config, model, self._around)
        )
        with self._lock:
            before = self._hosted.get(definition.endpoint_name)
            self._hosted[definition.endpoint_name] = hosted
        if before is not None and before.asynchronous is not None:
            before.asynchronous.close()
        return definition

    def remove(self, name: str) -> bool:
        """Remove an endpoint; returns whether there was one."""
        with self._lock:
            hosted = self._hosted.pop(name, None)
        if hosted is not None and hosted.asynchronous is not None:
            hosted.asynchronous.close()
        return hosted is not None

    @property
    def endpoints(self) -> dict[str, Endpoint]:
        """Every endpoint by its name."""
        with self._lock:
            return {name: hosted.definition for name, hosted in self._hosted.items()}

    def metrics(self, name: str) -> Mapping[str, float]:
        """An endpoint's metrics now; nothing for a real-time one. Raises `OutpaintError` for an unknown name."""
        asynchronous = self._of(name).asynchronous
        return {} if asynchronous is None else asynchronous.metrics(self.clock.now())

    def set_instances(self, name: str, number: int) -> None:
        """Have so many instances of an asynchronous endpoint in service now."""
        asynchronous = self._of(name).asynchronous
        if asynchronous is not None:
            asynchronous.set_instances(number)

    def inject(self, *faults: Fault | Mapping[str, Any]) -> None:
        """Have these faults happen; raises `OutpaintError` INVALID_PARAMETER for a wrong one."""
        self.faults.add(*(fault if isinstance(fault, Fault) else _read(Fault, fault) for fault in faults))

    def settle(self) -> None:
        """Wait until everything that is due by now has happened."""
        self.agenda.settle()

    def advance(self, seconds: float) -> None:
        """Move the clock on and wait until everything that became due has happened, each at its own time."""
        self.settle()
        self.clock.advance(seconds)
        self.settle()

    def handle(
        self, operation: RuntimeOperation, endpoint: str, headers: Mapping[str, str], body: bytes
    ) -> RuntimeReply:
        """Answer one call, `headers` by lower-case names; may take as long as a container takes."""
        entry = self.journal.open(self.clock.now(), operation, endpoint, body)
        try:
            reply = self._answer(entry, operation, endpoint, headers, body)
        except Refusal as refusal:
            reply = RuntimeReply.of(refusal)
            entry.detail = refusal.message
        entry.status = None if reply.disconnect else reply.status
        entry.error = "Disconnect" if reply.disconnect else reply.error
        return reply

    def _answer(
        self, entry: InferenceEntry, operation: RuntimeOperation, endpoint: str, headers: Mapping[str, str], body: bytes
    ) -> RuntimeReply:
        if not self._allow_unsigned:
            check_signature(headers)
        call = read_call(operation, endpoint, headers, body)
        entry.parameters = call.parameters
        entry.inference_id = call.get("InferenceId")
        hosted = self._in_service(endpoint)
        fault = self.faults.take(FaultStep(operation.value), endpoint)
        if fault is not None and not fault.after and fault.kind is not FaultKind.LATE_ANSWER:
            return self._fail(fault, call)
        if operation is RuntimeOperation.ASYNC:
            reply = self._invoke_async(hosted, call, entry, wait=fault is not None and not fault.after)
        else:
            reply = self._invoke(hosted, call, entry)
        return self._fail(fault, call) if fault is not None and fault.after else reply

    def _fail(self, fault: Fault, call: RuntimeCall) -> RuntimeReply:
        if fault.kind is FaultKind.DISCONNECT:
            return RuntimeReply(200, (), disconnect=True)
        if fault.kind is FaultKind.TIMEOUT and call.operation is RuntimeOperation.STREAM:
            return self._overdue(call, 0.0)
        hold = TIMEOUT_S if fault.kind is FaultKind.TIMEOUT else 0.0
        return RuntimeReply.of(fault.refusal(call.endpoint, self.region, self.account), hold)

    def _invoke(self, hosted: _Hosted, call: RuntimeCall, entry: InferenceEntry) -> RuntimeReply:
        if hosted.asynchronous is not None:
            raise invalid(
                f"Endpoint {call.endpoint} of account {self.account} has an AsyncInferenceConfig and receives "
                "asynchronous invocations only: call InvokeEndpointAsync."
            )
        variant = entry.variant = self._variant(hosted.definition, call)
        streams = call.operation is RuntimeOperation.STREAM
        timeout = STREAM_TIMEOUT_S if streams else TIMEOUT_S
        entry.attempts = 1
        try:
            answer = hosted.model.answer(call.model_request(variant, entry.at), timeout)
        except ModelTimeoutError:
            return self._overdue(call, timeout if hosted.model.in_process else 0.0)
        except ModelGoneError as error:
            entry.detail = str(error)
            raise fixed_refusal("ServiceUnavailable") from None
        if answer.failed:
            return self._model_error(call, answer.status, answer.text, answer.seconds)
        if not streams and len(answer.body) > MAX_BODY:
            text = f"The response of {len(answer.body)} bytes exceeds the {MAX_BODY} bytes that a response may have."
            return self._model_error(call, answer.status, text, answer.seconds)
        optional = (
            ("x-amzn-sagemaker-custom-attributes", answer.custom_attributes),
            ("x-amzn-sagemaker-new-session-id", answer.new_session),
            ("x-amzn-sagemaker-closed-session-id", answer.closed_session),
        )
        headers = [("x-amzn-invoked-production-variant", variant)]
        headers += [(name, value) for name, value in optional if value is not None]
        if streams:
            parts = tuple(payload_part(part) for part in _parts(answer))
            return _streamed(tuple(headers), answer.content_type, parts, answer.seconds)
        headers.append(("content-type", answer.content_type))
        return RuntimeReply(200, tuple(headers), (answer.body,), answer.seconds)

    def _overdue(self, call: RuntimeCall, hold: float) -> RuntimeReply:
        if call.operation is RuntimeOperation.STREAM:
            return _streamed((), None, (stream_error("ModelInvocationTimeExceeded", TIMED_OUT),), hold)
        return self._model_error(call, 0, TIMED_OUT, hold)

    def _model_error(self, call: RuntimeCall, status: int, text: str, hold: float) -> RuntimeReply:
        refusal = model_error(status, text, endpoint=call.endpoint, region=self.region, account=self.account)
        return RuntimeReply.of(refusal, hold)

    def _invoke_async(self, hosted: _Hosted, call: RuntimeCall, entry: InferenceEntry, *, wait: bool) -> RuntimeReply:
        if hosted.asynchronous is None:
            raise invalid(
                f"Endpoint {call.endpoint} of account {self.account} has no AsyncInferenceConfig and receives no "
                "asynchronous invocations: call InvokeEndpoint."
            )
        inference_id = call.get("InferenceId") or str(uuid.uuid4())
        variant = self._variant(hosted.definition, call)
        inference = hosted.asynchronous.accept(call, entry, variant, inference_id)
        if wait:
            self.agenda.run_until(inference.done)
        headers = [("content-type", "application/json"), ("x-amzn-sagemaker-outputlocation", str(inference.output))]
        if inference.failure is not None:
            headers.append(("x-amzn-sagemaker-failurelocation", str(inference.failure)))
        return RuntimeReply(202, tuple(headers), (json.dumps({"InferenceId": inference_id}).encode(),))

    def _variant(self, definition: Endpoint, call: RuntimeCall) -> str:
        wanted = call.get("TargetVariant")
        if wanted is not None and wanted not in definition.variants:
            raise invalid(f"Variant {wanted} not found for Request.")
        if call.get("TargetModel") is not None and not definition.multi_model:
            raise invalid(
                f"Endpoint {call.endpoint} of account {self.account} is not a multi-model endpoint and does not "
                "support target model header."
            )
        if wanted is not None:
            return wanted
        with self._lock:
            return self._choices.choices(list(definition.variants), list(definition.variants.values()))[0]

    def _in_service(self, name: str) -> _Hosted:
        with self._lock:
            hosted = self._hosted.get(name)
        if hosted is None:
            raise unknown_endpoint(name, self.account)
        # An asynchronous endpoint with no instance is in service; a real-time one needs a container that is up.
        if hosted.asynchronous is None and not hosted.in_service:
            hosted.in_service = hosted.model.ready()
            if not hosted.in_service:
                raise unknown_endpoint(name, self.account)
        return hosted

    def _of(self, name: str) -> _Hosted:
        with self._lock:
            hosted = self._hosted.get(name)
        if hosted is None:
            raise OutpaintError(
                ErrorCode.INVALID_PARAMETER, f"the mock has no endpoint {name}: define it first", field="EndpointName"
            )
        return hosted


def _read(shape: type[_Shape], content: Mapping[str, Any]) -> _Shape:
    try:
        return shape.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        member = ".".join(str(part) for part in first["loc"]) or None
        reason = first["msg"].removeprefix("Value error, ")
        raise OutpaintError(ErrorCode.INVALID_PARAMETER, f"{member or 'the whole'}: {reason}", field=member) from None


def _parts(answer: ModelAnswer) -> tuple[bytes, ...]:
    whole = answer.parts if answer.parts is not None else (answer.body,)
    return tuple(part[start : start + _PIECE] for part in whole if part for start in range(0, len(part), _PIECE))


def _streamed(
    headers: tuple[tuple[str, str], ...], content_type: str | None, parts: tuple[bytes, ...], hold: float = 0.0
) -> RuntimeReply:
    typed = () if content_type is None else (("x-amzn-sagemaker-content-type", content_type),)
    return RuntimeReply(200, (*headers, *typed, ("content-type", CONTENT_TYPE)), parts, hold)
