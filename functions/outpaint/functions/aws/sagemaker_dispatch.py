"""Sends jobs to SageMaker: to the asynchronous endpoint, and quick ones to the real-time endpoint."""

from __future__ import annotations

import logging
import math
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from outpaint.contracts.errors import OutpaintError
from outpaint.contracts.inference import CompletionLocations, InferenceFailure, InferenceRequest, Manifest
from outpaint.contracts.job_states import JobState
from outpaint.contracts.storage_names import answer_file_name, input_name, invocation_id
from outpaint.functions.aws.aws_clients import PICTURE_STORE, Clients, code_of, typed_errors
from outpaint.functions.aws.aws_settings import AwsSettings
from outpaint.functions.aws.outcomes import (
    UNREADABLE,
    Outcomes,
    broken_off,
    gave_back,
    not_painted_in_realtime,
    parse_outcome,
    settle_outcome,
)
from outpaint.functions.service import settle
from outpaint.functions.service.records import Job
from outpaint.functions.service.service import Service

_LOG: Final = logging.getLogger("outpaint.aws")
_WHAT: Final = "the painter's endpoint"
_JSON: Final = "application/json"
_INLINE: Final = 128_000
"""The largest message that InvokeEndpointAsync takes; a larger one goes through S3 (docs/facts/aws.md#sagemaker)."""
_REALTIME_S: Final = 50.0
"""The longest job for a real-time endpoint, which ends a call after 60 s (docs/facts/aws.md#sagemaker)."""
REALTIME_BOUND_S: Final = 180.0
"""The age from which nothing is heard of a job that the real-time function has: Lambda keeps its event for 60 s, and
the function may run for 90 s (template.yaml); the rest is for clocks that are off."""


class SageMakerDispatch:
    """The Dispatch port on an asynchronous endpoint and, where there is one, a real-time endpoint before it.

    The endpoint reads `<bucket>/<image>`, writes `<bucket>/<output id>` and answers with a manifest, which SageMaker
    stores where its answer to the call says. `look_after` is the age in seconds from which `check` looks there, and
    `sends_again` whether it sends a job again that needs it; `service` is set by whoever builds the service.
    """

    service: Service

    def __init__(self, clients: Clients, settings: AwsSettings, look_after: float, *, sends_again: bool = True) -> None:
        self._clients = clients
        self._settings = settings
        self._look_after = look_after
        self._sends_again = sends_again
        self._outcomes = Outcomes(clients, settings.bucket)

    def start(self, request: InferenceRequest) -> CompletionLocations | None:
        """Send the job to the real-time endpoint if that is quick enough for its first try, else to the asynchronous.

        Returns None for the real-time endpoint, whose answer only the function that calls it gets.
        """
        if self._is_quick(request):
            try:
                self._clients.functions.invoke(
                    FunctionName=self._settings.realtime_function,
                    InvocationType="Event",
                    Payload=request.model_dump_json().encode(),
                )
            except (ClientError, BotoCoreError) as error:
                _LOG.warning("job %s goes to the asynchronous endpoint: %s", request.inference_id, error)
            else:
                return None
        return self._enqueue(request)

    def _enqueue(self, request: InferenceRequest) -> CompletionLocations:
        message = request.model_dump_json().encode()
        seconds = self._settings.service.job_lifetime
        if request.deadline_at is not None:
            seconds = max(1, math.ceil(request.deadline_at - self.service.clock.now()))
        parameters = {
            "EndpointName": self._settings.endpoint,
            "InferenceId": invocation_id(request.inference_id, request.attempt),
            "Filename": answer_file_name(request.inference_id, request.attempt),
            "ContentType": _JSON,
            "Accept": _JSON,
            # After the job's deadline its pictures are of no use.
            "RequestTTLSeconds": min(max(seconds, 60), 21_600),
            "InvocationTimeoutSeconds": min(seconds, 3600),
        }
        if len(message) <= _INLINE:
            parameters["Body"] = message
        else:
            key = input_name(request.inference_id, "request")
            with typed_errors(PICTURE_STORE):
                self._clients.s3.put_object(Bucket=self._settings.bucket, Key=key, Body=message, ContentType=_JSON)
            parameters["InputLocation"] = f"s3://{self._settings.bucket}/{key}"
        with typed_errors(_WHAT):
            try:
                answer = self._clients.queue.invoke_endpoint_async(**parameters)
            except ClientError as error:
                if code_of(error) not in ("ValidationError", "ValidationException"):
                    raise
                # What we send is valid, so it is the endpoint that is not there (yet).
                _LOG.error("the endpoint %s takes no jobs: %s", self._settings.endpoint, error)
                raise OutpaintError.unavailable(
                    "no painter's endpoint is in service: try again in a few minutes"
                ) from error
        return CompletionLocations(output=answer.get("OutputLocation"), failure=answer.get("FailureLocation"))

    def check(self, job: Job) -> Job | None:
        """Settle the job if its outcome is in the bucket; nothing is looked for before the age `look_after`.

        A job that its container gave back is sent again, and so is one that the real-time function has had for longer
        than it can.
        """
        now = self.service.clock.now()
        if job.state.ended or now < job.created_at + self._look_after:
            return job
        outcome = self._outcomes.look_for(job)
        if outcome is None and now >= job.created_at + REALTIME_BOUND_S and self._is_only_in_realtime(job):
            _LOG.warning("job %s was lost by the real-time function", job.id)
            outcome = not_painted_in_realtime(job.id)
        if outcome is None or (gave_back(outcome) and not self._sends_again):
            return job
        return settle_outcome(self.service, job, outcome)

    def _is_quick(self, request: InferenceRequest) -> bool:
        settings = self._settings
        if request.attempt > 1:
            return False
        if settings.realtime_function is None or settings.realtime_endpoint is None:
            return False
        return math.ceil(len(request.output_ids) * settings.seconds_per_image) <= _REALTIME_S

    def _is_only_in_realtime(self, job: Job) -> bool:
        """Whether only the real-time function has the job: an asynchronous endpoint says where its answer will be.

        Jobs that an earlier release sent do not have that either, so without a real-time endpoint there are none.
        """
        if self._settings.realtime_endpoint is None:
            return False
        return job.locations is None and job.state in (JobState.DISPATCHED, JobState.PAINTING)


