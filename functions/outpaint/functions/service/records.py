"""What is stored: Account, Job, Claim, StoredPicture, and which end gives credits back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.inference import InferenceFailure, InferenceRequest, Manifest
from outpaint.contracts.job_states import JobState
from outpaint.contracts.masks_and_formats import MaskInterpretation

GIVES_BACK: Final = frozenset({JobState.FAILED, JobState.EXPIRED, JobState.CANCELLED})
"""The ends that give a job's price back, in the transaction that moves it there."""


def insufficient(price: int, available: int) -> OutpaintError:
    """The 402 for a job that costs `price` credits where only `available` are free."""
    return OutpaintError(
        ErrorCode.INSUFFICIENT_CREDITS,
        f"the request costs {price} credits and {available} are left: add credits with `outpaint keys credit`, "
        "or ask for fewer pictures",
    )


@dataclass(frozen=True, slots=True)
class Account:
    """Who a key belongs to; `credits` are those free to spend, reserved ones already taken off."""

    id: str
    name: str
    credits: int
    allowed: bool = True
    loopback_only: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """One inference from acceptance to end; times are seconds since the epoch, `price` is credits.

    `manifest` stands exactly when the job succeeded, `failure` when it ended otherwise.
    `expires_at` is when it may be forgotten: after that a read must not find it.
    """

    id: str
    account_id: str
    state: JobState
    created_at: float
    deadline_at: float
    expires_at: float
    price: int
    request: InferenceRequest
    interpretation: MaskInterpretation
    idempotency_key: str | None = None
    attempts: int = 1
    manifest: Manifest | None = None
    failure: InferenceFailure | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """An idempotency key in use: whose it is, what it was used for, and which job answers for it.

    While `running_until` lies ahead, the request that made the claim has not been answered yet.
    """

    account_id: str
    key: str
    fingerprint: str
    inference_id: str
    running_until: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A file in the picture store, as it was put there; the store holds it until `expires_at`.

    `inference_id` is the job whose result it is, where its store remembers that; None for inputs and uploads.
    """

    data: bytes
    media_type: str
    account_id: str
    expires_at: float
    inference_id: str | None = None


@dataclass(frozen=True, slots=True)
class UploadGrant:
    """What one upload may be: whose, of which media type, how many bytes at most, sent by when, kept until when."""

    account_id: str
    media_type: str
    max_bytes: int
    until: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class UploadForm:
    """Where a file is POSTed as multipart/form-data: `fields` first, the file last, in a part named `file`."""

    url: str
    fields: dict[str, str]
