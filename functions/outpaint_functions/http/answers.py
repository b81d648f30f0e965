"""How every answer is written: media type, error bodies, and the headers that stand on all of them."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Final

from outpaint_contracts import headers as names
from outpaint_contracts.errors import ErrorBody, ErrorCode, ErrorKind, OutpaintError, ProblemDetails
from outpaint_contracts.headers import Allowance
from pydantic import BaseModel

from outpaint_functions.http import cors
from outpaint_functions.http.messages import RequestHead, Response
from outpaint_functions.http.negotiation import JSON, PROBLEM, Accept
from outpaint_functions.service.settings import ServiceSettings

_LOG: Final = logging.getLogger("outpaint.http")
_NO_STORE: Final = ("Cache-Control", "no-store")
_NO_SNIFF: Final = ("X-Content-Type-Options", "nosniff")
_ANYTHING: Final = Accept()
Headers = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Answers:
    """Writes the answers to one request; what is learned on the way (`allowance`, `warnings`) goes into each."""

    settings: ServiceSettings
    head: RequestHead
    correlation_id: str
    allowance: Allowance
    accept: Accept = _ANYTHING
    warnings: list[str] = field(default_factory=list)

    def json(self, status: int, body: BaseModel, extra: Headers = ()) -> Response:
        """A body from the contract, as JSON."""
        return self.content(status, JSON, _encoded(body), (_NO_STORE, *extra))

    def error(self, error: Exception, extra: Headers = ()) -> Response:
        """The answer that tells of an error; one that is not ours is logged and told as INTERNAL."""
        if not isinstance(error, OutpaintError):
            _LOG.error("request %s broke", self.correlation_id, exc_info=error)
            error = OutpaintError(
                ErrorCode.INTERNAL,
                f"something broke on our side: try again, and quote {self.correlation_id} if it stays",
            )
        status = error.kind.status.value
        body: BaseModel
        if self.accept.problem:
            body, media_type = ProblemDetails.of(error, correlation_id=self.correlation_id), PROBLEM
        else:
            body, media_type = ErrorBody.of(error), JSON
        headers = (_NO_STORE, *self._way_out(error.kind), *extra)
        return self.content(status, media_type, _encoded(body), headers)

    def empty(self, status: int, extra: Headers = ()) -> Response:
        """An answer without a body."""
        return Response(status, (*self._common(), *extra))

    def content(self, status: int, media_type: str, body: bytes, extra: Headers = ()) -> Response:
        """An answer with these bytes; HEAD gets its headers alone."""
        headers = (("Content-Type", media_type), ("Content-Length", str(len(body))), *self._common(), *extra)
        return Response(status, headers, b"" if self.head.method == "HEAD" else body)

    def _way_out(self, kind: ErrorKind) -> Headers:
        """What HTTP has to say, in headers, on what to do about an error."""
        if kind.status == 401:
            return (("WWW-Authenticate", f'ApiKey header="{names.API_KEY}"'),)
        if kind.retry_after:
            seconds = self.allowance.reset_in if kind.status == 429 else self.settings.retry_after
            return ((names.RETRY_AFTER, str(seconds)),)
        return ()

    def _common(self) -> Headers:
        """The headers on EVERY response, errors too (docs/facts/wire.md#headers)."""
        warned = ((names.WARNING, "; ".join(self.warnings)),) if self.warnings else ()
        return (
            (names.CORRELATION_ID, self.correlation_id),
            *self.allowance.headers(),
            _NO_SNIFF,
            *cors.response_headers(self.head, self.settings.cors_origins),
            *warned,
        )


def _encoded(body: BaseModel) -> bytes:
    """`model_dump_json`, which asks pydantic's core for these bytes and makes text of them that we had to encode."""
    encoded: bytes = body.__pydantic_serializer__.to_json(body)
    return encoded
