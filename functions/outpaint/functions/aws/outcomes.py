"""Ends as the endpoint wrote or announced them."""

from __future__ import annotations

from typing import Final

from botocore.exceptions import ClientError
from pydantic import ValidationError

from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.inference import Completion, InferenceFailure, Manifest
from outpaint.contracts.storage_names import answer_prefix, failure_prefix, outcome_name
from outpaint.functions.aws.aws_clients import PICTURE_STORE, Clients, is_absent, told_as
from outpaint.functions.service import settle
from outpaint.functions.service.records import Job
from outpaint.functions.service.service import Service

_LARGEST: Final = 256 * 1024


def said(answer: bytes, inference_id: str) -> Manifest | InferenceFailure | None:
    """The manifest or the typed failure that a painter's answer is; None where it is neither, or another job's."""
    for model in (Manifest, InferenceFailure):
        try:
            outcome = model.model_validate_json(answer)
        except ValidationError:
            continue
        if outcome.inference_id == inference_id:
            return outcome
    return None


def broken_off(inference_id: str, reason: str) -> InferenceFailure:
    """The failure of a job whose painter left no word of its own."""
    return InferenceFailure(
        inference_id=inference_id,
        error_code=ErrorCode.PAINTING_FAILED,
        detail=f"painting broke off ({reason[:120]}); the credits were given back: try again",
    )


def settled(service: Service, outcome: Manifest | InferenceFailure) -> Job | None:
    """The job, ended as the outcome says; None if it had ended before, or is not known."""
    return settle.succeed(service, outcome) if isinstance(outcome, Manifest) else settle.fail(service, outcome)


class Outcomes:
    """The objects that tell of ends, in the bucket of the pictures."""

    def __init__(self, clients: Clients, bucket: str) -> None:
        self._clients = clients
        self._bucket = bucket

    def at(self, location: str | None, inference_id: str, reason: str) -> Manifest | InferenceFailure:
        """What the object at an `s3://` location says; broken off for `reason` where it says nothing.

        A location outside the bucket is not read.

        Raises `OutpaintError` UNAVAILABLE where the store does not answer.
        """
        own = f"s3://{self._bucket}/"
        body = b""
        if location is not None and location.startswith(own):
            body = self._body(location.removeprefix(own))
        return said(body, inference_id) or broken_off(inference_id, reason)

    def look_for(self, inference_id: str) -> Manifest | InferenceFailure | None:
        """How the job has ended if its painter or SageMaker has written that down, whatever SageMaker named it."""
        outcome = said(self._body(outcome_name(inference_id)), inference_id)
        if outcome is not None:
            return outcome
        for prefix, reason in (
            (answer_prefix(inference_id), "an unreadable answer"),
            (failure_prefix(inference_id), "the painter failed"),
        ):
            with told_as(PICTURE_STORE):
                found = self._clients.s3.list_objects_v2(Bucket=self._bucket, Prefix=prefix, MaxKeys=1).get(
                    "Contents", []
                )
            if found:
                return said(self._body(found[0]["Key"]), inference_id) or broken_off(inference_id, reason)
        return None

    def _body(self, key: str) -> bytes:
        with told_as(PICTURE_STORE):
            try:
                answer = self._clients.s3.get_object(Bucket=self._bucket, Key=key)
                body: bytes = answer["Body"].read(_LARGEST)
            except ClientError as error:
                if is_absent(error):
                    return b""
                raise
        return body


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
