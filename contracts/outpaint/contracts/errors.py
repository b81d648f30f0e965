"""Every way a request can be refused: one typed code each, with its HTTP status and wire body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Flag, StrEnum, auto
from functools import partial
from http import HTTPStatus
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from outpaint.contracts.profiles import OURS, VendorSends


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
    STORAGE_FULL = "storage_full"
    HEADERS_TOO_LARGE = "headers_too_large"
    INTERNAL = "internal"
    PAINTING_FAILED = "painting_failed"
    UNAVAILABLE = "unavailable"
    TIMED_OUT = "timed_out"


class Operations(Flag):
    """The operations of the API, as sets."""

    NONE = 0
    OUTPAINT = auto()
    INFERENCE = auto()
    BALANCE = auto()
    UPLOADS = auto()
    FILE = auto()
    KEYED = OUTPAINT | INFERENCE | BALANCE | UPLOADS
    """Those that need an API key."""
    ALL = KEYED | FILE


class Cause(StrEnum):
    """What an error comes from."""

    REQUEST = "request"
    """The request itself: it is refused in whatever state the service is."""
    PICTURE = "picture"
    """The content of a picture, in the request or where the request says that it is."""
    STATE = "state"
    """The state of the account, of an address or of the service."""
    JOB = "job"
    """A job that was taken and then failed."""


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """What a code means: its HTTP status, the vendor's `message` word, a one-line title, and what to do about it.

    `operations` are those that may answer it; with `retry_after` the answer says when to send the same again.
    """

    status: HTTPStatus
    message: str
    title: str
    remedy: str
    operations: Operations
    cause: Cause
    retry_after: bool = False


# Words written out: Python 3.13 has other phrases for these than 3.12 and the vendor.
_MESSAGES: Final = {
    HTTPStatus.UNAUTHORIZED: "token_error",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Request Entity Too Large",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Validation Failed",
}


def _kind(
    cause: Cause,
    status: int,
    title: str,
    remedy: str,
    operations: Operations = Operations.OUTPAINT,
    *,
    retry_after: bool = False,
) -> ErrorKind:
    known = HTTPStatus(status)
    return ErrorKind(known, _MESSAGES.get(known, known.phrase), title, remedy, operations, cause, retry_after)


_O: Final = Operations
_request, _picture = partial(_kind, Cause.REQUEST), partial(_kind, Cause.PICTURE)
_state, _job = partial(_kind, Cause.STATE), partial(_kind, Cause.JOB)

ERROR_KINDS: Final[dict[ErrorCode, ErrorKind]] = {
    ErrorCode.MALFORMED_BODY: _request(400, "The request cannot be parsed", "send it again, whole", _O.ALL),
    ErrorCode.INVALID_IDEMPOTENCY_KEY: _request(
        400, "The idempotency key is not usable", "use 1 to 255 visible ASCII characters, a UUID for example"
    ),
    ErrorCode.MISSING_KEY: _request(
        401, "No API key was sent", "send it in the header that WWW-Authenticate names", _O.KEYED
    ),
    ErrorCode.UNKNOWN_KEY: _state(401, "The API key is not known", "check it for typing errors", _O.KEYED),
    ErrorCode.INSUFFICIENT_CREDITS: _state(
        402, "The credits are used up", "add credits, or ask for fewer pictures", _O.OUTPAINT | _O.UPLOADS
    ),
    ErrorCode.FORBIDDEN: _state(
        403, "The API key is known but not allowed here", "ask the service's operator to allow it", _O.KEYED
    ),
    ErrorCode.URL_NOT_SIGNED: _request(
        403, "The file URL's signature does not match", "use the url from the result, unchanged", _O.FILE
    ),
    ErrorCode.URL_EXPIRED: _state(403, "The file URL has expired", "poll the inference again for a new one", _O.FILE),
    ErrorCode.UNKNOWN_ROUTE: _request(404, "There is nothing at this path", "see /docs for the routes", _O.NONE),
    ErrorCode.UNKNOWN_INFERENCE: _request(
        404, "There is no such inference", "check the id, and ask while results are kept", _O.INFERENCE
    ),
    ErrorCode.UNKNOWN_FILE: _request(
        404, "There is no such file", "check the id, and fetch files while they are kept", _O.FILE
    ),
    ErrorCode.METHOD_NOT_ALLOWED: _request(
        405, "This path does not take this verb", "use one that Allow names", _O.ALL
    ),
    ErrorCode.NOT_ACCEPTABLE: _request(
        406, "No answer fits the Accept header", "accept application/json, or leave the header out", _O.KEYED
    ),
    ErrorCode.IDEMPOTENCY_IN_PROGRESS: _state(
        409,
        "The first request with this idempotency key still runs",
        "wait for its answer, or try again soon",
        retry_after=True,
    ),
    ErrorCode.BODY_TOO_LARGE: _request(
        413,
        "The request body is too large",
        "send smaller pictures, or send them ahead by POST /v1/uploads",
        _O.OUTPAINT | _O.UPLOADS,
    ),
    ErrorCode.FILE_TOO_LARGE: _picture(413, "The picture file is too large", "send a smaller file"),
    ErrorCode.UNSUPPORTED_CONTENT_TYPE: _request(
        415,
        "The request's content type is not supported",
        "use multipart/form-data, application/x-www-form-urlencoded or application/json",
        _O.OUTPAINT | _O.UPLOADS,
    ),
    ErrorCode.UNSUPPORTED_IMAGE_TYPE: _picture(
        415, "The file is not a supported picture", "send JPEG, PNG, WebP, BMP or TIFF"
    ),
    ErrorCode.MISSING_PARAMETER: _request(
        422, "A required parameter is missing", "send the parameter that field names", _O.OUTPAINT | _O.UPLOADS
    ),
    ErrorCode.INVALID_PARAMETER: _request(
        422, "A parameter has a wrong value", "send a value that detail allows", _O.OUTPAINT | _O.UPLOADS
    ),
    ErrorCode.CONFLICTING_PARAMETERS: _request(
        422, "Parameters exclude each other", "send one of them", _O.OUTPAINT | _O.UPLOADS
    ),
    ErrorCode.NOTHING_TO_PAINT: _picture(
        422, "Nothing in the picture is left open to paint", "give the picture a transparent border, or send a mask"
    ),
    ErrorCode.NOTHING_TO_KEEP: _picture(422, "Nothing in the picture is kept", "make opaque what is to stay"),
    ErrorCode.SIZE_MISMATCH: _picture(422, "Image and mask differ in size", "send both in one size"),
    ErrorCode.DIMENSIONS_OUT_OF_RANGE: _picture(
        422, "The picture's width, height or area is out of range", "resize it"
    ),
    ErrorCode.ANIMATED: _picture(422, "The picture has more than one frame", "send one frame as a still picture"),
    ErrorCode.UNREADABLE_IMAGE: _picture(422, "The picture is damaged or incomplete", "save or upload it again"),
    ErrorCode.SOURCE_REFUSED: _request(
        422, "The source URL may not be fetched", "use one that anybody may fetch by https"
    ),
    ErrorCode.SOURCE_UNAVAILABLE: _state(
        422, "The source could not be read", "see that the URL answers with the picture"
    ),
    ErrorCode.IDEMPOTENCY_MISMATCH: _state(
        422, "The idempotency key was used for another request", "use a new key for a new request"
    ),
    ErrorCode.RATE_LIMITED: _state(
        429, "The rate limit is reached", "try again when Retry-After says", _O.KEYED, retry_after=True
    ),
    ErrorCode.STORAGE_FULL: _state(
        429,
        "The account has as much stored as it may",
        "wait until jobs end and uploads expire, or ask the service's operator for more",
        _O.OUTPAINT | _O.UPLOADS,
        retry_after=True,
    ),
    ErrorCode.HEADERS_TOO_LARGE: _request(
        431, "The request headers are too large", "send fewer or shorter ones", _O.ALL
    ),
    ErrorCode.INTERNAL: _state(
        500, "Something broke on our side", "try again, and quote X-Picsart-Correlation-Id if it stays", _O.ALL
    ),
    ErrorCode.PAINTING_FAILED: _job(500, "The painter failed", "send the request again"),
    ErrorCode.UNAVAILABLE: _state(
        503, "The service is not available now", "try again when Retry-After says", _O.ALL, retry_after=True
    ),
    ErrorCode.TIMED_OUT: _job(504, "The job took longer than it may", "ask for fewer pictures"),
}
"""What each code means."""

JOB_ERRORS: Final = frozenset(code for code, kind in ERROR_KINDS.items() if kind.cause is Cause.JOB)
"""The codes that only a job ends with: no request is refused with them."""


class OutpaintError(Exception):
    """A request or job that cannot go on.

    `code` decides the HTTP status; `field` names the offending parameter or header, if there is one;
    `detail` is one sentence for the client that says what is wrong and what to do about it. `limit` names the one
    of the host's limits that was passed, if there is one.
    """

    def __init__(self, code: ErrorCode, detail: str, *, field: str | None = None, limit: str | None = None) -> None:
        # Half a surrogate pair, quoted back from a client, could not be written as UTF-8.
        self.detail = detail.encode("utf-8", "replace").decode()
        super().__init__(self.detail)
        self.code = code
        self.field = field
        self.limit = limit

    def naming(self, settings: Mapping[str, str]) -> OutpaintError:
        """This error, its detail with what sets the limit that was passed; `settings` has that by the limit's name."""
        setting = None if self.limit is None else settings.get(self.limit)
        if setting is None:
            return self
        return OutpaintError(self.code, f"{self.detail} (the limit is set by {setting})", field=self.field)

    @property
    def kind(self) -> ErrorKind:
        """What this error's code means."""
        return ERROR_KINDS[self.code]

    @classmethod
    def unavailable(cls, detail: str) -> OutpaintError:
        """A 503: something is not ready, not reachable or in use."""
        return cls(ErrorCode.UNAVAILABLE, detail)

    @classmethod
    def wrong_value(
        cls, field: str, value: object, reason: str, *, code: ErrorCode = ErrorCode.INVALID_PARAMETER
    ) -> OutpaintError:
        """A 422 in the vendor's wording, `<field> has wrong value <value>: <reason>` (docs/facts/wire.md#errors)."""
        # A detail is one line of text whatever was sent: line breaks and half characters are shown, not repeated.
        shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(value)[:100])
        if len(shown) > 80:
            shown = shown[:77] + "..."
        return cls(code, f"{field} has wrong value {shown}: {reason}", field=field)


