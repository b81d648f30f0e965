"""The messages between the service and a painter's host: request, manifest, failure, SageMaker's completion."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.requests import MAX_COUNT, MAX_SEED, Wish
from outpaint.contracts.responses import PainterCard


class InferenceRequest(BaseModel):
    """One job for a painter: references to its inputs, never their pixels (docs/facts/aws.md#references-not-pixels).

    References name files in the picture store of the host that sent it: keys in its bucket or folder.
    `output_ids` are chosen by the service, so that a redelivered job writes the same files again.
    """

    # What could not be read is told in logs, and a prompt is in no log.
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    inference_id: str
    image: str
    mask: str | None = None
    wish: Annotated[Wish, Field(description="What is to be painted, its seed chosen.")]
    output_ids: Annotated[tuple[str, ...], Field(min_length=1, max_length=MAX_COUNT)]
    painter: str | None = Field(default=None, description="The painter wanted; the host's own choice without.")
    account: str = Field(default="", description="Whose job it is: a host that paints for many is fair between them.")
    deadline_at: float | None = Field(
        default=None, description="Seconds since the epoch after which the pictures are no longer wanted."
    )
    correlation_id: str | None = Field(
        default=None, description="X-Picsart-Correlation-Id of the answer to the request that submitted it, for logs."
    )
    attempt: int = Field(default=1, ge=1, description="Which try of the job this is: 1 for the first.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.wish.seed is None:
            raise ValueError("the wish has no seed")
        if len(self.output_ids) != self.wish.count:
            raise ValueError(f"{len(self.output_ids)} output_ids for {self.wish.count} pictures")
        return self

    @property
    def inputs(self) -> tuple[str, ...]:
        """The references to its pictures: the image, and the mask where there is one."""
        return (self.image,) if self.mask is None else (self.image, self.mask)


class ManifestFile(BaseModel):
    """One finished file as the painter's host wrote it.

    `bytes` and `sha256` are None for a host that writes a file only when it is fetched.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)]
    bytes: Annotated[int | None, Field(gt=0)] = None
    sha256: Annotated[str | None, Field(pattern=r"^[0-9a-f]{64}$")] = None


class Timings(BaseModel):
    """How a job's wall time was spent, in seconds; time in which several things ran is counted for each."""

    model_config = ConfigDict(frozen=True)

    read: Annotated[float, Field(ge=0, description="Inputs fetched and decoded.")] = 0.0
    waited: Annotated[float, Field(ge=0, description="Waiting for a place in a batch, summed over all passes.")] = 0.0
    painted: Annotated[float, Field(ge=0, description="From the canvas to the last painted picture.")] = 0.0
    written: Annotated[float, Field(ge=0, description="Composited, encoded and stored, summed over all files.")] = 0.0


class Manifest(BaseModel):
    """The end of a job that succeeded: every finished file, who painted it, and how long that took."""

    model_config = ConfigDict(frozen=True)

    inference_id: str
    files: tuple[ManifestFile, ...]
    painter: PainterCard
    width: Annotated[int, Field(gt=0, description="Pixels.")]
    height: Annotated[int, Field(gt=0, description="Pixels.")]
    seconds: Annotated[float, Field(ge=0, description="Wall time from reading the inputs to the last file.")]
    model_digest: str | None = Field(default=None, description="SHA-256 over the painter's weights, where it has any.")
    timings: Timings | None = None
    warnings: tuple[str, ...] = Field(default=(), description="What a person would want to know of this run.")


class InferenceFailure(BaseModel):
    """The end of a job that did not: a typed error that the service maps to the right status."""

    model_config = ConfigDict(frozen=True)

    inference_id: str
    error_code: ErrorCode
    detail: str
    field: str | None = None

    @classmethod
    def of(cls, inference_id: str, error: OutpaintError) -> Self:
        """The failure that `error` means for a job."""
        return cls(inference_id=inference_id, error_code=error.code, detail=error.detail, field=error.field)


class CompletionLocations(BaseModel):
    """The addresses at which SageMaker stores the painter's answer.

    The answer to InvokeEndpointAsync tells both, a completion one of them or none
    (docs/facts/aws.md#completion-messages).
    """

    model_config = ConfigDict(frozen=True, validate_by_name=True, validate_by_alias=True)

    output: Annotated[
        str | None,
        Field(alias="outputLocation", description="`s3://…` of the painter's answer, a `Manifest`, on success."),
    ] = None
    failure: Annotated[
        str | None,
        Field(
            alias="failureLocation",
            description="`s3://…` of the painter's answer, an `InferenceFailure`, where it failed and still answered.",
        ),
    ] = None


class Completion(BaseModel):
    """SageMaker's message that an invocation has ended; members that are not read are left out.

    Any member may be null: docs/facts/aws.md#completion-messages.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    status: Annotated[
        str | None, Field(alias="invocationStatus", description="`Completed`; anything else means that it failed.")
    ]
    invocation_id: Annotated[
        str | None,
        Field(
            alias="inferenceId",
            min_length=1,
            description="Given with the invocation: the job's id, with `.2` and so on behind it for its later tries.",
        ),
    ]
    reason: Annotated[
        str | None, Field(alias="failureReason", description="SageMaker's words on failure, for the log alone.")
    ] = None
    locations: Annotated[
        CompletionLocations | None,
        Field(alias="responseParameters", description="Missing where the invocation failed."),
    ] = None

    @property
    def completed(self) -> bool:
        """Whether the painter answered with a success."""
        return self.status == "Completed"


class DroppedEvent(BaseModel):
    """Lambda's record of a job that the real-time function did not see to its end; members not read are left out.

    Sent to the function's OnFailure destination: docs/facts/aws.md#lambda.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    request: Annotated[InferenceRequest, Field(alias="requestPayload", description="The event as it was sent.")]
