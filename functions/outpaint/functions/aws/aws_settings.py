"""The settings of a deployment: one model, read from the environment here and nowhere else."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from outpaint.functions.service.service import ServiceSettings

PREFIX: Final = "OUTPAINT_"
SWEEP_THREADS: Final = 16
"""Jobs that the sweep looks at at a time: each waits for S3 for most of its time."""

# What differs from a server of one's own. A gateway closes a connection after 29 s, so a wait ends before that. A
# Lambda event has 6 MiB, of which base64 leaves 4.5. A URL signed with a role's temporary credentials ends with them.
# Upload forms count as the largest picture each, so that this is 2048 of them a day, and a bucket has no end.
_ON_LAMBDA: Final[dict[str, object]] = {
    "sync_wait": 24,
    "max_wait": 24,
    "body_limit": 4_500_000,
    "url_lifetime": 3600,
    "sweep_threads": SWEEP_THREADS,
    "stored_bytes_per_account": 64 * 1024**3,
    "limit_names": {
        limit: f"the stack's parameter {parameter}"
        for limit, parameter in {
            "max_side": "MaxPictureSide",
            "max_area": "MaxPictureArea",
            "max_bytes": "MaxPictureBytes",
            "stored_bytes_per_account": "StoredBytesPerAccount",
        }.items()
    },
}
# A function has a gigabyte, and decodes a request's pictures in it.
_PICTURES_ON_LAMBDA: Final = {"max_side": 8192, "max_area": 40_000_000}


class AwsSettings(BaseModel):
    """Names of the stack's parts, and the service's settings; each variable is `OUTPAINT_` and the name in capitals."""

    model_config = ConfigDict(frozen=True)

    table: str = Field(description="The DynamoDB table.")
    bucket: str = Field(description="The S3 bucket of inputs, results and outcomes.")
    endpoint: str = Field(description="The SageMaker endpoint for asynchronous inference.")
    realtime_endpoint: str | None = Field(default=None, description="The SageMaker endpoint for real-time inference.")
    realtime_function: str | None = Field(default=None, description="The function that calls that endpoint.")
    seconds_per_image: Annotated[
        float, Field(gt=0, description="How long the real-time endpoint takes for one picture, measured.")
    ] = 10.0
    look_after: Annotated[
        int, Field(ge=0, description="Seconds after which the sweep looks for an end that nobody reported.")
    ] = 60
    parameters: str | None = Field(
        default=None, description="The path of the operator's settings in Systems Manager; none are read without it."
    )
    service: ServiceSettings

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> AwsSettings:
        """Read the settings from the environment; raises pydantic's `ValidationError` naming what is wrong."""
        variables = os.environ if environment is None else environment

        def given(model: type[BaseModel]) -> dict[str, Any]:
            named = {name: variables.get(PREFIX + name.upper()) for name in model.model_fields}
            return {name: _parsed(name, value) for name, value in named.items() if value}

        service: dict[str, Any] = {**_ON_LAMBDA, **given(ServiceSettings)}
        service["pictures"] = {**_PICTURES_ON_LAMBDA, **service.get("pictures", {})}
        return cls.model_validate({**given(cls), "service": service})


def _parsed(name: str, value: str) -> Any:
    """Lists are separated by commas, what has members is JSON; pydantic reads the rest from its text."""
    if name == "cors_origins":
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return json.loads(value) if name in ("pictures", "limit_names") else value
