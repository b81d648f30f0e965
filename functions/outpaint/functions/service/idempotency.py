"""Fingerprints and claims of an Idempotency-Key, so that a request sent twice is paid once."""

from __future__ import annotations

import hashlib
import json

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.paths_and_headers import IDEMPOTENCY_KEY, is_idempotency_key
from outpaint.contracts.requests import OutpaintRequest
from outpaint.functions.service.records import Claim


def checked_key(key: str | None) -> str | None:
    """The key, if any; raises `OutpaintError` INVALID_IDEMPOTENCY_KEY (400, by the IETF draft) if it is malformed."""
    if key is not None and not is_idempotency_key(key):
        raise OutpaintError(
            ErrorCode.INVALID_IDEMPOTENCY_KEY,
            f"{IDEMPOTENCY_KEY} must be 1 to 255 visible ASCII characters, a UUID for example",
            field=IDEMPOTENCY_KEY,
        )
    return key


def fingerprint(request: OutpaintRequest, *, image: str, mask: str | None) -> str:
    """The SHA-256 (hex) of what a request asks for: every field of its wish, and the identities of its pictures.

    Field order, spelling, content type, mode and Prefer are left out: a retry may differ there.
    """
    asked = {"image": image, "mask": mask, "wish": request.wish.model_dump(mode="json")}
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def judge(claim: Claim, request_fingerprint: str, now: float) -> None:
    """Return if this request may be answered with the claim's job.

    Raises `OutpaintError` IDEMPOTENCY_MISMATCH (422) for another content, IDEMPOTENCY_IN_PROGRESS (409)
    while the first request has not been answered.
    """
    if claim.fingerprint != request_fingerprint:
        raise OutpaintError(
            ErrorCode.IDEMPOTENCY_MISMATCH,
            f"this {IDEMPOTENCY_KEY} was used for another request: use a new key for a new request",
            field=IDEMPOTENCY_KEY,
        )
    if now < claim.running_until:
        raise OutpaintError(
            ErrorCode.IDEMPOTENCY_IN_PROGRESS,
            f"the first request with this {IDEMPOTENCY_KEY} still runs: wait for its answer, or try again soon",
            field=IDEMPOTENCY_KEY,
        )
