"""A provider that remembers which keys it gave out, so that none of them gets into a report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import httpx

from outpaint_contracts.errors import ErrorCode
from outpaint_contracts.proving.provider import Need, Provider
from outpaint_contracts.verification.redaction import Redaction


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
