"""SageMaker's word that a job has ended, as SNS carries it: at least once, in any order."""

from __future__ import annotations

from outpaint_contracts.completions import Completion

from outpaint_functions.aws.outcomes import Outcomes, settled
from outpaint_functions.service.records import Job
from outpaint_functions.service.service import Service


class UnknownJob(Exception):  # noqa: N818 - the queue's signal to show the message again later
    """A job that is not there to be ended: not yet seen, or long forgotten."""


def settle_completion(service: Service, outcomes: Outcomes, message: str | bytes) -> Job | None:
    """End the job that a message tells of; None if it had ended before, so that a repeat changes nothing.

    Raises `UnknownJob`, `OutpaintError` where AWS does not answer, or pydantic's `ValidationError` for a message
    that is none: the queue shows it again, and puts it aside after a few times.
    """
    completion = Completion.model_validate_json(message)
    outcome = outcomes.at(
        completion.locations.output if completion.completed else completion.locations.failure,
        completion.inference_id,
        "an unreadable answer" if completion.completed else completion.reason or "the painter failed",
    )
    job = settled(service, outcome)
    if job is None and service.jobs.find(completion.inference_id, service.clock.now()) is None:
        raise UnknownJob(completion.inference_id)
    return job
