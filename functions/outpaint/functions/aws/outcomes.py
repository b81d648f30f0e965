"""How a job ended, as the painter or SageMaker wrote it into the bucket or announced it by SNS."""

from __future__ import annotations

from typing import Final

from pydantic import ValidationError

from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.inference import Completion, InferenceFailure, Manifest
from outpaint.contracts.storage_names import answer_prefix, failure_prefix, outcome_name
from outpaint.functions.aws.aws_clients import PICTURE_STORE, Clients, read_object, typed_errors
from outpaint.functions.service import log_keys, settle
from outpaint.functions.service.records import Job
from outpaint.functions.service.service import Service

_LARGEST: Final = 256 * 1024
UNREADABLE: Final = "an unreadable answer"
_FAILED: Final = "the painter failed"


def parse_outcome(answer: bytes, inference_id: str) -> Manifest | InferenceFailure | None:
    """A painter's answer as a manifest or a typed failure; None where it is neither, or another job's."""
    for model in (Manifest, InferenceFailure):
        try:
            outcome = model.model_validate_json(answer)
        except ValidationError:
            continue
        if outcome.inference_id == inference_id:
            return outcome
    return None


def broken_off(inference_id: str, reason: str) -> InferenceFailure:
    """The failure of a job whose painter left no readable outcome."""
    return InferenceFailure(
        inference_id=inference_id,
        error_code=ErrorCode.PAINTING_FAILED,
        detail=f"painting broke off ({reason[:120]}); the credits were given back: try again",
    )


def settle_outcome(service: Service, outcome: Manifest | InferenceFailure) -> Job | None:
    """End the job as the outcome has it; None if it had ended before, or is not known."""
    return settle.succeed(service, outcome) if isinstance(outcome, Manifest) else settle.fail(service, outcome)


class Outcomes:
    """Reads outcomes from the bucket of the pictures; raises `OutpaintError` UNAVAILABLE where S3 does not answer."""

    def __init__(self, clients: Clients, bucket: str) -> None:
        self._clients = clients
        self._bucket = bucket

    def at(self, location: str | None, inference_id: str, reason: str) -> Manifest | InferenceFailure:
        """The outcome in the object at an `s3://` location; broken off for `reason` where it holds none.

        A location outside the bucket is not read.
        """
        own = f"s3://{self._bucket}/"
        body = b""
        if location is not None and location.startswith(own):
            body = self._body(location.removeprefix(own))
        return parse_outcome(body, inference_id) or broken_off(inference_id, reason)

    def look_for(self, inference_id: str) -> Manifest | InferenceFailure | None:
        """The job's outcome if its painter or SageMaker has written one, whatever SageMaker named it."""
        outcome = parse_outcome(self._body(outcome_name(inference_id)), inference_id)
        if outcome is not None:
            return outcome
        for prefix, reason in ((answer_prefix(inference_id), UNREADABLE), (failure_prefix(inference_id), _FAILED)):
            with typed_errors(PICTURE_STORE):
                listed = self._clients.s3.list_objects_v2(Bucket=self._bucket, Prefix=prefix, MaxKeys=1)
            for found in listed.get("Contents", []):
                return parse_outcome(self._body(found["Key"]), inference_id) or broken_off(inference_id, reason)
        return None

    def _body(self, key: str) -> bytes:
        found = read_object(self._clients, self._bucket, key, _LARGEST)
        return b"" if found is None else found[0]


class UnknownJob(Exception):  # noqa: N818 - the queue's signal to deliver the message again later
    """Raised for a job that cannot be found to be ended: not yet visible, or purged long ago."""


def settle_completion(service: Service, outcomes: Outcomes, message: str | bytes) -> Job | None:
    """End the job that SageMaker's completion message is about; None if it had ended before.

    Raises `UnknownJob`, `OutpaintError` where AWS does not answer, or pydantic's `ValidationError` for a message
    that is none: SQS delivers it again, and after five times moves it to the dead letters.
    """
    completion = Completion.model_validate_json(message)
    with log_keys.about(completion.inference_id):
        job = service.jobs.find(completion.inference_id, service.clock.now())
        if job is None:
            raise UnknownJob(completion.inference_id)
    with log_keys.about_job(job):
        outcome = outcomes.at(
            completion.locations.output if completion.completed else completion.locations.failure,
            completion.inference_id,
            UNREADABLE if completion.completed else completion.reason or _FAILED,
        )
        return settle_outcome(service, outcome)
