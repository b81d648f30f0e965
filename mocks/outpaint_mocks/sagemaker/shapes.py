"""The form of everything this mock is told: AWS's member names outside, Python's inside."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_pascal


class Shape(BaseModel):
    """A frozen model that is read by AWS's names (`S3OutputPath`) or by its own, and knows no others."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_pascal, validate_by_name=True, validate_by_alias=True
    )
