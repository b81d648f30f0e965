"""Keys hidden, and keys given out for cases."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

import httpx

from outpaint.conformance.proving.observed_exchange import REDACTED, ObservedExchange
from outpaint.conformance.proving.provider import Need, Provider
from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.paths_and_headers import API_KEY

_SHORTEST_DISTINCT: Final = 12
"""A key of so many characters is struck out wherever it stands; a shorter one only as a word of its own."""
SECRET_HEADERS: Final = frozenset(
    {
        API_KEY.lower(),
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "x-api-key",
        "x-amz-security-token",
    }
)
"""Headers, in lower case, whose values are credentials whatever they are."""
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
    """Knows the keys of one verification; `text` and `exchange` give back what may be shown. Safe for many threads."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # From a secret's shape to what finds it; replaced as a whole, so that whoever reads it needs no lock.
        self._shapes: dict[str, re.Pattern[str]] = {}
        self._lock = threading.Lock()
        self.learn(*secrets)

    def learn(self, *secrets: str) -> None:
        """Strike these out from now on, as they are and as URLs and JSON write them."""
        new = {shape for secret in secrets if secret for shape in _shapes(secret)} - self._shapes.keys()
        if new:
            with self._lock:
                known = self._shapes | {shape: re.compile(_pattern(shape)) for shape in new}
                # The longest first: a key may begin with another one.
                self._shapes = dict(sorted(known.items(), key=lambda item: -len(item[0])))

    def text(self, text: str) -> str:
        """The text without credentials."""
        for shape, pattern in self._shapes.items():
            # A run makes many keys, and a text holds hardly any.
            if shape in text:
                text = pattern.sub(REDACTED, text)
        text = _IN_QUERY.sub(rf"\1{REDACTED}", text)
        text = _IN_JSON.sub(rf"\1{REDACTED}\2", text)
        return _IN_FORM.sub(rf"\1{REDACTED}", text)

    def content(self, data: bytes, media_type: str) -> bytes:
        """A body without credentials; a picture by itself is left as it is."""
        if media_type.startswith("image/"):
            return data
        # Latin-1 keeps every byte, so that the pictures in a form survive.
        return self.text(data.decode("latin-1")).encode("latin-1", "replace")

    def exchange(self, exchange: ObservedExchange) -> ObservedExchange:
        """The exchange without credentials."""
        return replace(
            exchange,
            url=self.text(exchange.url),
            path=self.text(exchange.path),
            request_headers=self._headers(exchange.request_headers),
            request_body=self.content(exchange.request_body, ""),
            headers=self._headers(exchange.headers),
            body=self.content(exchange.body, exchange.header("Content-Type") or ""),
        )

    def _headers(self, headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
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
    if len(shape) >= _SHORTEST_DISTINCT:
        return re.escape(shape)
    return rf"(?<![A-Za-z0-9]){re.escape(shape)}(?![A-Za-z0-9])"


class KeysGivenOut:
    """Hands everything to another provider; keys are told to the redaction on their way."""

    def __init__(self, provider: Provider, redaction: Redaction) -> None:
        self._provider = provider
        self._redaction = redaction
        self.name = provider.name
        self.offers: frozenset[Need] = provider.offers
        self.shares_account = provider.shares_account
        self.poll_pause = provider.poll_pause
        self.longest_wait = provider.longest_wait

    def _told(self, key: str) -> str:
        self._redaction.learn(key)
        return key

    def client(self) -> httpx.Client:
        return self._provider.client()

    def key(self, balance: int = 100) -> str:
        return self._told(self._provider.key(balance))

    def exact_key(self, balance: int) -> str:
        return self._told(self._provider.exact_key(balance))

    def second_key(self) -> str:
        return self._told(self._provider.second_key())

    def forbidden_key(self) -> str:
        return self._told(self._provider.forbidden_key())

    def publish(self, data: bytes | ErrorCode) -> str:
        return self._provider.publish(data)

    def hold(self) -> AbstractContextManager[None]:
        return self._provider.hold()

    def failing(self, error: Exception) -> AbstractContextManager[None]:
        return self._provider.failing(error)

    def advance(self, seconds: float) -> None:
        self._provider.advance(seconds)

    @contextmanager
    def configured(self, **settings: Any) -> Iterator[Provider]:
        with self._provider.configured(**settings) as other:
            yield KeysGivenOut(other, self._redaction)

    def address(self) -> tuple[str, int]:
        return self._provider.address()
