"""What is not in a body: paths, header names, the Prefer header, and the figures in the headers of every response."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

OUTPAINT_PATH: Final = "/v1/painting/outpaint"
INFERENCE_PATH: Final = "/v1/painting/{inference_id}"
BALANCE_PATH: Final = "/v1/balance"
FILE_PATH: Final = "/v1/files/{file_id}"
UPLOADS_PATH: Final = "/v1/uploads"

API_KEY: Final = "X-Picsart-API-Key"
CORRELATION_ID: Final = "X-Picsart-Correlation-Id"
RATE_LIMIT: Final = "X-Picsart-Ratelimit-Limit"
RATE_AVAILABLE: Final = "X-Picsart-Ratelimit-Available"
RATE_RESET: Final = "X-Picsart-Ratelimit-Reset-Time"
CREDIT_AVAILABLE: Final = "X-Picsart-Credit-Available"
RETRY_AFTER: Final = "Retry-After"
PREFER: Final = "Prefer"
PREFERENCE_APPLIED: Final = "Preference-Applied"
IDEMPOTENCY_KEY: Final = "Idempotency-Key"
IDEMPOTENT_REPLAYED: Final = "Idempotent-Replayed"
WARNING: Final = "X-Outpaint-Warning"
WWW_AUTHENTICATE: Final = "WWW-Authenticate"

# Readable by scripts in a browser (CORS expose), beside those a browser always shows.
EXPOSED: Final = (
    CORRELATION_ID,
    RATE_LIMIT,
    RATE_AVAILABLE,
    RATE_RESET,
    CREDIT_AVAILABLE,
    RETRY_AFTER,
    PREFERENCE_APPLIED,
    IDEMPOTENT_REPLAYED,
    WARNING,
    "Location",
)

# What of it the vendor has too, in lower case (docs/facts/wire.md#headers): a list of what is sent, so that a header
# that is added to an answer is ours until somebody knows better.
VENDOR_ANSWER_HEADERS: Final = frozenset(
    name.lower()
    for name in (
        CORRELATION_ID,
        RATE_LIMIT,
        RATE_AVAILABLE,
        RATE_RESET,
        CREDIT_AVAILABLE,
        PREFERENCE_APPLIED,
        "Allow",
        "Content-Type",
        "Content-Length",
        "Vary",
        "Access-Control-Allow-Origin",
        "Access-Control-Allow-Methods",
        "Access-Control-Allow-Headers",
        "Access-Control-Max-Age",
    )
)
OUR_REQUEST_HEADERS: Final = frozenset({IDEMPOTENCY_KEY.lower()})
"""Request headers, in lower case, that mean nothing to the vendor."""
NOT_IN_VENDORS_PREFLIGHT: Final = OUR_REQUEST_HEADERS | {PREFER.lower()}
"""What a page may not send to the vendor (docs/facts/wire.md#client-habits), in lower case."""
OUR_PATHS: Final = (UPLOADS_PATH,)
"""Paths below /v1 that the vendor does not have, what is below them included."""

MAX_WAIT: Final = 600
MAX_IDEMPOTENCY_KEY_LENGTH: Final = 255


@dataclass(frozen=True, slots=True)
class Allowance:
    """The figures in the headers of every response, errors too (docs/facts/wire.md#headers).

    `reset_in` is whole seconds FROM NOW, not an epoch: the TypeScript SDK sleeps on it.
    `credits` is the balance before this request's own charge.
    """

    limit: int
    available: int
    reset_in: int
    credits: int

    def headers(self) -> list[tuple[str, str]]:
        """Names and values as they go on the wire."""
        return [
            (RATE_LIMIT, str(self.limit)),
            (RATE_AVAILABLE, str(self.available)),
            (RATE_RESET, str(self.reset_in)),
            (CREDIT_AVAILABLE, str(self.credits)),
        ]


@dataclass(frozen=True, slots=True)
class Prefer:
    """The preferences of RFC 7240 that the service knows; `wait` is seconds, 1 to 600, or None."""

    respond_async: bool = False
    wait: int | None = None

    @classmethod
    def parse(cls, values: list[str]) -> Prefer:
        """The preferences in the header's values; the first of a name counts, unknown and bad ones are ignored."""
        seen: dict[str, str] = {}
        for value in values:
            for preference in value.split(","):
                # Parameters after ';' belong to preferences we do not define.
                name, _, argument = preference.split(";")[0].partition("=")
                seen.setdefault(name.strip().lower(), argument.strip().strip('"'))
        wait_text = seen.get("wait", "")
        wait = int(wait_text) if re.fullmatch(r"[0-9]{1,9}", wait_text) else 0
        return cls(respond_async="respond-async" in seen, wait=min(wait, MAX_WAIT) if wait >= 1 else None)

    @property
    def applied(self) -> str | None:
        """The value of Preference-Applied, or None where nothing was asked for."""
        words = ["respond-async"] if self.respond_async else []
        words += [] if self.wait is None else [f"wait={self.wait}"]
        return ", ".join(words) or None


def is_idempotency_key(value: str) -> bool:
    """Whether a value can be an Idempotency-Key: 1 to 255 visible ASCII characters."""
    return re.fullmatch(rf"[\x21-\x7e]{{1,{MAX_IDEMPOTENCY_KEY_LENGTH}}}", value) is not None
