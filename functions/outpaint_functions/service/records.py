"""What the service remembers: accounts, jobs, idempotency claims, stored pictures."""

from __future__ import annotations

from dataclasses import dataclass

from outpaint_contracts.inference import InferenceFailure, InferenceRequest, Manifest
from outpaint_contracts.jobs import JobState
from outpaint_contracts.pictures import MaskInterpretation


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
