"""Which requests are meant for the mock: those under the base URLs that a client was configured with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import unquote, urlsplit

from outpaint_contracts.errors import ErrorCode, OutpaintError

VENDOR_BASE_URL: Final = "https://genai-api.picsart.io/v1"
"""Where the API that is mocked lives (docs/facts/wire.md#routes)."""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """One base URL; `prefix` is what stands before the API's own `/v1`, without a slash at its end."""

    scheme: str
    host: str
    port: int
    prefix: str

    @classmethod
    def parse(cls, url: str) -> Self:
        """The base URL that a client is given, with or without `/v1` at its end; raises `OutpaintError`."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
        if host is None or parts.scheme not in _DEFAULT_PORTS or parts.query or parts.fragment:
            raise OutpaintError(
                ErrorCode.INVALID_PARAMETER,
                f"{url[:100]} is no base URL: write scheme and host, such as {VENDOR_BASE_URL}",
                field="base_url",
            )
        prefix = unquote(parts.path).rstrip("/").removesuffix("/v1")
        return cls(parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme], prefix)

    def path_of(self, scheme: str, host: str, port: int | None, path: str) -> str | None:
        """The path below this base, from `/v1` on, or None for a request that is meant for somebody else."""
        if host.lower() != self.host or scheme != self.scheme or (port or _DEFAULT_PORTS.get(scheme)) != self.port:
            return None
        if not self.prefix:
            return path
        return path[len(self.prefix) :] if path.startswith(f"{self.prefix}/") else None


class BaseUrls:
    """All base URLs of a mock; without any, every request is meant for it."""

    def __init__(self, urls: Iterable[str] = ()) -> None:
        self._bases = tuple(BaseUrl.parse(url) for url in urls)

    def place(self, scheme: str, host: str, port: int | None, path: str) -> tuple[str, str] | None:
        """What stands before the API's path, and that path itself; None for a request meant for somebody else."""
        if not self._bases:
            return "", path
        for base in self._bases:
            below = base.path_of(scheme, host, port, path)
            if below is not None:
                return base.prefix, below
        return None


def checked_unknown_hosts(word: str) -> str:
    """What happens to requests that are not for the mock, `fail` or `pass`; raises `OutpaintError` for another word."""
    if word not in ("fail", "pass"):
        raise OutpaintError.wrong_value("unknown_hosts", word, "use fail or pass")
    return word
