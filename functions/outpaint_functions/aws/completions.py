"""SageMaker's word that a job has ended, as SNS carries it: at least once, in any order."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from outpaint_functions.aws.outcomes import Outcomes, settled
from outpaint_functions.service.records import Job
from outpaint_functions.service.service import Service


class UnknownJob(Exception):  # noqa: N818 - the queue's signal to show the message again later
    """A job that is not there to be ended: not yet seen, or long forgotten."""


class _Locations(BaseModel):
    """Where SageMaker wrote what the painter answered."""

    output: Annotated[str | None, Field(alias="outputLocation")] = None
    failure: Annotated[str | None, Field(alias="failureLocation")] = None


class Completion(BaseModel):
    """The message; members that nothing here hangs on are left out (aws.md)."""

    model_config = ConfigDict(frozen=True)

    status: Annotated[str, Field(alias="invocationStatus")]
    inference_id: Annotated[str, Field(alias="inferenceId", min_length=1)]
    reason: Annotated[str, Field(alias="failureReason")] = ""
    locations: Annotated[_Locations, Field(alias="responseParameters")] = _Locations()


def settle_completion(service: Service, outcomes: Outcomes, message: str | bytes) -> Job | None:
    """End the job that a message tells of; None if it had ended before, so that a repeat changes nothing.

    Raises `UnknownJob`, `OutpaintError` where AWS does not answer, or pydantic's `ValidationError` for a message
    that is none: the queue shows it again, and puts it aside after a few times.
    """
    completion = Completion.model_validate_json(message)
    done = completion.status == "Completed"
    outcome = outcomes.at(
        completion.locations.output if done else completion.locations.failure,
        completion.inference_id,
        "an unreadable answer" if done else completion.reason or "the painter failed",
    )
    job = settled(service, outcome)
    if job is None and service.jobs.find(completion.inference_id, service.clock.now()) is None:
        raise UnknownJob(completion.inference_id)
    return job
