"""The asynchronous inferences of one endpoint: queued, given to the model, written to S3, published to SNS."""

from __future__ import annotations

import logging
import threading
import uuid
from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import Final

from outpaint.mocks.sagemaker.agenda import Agenda
from outpaint.mocks.sagemaker.aws_cloud import Cloud, MockCloudError
from outpaint.mocks.sagemaker.endpoint_definition import (
    AsyncInferenceConfig,
    Endpoint,
    Fleet,
    Includes,
    S3Location,
)
from outpaint.mocks.sagemaker.endpoint_models import Model, ModelGoneError, ModelTimeoutError
from outpaint.mocks.sagemaker.inference_journal import InferenceEntry, Notice, State, completion_message
from outpaint.mocks.sagemaker.runtime_calls import RuntimeCall
from outpaint.mocks.sagemaker.runtime_faults import Fault, FaultKind, Faults, FaultStep

DEFAULT_TTL_S: Final = 21_600.0
"""Seconds a request may be queued (service model: RequestTTLSeconds)."""
DEFAULT_TIMEOUT_S: Final = 900.0
"""Seconds an inference may take (service model: InvocationTimeoutSeconds)."""
PING_EVERY_S: Final = 1.0
"""Seconds between two looks at whether a container is ready."""

_LOG: Final = logging.getLogger("outpaint.sagemaker")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every endpoint of a mock shares."""

    agenda: Agenda
    cloud: Cloud
    faults: Faults
    workers: ThreadPoolExecutor
    jitter: Random
    region: str


@dataclass(slots=True)
class Inference:
    """One accepted request; `done` is set once its last message is published."""

    call: RuntimeCall
    entry: InferenceEntry
    variant: str
    output: S3Location
    failure: S3Location | None
    done: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How the work on an inference ended, `seconds` after it began by the mock's clock."""

    state: State
    body: bytes
    content_type: str | None = None
    reason: str | None = None
    seconds: float = 0.0