def paint_in_realtime(service: Service, clients: Clients, endpoint: str, request: InferenceRequest) -> Job | None:
    """Call the real-time endpoint and settle the job by its answer.

    Returns the ended job; None if it had ended before, or if it was sent to the asynchronous endpoint, as happens
    where this one is busy, gone or too slow. Safe to repeat: the same job writes the same files, and ends once.
    Raises `OutpaintError` where AWS does not answer: Lambda hands the job to the completion queue.
    """
    job = service.jobs.find(request.inference_id, service.clock.now())
    if job is None or job.state.ended or job.attempts > request.attempt:
        return None
    job = settle.begin(service, job.id) or job
    outcome = _invoke(clients, endpoint, request)
    return settle_outcome(service, job, outcome or not_painted_in_realtime(job.id))


def _invoke(clients: Clients, endpoint: str, request: InferenceRequest) -> Manifest | InferenceFailure | None:
    """The job's outcome by the endpoint's answer; None where the asynchronous endpoint should try it instead."""
    try:
        answer = clients.realtime.invoke_endpoint(
            EndpointName=endpoint,
            InferenceId=request.inference_id,
            ContentType=_JSON,
            Accept=_JSON,
            Body=request.model_dump_json().encode(),
        )
        body: bytes = answer["Body"].read()
    except (ClientError, BotoCoreError) as error:
        if isinstance(error, ClientError) and code_of(error) == "ModelError":
            outcome = parse_outcome(str(error.response.get("OriginalMessage", "")).encode(), request.inference_id)
            if outcome is not None:
                # The painter itself says what is wrong with the job, or gives it back.
                return outcome
        _LOG.warning("job %s goes to the asynchronous endpoint: %s", request.inference_id, error)
        return None
    return parse_outcome(body, request.inference_id) or broken_off(request.inference_id, UNREADABLE)
