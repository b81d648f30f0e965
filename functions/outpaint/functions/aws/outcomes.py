"""How a job ended, as its painter and SageMaker left it in the bucket."""

from __future__ import annotations

from typing import Final, TypeGuard

from pydantic import ValidationError

from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.inference import CompletionLocations, InferenceFailure, Manifest
from outpaint.contracts.storage_names import answer_prefix, failure_prefix, outcome_name
from outpaint.functions.aws.aws_clients import PICTURE_STORE, Clients, read_object, typed_errors
from outpaint.functions.service import settle
from outpaint.functions.service.records import Job
from outpaint.functions.service.service import Service

_LARGEST: Final = 256 * 1024
UNREADABLE: Final = "an unreadable answer"
FAILED: Final = "the painter failed"


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
    """The failure of a job whose painter left no readable outcome; `reason` is in our words, for the client."""
    return InferenceFailure(
        inference_id=inference_id,
        error_code=ErrorCode.PAINTING_FAILED,
        detail=f"painting broke off ({reason}); the credits were given back: try again",
    )


def not_painted_in_realtime(inference_id: str) -> InferenceFailure:
    """The failure of a job that the real-time endpoint did not paint and that no other endpoint may try."""
    return InferenceFailure(
        inference_id=inference_id,
        error_code=ErrorCode.UNAVAILABLE,
        detail="no painter took the job in time; its credits were given back: send it again",
    )


def gave_back(outcome: Manifest | InferenceFailure | None) -> TypeGuard[InferenceFailure]:
    """Whether the painter's container gave the job back: it was told to stop, or busy (docs/facts/aws.md#sagemaker)."""
    return isinstance(outcome, InferenceFailure) and outcome.error_code is ErrorCode.UNAVAILABLE


def settle_outcome(service: Service, job: Job, outcome: Manifest | InferenceFailure) -> Job | None:
    """End the job as the outcome has it, or send it again where its container gave it back.

    Returns the ended job; None if it had ended before, or was sent again. Raises `OutpaintError` where the endpoint
    does not take it.
    """
    if isinstance(outcome, Manifest):
        return settle.succeed(service, outcome)
    return settle.send_again(service, job, outcome) if gave_back(outcome) else settle.fail(service, outcome)


class Outcomes:
    """Reads outcomes from the bucket of the pictures; raises `OutpaintError` UNAVAILABLE where S3 does not answer."""

    def __init__(self, clients: Clients, bucket: str) -> None:
        self._clients = clients
        self._bucket = bucket

    def at(self, location: str | None, inference_id: str) -> Manifest | InferenceFailure | None:
        """The job's outcome in the object at an `s3://` location; None where it holds none, or is in another bucket."""
        key = self._key(location)
        body = None if key is None else self._body(key)
        return None if body is None else parse_outcome(body, inference_id)

    def look_for(self, job: Job) -> Manifest | InferenceFailure | None:
        """The outcome of the job's latest try if its painter or SageMaker has written one; broken off if unreadable.

        SageMaker has told where it will write. Where its answer was lost, objects are looked for by the names that it
        may have given them.
        """
        own = parse_outcome(self._body(outcome_name(job.id)) or b"", job.id)
        # A container's note that it gave the job back may be of an earlier try.
        if own is not None and not (gave_back(own) and job.attempts > 1):
            return own
        told = job.locations or CompletionLocations()
        for location, prefix, reason in (
            (told.output, answer_prefix(job.id, job.attempts), UNREADABLE),
            (told.failure, failure_prefix(job.id, job.attempts), FAILED),
        ):
            key = self._key(location)
            body = self._body(key) if key is not None else self._first(prefix)
            if body is not None:
                return parse_outcome(body, job.id) or broken_off(job.id, reason)
        return None

    def _key(self, location: str | None) -> str | None:
        own = f"s3://{self._bucket}/"
        return location.removeprefix(own) if location is not None and location.startswith(own) else None

    def _first(self, prefix: str) -> bytes | None:
        with typed_errors(PICTURE_STORE):
            listed = self._clients.s3.list_objects_v2(Bucket=self._bucket, Prefix=prefix, MaxKeys=1)
        for found in listed.get("Contents", []):
            return self._body(found["Key"])
        return None

    def _body(self, key: str) -> bytes | None:
        found = read_object(self._clients, self._bucket, key, _LARGEST)
        return None if found is None else found[0]
