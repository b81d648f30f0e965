"""Submitting a job, once however often it is sent: what can be refused is refused first, at the least cost first."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from typing import Final

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.inference import InferenceFailure, InferenceRequest
from outpaint.contracts.job_states import JobState
from outpaint.contracts.paths_and_headers import IDEMPOTENCY_KEY, Prefer, is_idempotency_key
from outpaint.contracts.requests import Mode, OutpaintRequest
from outpaint.contracts.storage_names import Part, file_id, input_name
from outpaint.functions.service import admission, log_keys, picture_sources, settle
from outpaint.functions.service.picture_sources import SourcePicture
from outpaint.functions.service.ports import AlreadyClaimed
from outpaint.functions.service.records import Account, Claim, Job, StoredPicture
from outpaint.functions.service.service import Service

_LOG: Final = logging.getLogger("outpaint.jobs")


@dataclass(frozen=True, slots=True)
class Submission:
    """A job that was submitted, or found again by its idempotency key (`replayed`).

    `wait` is how many seconds its client waits for it, 0 for none; `preference_applied` what was honoured of Prefer.
    """

    job: Job
    wait: float
    preference_applied: str | None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that its account could pay for when it was looked at; nothing of it was fetched, stored or charged."""

    caller: Account
    request: OutpaintRequest
    wait: float
    preference_applied: str | None
    idempotency_key: str | None
    correlation_id: str | None
    content: str
    """Its fingerprint; empty without an idempotency key."""
    image: bytes | None
    """The picture that came with it; None for an address or an id."""
    mask: bytes | None

    @property
    def fetches(self) -> bool:
        """Whether an address has to be read, which takes as long as another server likes."""
        return bool(picture_sources.addresses(self.request))

    @property
    def mask_field(self) -> str:
        """The field that the mask came in."""
        return self.request.mask_field or picture_sources.MASK_FIELD


def admit(
    service: Service,
    caller: Account,
    request: OutpaintRequest,
    *,
    prefer: Prefer = Prefer(),
    idempotency_key: str | None = None,
    correlation_id: str | None = None,
) -> Submission | Admitted:
    """Check the request as far as that takes no time: its fields, its idempotency key, its account's credits.

    Returns the earlier job of its key, which costs nothing, or what `carry_out` needs. Raises `OutpaintError` with
    nothing charged and nothing stored for whatever is wrong with it. `correlation_id` names the request in logs, and
    stays with the job.
    """
    key = checked_key(idempotency_key)
    wait, applied = _wait(service, request, prefer)
    image = picture_sources.embedded_bytes(request.image, request.image_field)
    mask_field = request.mask_field or picture_sources.MASK_FIELD
    mask = None if request.mask is None else picture_sources.embedded_bytes(request.mask, mask_field)
    content = ""
    if key is not None:
        content = fingerprint(
            request,
            image=picture_sources.identity(request.image),
            mask=None if request.mask is None else picture_sources.identity(request.mask),
        )
    admitted = Admitted(caller, request, wait, applied, key, correlation_id, content, image, mask)
    earlier = _earlier(service, admitted)
    if earlier is not None:
        return earlier
    price = service.settings.credits_per_image * request.wish.count
    try:
        admission.check_credits(service, caller, price, read_again=admitted.fetches)
    except OutpaintError:
        # The credits may have gone into the job of this very key, made after we had looked for it.
        earlier = _earlier(service, admitted)
        if earlier is None:
            raise
        return earlier
    return admitted


def carry_out(service: Service, admitted: Admitted) -> Submission:
    """Read the request's pictures, reserve its price, store its inputs and dispatch it as a job.

    Raises `OutpaintError` with nothing charged and nothing stored for whatever is wrong with it; UNAVAILABLE,
    the price given back and the idempotency key free again, when no painter could be given the job.
    """
    caller, request, mask_field = admitted.caller, admitted.request, admitted.mask_field
    key, wait, applied = admitted.idempotency_key, admitted.wait, admitted.preference_applied
    image = picture_sources.read_picture(service, caller, request.image, admitted.image, request.image_field)
    mask = (
        None
        if request.mask is None
        else picture_sources.read_picture(service, caller, request.mask, admitted.mask, mask_field)
    )
    inspection = service.inspect(
        image.data,
        None if mask is None else mask.data,
        mask_mode=request.wish.mask_mode,
        limits=service.settings.pictures,
        image_field=request.image_field,
        mask_field=mask_field,
    )
    request.wish.format.check_size((inspection.width, inspection.height))

    now = service.clock.now()
    deadline_at = now + service.settings.job_lifetime
    inference_id = service.ids.uuid()
    wish = request.wish
    if wish.seed is None:
        wish = wish.model_copy(update={"seed": service.ids.seed()})
    job = Job(
        id=inference_id,
        account_id=caller.id,
        state=JobState.ACCEPTED,
        created_at=now,
        deadline_at=deadline_at,
        # Until it ends, a job lives as long as it may run and its result may then be kept.
        expires_at=now + service.settings.job_lifetime + service.settings.result_lifetime,
        price=service.settings.credits_per_image * wish.count,
        request=InferenceRequest(
            inference_id=inference_id,
            image=_name(image, inference_id, "image", deadline_at),
            mask=None if mask is None else _name(mask, inference_id, "mask", deadline_at),
            wish=wish,
            output_ids=tuple(file_id(service.ids.uuid(), wish.format.extension) for _ in range(wish.count)),
            account=caller.id,
            deadline_at=deadline_at,
            correlation_id=admitted.correlation_id,
        ),
        interpretation=inspection.interpretation,
        idempotency_key=key,
    )
    new_claim = None
    if key is not None:
        new_claim = Claim(
            account_id=caller.id,
            key=key,
            fingerprint=admitted.content,
            inference_id=inference_id,
            running_until=now + wait,
            expires_at=now + service.settings.idempotency_lifetime,
        )
    new_inputs = sum(len(picture.data) for _, picture in _inputs(job, image, mask))
    limit = service.settings.stored_bytes_per_account
    with service.reservations.room(service.uploads, caller.id, new_inputs, limit):
        try:
            service.jobs.create(job, new_claim, now)
        except AlreadyClaimed as taken:
            # Another request with the same key made its claim after we had looked for one.
            earlier = _replay(service, taken.claim, admitted.content)
            if earlier is None:
                raise OutpaintError(
                    ErrorCode.IDEMPOTENCY_IN_PROGRESS, "a request with this idempotency key is just ending: try again"
                ) from None
            return Submission(earlier, wait, applied, replayed=True)
        if service.observer is not None:
            service.observer.accepted(job)
        with log_keys.about_job(job):
            return Submission(_send(service, job, image, mask), wait, applied)


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


