"""Signed URLs for a host that serves its result files itself."""

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
    """Signs and checks `/v1/files/<id>?expires=…&signature=…`; whoever holds the URL may read the file until then.

    `secret` is at least 16 random bytes and outlives a restart, so that URLs already given out keep working.
    """

    secret: bytes = field(repr=False)

    def sign(self, file_id: str, until: float) -> str:
        """The path and query that read the file until that time (seconds since the epoch)."""
        expires = int(until)
        return f"{PREFIX}{file_id}?expires={expires}&signature={self._signature(file_id, expires)}"

    def check(self, file_id: str, *, expires: str, signature: str, now: float) -> None:
        """Raise `OutpaintError` URL_NOT_SIGNED or URL_EXPIRED unless the URL is ours and still good."""
        if not (expires.isascii() and expires.isdigit() and len(expires) <= 12) or not hmac.compare_digest(
            signature.encode(), self._signature(file_id, int(expires)).encode()
        ):
            raise OutpaintError(
                ErrorCode.URL_NOT_SIGNED,
                "this file URL was not signed by us: use the url from the result, unchanged",
                field="signature",
            )
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
        return f"{UPLOADS_PREFIX}{file_id}?{urlencode({**query, 'signature': self._upload_signature(file_id, query)})}"

    def check_upload(self, file_id: str, query: Mapping[str, str], now: float) -> UploadGrant:
        """What was granted; raises `OutpaintError` URL_NOT_SIGNED or URL_EXPIRED like `check`."""
        signed = {name: query.get(name, "") for name in _UPLOAD_QUERY}
        expected = self._upload_signature(file_id, signed)
        if not hmac.compare_digest(query.get("signature", "").encode(), expected.encode()):
            raise OutpaintError(
                ErrorCode.URL_NOT_SIGNED,
                "this upload URL was not signed by us: use the url from POST /v1/uploads, unchanged",
                field="signature",
            )
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

    def _signature(self, file_id: str, expires: int) -> str:
        return hmac.new(self.secret, f"{file_id}\n{expires}".encode(), hashlib.sha256).hexdigest()

    def _upload_signature(self, file_id: str, query: Mapping[str, str]) -> str:
        # Begins with a word that no file id is, so that leave to read can never be shown as leave to write.
        signed = "\n".join(["upload", file_id, *(query[name] for name in _UPLOAD_QUERY)])
        return hmac.new(self.secret, signed.encode(), hashlib.sha256).hexdigest()
