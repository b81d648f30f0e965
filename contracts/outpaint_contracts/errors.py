"""Every way a request can be refused: one typed code each, with its HTTP status and wire body."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field


class ErrorCode(StrEnum):
    """The typed code in the `error_code` member of every error body; stable across releases."""

    MALFORMED_BODY = "malformed_body"
    INVALID_IDEMPOTENCY_KEY = "invalid_idempotency_key"
    MISSING_KEY = "missing_key"
    UNKNOWN_KEY = "unknown_key"
    INSUFFICIENT_CREDITS = "insufficient_credits"
    FORBIDDEN = "forbidden"
    URL_NOT_SIGNED = "url_not_signed"
    URL_EXPIRED = "url_expired"
    UNKNOWN_ROUTE = "unknown_route"
    UNKNOWN_INFERENCE = "unknown_inference"
    UNKNOWN_FILE = "unknown_file"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    NOT_ACCEPTABLE = "not_acceptable"
    IDEMPOTENCY_IN_PROGRESS = "idempotency_in_progress"
    BODY_TOO_LARGE = "body_too_large"
    FILE_TOO_LARGE = "file_too_large"
    UNSUPPORTED_CONTENT_TYPE = "unsupported_content_type"
    UNSUPPORTED_IMAGE_TYPE = "unsupported_image_type"
    MISSING_PARAMETER = "missing_parameter"
    INVALID_PARAMETER = "invalid_parameter"
    CONFLICTING_PARAMETERS = "conflicting_parameters"
    NOTHING_TO_PAINT = "nothing_to_paint"
    NOTHING_TO_KEEP = "nothing_to_keep"
    SIZE_MISMATCH = "size_mismatch"
    DIMENSIONS_OUT_OF_RANGE = "dimensions_out_of_range"
    ANIMATED = "animated"
    UNREADABLE_IMAGE = "unreadable_image"
    SOURCE_REFUSED = "source_refused"
    SOURCE_UNAVAILABLE = "source_unavailable"
    IDEMPOTENCY_MISMATCH = "idempotency_mismatch"
    RATE_LIMITED = "rate_limited"
    HEADERS_TOO_LARGE = "headers_too_large"
    INTERNAL = "internal"
    PAINTING_FAILED = "painting_failed"
    UNAVAILABLE = "unavailable"
    TIMED_OUT = "timed_out"


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """What a code means on the wire: its HTTP status, the vendor's `message` word and a one-line title."""

    status: HTTPStatus
    message: str
    title: str


_VALIDATION: Final = "Validation Failed"
# Written out, for Python 3.13 has another phrase for it than 3.12 and the vendor.
_TOO_LARGE: Final = "Request Entity Too Large"
_TOKEN: Final = "token_error"  # noqa: S105 - the vendor's word for a bad key, not a secret


def _kind(status: HTTPStatus, title: str, message: str | None = None) -> ErrorKind:
    return ErrorKind(status, message or status.phrase, title)