def judge(claim: Claim, request_fingerprint: str, now: float, max_wait: float) -> None:
    """Return if this request may be answered with the claim's job.

    Raises `OutpaintError` IDEMPOTENCY_MISMATCH (422) for another content, IDEMPOTENCY_IN_PROGRESS (409)
    while the first request has not been answered. A claim that seems to run for longer than `max_wait` seconds, the
    longest that a request may wait, was made before the clock was set back, and counts as answered.
    """
    if claim.fingerprint != request_fingerprint:
        raise OutpaintError(
            ErrorCode.IDEMPOTENCY_MISMATCH,
            f"this {IDEMPOTENCY_KEY} was used for another request: use a new key for a new request",
            field=IDEMPOTENCY_KEY,
        )
    if now < claim.running_until <= now + max_wait:
        raise OutpaintError(
            ErrorCode.IDEMPOTENCY_IN_PROGRESS,
            f"the first request with this {IDEMPOTENCY_KEY} still runs: wait for its answer, or try again soon",
            field=IDEMPOTENCY_KEY,
        )


def wants_no_wait(request: OutpaintRequest, prefer: Prefer) -> bool:
    """Whether the client asks to be answered 202 at once: Prefer beats mode (docs/facts/wire.md#prefer)."""
    return prefer.wait is None and (prefer.respond_async or request.mode is Mode.ASYNC)


def _wait(service: Service, request: OutpaintRequest, prefer: Prefer) -> tuple[float, str | None]:
    """How long to wait and what to report as applied: Prefer beats mode (docs/facts/wire.md#prefer)."""
    settings = service.settings
    if prefer.wait is not None:
        granted = Prefer(prefer.respond_async, min(prefer.wait, settings.max_wait))
        return float(granted.wait or 0), granted.applied
    if wants_no_wait(request, prefer):
        return 0.0, prefer.applied
    return float(min(settings.sync_wait, settings.max_wait)), None


def _name(picture: SourcePicture, inference_id: str, part: Part, deadline_at: float) -> str:
    """The name under which the painter reads a picture: one that is stored for long enough keeps its name."""
    if picture.name is not None and picture.kept_until >= deadline_at:
        return picture.name
    return input_name(inference_id, part)


def _earlier(service: Service, admitted: Admitted) -> Submission | None:
    """The job that a request with this idempotency key has made before, if any."""
    key = admitted.idempotency_key
    claim = None if key is None else service.jobs.find_claim(admitted.caller.id, key, service.clock.now())
    job = None if claim is None else _replay(service, claim, admitted.content)
    if job is None:
        return None
    return Submission(job, admitted.wait, admitted.preference_applied, replayed=True)


def _inputs(job: Job, image: SourcePicture, mask: SourcePicture | None) -> list[tuple[str, SourcePicture]]:
    """The pictures to be stored for a job and their names: those that are stored already keep theirs."""
    named = ((job.request.image, image), (job.request.mask, mask))
    return [
        (name, picture) for name, picture in named if name is not None and picture is not None and name != picture.name
    ]


def _replay(service: Service, claim: Claim, content: str) -> Job | None:
    """The job of a claim, or None where it has been purged."""
    now = service.clock.now()
    judge(claim, content, now, service.settings.max_wait)
    return service.jobs.find(claim.inference_id, now)


def _send(service: Service, job: Job, image: SourcePicture, mask: SourcePicture | None) -> Job:
    try:
        for name, picture in _inputs(job, image, mask):
            service.pictures.put(
                name, StoredPicture(picture.data, "application/octet-stream", job.account_id, job.deadline_at)
            )
        locations = service.dispatch.start(job.request)
    except Exception as cause:
        error = (
            cause
            if isinstance(cause, OutpaintError)
            else OutpaintError.unavailable("the job could not be started: try again in a moment")
        )
        settle.fail(service, InferenceFailure.of(job.id, error), release_claim=True)
        if isinstance(cause, OutpaintError):
            raise
        raise error from cause
    # A painter may already have moved it further, or even ended it: then this changes nothing.
    try:
        moved = service.jobs.move(job.id, JobState.DISPATCHED, locations=locations)
        return moved or service.jobs.find(job.id, service.clock.now()) or job
    except OutpaintError as error:
        # It is paid for, and a painter has it: its client must learn its id.
        _LOG.error("the dispatch of job %s could not be recorded: %s", job.id, error)
        return job
