"""The container's settings, read from the environment once: `OUTPAINT_` and the field's name in capitals."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.masks_and_formats import PictureLimits
from outpaint.painting.painters.painter_table import PainterHost, names_on

PREFIX: Final = "OUTPAINT_"


def _painter_here(name: str) -> str:
    known = names_on(PainterHost.ENDPOINT)
    if name not in known:
        raise ValueError(f"use {', '.join(known)}")
    return name


PainterName = Annotated[str, AfterValidator(_painter_here)]


class EndpointSettings(BaseModel):
    """What an operator may set; every member but `store` has a default that works on SageMaker."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    store: str = Field(description="Where inputs and results are: s3://bucket/prefix/ or a folder.")
    painter: PainterName = Field(default="klein", description="The painter of jobs that name none.")
    others: tuple[PainterName, ...] = Field(
        default=(), description="Further painters that a job may name, besides flat, separated by commas."
    )
    model: Path = Field(default=Path("/opt/ml/model"), description="The folder that holds the weights.")
    device: str = Field(default="auto", description="cuda, cuda:0, cpu; auto: cuda for a painter that needs it.")
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    steps: Annotated[int | None, Field(ge=1, le=200)] = None
    window: Annotated[int, Field(ge=64, le=2048, multiple_of=64, description="Side of a full pass, pixels.")] = 1024
    batch: Annotated[int, Field(ge=1, le=64, description="Passes in a batch at most.")] = 8
    linger_ms: Annotated[float, Field(ge=0, le=1000, description="How long a pass waits for others at most.")] = 15.0
    jobs: Annotated[int, Field(ge=1, le=256, description="Jobs that run at once at most.")] = 32
    waiting: Annotated[int, Field(ge=0, description="Further jobs that may wait.")] = 256
    finishers: Annotated[int, Field(ge=0, le=64, description="Threads that finish files; 0: one a core.")] = 0
    host_memory_mb: Annotated[int, Field(ge=0, description="For decoded pictures; 0: half of what is free.")] = 0
    device_memory_mb: Annotated[int, Field(ge=0, description="For a batch; 0: nine tenths of what is free.")] = 0
    embeddings: Annotated[int, Field(ge=0, description="Prompts whose embeddings are remembered.")] = 256
    prefill: Literal["auto", "colours", "migan"] = "auto"
    check: str = Field(default="none", description="Output check: none, nsfw, or a function as module:function.")
    nsfw_threshold: Annotated[float, Field(gt=0, le=1, description="The score at which nsfw holds back.")] = 0.8
    source_type: bool = Field(default=True, description="Write the IPTC digital source type into results.")
    grace_s: Annotated[float, Field(ge=0, description="How long running jobs may go on after SIGTERM.")] = 20.0
    stuck_s: Annotated[float, Field(gt=0, description="Seconds at one step after which /ping says 503.")] = 300.0
    host: str = "0.0.0.0"  # noqa: S104 - SageMaker reaches its container from outside of it
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    compile: bool = Field(default=False, description="Regional compilation of the repeated blocks.")
    compile_cache: Path | None = Field(default=None, description="A file that keeps compiled code between starts.")
    cuda_graphs: bool = False
    fp8: bool = Field(default=False, description="Eight-bit weights and activations by torchao; Hopper and later.")
    attention: str = Field(default="", description="An attention backend by diffusers' name; empty: its default.")
    channels_last: bool = Field(default=False, description="The VAE in channels-last layout.")
    # The front door's own limits count: none lets more through than these.
    max_side: int = PictureLimits().max_side
    max_area: int = PictureLimits().max_area
    max_bytes: int = 2**30
    max_missing: Annotated[float, Field(ge=0, lt=1, description="Share of an image's rows that may be missing.")] = 0.0

    @property
    def limits(self) -> PictureLimits:
        """What pictures are taken."""
        return PictureLimits(
            max_side=self.max_side, max_area=self.max_area, max_bytes=self.max_bytes, max_missing=self.max_missing
        )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> EndpointSettings:
        """The settings in environment variables. Raises INVALID_PARAMETER naming the first wrong one."""
        values: dict[str, object] = {}
        for name in cls.model_fields:
            value = environment.get(PREFIX + name.upper(), "").strip()
            if value:
                values[name] = tuple(part.strip() for part in value.split(",")) if name == "others" else value
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            name = str(first["loc"][0])
            raise OutpaintError(
                ErrorCode.INVALID_PARAMETER,
                f"{PREFIX}{name.upper()} has wrong value {values.get(name, '(none)')}: {first['msg'].lower()}",
                field=name,
            ) from None
