"""One request and its answer as a report shows them: keys and cookies redacted, bodies as they were sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import httpx

from outpaint.contracts.redaction import REDACTED, SECRET_HEADERS
from outpaint.functions.http.messages import HasHeaders


@dataclass(frozen=True, slots=True)
class ObservedExchange(HasHeaders):
    """A request and its answer, `seconds` later; header names in lower case, keys and cookies redacted."""

    method: str
    url: str
    path: str
    request_headers: tuple[tuple[str, str], ...]
    request_body: bytes
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    seconds: float

    @classmethod
    def of(cls, response: httpx.Response, seconds: float) -> ObservedExchange:
        """The exchange of an answer whose body was read."""
        request = response.request
        return cls(
            method=request.method,
            url=str(request.url),
            path=request.url.path,
            request_headers=_redacted(request.headers),
            request_body=_sent(request),
            status=response.status_code,
            headers=_redacted(response.headers),
            body=response.content,
            seconds=seconds,
        )

    def words(self, name: str) -> set[str]:
        """The elements of a header that is a list, on whichever of its lines, in lower case."""
        values = (value for key, value in self.headers if key == name.lower())
        return {word.strip().lower() for value in values for word in value.split(",")} - {""}

    @property
    def media_type(self) -> str:
        """The answer's Content-Type without its parameters, in lower case; empty where there is none."""
        return (self.header("Content-Type") or "").partition(";")[0].strip().lower()


Observer = Callable[[ObservedExchange], None]
"""Is called with every exchange as it ends, possibly from several threads."""


def _redacted(headers: httpx.Headers) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name.lower(), REDACTED if name.lower() in SECRET_HEADERS else value) for name, value in headers.multi_items()
    )


def _sent(request: httpx.Request) -> bytes:
    try:
        return request.read()
    except httpx.StreamError:
        return b""  # it was sent from an iterator, which is used up
