"""What the operator of a host is told beside its clients: who an operator is, and what a host has to say."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.http.local_requests import foreign
from outpaint.functions.http.messages import RequestHead

MIN_TOKEN_LENGTH: Final = 16
_SCHEME: Final = "bearer "
_VISIBLE: Final = frozenset(map(chr, range(0x21, 0x7F)))


class OperatorAccess:
    """Who is an operator: with a token, who sends `Authorization: Bearer TOKEN` (RFC 6750, 2.1); else this machine.

    Behind a proxy, which may make every client seem to be here, nobody is without a token. Raises `OutpaintError`
    INVALID_PARAMETER for a token of fewer than `MIN_TOKEN_LENGTH` characters, or of others than visible ASCII. The
    token itself is not kept.
    """

    def __init__(self, token: str | None = None, *, behind_proxy: bool = False) -> None:
        if token is not None and (len(token) < MIN_TOKEN_LENGTH or not _VISIBLE.issuperset(token)):
            raise OutpaintError(
                ErrorCode.INVALID_PARAMETER,
                f"the operator's token needs at least {MIN_TOKEN_LENGTH} visible ASCII characters: "
                "`openssl rand -hex 32` makes one",
                field="operator_token",
            )
        self._digest = None if token is None else _digest(token)
        self._behind_proxy = behind_proxy

    def admits(self, head: RequestHead) -> bool:
        """Whether the request is an operator's; a token is compared in a time that tells nothing of it."""
        if self._digest is None:
            return not self._behind_proxy and foreign(head) is None
        given = head.header("authorization") or ""
        if not given.lower().startswith(_SCHEME):
            return False
        return hmac.compare_digest(_digest(given[len(_SCHEME) :].strip()), self._digest)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


class PainterInUse(BaseModel):
    """A painter of the host, by its card."""

    name: str
    model: str


class HealthDetail(BaseModel):
    """The answer of /health?detail=1."""

    model_config = ConfigDict(frozen=True)

    status: Literal["ok"] = "ok"
    version: Annotated[str, Field(description="The release of outpaint-kit.")]
    uptime: Annotated[float, Field(description="Seconds since the host was made.")]
    unready: Annotated[str | None, Field(description="Why no new work is taken; null where it is.")]
    painters: tuple[PainterInUse, ...]
    use: Annotated[Mapping[str, int | float], Field(description="What is in use now, by the names of /metrics.")]
    limits: Annotated[Mapping[str, Any], Field(description="The limits in force.")]


class Operating(Protocol):
    """What a host tells its operators; its methods may take a while, and are called off the event loop."""

    def admits(self, head: RequestHead) -> bool:
        """Whether the request is an operator's; at once."""

    def unready(self) -> str | None:
        """Why the host takes no new work, in words that its operator can act on; None where it does."""

    def detail(self) -> HealthDetail:
        """Version, uptime, painters, use and limits."""

    def metrics(self, accept: str) -> tuple[str, bytes]:
        """Media type and content of /metrics, in the form that the Accept header asks for."""
