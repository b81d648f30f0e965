"""What comes in by the completion queue: SageMaker's words that a try has ended, Lambda's of an event it dropped."""

from __future__ import annotations

import logging
from typing import Final

from pydantic import ValidationError

from outpaint.contracts.inference import (
    Completion,
    CompletionLocations,
    DroppedEvent,
    InferenceRequest,
    Manifest,
)
from outpaint.contracts.job_states import JobState
from outpaint.contracts.storage_names import invoked_by
from outpaint.functions.aws.outcomes import (
    FAILED,
    UNREADABLE,
    Outcomes,
    broken_off,
    not_painted_in_realtime,
    settle_outcome,
)
from outpaint.functions.service import log_keys, settle
from outpaint.functions.service.records import Job
from outpaint.functions.service.service import Service

_LOG: Final = logging.getLogger("outpaint.aws")


class UnknownJob(Exception):  # noqa: N818 - the queue's signal to deliver the message again later
    """Raised for a job or a try that cannot be found to be ended: not yet visible, or purged long ago."""


def settle_completion(service: Service, outcomes: Outcomes, message: str | bytes) -> Job | None:
    """Do what a message asks for: end its job, or send that to the asynchronous endpoint.

    A message is a `Completion` or a `DroppedEvent`. Returns the ended job; None if it was sent again, had ended
    before, goes on with a later try, or if the message names no job. Raises `UnknownJob`, `OutpaintError` where AWS
    does not answer, or pydantic's `ValidationError` for a message that is neither: SQS delivers it again, and after
    five times moves it to the dead letters.
    """
    try:
        completion = Completion.model_validate_json(message)
    except ValidationError as error:
        try:
            dropped = DroppedEvent.model_validate_json(message)
        except ValidationError:
            raise error from None
        return _send_on(service, dropped.request)
    if completion.invocation_id is None:
        _LOG.warning("a completion without inferenceId is left to the sweep: %s", message)
        return None
    inference_id, attempt = invoked_by(completion.invocation_id)
    job = _known(service, inference_id)
    with log_keys.about_job(job):
        return _end_try(service, outcomes, completion, job, attempt)


def _known(service: Service, inference_id: str) -> Job:
    with log_keys.about(inference_id):
        job = service.jobs.find(inference_id, service.clock.now())
        if job is None:
            raise UnknownJob(inference_id)
        return job


def _end_try(service: Service, outcomes: Outcomes, completion: Completion, job: Job, attempt: int) -> Job | None:
    """End a try as its painter's answer says, or as the bucket has it, or else as broken off."""
    locations = completion.locations or CompletionLocations()
    if not completion.completed:
        _LOG.warning("try %d of job %s failed: %s", attempt, job.id, completion.reason)
    outcome = outcomes.at(locations.output if completion.completed else locations.failure, job.id)
    if isinstance(outcome, Manifest):
        return settle.succeed(service, outcome)
    if attempt > job.attempts:
        raise UnknownJob(job.id)
    if job.state.ended or attempt < job.attempts:
        return None
    outcome = outcome or outcomes.look_for(job)
    if outcome is None:
        if job.state is JobState.ACCEPTED:
            # Where the failure lies is recorded with the next state, which is just being written.
            raise UnknownJob(job.id)
        outcome = broken_off(job.id, UNREADABLE if completion.completed else FAILED)
    return settle_outcome(service, job, outcome)


def _send_on(service: Service, request: InferenceRequest) -> Job | None:
    """Send a job of which the real-time endpoint made nothing to the asynchronous one."""
    job = _known(service, request.inference_id)
    if job.state.ended or request.attempt < job.attempts:
        return None
    with log_keys.about_job(job):
        _LOG.warning("job %s was dropped by the real-time function", job.id)
        return settle.send_again(service, job, not_painted_in_realtime(job.id))
