"""Cross-origin requests, so that a page in a browser can call the API and read its headers."""

from __future__ import annotations

from typing import Final

from outpaint_contracts.headers import API_KEY, EXPOSED, IDEMPOTENCY_KEY, PREFER

from outpaint_functions.http.messages import RequestHead

ALLOWED_HEADERS: Final = (API_KEY, "Accept", "Content-Type", IDEMPOTENCY_KEY, PREFER)
MAX_AGE: Final = 7200
_EXPOSED: Final = ("Access-Control-Expose-Headers", ", ".join(EXPOSED))
_FOR_ANYONE: Final = [("Access-Control-Allow-Origin", "*"), _EXPOSED]


def response_headers(head: RequestHead, origins: tuple[str, ...]) -> list[tuple[str, str]]:
    """The CORS headers of any response: keys travel in a header of their own, so `*` gives nothing away."""
    if "*" in origins:
        return _FOR_ANYONE
    origin = head.header("origin")
    if origin is None or origin not in origins:
        return [("Vary", "Origin")]
    return [("Access-Control-Allow-Origin", origin), _EXPOSED, ("Vary", "Origin")]


def preflight_headers(methods: tuple[str, ...]) -> list[tuple[str, str]]:
    """What a browser asks before the real request: which verbs and headers it may send."""
    return [
        ("Access-Control-Allow-Methods", ", ".join(methods)),
        ("Access-Control-Allow-Headers", ", ".join(ALLOWED_HEADERS)),
        ("Access-Control-Max-Age", str(MAX_AGE)),
    ]
