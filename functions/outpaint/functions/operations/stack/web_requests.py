"""Asks a web address from the operator's machine, for what no AWS API tells: a front door, a signed URL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import httpcore

_TIMEOUT_S: Final = 60.0


class UnreachableError(Exception):
    """Nobody answers at an address from here; the text says why."""


def ask(
    method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> tuple[int, bytes]:
    """The answer's status and content; no redirect is followed, and nothing is repeated.

    Raises `UnreachableError` where there is no answer, at the latest after a minute without a byte.
    """
    limits = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), _TIMEOUT_S)}
    try:
        answer = httpcore.request(method, url, headers=[*(headers or {}).items()], content=body, extensions=limits)
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
        raise UnreachableError(str(error) or type(error).__name__) from error
    return answer.status, answer.content
