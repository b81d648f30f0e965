"""Faults that a test injects: which calls, inferences or messages fail, how, and how often."""

from __future__ import annotations

import threading
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from outpaint.mocks.sagemaker.endpoint_models import RuntimeShape
from outpaint.mocks.sagemaker.runtime_calls import (
    FIXED_REFUSALS,
    TIMED_OUT,
    Refusal,
    RuntimeOperation,
    fixed_refusal,
    invalid,
    model_error,
)


class FaultStep(StrEnum):
    """Where a fault can happen: a call of the runtime, the work on an asynchronous inference, its messages."""

    INVOKE = RuntimeOperation.INVOKE.value
    ASYNC = RuntimeOperation.ASYNC.value
    STREAM = RuntimeOperation.STREAM.value
    PROCESSING = "Processing"
    NOTIFICATION = "Notification"


class FaultKind(StrEnum):
    """What goes wrong; the first ones are AWS's error codes."""

    THROTTLING = "ThrottlingException"
    UNAVAILABLE = "ServiceUnavailable"
    INTERNAL = "InternalFailure"
    DEPENDENCY = "InternalDependencyException"
    NOT_READY = "ModelNotReadyException"
    VALIDATION = "ValidationError"
    MODEL_ERROR = "ModelError"
    TIMEOUT = "Timeout"
    DISCONNECT = "Disconnect"
    LATE_ANSWER = "AnswerAfterCompletion"
    LOST = "Lost"
    INSTANCE_LOST = "InstanceLost"
    DUPLICATE = "Duplicate"
    LATE = "Late"


_CALLS: Final = frozenset(
    {kind for kind in FaultKind if kind in FIXED_REFUSALS} | {FaultKind.VALIDATION, FaultKind.DISCONNECT}
)
_KINDS: Final = {
    FaultStep.INVOKE: _CALLS | {FaultKind.MODEL_ERROR, FaultKind.TIMEOUT},
    FaultStep.ASYNC: _CALLS | {FaultKind.LATE_ANSWER},
    FaultStep.STREAM: _CALLS | {FaultKind.MODEL_ERROR, FaultKind.TIMEOUT},
    FaultStep.PROCESSING: frozenset(
        {FaultKind.MODEL_ERROR, FaultKind.TIMEOUT, FaultKind.LOST, FaultKind.INSTANCE_LOST}
    ),
    FaultStep.NOTIFICATION: frozenset({FaultKind.LOST, FaultKind.DUPLICATE, FaultKind.LATE}),
}


class Fault(RuntimeShape):
    """One fault: the next `Times` (None: all) at a step of an endpoint (None: of any), after `Skip` others.

    With `After` a call's work is done, or queued, before its caller gets the failure, so that a repeated call does it
    twice. `Status` and `Message` are for ModelError, `Copies` for Duplicate, `Seconds` for Late.
    """

    step: FaultStep
    kind: FaultKind
    endpoint_name: str | None = None
    times: Annotated[int, Field(ge=1)] | None = 1
    skip: Annotated[int, Field(ge=0)] = 0
    after: bool = False
    status: Annotated[int, Field(ge=400, le=599)] = 500
    message: str = "the model failed"
    copies: Annotated[int, Field(ge=2, le=100)] = 2
    seconds: Annotated[float, Field(ge=0)] = 60.0

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.kind not in _KINDS[self.step]:
            fitting = ", ".join(sorted(_KINDS[self.step]))
            raise ValueError(f"{self.kind} cannot happen at {self.step}: use {fitting}")
        if self.after and self.kind not in _CALLS:
            raise ValueError(f"After belongs to a call's failure: {self.kind} at {self.step} has no before and after")
        return self

    def refusal(self, endpoint: str, region: str, account: str) -> Refusal:
        """What the caller is answered."""
        if self.kind in FIXED_REFUSALS:
            return fixed_refusal(self.kind)
        if self.kind is FaultKind.VALIDATION:
            return invalid(self.message)
        timed_out = self.kind is FaultKind.TIMEOUT
        status, message = (0, TIMED_OUT) if timed_out else (self.status, self.message)
        return model_error(status, message, endpoint=endpoint, region=region, account=account)


class Faults:
    """The faults that are still to happen, in the order they were injected; for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: list[tuple[Fault, int, int | None]] = []

    def add(self, *faults: Fault) -> None:
        """Let these happen."""
        with self._lock:
            self._left += [(fault, fault.skip, fault.times) for fault in faults]

    @property
    def pending(self) -> tuple[Fault, ...]:
        """What is still to happen."""
        with self._lock:
            return tuple(fault for fault, _, times in self._left if times != 0)

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        with self._lock:
            self._left.clear()

    def take(self, step: FaultStep, endpoint: str) -> Fault | None:
        """The fault for what happens now; the first that fits is used up by one."""
        with self._lock:
            for place, (fault, skip, times) in enumerate(self._left):
                if times == 0 or fault.step is not step or fault.endpoint_name not in {None, endpoint}:
                    continue
                if skip:
                    self._left[place] = (fault, skip - 1, times)
                    continue
                self._left[place] = (fault, 0, None if times is None else times - 1)
                return fault
        return None
