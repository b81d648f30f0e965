"""One job on the real-time endpoint, from its beginning to its end."""

from __future__ import annotations

import logging
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError
from outpaint_contracts.errors import ErrorCode, OutpaintError
from outpaint_contracts.inference import InferenceFailure, InferenceRequest, Manifest

from outpaint_functions.aws import outcomes
from outpaint_functions.aws.clients import Clients
from outpaint_functions.aws.dispatch import SageMakerDispatch
from outpaint_functions.aws.errors import code_of
from outpaint_functions.service import settle
from outpaint_functions.service.records import Job
from outpaint_functions.service.service import Service

_LOG: Final = logging.getLogger("outpaint.aws")


def paint(
    service: Service, clients: Clients, dispatch: SageMakerDispatch, endpoint: str, request: InferenceRequest
) -> Job | None:
    """Call the endpoint, wait for its answer and settle the job; None if the job has ended, or goes on elsewhere.

    An endpoint that is busy, gone or too slow is no failure: the job goes to the asynchronous endpoint, which
    takes any number. Safe to repeat: the same job writes the same files, and ends once.
    """
    job = service.jobs.find(request.inference_id, service.clock.now())
    if job is None or job.state.ended:
        return None
    settle.begin(service, request.inference_id)
    outcome = _answer(clients, endpoint, request)
    if outcome is not None:
        return outcomes.settled(service, outcome)
    try:
        dispatch.enqueue(request)
    except OutpaintError as error:
        return settle.fail(service, InferenceFailure.of(request.inference_id, error), release_claim=True)
    return None


def _answer(clients: Clients, endpoint: str, request: InferenceRequest) -> Manifest | InferenceFailure | None:
    """What the endpoint has made of the job; None where another had better have it."""
    try:
        answer = clients.realtime.invoke_endpoint(
            EndpointName=endpoint,
            InferenceId=request.inference_id,
            ContentType="application/json",
            Accept="application/json",
            Body=request.model_dump_json().encode(),
        )
        body: bytes = answer["Body"].read()
    except (ClientError, BotoCoreError) as error:
        if isinstance(error, ClientError) and code_of(error) == "ModelError":
            outcome = outcomes.said(str(error.response.get("OriginalMessage", "")).encode(), request.inference_id)
            busy = isinstance(outcome, InferenceFailure) and outcome.error_code is ErrorCode.UNAVAILABLE
            if outcome is not None and not busy:
                # The painter says itself what is wrong with the job: no other would do better.
                return outcome
        _LOG.warning("job %s goes to the asynchronous endpoint: %s", request.inference_id, error)
        return None
    return outcomes.said(body, request.inference_id) or outcomes.broken_off(
        request.inference_id, "an unreadable answer"
    )
