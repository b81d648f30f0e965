"""The bodies of answers with status 200 and 202."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, GetPydanticSchema

from outpaint.contracts.errors import ErrorBody, ErrorCode
from outpaint.contracts.masks_and_formats import MaskInterpretation
from outpaint.contracts.profiles import OURS

# While freezegun holds the time, `datetime` is a class of its own, and pydantic may know only this one or the other.
Moment = Annotated[datetime, GetPydanticSchema(lambda _source, _handler: {"type": "datetime"})]
"""A date with its time, for members of models that may be imported at any time."""


class StatusWord(StrEnum):
    """The `status` member of a body (docs/facts/wire.md#responses, the words of 2026)."""

    PROCESSING = "processing"
    SUCCESS = "success"
    ERROR = "error"


class PainterCard(BaseModel):
    """Who painted: a painter's name, its model, and whether it reads the prompt at all."""

    model_config = ConfigDict(frozen=True)

    name: str
    model: str = Field(description="The model or method, with its version or digest where it has one.")
    reads_prompt: bool = Field(description="False: the prompt was accepted but did not shape the picture.")
    reason: str | None = Field(default=None, description="Why this painter, where one was chosen for the picture.")


class FinishedPicture(BaseModel):
    """One finished picture and where to fetch it until `expires_at`."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(description="`<uuid>.<extension>`; also usable as `image_id`.")
    url: str
    expires_at: Annotated[Moment, Field(description="When the URL stops working, UTC."), OURS]
    seed: Annotated[int, OURS, Field(ge=0, description="Sent as `seed` with `count` 1, it makes this picture again.")]


class Result(BaseModel):
    """200: the job is done and the pictures are there."""

    model_config = ConfigDict(frozen=True)

    status: Literal[StatusWord.SUCCESS] = StatusWord.SUCCESS
    inference_id: Annotated[str, OURS]
    data: tuple[FinishedPicture, ...]
    seed: Annotated[int, Field(description="The request's seed, or the one the service drew.", ge=0), OURS]
    painter: Annotated[PainterCard, OURS]
    mask_interpretation: Annotated[MaskInterpretation, OURS]


class Accepted(BaseModel):
    """202: the job is taken or still runs; `data` is present and empty because the vendor's SDK iterates over it."""

    model_config = ConfigDict(frozen=True)

    status: Literal[StatusWord.PROCESSING, StatusWord.SUCCESS] = Field(
        default=StatusWord.PROCESSING,
        description="`processing`; `success` only under the setting that mimics the vendor of 2025.",
    )
    inference_id: str
    transaction_id: Annotated[
        str, Field(description="Equal to `inference_id`; the vendor's prose uses this name."), OURS
    ]
    data: tuple[FinishedPicture, ...] = Field(default=(), max_length=0)
    mask_interpretation: Annotated[MaskInterpretation, OURS]


class FailedJob(BaseModel):
    """200 on a poll: the job has ended without pictures, and its credits were given back."""

    model_config = ConfigDict(frozen=True)

    status: Literal[StatusWord.ERROR] = StatusWord.ERROR
    inference_id: Annotated[str, OURS]
    transaction_id: Annotated[str, OURS]
    message: str
    detail: str
    code: Annotated[int, OURS]
    error_code: Annotated[ErrorCode, OURS]
    data: Annotated[tuple[FinishedPicture, ...], Field(max_length=0), OURS] = ()


class UploadTicket(BaseModel):
    """200: where to send a picture ahead of its request, and the id it will have."""

    model_config = ConfigDict(frozen=True)

    status: Literal[StatusWord.SUCCESS] = StatusWord.SUCCESS
    id: str = Field(description="Usable as `image_id` or `mask_id` once the file was sent.")
    url: str = Field(description="POST multipart/form-data here: `fields` first, then the picture as `file`.")
    fields: dict[str, str] = Field(description="Fields to send before the file, unchanged; may be none.")
    max_bytes: int = Field(description="The largest file that is taken.", gt=0)
    expires_at: Moment = Field(description="When the form stops working, UTC.")
    file_expires_at: Moment = Field(description="When the file stops being usable, UTC.")


class Balance(BaseModel):
    """200: the account's free credits, and NO other member: the vendor's SDK unpacks it into one field."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    credits: int


VENDOR_ANSWERS: Final[tuple[type[BaseModel], ...]] = (Result, Accepted, FailedJob, Balance, ErrorBody)
"""The bodies that the vendor answers with, with fewer members or with the same."""