def first_invalid(error: ValidationError) -> tuple[str, object, str]:
    """The first thing that pydantic found wrong: its place as `a.b.0` (empty for the whole), its value, the reason."""
    first = error.errors(include_url=False, include_context=False)[0]
    reason = first["msg"].removeprefix("Value error, ")
    return ".".join(map(str, first["loc"])), first["input"], reason[:1].lower() + reason[1:]


# The vendor's 422 has a status word, and has lost its code (docs/facts/wire.md#errors).
_AT_422: Final = VendorSends(only=frozenset({422}))
_BUT_AT_422: Final = VendorSends(never=frozenset({422}))


class ErrorBody(BaseModel):
    """The JSON body of every refused request; the vendor's shape with typed members added."""

    model_config = ConfigDict(frozen=True)

    status: Annotated[Literal["error"], _AT_422] = "error"
    detail: str = Field(description="What is wrong and what to do about it, in one sentence.")
    message: str = Field(description="The vendor's word for this kind of error.")
    code: Annotated[int, Field(description="The HTTP status.", ge=400, le=599), _BUT_AT_422]
    error_code: Annotated[ErrorCode, Field(description="Typed, stable code."), OURS]
    field: Annotated[str | None, Field(description="The offending parameter or header, where there is one."), OURS] = (
        None
    )

    @classmethod
    def of(cls, error: OutpaintError) -> ErrorBody:
        """The body of an answer that reports `error`."""
        kind = error.kind
        return cls(
            detail=error.detail, message=kind.message, code=kind.status.value, error_code=error.code, field=error.field
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
        """The problem document of an answer that reports `error`."""
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
