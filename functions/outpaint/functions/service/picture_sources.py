"""Reads a request's pictures: sent along, fetched from an address, or named by id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from outpaint.contracts.data_uris import DataUri
from outpaint.contracts.errors import OutpaintError
from outpaint.contracts.job_states import JobState
from outpaint.contracts.requests import IdSource, OutpaintRequest, Source, Upload, UrlSource
from outpaint.contracts.storage_names import is_file_id
from outpaint.functions.service.records import Account, StoredPicture
from outpaint.functions.service.service import Service

MASK_FIELD: Final = "mask_image"
"""Named in errors of a mask whose own field is not known."""


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


def addresses(request: OutpaintRequest) -> dict[str, str]:
    """The addresses that a request has to have fetched, by the field of each: as slow as other servers like."""
    sources = {request.image_field: request.image, request.mask_field or MASK_FIELD: request.mask}
    return {field: source.url for field, source in sources.items() if isinstance(source, UrlSource)}


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
