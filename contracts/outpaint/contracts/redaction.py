"""Credentials redacted in whatever is kept or shown of requests and answers: by their headers' names, and in texts."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

from outpaint.contracts.paths_and_headers import API_KEY

REDACTED: Final = "[redacted]"
SECRET_HEADERS: Final = frozenset(
    {
        *(API_KEY.lower(), "x-api-key", "authorization", "proxy-authorization"),
        *("cookie", "set-cookie", "x-amz-security-token"),
    }
)
"""Headers, in lower case, whose values are credentials whatever they are."""
SHORTEST_DISTINCT: Final = 12
"""A key of so many characters is redacted wherever it occurs; a shorter one only as a word of its own."""
_SIGNING: Final = (
    "signature|sig|policy|key-pair-id|x-amz-signature|x-amz-credential|x-amz-security-token|awsaccesskeyid|"
    "x-goog-signature|x-goog-credential|token|access_token|api_key|apikey|api-key|x-picsart-api-key|authorization"
)
# name=value in a URL or a form, up to where a value ends in either, or in the JSON string around it.
_IN_QUERY: Final = re.compile(rf"(?i)((?:[?&;\s\"']|\\u0026|&amp;|^)(?:{_SIGNING})=)[^&\s\"'<>\\]+")
# "name": "value" in JSON, escaped quotes within.
_IN_JSON: Final = re.compile(rf'(?i)("(?:{_SIGNING})"\s*:\s*")(?:[^"\\]|\\.)*(")')
# A part of a multipart form: an upload ticket's fields are sent so.
_IN_FORM: Final = re.compile(rf'(?is)(name="(?:{_SIGNING})"[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n)[^\r\n]*')


class Redaction:
    """Redacts the keys that it has learned, and what is a credential by its name. Safe for many threads."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # Replaced as a whole, so that reading it needs no lock.
        self._shapes: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        self.learn(*secrets)

    def learn(self, *secrets: str) -> None:
        """Redact these from now on, as they are and as URLs and JSON write them."""
        new = {shape for secret in secrets if secret for shape in _shapes(secret)} - self._shapes
        if new:
            with self._lock:
                self._shapes |= new

    def text(self, text: str) -> str:
        """A text without credentials."""
        # A run makes many keys, and a text holds hardly any. The longest first: a key may begin with another one.
        for shape in sorted((shape for shape in self._shapes if shape in text), key=len, reverse=True):
            text = re.sub(_pattern(shape), REDACTED, text)
        text = _IN_QUERY.sub(rf"\1{REDACTED}", text)
        text = _IN_JSON.sub(rf"\1{REDACTED}\2", text)
        return _IN_FORM.sub(rf"\1{REDACTED}", text)

    def content(self, data: bytes, media_type: str) -> bytes:
        """A body without credentials; a picture by itself is left as it is."""
        if media_type.startswith("image/"):
            return data
        # Latin-1 keeps every byte, so that the pictures in a form survive.
        return self.text(data.decode("latin-1")).encode("latin-1", "replace")

    def headers(self, headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Headers without credentials."""
        return tuple(
            (self.text(name), REDACTED if name.lower() in SECRET_HEADERS else self.text(value))
            for name, value in headers
        )


def _shapes(secret: str) -> set[str]:
    """How a secret may be written: plainly, percent-encoded, in JSON, and as UTF-8 that was read as Latin-1."""
    plain = {secret, quote(secret), quote(secret, safe=""), json.dumps(secret)[1:-1]}
    plain.add(json.dumps(secret, ensure_ascii=False)[1:-1])
    return plain | {shape.encode("utf-8", "replace").decode("latin-1") for shape in plain}


def _pattern(shape: str) -> str:
    if len(shape) >= SHORTEST_DISTINCT:
        return re.escape(shape)
    return rf"(?<![A-Za-z0-9]){re.escape(shape)}(?![A-Za-z0-9])"
