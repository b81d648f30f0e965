"""Signed URLs for a host that serves result files and takes uploads itself."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.paths_and_headers import FILE_PATH, UPLOADS_PATH
from outpaint.functions.service.records import UploadGrant

PREFIX: Final = FILE_PATH.partition("{")[0]
UPLOADS_PREFIX: Final = f"{UPLOADS_PATH}/"
_UPLOAD_QUERY: Final = ("account", "type", "max", "kept", "expires")


@dataclass(frozen=True, slots=True)
class FileUrls:
    """Signs and checks URLs of files; whoever has one may read or upload its file until it expires.

    `secret` is at least 16 random bytes and outlives a restart, so that URLs already given out keep working. Times are
    seconds since the epoch. Checks raise `OutpaintError` URL_NOT_SIGNED or URL_EXPIRED.
    """

    secret: bytes = field(repr=False)

    def sign(self, file_id: str, until: float) -> str:
        """The path and query that read the file until that time."""
        expires = str(int(until))
        return f"{PREFIX}{file_id}?expires={expires}&signature={self._signature(file_id, expires)}"

    def check(self, file_id: str, *, expires: str, signature: str, now: float) -> None:
        """Raise unless the URL was signed here and has not expired."""
        expected = self._signature(file_id, expires)
        _check(signature, expected, "this file URL was not signed by us: use the url from the result, unchanged")
        if now >= int(expires):
            raise OutpaintError(
                ErrorCode.URL_EXPIRED,
                "this file URL has expired: poll the inference again for a new one while its files live",
                field="expires",
            )

    def sign_upload(self, file_id: str, grant: UploadGrant) -> str:
        """The path and query to which one file may be POSTed within the grant."""
        query = {
            "account": grant.account_id,
            "type": grant.media_type,
            "max": str(grant.max_bytes),
            "kept": str(int(grant.expires_at)),
            "expires": str(int(grant.until)),
        }
        signature = self._signature("upload", file_id, *query.values())
        return f"{UPLOADS_PREFIX}{file_id}?{urlencode({**query, 'signature': signature})}"

    def check_upload(self, file_id: str, query: Mapping[str, str], now: float) -> UploadGrant:
        """What the URL grants."""
        signed = {name: query.get(name, "") for name in _UPLOAD_QUERY}
        # Begins with a word that no file id is, so that a signature for reading is never one for writing.
        expected = self._signature("upload", file_id, *signed.values())
        told = "this upload URL was not signed by us: use the url from POST /v1/uploads, unchanged"
        _check(query.get("signature", ""), expected, told)
        if now >= int(signed["expires"]):
            raise OutpaintError(
                ErrorCode.URL_EXPIRED,
                "this upload URL has expired: ask POST /v1/uploads for a new one",
                field="expires",
            )
        return UploadGrant(
            account_id=signed["account"],
            media_type=signed["type"],
            max_bytes=int(signed["max"]),
            until=float(signed["expires"]),
            expires_at=float(signed["kept"]),
        )

    def _signature(self, *signed: str) -> str:
        return hmac.new(self.secret, "\n".join(signed).encode(), hashlib.sha256).hexdigest()


def _check(signature: str, expected: str, detail: str) -> None:
    if not hmac.compare_digest(signature.encode(), expected.encode()):
        raise OutpaintError(ErrorCode.URL_NOT_SIGNED, detail, field="signature")
