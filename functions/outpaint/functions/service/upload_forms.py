"""Takes pictures ahead of their request, each by a form that stores one file once."""

from __future__ import annotations

import math
from dataclasses import dataclass

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.requests import Upload, UploadRequest
from outpaint.contracts.storage_names import file_id
from outpaint.functions.service import admission
from outpaint.functions.service.records import Account, StoredPicture, UploadForm, UploadGrant
from outpaint.functions.service.service import Service
from outpaint.functions.service.stored_bytes import storage_full


@dataclass(frozen=True, slots=True)
class IssuedUpload:
    """A file's id, what may be stored under it, and the form that does so."""

    id: str
    grant: UploadGrant
    form: UploadForm


def uploads_offered(service: Service) -> bool:
    """Whether this host takes pictures ahead of their request."""
    return service.uploads is not None or service.upload_forms is not None


def grant_upload(service: Service, caller: Account, request: UploadRequest) -> IssuedUpload:
    """Allow one file of the type asked for to be sent within `settings.upload_patience` seconds.

    The id works as `image_id` and `mask_id` until `settings.result_lifetime` seconds from now. Raises `OutpaintError`
    INSUFFICIENT_CREDITS for an account that could not pay for one picture, STORAGE_FULL for one without room for it.
    """
    settings = service.settings
    admission.check_credits(service, caller, settings.credits_per_image, read_again=False)
    now = service.clock.now()
    id_ = file_id(service.ids.uuid(), request.extension)
    expires_at = float(int(now + settings.result_lifetime))
    granted = UploadGrant(
        account_id=caller.id,
        media_type=request.content_type,
        max_bytes=settings.pictures.max_bytes,
        until=min(float(int(now + settings.upload_patience)), expires_at),
        expires_at=expires_at,
    )
    if service.upload_forms is not None:
        _count_form(service, caller, now)
        return IssuedUpload(id_, granted, service.upload_forms.form(id_, granted, now))
    assert service.file_urls is not None
    with service.reservations.room(service.uploads, caller.id, 1, settings.stored_bytes_per_account):
        return IssuedUpload(id_, granted, UploadForm(service.file_urls.sign_upload(id_, granted), {}))


def store_upload(service: Service, id_: str, granted: UploadGrant, file: Upload) -> None:
    """Store a file that was sent to this host by a form of `grant_upload`; the very same file again changes nothing.

    Raises `OutpaintError` FILE_TOO_LARGE, INVALID_PARAMETER for an empty file, UNSUPPORTED_IMAGE_TYPE for one whose
    bytes are not of the type that was granted, URL_EXPIRED where the form stored another file before, and STORAGE_FULL
    where the account has no room for this one.
    """
    if not file.data:
        raise OutpaintError.wrong_value("file", "<empty file>", "the file has no bytes")
    if len(file.data) > granted.max_bytes:
        raise OutpaintError(
            ErrorCode.FILE_TOO_LARGE,
            f"file has more than the {granted.max_bytes} bytes granted",
            field="file",
            limit="max_bytes",
        )
    from outpaint.painting.inputs.intake import file_type  # with the image library, which most requests do not need

    found = file_type(file.data)
    if found is None or granted.media_type != f"image/{found.name.lower()}":
        raise OutpaintError(
            ErrorCode.UNSUPPORTED_IMAGE_TYPE,
            f"the file is not {granted.media_type}: ask for an upload of the type it has",
            field="file",
        )
    assert service.uploads is not None
    # Looked at first: an upload that is sent again needs no room. Two that come at once are told apart by the store.
    if _stored_before(service, id_, file):
        return
    picture = StoredPicture(file.data, granted.media_type, granted.account_id, granted.expires_at)
    limit = service.settings.stored_bytes_per_account
    with service.reservations.room(service.uploads, granted.account_id, len(file.data), limit):
        is_new = service.uploads.put_new(id_, picture)
    if not is_new and not _stored_before(service, id_, file):
        raise _used()


def _stored_before(service: Service, id_: str, file: Upload) -> bool:
    """Whether a form's file is there and this one again; raises `OutpaintError` URL_EXPIRED where it is another."""
    stored = service.pictures.get(id_, service.clock.now())
    if stored is not None and stored.data != file.data:
        raise _used()
    return stored is not None


def _used() -> OutpaintError:
    return OutpaintError(
        ErrorCode.URL_EXPIRED,
        "this upload URL has stored another file already, and takes one only: ask POST /v1/uploads for a new one",
        field="file",
    )


def _count_form(service: Service, caller: Account, now: float) -> None:
    """Count a form whose file goes straight to the store, as the largest file that it may store.

    What comes of the form is not seen here. Forms are counted in windows of `settings.result_lifetime` seconds, which
    their files live: an account may have up to twice its limit where one window meets the next.
    """
    settings = service.settings
    window = math.floor(now / settings.result_lifetime)
    ends_at = float((window + 1) * settings.result_lifetime)
    forms = service.limits.count(f"{caller.id}#uploads", window, ends_at)
    if forms * settings.pictures.max_bytes > settings.stored_bytes_per_account:
        raise storage_full(settings.stored_bytes_per_account)
