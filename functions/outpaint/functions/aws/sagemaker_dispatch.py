"""Sends jobs to SageMaker: to the asynchronous endpoint, and quick ones to the real-time endpoint."""

from __future__ import annotations

import logging
import math
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.inference import InferenceFailure, InferenceRequest, Manifest
from outpaint.contracts.storage_names import answer_file_name, input_name
from outpaint.functions.aws.aws_clients import PICTURE_STORE, Clients, code_of, typed_errors
from outpaint.functions.aws.aws_settings import AwsSettings
from outpaint.functions.aws.outcomes import UNREADABLE, Outcomes, broken_off, parse_outcome, settle_outcome
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


class SageMakerDispatch:
    """The Dispatch port on an asynchronous endpoint and, where there is one, a real-time endpoint before it.

    The endpoint reads `<bucket>/<image>`, writes `<bucket>/<output id>` and answers with a manifest, which
    SageMaker stores under `storage_names.answer_prefix`. `look_after` is the age in seconds from which `check`
    looks there; `service` is set by whoever builds the service.
    """

    service: Service

    def __init__(self, clients: Clients, settings: AwsSettings, look_after: float) -> None:
        self._clients = clients
        self._settings = settings
        self._look_after = look_after
        self._outcomes = Outcomes(clients, settings.bucket)

    def start(self, request: InferenceRequest) -> None:
        """Send the job to the real-time endpoint if that is quick enough for it, else to the asynchronous one."""
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
                return
        self.enqueue(request)

    def enqueue(self, request: InferenceRequest) -> None:
        """Send the job to the asynchronous endpoint; raises `OutpaintError` UNAVAILABLE when it is not taken."""
        message = request.model_dump_json().encode()
        seconds = self._settings.service.job_lifetime
        parameters = {
            "EndpointName": self._settings.endpoint,
            "InferenceId": request.inference_id,
            "Filename": answer_file_name(request.inference_id),
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
                self._clients.queue.invoke_endpoint_async(**parameters)
            except ClientError as error:
                if code_of(error) not in ("ValidationError", "ValidationException"):
                    raise
                # What we send is valid, so it is the endpoint that is not there (yet).
                _LOG.error("the endpoint %s takes no jobs: %s", self._settings.endpoint, error)
                raise OutpaintError.unavailable(
                    "no painter's endpoint is in service: try again in a few minutes"
                ) from error

    def check(self, job: Job) -> Job | None:
        """Settle the job if its outcome is in the bucket; nothing is looked for before the age `look_after`."""
        if job.state.ended or self.service.clock.now() < job.created_at + self._look_after:
            return job
        outcome = self._outcomes.look_for(job.id)
        return job if outcome is None else settle_outcome(self.service, outcome)

    def _is_quick(self, request: InferenceRequest) -> bool:
        settings = self._settings
        if settings.realtime_function is None or settings.realtime_endpoint is None:
            return False
        return math.ceil(len(request.output_ids) * settings.seconds_per_image) <= _REALTIME_S


def paint_in_realtime(
    service: Service, clients: Clients, dispatch: SageMakerDispatch, endpoint: str, request: InferenceRequest
) -> Job | None:
    """Call the real-time endpoint and settle the job by its answer.

    Returns the ended job; None if it had ended before, or if it was sent to the asynchronous endpoint, as happens
    where this one is busy, gone or too slow. Safe to repeat: the same job writes the same files, and ends once.
    """
    job = service.jobs.find(request.inference_id, service.clock.now())
    if job is None or job.state.ended:
        return None
    settle.begin(service, request.inference_id)
    outcome = _invoke(clients, endpoint, request)
    if outcome is not None:
        return settle_outcome(service, outcome)
    try:
        dispatch.enqueue(request)
    except OutpaintError as error:
        return settle.fail(service, InferenceFailure.of(request.inference_id, error), release_claim=True)
    return None


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
            busy = isinstance(outcome, InferenceFailure) and outcome.error_code is ErrorCode.UNAVAILABLE
            if outcome is not None and not busy:
                # The painter itself says what is wrong with the job: no other would do better.
                return outcome
        _LOG.warning("job %s goes to the asynchronous endpoint: %s", request.inference_id, error)
        return None
    return parse_outcome(body, request.inference_id) or broken_off(request.inference_id, UNREADABLE)
