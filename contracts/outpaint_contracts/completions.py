"""SageMaker's word that an asynchronous inference has ended, as SNS carries it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class CompletionLocations(BaseModel):
    """Where SageMaker wrote what the painter answered."""

    model_config = ConfigDict(frozen=True)

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
    """One message; members that nothing here hangs on are left out (docs/facts/aws.md#completion-messages)."""

    model_config = ConfigDict(frozen=True)

    status: Annotated[
        str, Field(alias="invocationStatus", description="`Completed`; anything else means that it failed.")
    ]
    inference_id: Annotated[
        str, Field(alias="inferenceId", min_length=1, description="The job's id, given with the invocation.")
    ]
    reason: Annotated[str, Field(alias="failureReason", description="SageMaker's words, on failure.")] = ""
    locations: Annotated[CompletionLocations, Field(alias="responseParameters")] = CompletionLocations()

    @property
    def completed(self) -> bool:
        """Whether the painter answered with a success."""
        return self.status == "Completed"
