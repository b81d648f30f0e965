"""Signed URLs for a host that serves its result files itself."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final

from outpaint_contracts.errors import ErrorCode, OutpaintError

PREFIX: Final = "/v1/files/"


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

    def _signature(self, file_id: str, expires: int) -> str:
        return hmac.new(self.secret, f"{file_id}\n{expires}".encode(), hashlib.sha256).hexdigest()
