"""Reads a request's pictures, sent, fetched or named by id, and takes pictures uploaded ahead of their request."""

from __future__ import annotations

from dataclasses import dataclass

from outpaint.contracts.data_uris import DataUri
from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.job_states import JobState
from outpaint.contracts.requests import IdSource, Source, Upload, UploadRequest, UrlSource
from outpaint.contracts.storage_names import file_id, is_file_id
from outpaint.functions.service.records import Account, StoredPicture, UploadForm, UploadGrant
from outpaint.functions.service.service import Service


def embedded_bytes(source: Source, field: str) -> bytes | None:
    """The picture inside the request, a file or a base64 data: URI; None for an address or an id.

    Raises `OutpaintError` 422 for a data: URI that is not base64 or holds nothing.
    """
    if isinstance(source, Upload):
        return source.data
    if isinstance(source, DataUri):
        if source.fault is not None:
            raise OutpaintError.wrong_value(field, source.shown_label, source.fault)
        return source.data
    return None


def identity(source: Source) -> str:
    """What a source contributes to an idempotency fingerprint: the hash of its content, its address or its id."""
    if isinstance(source, Upload | DataUri):
        return f"sha256:{source.sha256}"
    if isinstance(source, UrlSource):
        return f"url:{source.url}"
    assert isinstance(source, IdSource)
    return f"id:{source.id}"


@dataclass(frozen=True, slots=True)
class SourcePicture:
    """A picture's bytes; `name` is set where the picture store has them already, and keeps them until `kept_until`."""

    data: bytes
    name: str | None = None
    kept_until: float = 0.0


def read_picture(
    service: Service, caller: Account, source: Source, embedded: bytes | None, field: str
) -> SourcePicture:
    """The picture of a source; `embedded` is what `embedded_bytes` gives for it.

    Raises `OutpaintError`: 422 for an unknown id or a source that cannot or may not be read, 413 when it is
    larger than `settings.pictures.max_bytes`.
    """
    if embedded is not None:
        return SourcePicture(embedded)
    if isinstance(source, UrlSource):
        settings = service.settings
        return SourcePicture(
            service.fetch.fetch(
                source.url, max_bytes=settings.pictures.max_bytes, timeout=settings.fetch_timeout, field=field
            )
        )
    assert isinstance(source, IdSource)
    now = service.clock.now()
    stored = service.pictures.get(source.id, now) if is_file_id(source.id) else None
    if stored is None or stored.account_id != caller.id or not _lives(service, stored, now):
        raise OutpaintError.wrong_value(
            field, source.id, "there is no such file, or its lifetime is over: send the picture itself"
        )
    return SourcePicture(stored.data, source.id, stored.expires_at)


def _lives(service: Service, stored: StoredPicture, now: float) -> bool:
    """Whether a file may still be named by its id: a result only while its job is kept (docs/facts/wire.md#figures).

    Its store keeps it for longer, for when the file was written its job's end was not known.
    """
    if stored.inference_id is None:
        return True
    job = service.jobs.find(stored.inference_id, now)
    return job is not None and job.state is JobState.SUCCEEDED


@dataclass(frozen=True, slots=True)
class IssuedUpload:
    """A file's id, what may be stored under it, and the form that does so."""

    id: str
    grant: UploadGrant
    form: UploadForm


def uploads_offered(service: Service) -> bool:
    """Whether this host takes pictures ahead of their request."""
    return service.file_urls is not None or service.upload_forms is not None


def grant_upload(service: Service, caller: Account, request: UploadRequest) -> IssuedUpload:
    """Allow one file of the type asked for to be sent within `settings.upload_patience` seconds.

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
        return IssuedUpload(id_, granted, service.upload_forms.form(id_, granted, now))
    assert service.file_urls is not None
    return IssuedUpload(id_, granted, UploadForm(service.file_urls.sign_upload(id_, granted), {}))


def store_upload(service: Service, id_: str, granted: UploadGrant, file: Upload) -> None:
    """Store a file that was sent to this host by a form of `grant_upload`.

    Raises `OutpaintError` FILE_TOO_LARGE, INVALID_PARAMETER for an empty file, and UNSUPPORTED_IMAGE_TYPE for
    one whose bytes are not of the type that was granted.
    """
    if not file.data:
        raise OutpaintError.wrong_value("file", "<empty file>", "the file has no bytes")
    if len(file.data) > granted.max_bytes:
        raise OutpaintError(
            ErrorCode.FILE_TOO_LARGE, f"file has more than the {granted.max_bytes} bytes granted", field="file"
        )
    from outpaint.painting.inputs.intake import file_type  # with the image library, which most requests do not need

    found = file_type(file.data)
    if found is None or granted.media_type != f"image/{found.name.lower()}":
        raise OutpaintError(
            ErrorCode.UNSUPPORTED_IMAGE_TYPE,
            f"the file is not {granted.media_type}: ask for an upload of the type it has",
            field="file",
        )
    service.pictures.put(id_, StoredPicture(file.data, granted.media_type, granted.account_id, granted.expires_at))