class AsyncEndpoint:
    """An endpoint that has an AsyncInferenceConfig.

    Its state changes on the agenda's thread only, in the order of the clock; containers are called on other threads.
    """

    def __init__(
        self, definition: Endpoint, config: AsyncInferenceConfig, model: Model, surroundings: Surroundings
    ) -> None:
        self._definition = definition
        self._output = config.output_config
        self._model = model
        self._around = surroundings
        self._agenda = surroundings.agenda
        self._lock = threading.RLock()
        self._queue: deque[Inference] = deque()
        self._fleet = Fleet(definition.scaling, config.client_config.max_concurrent_invocations_per_instance)
        self._idle_since: float | None = None
        self._closed = False
        initial = definition.scaling.initial_instances
        if model.in_process:
            self._fleet.up = initial
        else:
            self._fleet.starting = initial
            for _ in range(initial):
                self._agenda.at(self._agenda.clock.now(), self._start_instance)

    def accept(self, call: RuntimeCall, entry: InferenceEntry, variant: str, inference_id: str) -> Inference:
        """Queue a request; returns it with the locations that its outcome will be written to."""
        # AWS names both by an id of its own, which is not the inference's (messages that others captured).
        own = uuid.uuid4()
        output = S3Location.parse(self._output.s3_output_path)
        failure = None if self._output.s3_failure_path is None else S3Location.parse(self._output.s3_failure_path)
        inference = Inference(
            call,
            entry,
            variant,
            output.under(call.get("S3OutputPathExtension"), call.get("Filename") or f"{own}.out"),
            None if failure is None else failure.under(f"{own}-error.out"),
        )
        entry.inference_id = inference_id
        entry.variant = variant
        entry.state = State.QUEUED
        entry.output_location = str(inference.output)
        entry.failure_location = None if inference.failure is None else str(inference.failure)
        self._agenda.at(entry.at, partial(self._enqueue, inference))
        return inference

    def metrics(self, now: float) -> Mapping[str, float]:
        """The endpoint's CloudWatch metrics of this moment, by AWS's names, and the instances behind them."""
        with self._lock:
            queued, fleet = len(self._queue), self._fleet
            backlog = queued + fleet.busy
            return {
                "ApproximateBacklogSize": backlog,
                "ApproximateBacklogSizePerInstance": backlog / fleet.up if fleet.up else float(backlog),
                "ApproximateAgeOfOldestRequest": now - self._queue[0].entry.at if queued else 0.0,
                "HasBacklogWithoutCapacity": float(queued > 0 and fleet.up == 0),
                "InstancesInService": fleet.up,
                "InstancesStarting": fleet.starting,
                "InvocationsRunning": fleet.busy,
            }

    def set_instances(self, number: int) -> None:
        """Have so many instances in service now, as if a person or an alarm had scaled; work under way goes on."""
        self._agenda.at(self._agenda.clock.now(), partial(self._set_instances, number))

    def close(self) -> None:
        """Remove the endpoint; what is queued or running is lost."""
        with self._lock:
            self._closed = True
            while self._queue:
                self._lose(self._queue.popleft())

    def _set_instances(self, number: int, at: float) -> None:
        with self._lock:
            self._fleet.up = number
            self._pump(at)

    def _enqueue(self, inference: Inference, at: float) -> None:
        with self._lock:
            if self._closed:
                self._lose(inference)
                return
            self._queue.append(inference)
            ttl = inference.call.seconds("RequestTTLSeconds", DEFAULT_TTL_S)
            self._agenda.at(at + ttl, partial(self._expire, inference, ttl))
            self._pump(at)

    def _expire(self, inference: Inference, ttl: float, at: float) -> None:
        with self._lock:
            if inference not in self._queue:
                return
            self._queue.remove(inference)
        reason = f"ClientError: The request expired after it had been in the queue for {ttl:.0f} seconds."
        self._end(inference, _unfinished(State.EXPIRED, reason), at)

    def _pump(self, at: float) -> None:
        """Begin what can begin, and start the instances that are missing."""
        if self._closed:
            return
        while self._queue and self._fleet.free > 0:
            self._begin(self._queue.popleft(), at)
        for _ in range(self._fleet.wanted(len(self._queue))):
            self._fleet.starting += 1
            self._agenda.at(at + self._definition.scaling.cold_start_seconds, self._start_instance)
        after = self._definition.scaling.scale_in_after_seconds
        self._idle_since = None
        if after is not None and not self._queue and self._fleet.busy == 0:
            self._idle_since = at
            self._agenda.at(at + after, partial(self._scale_in, at))

    def _start_instance(self, at: float) -> None:
        with self._lock:
            if self._closed:
                return
            if not self._model.ready():
                self._agenda.at(at + PING_EVERY_S, self._start_instance)
                return
            self._fleet.starting -= 1
            self._fleet.up += 1
            self._pump(at)

    def _scale_in(self, idle_since: float, _: float) -> None:
        with self._lock:
            if self._idle_since == idle_since:
                self._fleet.up = min(self._fleet.up, self._definition.scaling.min_instances)

    def _begin(self, inference: Inference, at: float) -> None:
        entry = inference.entry
        self._fleet.busy += 1
        entry.state = State.RUNNING
        entry.started_at = at
        entry.attempts += 1
        fault = self._around.faults.take(FaultStep.PROCESSING, self._definition.endpoint_name)
        if self._model.in_process:
            outcome = self._work(inference, fault, at)
            self._agenda.at(at + outcome.seconds, partial(self._finish, inference, outcome, fault))
            return
        self._agenda.begin_elsewhere()
        self._around.workers.submit(self._work_elsewhere, inference, fault, at)

    def _work_elsewhere(self, inference: Inference, fault: Fault | None, at: float) -> None:
        try:
            outcome = self._work(inference, fault, at)
            ended = max(at, self._agenda.clock.now()) + outcome.seconds
            self._agenda.at(ended, partial(self._finish, inference, outcome, fault))
        finally:
            self._agenda.end_elsewhere()

    def _work(self, inference: Inference, fault: Fault | None, at: float) -> _Outcome:
        """The model's answer as an outcome; so is everything that can go wrong."""
        call = inference.call
        timeout = call.seconds("InvocationTimeoutSeconds", DEFAULT_TIMEOUT_S)
        if fault is not None and fault.kind is FaultKind.MODEL_ERROR:
            return _failed(fault.status, fault.message.encode(), "text/plain")
        if fault is not None and fault.kind is FaultKind.TIMEOUT:
            return _overdue(timeout, timeout)
        try:
            location = call.get("InputLocation")
            body = call.body if location is None else self._around.cloud.read(S3Location.parse(location))
        except (MockCloudError, ValueError) as error:
            return _unfinished(State.FAILED, f"ClientError: The input could not be read: {error}")
        entry = inference.entry
        request = replace(
            call.model_request(inference.variant, at),
            body=body,
            inference_id=entry.inference_id,
            attempt=entry.attempts,
            headers=_with_id(call.passed_on, entry.inference_id),
        )
        try:
            answer = self._model.answer(request, timeout)
        except ModelTimeoutError:
            # A container has taken that time already, a script has not.
            return _overdue(timeout, timeout if self._model.in_process else 0.0)
        except ModelGoneError as error:
            return _unfinished(State.FAILED, f"InternalServerError: The container did not answer: {error}")
        if answer.failed:
            return _failed(answer.status, answer.body, answer.content_type, answer.seconds)
        if not answer.has_length:
            reason = (
                "ClientError: The response from container primary did not specify the required Content-Length header"
            )
            return _unfinished(State.FAILED, reason, answer.seconds)
        return _Outcome(State.COMPLETED, answer.body, answer.content_type, seconds=answer.seconds)

    def _finish(self, inference: Inference, outcome: _Outcome, fault: Fault | None, at: float) -> None:
        with self._lock:
            self._fleet.busy -= 1
            if self._closed or (fault is not None and fault.kind is FaultKind.LOST):
                self._lose(inference)
            elif fault is not None and fault.kind is FaultKind.INSTANCE_LOST:
                self._fleet.up = max(0, self._fleet.up - 1)
                inference.entry.state = State.QUEUED
                self._queue.appendleft(inference)
            else:
                self._end(inference, outcome, at)
            self._pump(at)

    def _lose(self, inference: Inference) -> None:
        inference.entry.state = State.LOST
        inference.done.set()

    def _end(self, inference: Inference, outcome: _Outcome, at: float) -> None:
        """Write the outcome to S3, then to the journal, then plan its messages: they follow the object."""
        entry = inference.entry
        if outcome.state is State.COMPLETED:
            problem = self._write(inference.output, outcome)
            if problem is not None:
                outcome = _unfinished(State.FAILED, f"ClientError: The output could not be written: {problem}")
        if outcome.state is not State.COMPLETED and inference.failure is not None:
            problem = self._write(inference.failure, outcome)
            if problem is not None:
                entry.failure_location = None
        entry.ended_at = at
        entry.failure_reason = outcome.reason
        entry.state = outcome.state
        self._plan_messages(inference, outcome, at)

    def _write(self, location: S3Location, outcome: _Outcome) -> str | None:
        """Write an object; returns the problem, if there was one."""
        try:
            self._around.cloud.write(location, outcome.body, outcome.content_type)
        except MockCloudError as error:
            _LOG.warning("%s", error)
            return str(error)
        return None

    def _plan_messages(self, inference: Inference, outcome: _Outcome, at: float) -> None:
        config = self._output.notification_config
        succeeded = outcome.state is State.COMPLETED
        topic = config.success_topic if succeeded else config.error_topic
        delivery = self._definition.delivery
        copies, delay = delivery.copies, delivery.delay_seconds
        fault = None if topic is None else self._around.faults.take(FaultStep.NOTIFICATION, inference.call.endpoint)
        if fault is not None and fault.kind is FaultKind.LATE:
            delay += fault.seconds
        elif fault is not None:
            copies = 0 if fault.kind is FaultKind.LOST else fault.copies
        if topic is None or copies == 0:
            inference.done.set()
            return
        included = (Includes.SUCCESS if succeeded else Includes.ERROR) in config.include_inference_response_in
        content = completion_message(
            inference.entry,
            inference.call,
            region=self._around.region,
            content_type=outcome.content_type,
            response=outcome.body if included else None,
        )
        times = [at + delay + self._around.jitter.uniform(0.0, delivery.jitter_seconds) for _ in range(copies)]
        notices = [Notice(topic, time, content) for time in sorted(times)]
        for notice in notices:
            self._agenda.at(notice.at, partial(self._publish, inference, notice, notice is notices[-1]))

    def _publish(self, inference: Inference, notice: Notice, is_last: bool, _: float) -> None:
        try:
            notice.message_id = self._around.cloud.publish(notice.topic, notice.message)
        except MockCloudError as error:
            _LOG.warning("%s", error)
            notice.error = str(error)
        inference.entry.notices.append(notice)
        if is_last:
            inference.done.set()


def _unfinished(state: State, reason: str, seconds: float = 0.0) -> _Outcome:
    return _Outcome(state, reason.encode(), "text/plain", reason, seconds)


def _failed(status: int, body: bytes, content_type: str | None, seconds: float = 0.0) -> _Outcome:
    whose = "client" if 400 <= status < 500 else "server"
    reason = (
        f"ClientError: Received {whose} error ({status}) from model. See the SageMaker Endpoint logs in your account "
        "for more information."
    )
    return _Outcome(State.FAILED, body, content_type, reason, seconds)


def _overdue(timeout: float, seconds: float) -> _Outcome:
    reason = f"ClientError: The inference expired: the container did not answer within {timeout:.0f} seconds."
    return _unfinished(State.EXPIRED, reason, seconds)


def _with_id(headers: tuple[tuple[str, str], ...], inference_id: str | None) -> tuple[tuple[str, str], ...]:
    """The headers with the inference's id, which is made up where the caller gave none."""
    name = "x-amzn-sagemaker-inference-id"
    if inference_id is None or any(header == name for header, _ in headers):
        return headers
    return (*headers, (name, inference_id))
