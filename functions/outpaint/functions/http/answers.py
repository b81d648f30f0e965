"""Responses: results, errors, Accept, CORS and the headers on all of them."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from pydantic import BaseModel

from outpaint.contracts import paths_and_headers as names
from outpaint.contracts.errors import ErrorBody, ErrorCode, OutpaintError, ProblemDetails
from outpaint.contracts.job_states import JobState
from outpaint.contracts.paths_and_headers import (
    API_KEY,
    EXPOSED,
    IDEMPOTENCY_KEY,
    NOT_IN_VENDORS_PREFLIGHT,
    PREFER,
    Allowance,
)
from outpaint.contracts.profiles import RequestWarning, WireProfile, sent_headers, vendor_body
from outpaint.contracts.responses import Accepted, FailedJob, FinishedPicture, Result, StatusWord, UploadTicket
from outpaint.functions.http.bodies import JSON
from outpaint.functions.http.messages import RequestHead, Response
from outpaint.functions.service import log_keys
from outpaint.functions.service.records import Job
from outpaint.functions.service.service import Service, ServiceSettings
from outpaint.functions.service.upload_forms import IssuedUpload

ALLOWED_HEADERS: Final = (API_KEY, "Accept", "Content-Type", IDEMPOTENCY_KEY, PREFER)
MAX_AGE: Final = 7200
_EXPOSED: Final = ("Access-Control-Expose-Headers", ", ".join(EXPOSED))
_FOR_ANYONE: Final = [("Access-Control-Allow-Origin", "*"), _EXPOSED]
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_MOST_ASKED_FOR: Final = 100

PROBLEM: Final = "application/problem+json"
Headers = tuple[tuple[str, str], ...]

_LOG: Final = logging.getLogger("outpaint.http")
_NO_STORE: Final = ("Cache-Control", "no-store")
_NO_SNIFF: Final = ("X-Content-Type-Options", "nosniff")


@dataclass(frozen=True, slots=True)
class Accept:
    """What a client's Accept means here; without the header everything is acceptable (RFC 9110, 12.5.1)."""

    json: bool = True
    problem: bool = False

    @classmethod
    def parse(cls, values: list[str], profile: WireProfile = WireProfile.OURS) -> Accept:
        """The meaning of the header's values; a more specific range beats a wider one.

        The vendor has no problem documents: to it, their name is that of any type it does not have.
        """
        return _parsed(",".join(values), profile)


@lru_cache(maxsize=256)
def _parsed(text: str, profile: WireProfile) -> Accept:
    ranges: dict[str, float] = {}
    for item in text.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        if name:
            ranges[name] = max(ranges.get(name, 0.0), _quality(parameters))
    if not ranges:
        return Accept()
    wide = ranges.get("application/*", ranges.get("*/*", 0.0))
    json = ranges.get(JSON, wide)
    problem = ranges.get(PROBLEM, 0.0) if profile is WireProfile.OURS else 0.0
    # Problem documents are for clients that name them; one that ranks plain JSON higher gets that.
    return Accept(json=json > 0 or problem > 0, problem=problem > 0 and problem >= ranges.get(JSON, 0.0))


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0


@dataclass(slots=True)
class Answers:
    """Makes the responses to one request; `allowance` and `warnings` go into the headers of each."""

    settings: ServiceSettings
    head: RequestHead
    correlation_id: str
    allowance: Allowance
    accept: Accept = Accept()
    warnings: list[RequestWarning] = field(default_factory=list)
    profile: WireProfile = WireProfile.OURS
    error_code: ErrorCode | None = None
    """That of the latest body, whether or not it is sent."""

    def json(self, status: int, body: BaseModel, extra: Headers = ()) -> Response:
        """A model of the contract as JSON."""
        return self.content(status, JSON, self._encoded(body, status), (_NO_STORE, *extra))

    def error(self, error: Exception, extra: Headers = (), *, retry_after: int | None = None) -> Response:
        """The response to an error; one that is no `OutpaintError` is logged and answered as INTERNAL.

        `retry_after` is the seconds in `Retry-After`, where they are not those of the error's kind.
        """
        if not isinstance(error, OutpaintError):
            with log_keys.about_error(error):
                _LOG.error("request %s broke", self.correlation_id, exc_info=error)
            error = OutpaintError(
                ErrorCode.INTERNAL,
                f"something broke on our side: try again, and quote {self.correlation_id} if it stays",
            )
        if self.profile is WireProfile.OURS:
            error = error.naming(self.settings.limit_names)
        status = error.kind.status.value
        body: BaseModel
        if self.accept.problem:
            body, media_type = ProblemDetails.of(error, correlation_id=self.correlation_id), PROBLEM
        else:
            body, media_type = ErrorBody.of(error), JSON
        headers = (_NO_STORE, *self._way_out(error, retry_after), *extra)
        return self.content(status, media_type, self._encoded(body, status), headers)

    def empty(self, status: int, extra: Headers = ()) -> Response:
        """A response without a body."""
        return Response(status, sent_headers((*self._common(), *extra), self.profile))

    def content(self, status: int, media_type: str, body: bytes, extra: Headers = ()) -> Response:
        """A response with these bytes; HEAD gets its headers alone."""
        headers = (("Content-Type", media_type), ("Content-Length", str(len(body))), *self._common(), *extra)
        return Response(status, sent_headers(headers, self.profile), b"" if self.head.method == "HEAD" else body)

    def _encoded(self, body: BaseModel, status: int) -> bytes:
        """A body's bytes, in the profile."""
        self.error_code = getattr(body, "error_code", None)
        if self.profile is WireProfile.VENDOR:
            return json.dumps(vendor_body(body, status), ensure_ascii=False, separators=(",", ":")).encode()
        # `model_dump_json` without its decoding to text, which would have to be encoded again.
        encoded: bytes = body.__pydantic_serializer__.to_json(body)
        return encoded

    def _way_out(self, error: OutpaintError, retry_after: int | None) -> Headers:
        """The headers in which HTTP says what to do about an error."""
        kind = error.kind
        if kind.status == 401:
            return (("WWW-Authenticate", f'ApiKey header="{names.API_KEY}"'),)
        if retry_after is None and kind.retry_after:
            rated = error.code is ErrorCode.RATE_LIMITED
            retry_after = self.allowance.reset_in if rated else self.settings.retry_after
        return () if retry_after is None else ((names.RETRY_AFTER, str(retry_after)),)

    def _common(self) -> Headers:
        """The headers on every response, errors too (docs/facts/wire.md#headers)."""
        warned = ((names.WARNING, "; ".join(map(str, self.warnings))),) if self.warnings else ()
        return (
            (names.CORRELATION_ID, self.correlation_id),
            *self.allowance.headers(),
            _NO_SNIFF,
            *cors_headers(self.head, self.settings.cors_origins),
            *warned,
        )


