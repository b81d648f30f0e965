"""One valid example of each request, answer and error, for the API description and the docs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.masks_and_formats import MaskInterpretation, MaskSource
from outpaint.contracts.paths_and_headers import API_KEY, IDEMPOTENCY_KEY
from outpaint.contracts.responses import (
    Accepted,
    Balance,
    FailedJob,
    FinishedPicture,
    PainterCard,
    Result,
    UploadTicket,
)

INFERENCE_ID: Final = "5f0c2f0e-3c58-4a57-9d0e-6f6a2f3f1b7d"
CORRELATION_ID: Final = "c7a1de94-52c6-4a3f-8a5e-1f4d7f0f9b21"
FILE_ID: Final = "9a7f41cb-0d5f-4d3a-8f6b-0e6f5f6d2c11.jpg"
_SECOND_FILE_ID: Final = "e2b1c7d0-7a44-4c0b-b0b5-4a8f9c3d7e52.jpg"
_EXPIRES: Final = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
_INTERPRETATION: Final = MaskInterpretation(source=MaskSource.IMAGE_ALPHA, painted_share=0.75)


def _finished(file_id: str, seed: int) -> FinishedPicture:
    signed = f"?expires={int(_EXPIRES.timestamp())}&signature={'4f' * 32}"
    return FinishedPicture(
        id=file_id, url=f"http://127.0.0.1:8080/v1/files/{file_id}{signed}", expires_at=_EXPIRES, seed=seed
    )


RESULT: Final = Result(
    inference_id=INFERENCE_ID,
    data=(_finished(FILE_ID, 42), _finished(_SECOND_FILE_ID, 43)),
    seed=42,
    painter=PainterCard(name="migan", model="MI-GAN 512 (Places2)", reads_prompt=False),
    mask_interpretation=_INTERPRETATION,
)
ACCEPTED: Final = Accepted(inference_id=INFERENCE_ID, transaction_id=INFERENCE_ID, mask_interpretation=_INTERPRETATION)
FAILED: Final = FailedJob(
    inference_id=INFERENCE_ID,
    transaction_id=INFERENCE_ID,
    message="Internal Server Error",
    detail="painting failed; the credits were given back: send the request again",
    code=500,
    error_code=ErrorCode.PAINTING_FAILED,
)
BALANCE: Final = Balance(credits=998)
UPLOAD_ID: Final = "0b9ce1a4-6a1d-4c1e-b7a5-3f0d8a1c5e77.png"
UPLOAD_REQUEST: Final = {"content_type": "image/png"}
UPLOAD_TICKET: Final = UploadTicket(
    id=UPLOAD_ID,
    url="https://pictures.example.com/",
    fields={"key": f"files/{UPLOAD_ID}", "Content-Type": "image/png", "policy": "eyJleHBpcmF0aW9uIjo..."},
    max_bytes=33_554_432,
    expires_at=_EXPIRES,
    file_expires_at=_EXPIRES,
)

# The fields of one request in each content type; a file is given as the text that `curl -F` takes for it.
MULTIPART_REQUEST: Final[dict[str, str | int]] = {
    "image": "@canvas.png",
    "prompt": "a mountain lake at sunrise",
    "count": 2,
    "format": "JPG",
    "seed": 42,
}
URL_REQUEST: Final[dict[str, str | int]] = {
    "image_url": "https://example.com/photo.jpg",
    "mask_image_url": "https://example.com/mask.png",
    "prompt": "a mountain lake at sunrise",
    "count": 1,
    "mode": "async",
}

_E = ErrorCode
_SAMPLES: Final[dict[ErrorCode, tuple[str, str | None]]] = {
    _E.MALFORMED_BODY: ("the multipart body breaks off before its closing boundary: send it again, whole", None),
    _E.INVALID_IDEMPOTENCY_KEY: (
        f"{IDEMPOTENCY_KEY} must be 1 to 255 visible ASCII characters, a UUID for example",
        IDEMPOTENCY_KEY,
    ),
    _E.MISSING_KEY: (f"no API key was sent: put it in the {API_KEY} header", API_KEY),
    _E.UNKNOWN_KEY: ("this API key is not known: check it for typing errors", API_KEY),
    _E.INSUFFICIENT_CREDITS: (
        "the request costs 2 credits and 1 are left: add credits with `outpaint keys credit`, "
        "or ask for fewer pictures",
        None,
    ),
    _E.FORBIDDEN: ("this API key is known, but its account is not allowed to use the API", API_KEY),
    _E.URL_NOT_SIGNED: ("this file URL was not signed by us: use the url from the result, unchanged", "signature"),
    _E.URL_EXPIRED: (
        "this file URL has expired: poll the inference again for a new one while its files live",
        "expires",
    ),
    _E.UNKNOWN_ROUTE: ("there is nothing at /v1/paint: see /docs for the routes", None),
    _E.UNKNOWN_INFERENCE: ("there is no such inference: check the id; results are kept for 24 hours", "inference_id"),
    _E.UNKNOWN_FILE: ("there is no such file, or its lifetime is over", "id"),
    _E.METHOD_NOT_ALLOWED: ("PUT is not taken here: this path takes POST and OPTIONS", None),
    _E.NOT_ACCEPTABLE: ("answers come as application/json: say so in Accept, or leave it out", "Accept"),
    _E.IDEMPOTENCY_IN_PROGRESS: (
        f"the first request with this {IDEMPOTENCY_KEY} still runs: wait for its answer, or try again soon",
        IDEMPOTENCY_KEY,
    ),
    _E.BODY_TOO_LARGE: (
        "the request body is too large: a picture may have at most 33554432 bytes, a request 90527061",
        None,
    ),
    _E.FILE_TOO_LARGE: ("image has 41,000,000 bytes and at most 33,554,432 are taken; send a smaller file", "image"),
    _E.UNSUPPORTED_CONTENT_TYPE: (
        "text/csv was sent: use multipart/form-data, application/x-www-form-urlencoded, application/json",
        "Content-Type",
    ),
    _E.UNSUPPORTED_IMAGE_TYPE: ("image is a GIF; send JPEG, PNG, WebP, BMP or TIFF instead", "image"),
    _E.MISSING_PARAMETER: ("prompt is missing: say what the picture should grow into", "prompt"),
    _E.INVALID_PARAMETER: ("count has wrong value 11: input should be less than or equal to 10", "count"),
    _E.CONFLICTING_PARAMETERS: ("image and image_url exclude each other: send one image", "image_url"),
    _E.NOTHING_TO_PAINT: (
        "image is opaque throughout and no mask was sent: give the picture a transparent border first (on the command "
        "line: outpaint paint --extend), or send a mask",
        "image",
    ),
    _E.NOTHING_TO_KEEP: ("image leaves no pixel to keep: make opaque what is to stay", "image"),
    _E.SIZE_MISMATCH: (
        "mask_image is 512x512 px and image is 1024x768 px, each turned by its EXIF orientation; send both in one size",
        "mask_image",
    ),
    _E.DIMENSIONS_OUT_OF_RANGE: ("image is 20000x400 px: a side has at most 16384 px; resize it", "image"),
    _E.ANIMATED: ("image is an animated PNG of 24 frames; send one frame as a still picture", "image"),
    _E.UNREADABLE_IMAGE: (
        "image is a damaged or incomplete PNG: a part of its pixels is missing; save or upload it again",
        "image",
    ),
    _E.SOURCE_REFUSED: (
        "image_url has wrong value https://10.0.0.1/: 10.0.0.1 does not lead to a public address (private)",
        "image_url",
    ),
    _E.SOURCE_UNAVAILABLE: (
        "image_url has wrong value https://example.com/gone.jpg: the source answered with status 404",
        "image_url",
    ),
    _E.IDEMPOTENCY_MISMATCH: (
        f"this {IDEMPOTENCY_KEY} was used for another request: use a new key for a new request",
        IDEMPOTENCY_KEY,
    ),
    _E.RATE_LIMITED: ("more than 500 requests in 60 seconds: try again in 17 seconds", None),
    _E.STORAGE_FULL: (
        "this account has nearly the 2147483648 bytes stored that it may have, and this would be more: wait until jobs "
        "end and uploads and results expire, or ask the service's operator for a higher limit",
        None,
    ),
    _E.HEADERS_TOO_LARGE: ("the request headers have more than 32768 bytes", None),
    _E.INTERNAL: (f"something broke on our side: try again, and quote {CORRELATION_ID} if it stays", None),
    _E.PAINTING_FAILED: ("painting failed; the credits were given back: send the request again", None),
    _E.UNAVAILABLE: ("the job could not be started: try again in a moment", None),
    _E.TIMED_OUT: ("the job did not end in time; its credits were given back: ask for fewer pictures", None),
}


def error(code: ErrorCode) -> OutpaintError:
    """An error of this code, worded like a real one."""
    detail, field = _SAMPLES[code]
    return OutpaintError(code, detail, field=field)