ERROR_KINDS: Final[dict[ErrorCode, ErrorKind]] = {
    ErrorCode.MALFORMED_BODY: _kind(HTTPStatus.BAD_REQUEST, "The body cannot be parsed"),
    ErrorCode.INVALID_IDEMPOTENCY_KEY: _kind(HTTPStatus.BAD_REQUEST, "The idempotency key is not usable"),
    ErrorCode.MISSING_KEY: _kind(HTTPStatus.UNAUTHORIZED, "No API key was sent", _TOKEN),
    ErrorCode.UNKNOWN_KEY: _kind(HTTPStatus.UNAUTHORIZED, "The API key is not known", _TOKEN),
    ErrorCode.INSUFFICIENT_CREDITS: _kind(HTTPStatus.PAYMENT_REQUIRED, "The credits are used up"),
    ErrorCode.FORBIDDEN: _kind(HTTPStatus.FORBIDDEN, "The API key is known but not allowed here"),
    ErrorCode.URL_NOT_SIGNED: _kind(HTTPStatus.FORBIDDEN, "The file URL's signature does not match"),
    ErrorCode.URL_EXPIRED: _kind(HTTPStatus.FORBIDDEN, "The file URL has expired"),
    ErrorCode.UNKNOWN_ROUTE: _kind(HTTPStatus.NOT_FOUND, "There is nothing at this path"),
    ErrorCode.UNKNOWN_INFERENCE: _kind(HTTPStatus.NOT_FOUND, "There is no such inference"),
    ErrorCode.UNKNOWN_FILE: _kind(HTTPStatus.NOT_FOUND, "There is no such file"),
    ErrorCode.METHOD_NOT_ALLOWED: _kind(HTTPStatus.METHOD_NOT_ALLOWED, "This path does not take this verb"),
    ErrorCode.NOT_ACCEPTABLE: _kind(HTTPStatus.NOT_ACCEPTABLE, "No answer fits the Accept header"),
    ErrorCode.IDEMPOTENCY_IN_PROGRESS: _kind(
        HTTPStatus.CONFLICT, "The first request with this idempotency key still runs"
    ),
    ErrorCode.BODY_TOO_LARGE: _kind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request body is too large", _TOO_LARGE),
    ErrorCode.FILE_TOO_LARGE: _kind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The picture file is too large", _TOO_LARGE),
    ErrorCode.UNSUPPORTED_CONTENT_TYPE: _kind(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The request's content type is not supported"
    ),
    ErrorCode.UNSUPPORTED_IMAGE_TYPE: _kind(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The file is not a supported picture"),
    ErrorCode.MISSING_PARAMETER: _kind(HTTPStatus.UNPROCESSABLE_ENTITY, "A required parameter is missing", _VALIDATION),
    ErrorCode.INVALID_PARAMETER: _kind(HTTPStatus.UNPROCESSABLE_ENTITY, "A parameter has a wrong value", _VALIDATION),
    ErrorCode.CONFLICTING_PARAMETERS: _kind(
        HTTPStatus.UNPROCESSABLE_ENTITY, "Parameters exclude each other", _VALIDATION
    ),
    ErrorCode.NOTHING_TO_PAINT: _kind(
        HTTPStatus.UNPROCESSABLE_ENTITY, "Nothing in the picture is left open to paint", _VALIDATION
    ),
    ErrorCode.NOTHING_TO_KEEP: _kind(HTTPStatus.UNPROCESSABLE_ENTITY, "Nothing in the picture is kept", _VALIDATION),
    ErrorCode.SIZE_MISMATCH: _kind(HTTPStatus.UNPROCESSABLE_ENTITY, "Image and mask differ in size", _VALIDATION),
    ErrorCode.DIMENSIONS_OUT_OF_RANGE: _kind(
        HTTPStatus.UNPROCESSABLE_ENTITY, "The picture's width, height or area is out of range", _VALIDATION
    ),
    ErrorCode.ANIMATED: _kind(HTTPStatus.UNPROCESSABLE_ENTITY, "The picture has more than one frame", _VALIDATION),
    ErrorCode.UNREADABLE_IMAGE: _kind(
        HTTPStatus.UNPROCESSABLE_ENTITY, "The picture is damaged or incomplete", _VALIDATION
    ),
    ErrorCode.SOURCE_REFUSED: _kind(HTTPStatus.UNPROCESSABLE_ENTITY, "The source URL may not be fetched", _VALIDATION),
    ErrorCode.SOURCE_UNAVAILABLE: _kind(HTTPStatus.UNPROCESSABLE_ENTITY, "The source could not be read", _VALIDATION),
    ErrorCode.IDEMPOTENCY_MISMATCH: _kind(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The idempotency key was used for another request",
        _VALIDATION,
    ),
    ErrorCode.RATE_LIMITED: _kind(HTTPStatus.TOO_MANY_REQUESTS, "The rate limit is reached"),
    ErrorCode.HEADERS_TOO_LARGE: _kind(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request headers are too large"),
    ErrorCode.INTERNAL: _kind(HTTPStatus.INTERNAL_SERVER_ERROR, "Something broke on our side"),
    ErrorCode.PAINTING_FAILED: _kind(HTTPStatus.INTERNAL_SERVER_ERROR, "The painter failed"),
    ErrorCode.UNAVAILABLE: _kind(HTTPStatus.SERVICE_UNAVAILABLE, "The service is not available now"),
    ErrorCode.TIMED_OUT: _kind(HTTPStatus.GATEWAY_TIMEOUT, "The job took longer than it may"),
}


class OutpaintError(Exception):
    """A request or job that cannot go on, as the client will be told of it.

    `code` decides the HTTP status; `field` names the offending parameter, header or `None`;
    `detail` is one sentence with the way out.
    """

    def __init__(self, code: ErrorCode, detail: str, *, field: str | None = None) -> None:
        # Half a surrogate pair, quoted back from a client, could not be written as UTF-8.
        self.detail = detail.encode("utf-8", "replace").decode()
        super().__init__(self.detail)
        self.code = code
        self.field = field

    @property
    def kind(self) -> ErrorKind:
        """Status, vendor message and title of this error's code."""
        return ERROR_KINDS[self.code]

    @classmethod
    def wrong_value(
        cls,
        field: str,
        value: object,
        reason: str,
        *,
        code: ErrorCode = ErrorCode.INVALID_PARAMETER,
    ) -> OutpaintError:
        """A 422 in the vendor's wording, `<field> has wrong value <value>: <reason>` (docs/facts/wire.md#errors)."""
        # A detail is one line of text whatever was sent: line breaks and half characters are shown, not repeated.
        shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(value)[:100])
        if len(shown) > 80:
            shown = shown[:77] + "..."
        return cls(code, f"{field} has wrong value {shown}: {reason}", field=field)


class ErrorBody(BaseModel):
    """The JSON body of every refused request; the vendor's shape with typed members added."""

    model_config = ConfigDict(frozen=True)

    status: Literal["error"] = "error"
    detail: str = Field(description="What is wrong and what to do about it, in one sentence.")
    message: str = Field(description="The vendor's word for this kind of error.")
    code: int = Field(description="The HTTP status.", ge=400, le=599)
    error_code: ErrorCode = Field(description="Typed, stable code.")
    field: str | None = Field(default=None, description="The offending parameter or header, where there is one.")

    @classmethod
    def of(cls, error: OutpaintError) -> ErrorBody:
        """The body that tells a client of `error`."""
        kind = error.kind
        return cls(
            detail=error.detail,
            message=kind.message,
            code=kind.status.value,
            error_code=error.code,
            field=error.field,
        )


class ProblemDetails(BaseModel):
    """RFC 9457 problem details, for a client whose Accept names application/problem+json."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="`urn:outpaint-kit:error:<error_code>`")
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    instance: str | None = Field(default=None, description="`urn:uuid:` and the correlation id.")
    error_code: ErrorCode
    field: str | None = None

    @classmethod
    def of(cls, error: OutpaintError, *, correlation_id: str | None = None) -> ProblemDetails:
        """The problem document that tells a client of `error`."""
        kind = error.kind
        return cls(
            type=f"urn:outpaint-kit:error:{error.code}",
            title=kind.title,
            status=kind.status.value,
            detail=error.detail,
            instance=f"urn:uuid:{correlation_id}" if correlation_id else None,
            error_code=error.code,
            field=error.field,
        )
