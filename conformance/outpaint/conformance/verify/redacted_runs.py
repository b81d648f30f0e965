"""What a run keeps of its exchanges, without the keys that its provider gives out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

from outpaint.conformance.proving.observed_exchange import ObservedExchange
from outpaint.conformance.proving.provider import Provider
from outpaint.contracts.redaction import Redaction


def redacted_exchange(exchange: ObservedExchange, redaction: Redaction) -> ObservedExchange:
    """An exchange without credentials."""
    return replace(
        exchange,
        url=redaction.text(exchange.url),
        path=redaction.text(exchange.path),
        request_headers=redaction.headers(exchange.request_headers),
        request_body=redaction.content(exchange.request_body, ""),
        headers=redaction.headers(exchange.headers),
        body=redaction.content(exchange.body, exchange.media_type),
    )


def redacting_keys(provider: Provider, redaction: Redaction) -> Provider:
    """The provider itself, except that each key that it gives out is redacted from then on."""
    return cast(Provider, _KeyRedactingProvider(provider, redaction))


class _KeyRedactingProvider:
    def __init__(self, provider: Provider, redaction: Redaction) -> None:
        self._provider = provider
        self._redaction = redaction

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._provider, name)
        if name not in ("key", "exact_key", "second_key", "forbidden_key"):
            return found

        def key_of(*balance: int) -> str:
            key: str = found(*balance)
            self._redaction.learn(key)
            return key

        return key_of

    @contextmanager
    def configured(self, **settings: Any) -> Iterator[Provider]:
        with self._provider.configured(**settings) as other:
            yield redacting_keys(other, self._redaction)
