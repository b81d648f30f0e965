"""Pictures sent ahead of their request: a form for one file, signed, capped in size and type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from outpaint_contracts.errors import ErrorCode, OutpaintError
from outpaint_contracts.requests import Upload, UploadRequest
from outpaint_contracts.storage_names import file_id

from outpaint_functions.service.records import Account, StoredPicture, UploadForm, UploadGrant
from outpaint_functions.service.service import Service

_TYPES: Final = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
    "image/bmp": "BMP",
    "image/tiff": "TIFF",
}


@dataclass(frozen=True, slots=True)
class Ticket:
    """A file's id, what may be stored under it, and the form that does so."""

    id: str
    grant: UploadGrant
    form: UploadForm


def offered(service: Service) -> bool:
    """Whether this host takes pictures ahead of their request."""
    return service.file_urls is not None or service.upload_forms is not None


def grant(service: Service, caller: Account, request: UploadRequest) -> Ticket:
    """Leave to send one file of the type asked for, within `settings.upload_patience` seconds.

    The id works as `image_id` and `mask_id` until `settings.result_lifetime` seconds from now.
    """
    settings = service.settings
    now = service.clock.now()
    id_ = file_id(service.ids.uuid(), request.extension)
    granted = UploadGrant(
        account_id=caller.id,
        media_type=request.content_type,
        max_bytes=settings.pictures.max_bytes,
        until=float(int(now + settings.upload_patience)),
        expires_at=float(int(now + settings.result_lifetime)),
    )
    if service.upload_forms is not None:
        return Ticket(id_, granted, service.upload_forms.form(id_, granted, now))
    assert service.file_urls is not None
    return Ticket(id_, granted, UploadForm(service.file_urls.sign_upload(id_, granted), {}))


def store(service: Service, id_: str, granted: UploadGrant, file: Upload) -> None:
    """Keep a file that came by a form of this host's own.

    Raises `OutpaintError` FILE_TOO_LARGE, INVALID_PARAMETER for an empty file, and UNSUPPORTED_IMAGE_TYPE for
    one whose bytes are not of the type that was granted.
    """
    if not file.data:
        raise OutpaintError.wrong_value("file", "<empty file>", "the file has no bytes")
    if len(file.data) > granted.max_bytes:
        raise OutpaintError(
            ErrorCode.FILE_TOO_LARGE, f"file has more than the {granted.max_bytes} bytes granted", field="file"
        )
    from outpaint_painting.file_types import file_type  # with the image library, which most requests do not need

    found = file_type(file.data)
    if found is None or found.name != _TYPES.get(granted.media_type):
        raise OutpaintError(
            ErrorCode.UNSUPPORTED_IMAGE_TYPE,
            f"the file is not {granted.media_type}: ask for an upload of the type it has",
            field="file",
        )
    service.pictures.put(id_, StoredPicture(file.data, granted.media_type, granted.account_id, granted.expires_at))
