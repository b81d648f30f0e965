"""What is stored: accounts, jobs, claims and pictures, and which ends of a job give credits back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, TypedDict

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.inference import CompletionLocations, InferenceFailure, InferenceRequest, Manifest
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

    `attempts` is the number of its latest try, and `locations` says where the painter's host will leave the answer to
    that, None where it did not say. `manifest` is set exactly when the job succeeded, `failure` when it ended
    otherwise. From `expires_at` on no read may find the job.
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
    locations: CompletionLocations | None = None

    def moved(self, to: JobState, change: JobChange) -> Job:
        """The job after a move."""
        expires_at = change.get("expires_at")
        return replace(
            self,
            state=to,
            manifest=change.get("manifest") or self.manifest,
            failure=change.get("failure") or self.failure,
            locations=change.get("locations") or self.locations,
            expires_at=self.expires_at if expires_at is None else expires_at,
        )


class JobChange(TypedDict, total=False):
    """What a move changes of a job besides its state; what is left out or None stays as it is.

    `release_claim` frees its idempotency key for another try.
    """

    manifest: Manifest | None
    failure: InferenceFailure | None
    expires_at: float | None
    locations: CompletionLocations | None
    release_claim: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """An idempotency key in use: its account, the fingerprint of its request, and the job that answers it.

    Until `running_until` the request that made the claim has not been answered yet.
    """

    account_id: str
    key: str
    fingerprint: str
    inference_id: str
    running_until: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A file in the picture store, which keeps it until `expires_at`.

    `inference_id` is the job whose result it is, where its store records that; None for inputs and uploads.
    """

    data: bytes
    media_type: str
    account_id: str
    expires_at: float
    inference_id: str | None = None


@dataclass(frozen=True, slots=True)
class UploadGrant:
    """What one upload may be, sent by the time `until` and kept until `expires_at`."""

    account_id: str
    media_type: str
    max_bytes: int
    until: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class UploadForm:
    """A form to POST a file by, as multipart/form-data: `fields` first, the file last, in a part named `file`."""

    url: str
    fields: dict[str, str]
