"""Where a picture's bytes come from: the request itself, a data: URI, an address, or a file we hold."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from urllib.parse import unquote

from outpaint_contracts.errors import ErrorCode, OutpaintError
from outpaint_contracts.jobs import JobState
from outpaint_contracts.requests import IdSource, Source, Upload, UrlSource
from outpaint_contracts.storage_names import is_file_id

from outpaint_functions.service.records import Account, StoredPicture
from outpaint_functions.service.service import Service


def embedded_bytes(source: Source, field: str) -> bytes | None:
    """The picture that came inside the request, as a file or a base64 data: URI; None for a mere reference.

    Raises `OutpaintError` 422 for a data: URI that is not base64 or holds nothing.
    """
    if isinstance(source, Upload):
        return source.data
    if isinstance(source, UrlSource) and source.is_data:
        return _data_uri(source.url, field)
    return None


def identity(source: Source, embedded: bytes | None) -> str:
    """What makes two sources the same picture for an idempotency fingerprint: content, address or id."""
    if embedded is not None:
        return f"sha256:{hashlib.sha256(embedded).hexdigest()}"
    if isinstance(source, UrlSource):
        return f"url:{source.url}"
    assert isinstance(source, IdSource)
    return f"id:{source.id}"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture's bytes, and the name under which our store holds them until `held_until`, where it does."""

    data: bytes
    name: str | None = None
    held_until: float = 0.0


def read(service: Service, caller: Account, source: Source, embedded: bytes | None, field: str) -> Picture:
    """The picture, wherever it is.

    Raises `OutpaintError`: 422 for an unknown id or a source that cannot or may not be read, 413 when it is
    larger than `settings.pictures.max_bytes`.
    """
    if embedded is not None:
        return Picture(embedded)
    if isinstance(source, UrlSource):
        settings = service.settings
        return Picture(
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
    return Picture(stored.data, source.id, stored.expires_at)


def _lives(service: Service, stored: StoredPicture, now: float) -> bool:
    """Whether a file may still be named by its id: a result while its job is kept (docs/facts/wire.md#figures).

    Its store holds it for longer: when the file was written nobody knew when the job would end.
    """
    if stored.inference_id is None:
        return True
    job = service.jobs.find(stored.inference_id, now)
    return job is not None and job.state is JobState.SUCCEEDED


def _data_uri(uri: str, field: str) -> bytes:
    header, comma, payload = uri.partition(",")
    if not comma or not header.lower().endswith(";base64"):
        raise OutpaintError.wrong_value(field, header[:40], "a data: URI must be data:image/...;base64,...")
    # A form body sent without percent-encoding turns '+' into a blank; no other reading of it is possible.
    text = unquote(payload).replace(" ", "+")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise OutpaintError.wrong_value(field, header[:40], "the base64 in this data: URI is damaged") from None
    if not data:
        raise OutpaintError(
            ErrorCode.INVALID_PARAMETER, f"{field} has wrong value: the data: URI holds no bytes", field=field
        )
    return data