def cors_headers(head: RequestHead, origins: tuple[str, ...]) -> list[tuple[str, str]]:
    """The CORS headers of any response: `*` is safe, for keys are sent in a header of their own."""
    if "*" in origins:
        return _FOR_ANYONE
    origin = head.header("origin")
    if origin is None or origin not in origins:
        return [("Vary", "Origin")]
    return [("Access-Control-Allow-Origin", origin), _EXPOSED, ("Vary", "Origin")]


def preflight_headers(
    head: RequestHead, methods: tuple[str, ...], profile: WireProfile = WireProfile.OURS
) -> list[tuple[str, str]]:
    """The answer to a browser's preflight: which methods and headers it may send.

    Every header that it asks for is allowed, beside those of the API: which ones a page's tools add nobody can
    foresee, and credentials, which a browser adds by itself, are never allowed.
    """
    asked = ",".join(head.header_values("access-control-request-headers")).split(",")[:_MOST_ASKED_FOR]
    by_name = {name.lower(): name for name in ALLOWED_HEADERS}
    for name in map(str.strip, asked):
        if _HEADER_NAME.fullmatch(name):
            by_name.setdefault(name.lower(), name)
    refused = NOT_IN_VENDORS_PREFLIGHT if profile is WireProfile.VENDOR else frozenset()
    return [
        ("Access-Control-Allow-Methods", ", ".join(methods)),
        ("Access-Control-Allow-Headers", ", ".join(name for key, name in by_name.items() if key not in refused)),
        ("Access-Control-Max-Age", str(MAX_AGE)),
    ]


def absolute(service: Service, url: str, origin: str) -> str:
    """A path on this host as a URL for its client; other URLs stay."""
    return (service.settings.public_url or origin).rstrip("/") + url if url.startswith("/") else url


def result_body(service: Service, job: Job, origin: str) -> Result:
    """The finished pictures of a succeeded job, their URLs signed anew; `origin` completes a path to a URL."""
    assert job.manifest is not None
    until, lifetime = job.expires_at, service.settings.url_lifetime
    if lifetime is not None:
        until = min(until, service.clock.now() + lifetime)
    expires_at = datetime.fromtimestamp(int(until), UTC)
    pictures = []
    for file in job.manifest.files:
        url = service.pictures.url(file.id, until)
        pictures.append(
            FinishedPicture(id=file.id, url=absolute(service, url, origin), expires_at=expires_at, seed=file.seed)
        )
    return Result(
        inference_id=job.id,
        data=tuple(pictures),
        seed=job.request.wish.seed,
        painter=job.manifest.painter,
        mask_interpretation=job.interpretation,
    )


def accepted_body(job: Job, word: StatusWord = StatusWord.PROCESSING) -> Accepted:
    """A job that still runs; `word` is `success` only where the vendor's async POST of 2025 is mimicked."""
    return Accepted(
        status=StatusWord.SUCCESS if word is StatusWord.SUCCESS else StatusWord.PROCESSING,
        inference_id=job.id,
        transaction_id=job.id,
        mask_interpretation=job.interpretation,
    )


def ticket_body(service: Service, ticket: IssuedUpload, origin: str) -> UploadTicket:
    """Where to send a picture ahead; `origin` completes a path to a URL."""
    return UploadTicket(
        id=ticket.id,
        url=absolute(service, ticket.form.url, origin),
        fields=ticket.form.fields,
        max_bytes=ticket.grant.max_bytes,
        expires_at=datetime.fromtimestamp(ticket.grant.until, UTC),
        file_expires_at=datetime.fromtimestamp(ticket.grant.expires_at, UTC),
    )


def failed_body(job: Job) -> FailedJob:
    """A job that ended without pictures, as a poll shows it."""
    error = failure_of(job)
    return FailedJob(
        inference_id=job.id,
        transaction_id=job.id,
        message=error.kind.message,
        detail=error.detail,
        code=error.kind.status.value,
        error_code=error.code,
    )


def failure_of(job: Job) -> OutpaintError:
    """The error that ended a job."""
    if job.failure is None:
        word = "was cancelled" if job.state is JobState.CANCELLED else "ended without a reason"
        return OutpaintError(ErrorCode.PAINTING_FAILED, f"the job {word}; its credits were given back")
    return OutpaintError(job.failure.error_code, job.failure.detail, field=job.failure.field)
